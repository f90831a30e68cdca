import type { Json } from "../store/record.ts";
import { type Kind, mirrorCounts, mirrorIndexes } from "./kinds.ts";
import type { Mirrored } from "./mirror.ts";

/** Most values of an index, such as the machine of a card, have one record: it stands there without a set of its own. */
type Index = Map<string, string | Set<string>>;

/** The records of one kind, with what they are found and counted by. */
export class Table {
  readonly records = new Map<string, Mirrored>();
  readonly indexes: ReadonlyMap<string, Index>;
  /** By field and value; no value stands there that no record has. */
  readonly counts: ReadonlyMap<string, Map<string, number>>;

  constructor(kind: Kind) {
    this.indexes = new Map(mirrorIndexes(kind).map((field) => [field, new Map()]));
    this.counts = new Map(mirrorCounts(kind).map((field) => [field, new Map()]));
  }

  set(key: string, after: Mirrored | undefined): void {
    const before = this.records.get(key);
    for (const [field, index] of this.indexes) {
      const [old, now] = [valueAt(before, field), valueAt(after, field)];
      if (old === now) continue;
      for (const value of textsOf(old)) removeFrom(index, value, key);
      for (const value of textsOf(now)) addTo(index, value, key);
    }
    for (const [field, counts] of this.counts) {
      const [old, now] = [valueAt(before, field), valueAt(after, field)];
      if (old === now) continue;
      for (const value of textsOf(old)) add(counts, value, -1);
      for (const value of textsOf(now)) add(counts, value, 1);
    }
    if (after === undefined) this.records.delete(key);
    else this.records.set(key, after);
  }
}

function valueAt(record: Mirrored | undefined, field: string): Json | undefined {
  return (record?.value as Readonly<Record<string, Json>> | undefined)?.[field];
}

function textsOf(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

function addTo(index: Index, value: string, key: string): void {
  const keys = index.get(value);
  if (keys === undefined) index.set(value, key);
  else if (typeof keys === "string") index.set(value, new Set([keys, key]));
  else keys.add(key);
}

function removeFrom(index: Index, value: string, key: string): void {
  const keys = index.get(value);
  if (keys === key) index.delete(value);
  else if (typeof keys === "object") {
    keys.delete(key);
    if (keys.size === 0) index.delete(value);
  }
}

function add(counts: Map<string, number>, value: string, more: 1 | -1): void {
  const count = (counts.get(value) ?? 0) + more;
  if (count === 0) counts.delete(value);
  else counts.set(value, count);
}
