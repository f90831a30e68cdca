import type { ResourceKind } from "../../model/cloud/resources.ts";
import { type Condition, parseCondition } from "./condition.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { noSuchField, refused, tooLarge } from "./refusals.ts";

/** Records of a page unless told. */
export const defaultLimit = 100;
export const mostRecords = 1000;
export const mostConditions = 32;
/** Characters of one condition: a full list of uuids has half as many. */
const longestCondition = 65_536;

/** What a Query call asks for. */
export type QueryRequest = {
  /** All have to hold. */
  readonly conditions?: readonly string[];
  /** Records of the page: 1 to {@link mostRecords}; {@link defaultLimit} unless told. */
  readonly limit?: number;
  /** Records to leave out at the beginning; 0 unless told. */
  readonly start?: number;
  /** A field of the resource; `-` before it: the highest first. */
  readonly sortBy?: string;
  /** Fields of each record that are wanted; all unless told. */
  readonly fields?: readonly string[];
  /** Only how many there are. */
  readonly count?: boolean;
  /** Beside the page how many there are. */
  readonly replyWithCount?: boolean;
};

export type Query = {
  readonly kind: ResourceKind;
  readonly conditions: readonly Condition[];
  readonly limit: number;
  readonly start: number;
  /** A field of the resource; undefined: the oldest first, of the audit the newest. */
  readonly sort: { readonly name: string; readonly isDescending: boolean } | undefined;
  readonly fields: readonly string[] | undefined;
  readonly isCount: boolean;
  readonly withTotal: boolean;
};

/** Checks everything that a call asks for. @throws SYS.1030 to SYS.1035, with the first thing that is wrong */
export function parseQuery(kind: ResourceKind, request: QueryRequest): Query {
  const { conditions = [], limit = defaultLimit, start = 0, sortBy, fields, count = false } = request;
  checkPage(limit, start);
  if (conditions.length > mostConditions)
    throw tooLarge(
      "conditions",
      `The query has ${conditions.length} conditions.`,
      `Give ${mostConditions} conditions at the most; a list (uuid?=…) is one.`,
    );
  return {
    kind,
    conditions: conditions.map((text, i) => conditionAt(kind, text, `conditions.${i}`)),
    limit,
    start,
    sort: sortBy === undefined ? undefined : parseSort(kind, sortBy),
    fields: fields === undefined ? undefined : parseFields(kind, fields),
    isCount: count,
    withTotal: count || (request.replyWithCount ?? false),
  };
}

function conditionAt(kind: ResourceKind, text: string, where: string): Condition {
  if (text.length > longestCondition)
    throw tooLarge(where, `It has ${text.length} characters.`, `Give ${longestCondition} characters at the most.`);
  return parseCondition(kind, text, where);
}

function checkPage(limit: number, start: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > mostRecords)
    throw refused(
      "SYS.1035",
      "limit",
      `A page can't have ${limit} records.`,
      `Give 1 to ${mostRecords}; without a limit it has ${defaultLimit}.`,
    );
  if (!Number.isSafeInteger(start) || start < 0)
    throw refused("SYS.1035", "start", `A page can't begin at ${start}.`, "Give 0 for the first record, or more.");
}

function parseSort(kind: ResourceKind, text: string): Query["sort"] {
  const sign = text.startsWith("+") || text.startsWith("-") ? text.slice(0, 1) : "";
  const field = ownField(kind, text.slice(sign.length), "sortBy");
  if (field.isList)
    throw refused("SYS.1032", "sortBy", `${field.name} is a list: it has no order.`, "Sort by another field.");
  return { name: field.name, isDescending: sign === "-" };
}

function parseFields(kind: ResourceKind, names: readonly string[]): readonly string[] {
  if (names.length === 0)
    throw refused("SYS.1035", "fields", "No field is wanted.", "Name fields, or leave them out for all.");
  return [...new Set(names.map((name) => ownField(kind, name, "fields").name))];
}

function ownField(kind: ResourceKind, name: string, where: string): Field {
  const fields = fieldsOf(kind);
  const field = fields.get(name);
  if (field === undefined) throw noSuchField(where, kind, name, [...fields.keys()]);
  return field;
}
