import type { ResourceKind } from "../../core/model/cloud/resources.ts";
import { quoted } from "../../core/model/quote.ts";
import { UsageError } from "./arguments.ts";
import { fieldsOf } from "./fields.ts";
import { wayOf } from "./relations.ts";

/* Times as people read and write them: the manager's own are milliseconds since the epoch. */

/** Local time, which TZ chooses: `2027-01-15 08:00:00`. */
export function momentText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

type Moment = {
  ms: number;
  /** It was given to the second, as tables show it: all of that second is meant. */
  isSecond: boolean;
};

const form = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * A time as somebody typed it: as tables print it, to the minute or as a day, in local time; with a zone as ISO 8601
 * has it; or milliseconds since the epoch. Undefined when it is none of these, or a day that the calendar lacks.
 */
export function readMoment(text: string): Moment | undefined {
  if (/^\d{1,16}$/.test(text)) return { ms: Number(text), isSecond: false };
  const match = form.exec(text);
  if (match === null) return;
  const [, day = "", minute = "00:00", second, fraction = "", zone] = match;
  const wall = `${day}T${minute}:${second ?? "00"}.${fraction.padEnd(3, "0")}`;
  // The 30th of February would become a day of March.
  const asUtc = new Date(`${wall}Z`);
  if (Number.isNaN(asUtc.getTime()) || asUtc.toISOString() !== `${wall}Z`) return;
  const ms = Date.parse(`${wall}${zone ?? ""}`);
  return Number.isNaN(ms) ? undefined : { ms, isSecond: second !== undefined && fraction === "" };
}

export type Condition = { readonly field: string; readonly operator: string; readonly value: string };

/**
 * A condition of a query as the manager takes it: a time in milliseconds, for the manager does not know this command's
 * zone. A second that is asked for as tables print it becomes two conditions. @throws UsageError for what is no time
 */
export function conditionsOf(kind: ResourceKind, { field, operator, value }: Condition): readonly string[] {
  const { kind: end, rest } = wayOf(kind, field);
  const isTime = end !== undefined && fieldsOf(end).some(({ name, type }) => name === rest && type === "time");
  if (!isTime || value === "null" || operator.includes("~")) return [`${field}${operator}${value}`];
  if (operator.includes("?")) {
    const all = value.split(",").map((each) => momentOf(field, each).ms);
    return [`${field}${operator}${all.join(",")}`];
  }
  const { ms, isSecond } = momentOf(field, value);
  const next = ms + 1000;
  if (isSecond && operator === "=") return [`${field}>=${ms}`, `${field}<${next}`];
  if (isSecond && operator === ">") return [`${field}>=${next}`];
  if (isSecond && operator === "<=") return [`${field}<${next}`];
  return [`${field}${operator}${ms}`];
}

function momentOf(field: string, text: string): Moment {
  const moment = readMoment(text);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `${field} can't be ${quoted(text)}: give a time as tables print it, "2027-01-15 08:00:00" (local time), or with ` +
      "its zone, 2027-01-15T08:00:00Z.",
  );
}
