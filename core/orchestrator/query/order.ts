import type { Json, JsonObject } from "../../store/record.ts";
import type { Pace } from "./pace.ts";
import type { Query } from "./request.ts";
import { uuidOf } from "./walk.ts";

type Compare = (a: JsonObject, b: JsonObject) => number;

/**
 * The order of a query's records; equal ones are in the order of their uuids. Unsorted, the oldest come first: every
 * manager gives the same order, and a record that is made between two pages comes after both. Null is the lowest
 * value; texts are compared by their code units.
 */
export function orderOf(sort: Query["sort"]): Compare {
  const name = sort?.name ?? "createDate";
  const sign = sort?.isDescending === true ? -1 : 1;
  return (a, b) => sign * compareValues(a[name], b[name]) || compareTexts(uuidOf(a), uuidOf(b));
}

function compareValues(a: Json | undefined, b: Json | undefined): number {
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  return numberOf(a) - numberOf(b);
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** A field's values are of one type, but for null. */
function numberOf(value: Json | undefined): number {
  if (typeof value === "string") return 1;
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : -Number.MAX_VALUE;
}

/**
 * The records of one page, in order. The others are only told apart from them, which takes a time in proportion to
 * their number, and are left in `records` in another order than before.
 */
export async function pageOf(
  records: JsonObject[],
  { start, limit, sort }: Pick<Query, "start" | "limit" | "sort">,
  pace: Pace,
): Promise<JsonObject[]> {
  if (start >= records.length) return [];
  const compare = orderOf(sort);
  const end = Math.min(start + limit, records.length);
  await divide(records, records.length, end, compare, pace);
  await divide(records, end, start, compare, pace);
  return records.slice(start, end).sort(compare);
}

/**
 * Of the first `length` records, brings the lowest `count` to the front (quickselect). The pivot is drawn by lot, so
 * that nobody can name records in an order that makes it slow; what comes of it does not depend on the lot.
 */
async function divide(
  records: JsonObject[],
  length: number,
  count: number,
  compare: Compare,
  pace: Pace,
): Promise<void> {
  let [low, high] = [0, length - 1];
  while (count > low && count <= high) {
    const middle = partition(records, low, high, compare);
    if (count <= middle) high = middle - 1;
    else low = middle + 1;
    if (pace.isOver()) await pace.rest();
  }
}

/** Puts lower records before one that it chooses, and higher ones behind it; gives its place. */
function partition(records: JsonObject[], low: number, high: number, compare: Compare): number {
  swap(records, low + Math.floor(Math.random() * (high - low + 1)), high);
  const pivot = records[high];
  let place = low;
  for (let i = low; i < high; i++) {
    const record = records[i];
    if (record !== undefined && pivot !== undefined && compare(record, pivot) < 0) swap(records, i, place++);
  }
  swap(records, place, high);
  return place;
}

function swap(records: JsonObject[], i: number, j: number): void {
  const [one, other] = [records[i], records[j]];
  if (one === undefined || other === undefined) return;
  records[i] = other;
  records[j] = one;
}
