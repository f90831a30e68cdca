import type { ResourceKind } from "../../model/cloud/resources.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Condition } from "./condition.ts";
import { comingFrom, type QuerySource, uuidOf } from "./walk.ts";

/** A walk that passes more records than this, and more than a look at all would, is given up. */
const longestWalk = 10_000;
/** With so few left, no other index is worth a look. */
const fewEnough = 64;

/**
 * The records that can fulfil all conditions, by the index that leaves the fewest; all of the kind without one. A
 * condition on a related record is walked from its far end: the network card with the address, its machine, its host.
 */
export function candidates(
  source: QuerySource,
  kind: ResourceKind,
  conditions: readonly Condition[],
): readonly JsonObject[] {
  let best: readonly JsonObject[] | undefined;
  // Short paths first: they cost least, and may make the others needless.
  for (const condition of [...conditions].sort((a, b) => a.path.length - b.path.length)) {
    const most = Math.max(best?.length ?? source.count(kind), longestWalk);
    const found = reached(source, kind, condition, most);
    if (found !== undefined && (best === undefined || found.length < best.length)) best = found;
    if (best !== undefined && best.length <= fewEnough) return best;
  }
  return best ?? Array.from(source.all(kind), ({ value }) => value);
}

function reached(
  source: QuerySource,
  kind: ResourceKind,
  { path, field, operator, values }: Condition,
  most: number,
): readonly JsonObject[] | undefined {
  const far = path.at(-1)?.kind ?? kind;
  if (operator !== "=" && operator !== "?=") return;
  const isKey = field.name === "uuid";
  if (!isKey && !source.isIndexed(far, field.name)) return;
  const texts = values.filter((value) => typeof value === "string");
  // What has no value stands in no index.
  if (texts.length < values.length) return;
  let at = new Map<string, JsonObject>();
  for (const text of texts) {
    const found = isKey ? [source.get(far, text) ?? []].flat() : source.find(far, field.name, text);
    for (const { value } of found) at.set(uuidOf(value), value);
    if (at.size > most) return;
  }
  for (const relation of path.toReversed()) {
    const next = new Map<string, JsonObject>();
    for (const record of at.values()) {
      for (const { value } of comingFrom(source, relation, record)) next.set(uuidOf(value), value);
      if (next.size > most) return;
    }
    at = next;
  }
  return [...at.values()];
}
