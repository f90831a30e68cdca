import { parseSize } from "../../model/cloud/size.ts";
import type { Json } from "../../store/record.ts";
import type { Field, Operator } from "./fields.ts";
import { compileLike } from "./like.ts";

/** A value that a condition compares with. */
export type Value = string | number | boolean | null;

/** The value that a text means for a field; undefined when it can't be one. */
export function parseValue(field: Field, text: string): Exclude<Value, null> | undefined {
  switch (field.type) {
    case "text":
      return text;
    case "choice":
      return field.choices.includes(text) ? text : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "number":
      return field.choices.length > 0 && !field.choices.includes(text) ? undefined : parseNumber(text);
    case "size":
      return parseSize(text);
    case "time":
      return parseTime(text);
  }
}

function parseNumber(text: string): number | undefined {
  return /^-?\d{1,16}(\.\d{1,16})?$/.test(text) ? Number(text) : undefined;
}

/** A date without a zone would mean another moment on every machine; a day begins in UTC. */
function parseTime(text: string): number | undefined {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return;
  const day = text.slice(0, "2026-01-31".length);
  const midnight = new Date(day);
  // The 30th of February would become a day of March.
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}

export type Test = (value: Json | undefined) => boolean;

/**
 * Whether a field's value fulfils a condition. Of a list, one element has to; `!=`, `!~=` and `!?=` are the exact
 * opposites of `=`, `~=` and `?=`: they hold for null, and for a list no element of which is meant.
 */
export function compileTest(operator: Operator, values: readonly Value[]): Test {
  const [value = null] = values;
  switch (operator) {
    case "=":
      return anyElement((given) => given === value);
    case "!=":
      return opposite(compileTest("=", values));
    case "?=":
      return anyElement(isAmong(values));
    case "!?=":
      return opposite(compileTest("?=", values));
    case "~=":
      return anyElement(matches(String(value)));
    case "!~=":
      return opposite(compileTest("~=", values));
    default:
      return anyElement(inOrder(operator, Number(value)));
  }
}

function opposite(test: Test): Test {
  return (value) => !test(value);
}

function anyElement(test: (value: Json) => boolean): Test {
  return (value) => (isList(value) ? value.some(test) : test(value ?? null));
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isAmong(values: readonly Value[]): (value: Json) => boolean {
  const all = new Set<Json>(values);
  return (value) => all.has(value);
}

function matches(pattern: string): (value: Json) => boolean {
  const isLike = compileLike(pattern);
  return (value) => typeof value === "string" && isLike(value);
}

function inOrder(operator: ">" | "<" | ">=" | "<=", bound: number): (value: Json) => boolean {
  switch (operator) {
    case ">":
      return (value) => typeof value === "number" && value > bound;
    case "<":
      return (value) => typeof value === "number" && value < bound;
    case ">=":
      return (value) => typeof value === "number" && value >= bound;
    case "<=":
      return (value) => typeof value === "number" && value <= bound;
  }
}
