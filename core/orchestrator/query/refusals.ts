import type { CloudErrorCode } from "../../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { listed, quoted, shown } from "../../model/quote.ts";
import { type Field, operatorsOf } from "./fields.ts";
import { nearestRemedy } from "./nearest.ts";

/* Why a query is not carried out. `where` is the field of the call: `conditions.0`, `sortBy`. */

export function refused(code: CloudErrorCode, where: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf(code, { where, details, remedy }));
}

export function noSuchName(where: string, kind: string, given: string, names: readonly string[]): CloudError {
  const details = `${kind} has no field or relation ${shown(given)}.`;
  return refused("SYS.1030", where, details, nearestRemedy(given, names));
}

export function noSuchField(where: string, kind: string, given: string, names: readonly string[]): CloudError {
  const details = `${kind} has no field ${shown(given)}.`;
  const isPath = given.includes(".");
  return refused(
    "SYS.1030",
    where,
    details,
    isPath ? "Name a field of the resource itself; only conditions go to related ones." : nearestRemedy(given, names),
  );
}

export function wrongForm(where: string, given: string): CloudError {
  return refused(
    "SYS.1031",
    where,
    `${quoted(given)} is not a field, an operator and a value.`,
    "Write it as name=web-1, cpuNum>=4, name~=web% or vmNics.ip=10.0.0.7.",
  );
}

export function wrongOperator(where: string, field: Field, operator: string): CloudError {
  const what = field.isList ? `a list of type ${field.type}` : `of type ${field.type}`;
  return refused(
    "SYS.1032",
    where,
    `${field.name} is ${what} and takes no ${operator}.`,
    `It takes ${operatorsOf(field).join(" ")}.`,
  );
}

export function neverNull(where: string, field: Field): CloudError {
  const remedy =
    field.type === "text" ? `For the text itself write ${field.name}?=null.` : "Leave the condition out, or compare.";
  return refused("SYS.1033", where, `${field.name} is ${field.isList ? "a list and " : ""}never null.`, remedy);
}

export function wrongValue(where: string, field: Field, given: string): CloudError {
  const { name, type, choices } = field;
  return refused("SYS.1033", where, `${name} can't be ${quoted(given)}.`, forms[type](choices, given));
}

const forms: Readonly<Record<Field["type"], (choices: readonly string[], given: string) => string>> = {
  text: () => "Give a text.",
  choice: (choices, given) =>
    choices.length > 12
      ? nearestRemedy(given, choices)
      : `It is ${listed(choices, 12).replace(/ and (?!\d)/, " or ")}.`,
  boolean: () => "It is true or false.",
  number: (choices) => (choices.length > 0 ? `It is ${choices.join(" or ")}.` : "Give a number such as 4."),
  size: () => "Give bytes, or a whole number with K, M, G, T or P such as 1G.",
  time: () => "Give milliseconds since the epoch, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z.",
};

export function tooLarge(where: string, details: string, remedy: string): CloudError {
  return refused("SYS.1034", where, details, remedy);
}
