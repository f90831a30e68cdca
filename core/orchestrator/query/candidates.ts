import type { ResourceKind } from "../../model/cloud/resources.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Condition } from "./condition.ts";
import type { Pace } from "./pace.ts";
import type { Relation } from "./relations.ts";
import { comingFrom, type QuerySource, uuidOf } from "./walk.ts";

/** A walk that passes so many records is always worth it; a longer one, while it is half of a look at all. */
const shortWalk = 10_000;
/** With so few left, nothing else is worth a look. */
const fewEnough = 64;

/**
 * The records that can fulfil all conditions, by whatever leaves the fewest; all of the kind when nothing does. A
 * condition on a related record is walked from its far end: the network card with the address, its machine, its host.
 */
export async function candidates(
  source: QuerySource,
  kind: ResourceKind,
  conditions: readonly Condition[],
  pace: Pace,
): Promise<readonly JsonObject[]> {
  let best: readonly JsonObject[] | undefined;
  // Short paths first: they cost least, and may make the others needless.
  for (const condition of conditions.toSorted((a, b) => a.path.length - b.path.length)) {
    const others = best?.length ?? source.count(kind);
    if (others <= fewEnough) break;
    const found = await reached(source, kind, condition, others, pace);
    if (found !== undefined && found.length < others) best = found;
  }
  return best ?? allOf(source, kind);
}

/** Undefined when that would cost more than a look at `others` records. */
async function reached(
  source: QuerySource,
  kind: ResourceKind,
  condition: Condition,
  others: number,
  pace: Pace,
): Promise<readonly JsonObject[] | undefined> {
  const most = Math.max(others / 2, shortWalk);
  const far = condition.path.at(-1)?.kind ?? kind;
  const isCheap = condition.path.length > 0 && source.count(far) <= others;
  const ends = indexed(source, far, condition) ?? (isCheap ? scanned(source, far, condition) : undefined);
  if (ends === undefined) return;
  let at = await collected(ends, most, pace);
  for (const relation of condition.path.toReversed()) {
    if (at === undefined) return;
    at = await collected(before(source, relation, at.values()), most, pace);
  }
  return at === undefined ? undefined : [...at.values()];
}

/** By their uuids, each once; undefined when there are too many. */
async function collected(
  records: Iterable<JsonObject | undefined>,
  most: number,
  pace: Pace,
): Promise<Map<string, JsonObject> | undefined> {
  const found = new Map<string, JsonObject>();
  let looked = 0;
  for (const record of records) {
    if (record !== undefined) found.set(uuidOf(record), record);
    if (found.size > most) return;
    if (++looked % 16 === 0 && pace.isOver()) await pace.rest();
  }
  return found;
}

/** The records that an index gives for a condition; undefined without an index, or when null is asked for. */
function indexed(
  source: QuerySource,
  kind: ResourceKind,
  { field, operator, values }: Condition,
): Iterable<JsonObject> | undefined {
  if (operator !== "=" && operator !== "?=") return;
  const isKey = field.name === "uuid";
  const texts = values.filter((value) => typeof value === "string");
  if (texts.length < values.length || !(isKey || source.isIndexed(kind, field.name))) return;
  return texts.flatMap((text) => {
    const found = isKey ? [source.get(kind, text) ?? []].flat() : source.find(kind, field.name, text);
    return found.map(({ value }) => value);
  });
}

/** undefined stands for a record that was looked at in vain, so that the time it took is seen. */
function* scanned(source: QuerySource, kind: ResourceKind, { field, test }: Condition) {
  for (const record of allOf(source, kind)) yield test(record[field.name]) ? record : undefined;
}

function* before(source: QuerySource, relation: Relation, records: Iterable<JsonObject>) {
  for (const record of records) for (const { value } of comingFrom(source, relation, record)) yield value;
}

/** Copied, so that they are of one moment however long they are looked at. */
function allOf(source: QuerySource, kind: ResourceKind): JsonObject[] {
  return Array.from(source.all(kind), ({ value }) => value);
}
