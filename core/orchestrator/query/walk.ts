import type { ResourceKind } from "../../model/cloud/resources.ts";
import type { Json, JsonObject } from "../../store/record.ts";
import type { Condition } from "./condition.ts";
import type { Relation } from "./relations.ts";

/** What queries use of the mirror. Records are never changed: whoever holds one holds a moment of it. */
export interface QuerySource {
  get(kind: ResourceKind, key: string): Found | undefined;
  all(kind: ResourceKind): Iterable<Found>;
  count(kind: ResourceKind): number;
  isIndexed(kind: ResourceKind, field: string): boolean;
  find(kind: ResourceKind, field: string, value: string): readonly Found[];
}
type Found = { readonly value: JsonObject };

/**
 * Whether a record fulfils a condition. On each step of its path a related record is looked at once for the whole
 * query: a path that goes forth and back costs no more than the relations that it passes.
 */
export function holding(source: QuerySource, { path, field, test }: Condition): (record: JsonObject) => boolean {
  const known = path.map(({ isShared }) => (isShared ? new Map<string, boolean>() : undefined));
  const holdsFrom = (record: JsonObject, step: number): boolean => {
    const relation = path[step];
    if (relation === undefined) return test(record[field.name]);
    return related(source, relation, record).some(({ value }) => holdsOnce(value, step));
  };
  const holdsOnce = (record: JsonObject, step: number): boolean => {
    const memory = known[step];
    if (memory === undefined) return holdsFrom(record, step + 1);
    const uuid = uuidOf(record);
    const before = memory.get(uuid);
    if (before !== undefined) return before;
    const holds = holdsFrom(record, step + 1);
    memory.set(uuid, holds);
    return holds;
  };
  return (record) => holdsFrom(record, 0);
}

/** The records at the other end of a step. */
function related(source: QuerySource, { link, isForth }: Relation, record: JsonObject): readonly Found[] {
  return isForth ? named(source, link.to, record[link.field]) : source.find(link.from, link.field, uuidOf(record));
}

/** The records from which a step leads to this one. */
export function comingFrom(source: QuerySource, { link, isForth }: Relation, record: JsonObject): readonly Found[] {
  return isForth ? source.find(link.from, link.field, uuidOf(record)) : named(source, link.to, record[link.field]);
}

function named(source: QuerySource, kind: ResourceKind, uuids: Json | undefined): readonly Found[] {
  const all = Array.isArray(uuids) ? uuids : [uuids];
  return all.flatMap((uuid) => (typeof uuid === "string" ? (source.get(kind, uuid) ?? []) : []));
}

export function uuidOf({ uuid }: JsonObject): string {
  return typeof uuid === "string" ? uuid : "";
}
