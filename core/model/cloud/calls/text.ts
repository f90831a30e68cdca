import type * as z from "zod/mini";
import { parseSize } from "../size.ts";

/*
 * Arguments as texts: in the query string of a URL, and on a command line. What can't be read as the field's type stays
 * a text, and the schema refuses it with its own words.
 */

/** Any schema: what is inside of others is known by this alone. */
type Schema = z.core.$ZodType;

type Facts = {
  type: string;
  innerType?: Schema;
  element?: Schema;
  values?: readonly unknown[];
  checks?: readonly z.core.$ZodCheck[];
};

/** The schema below "may be left out", "has a preset value" and "may be null". */
export function coreOf(schema: Schema): { core: Schema; nullable: boolean; optional: boolean } {
  const { type, innerType } = schema._zod.def as Facts;
  if (innerType === undefined || !["optional", "default", "nullable", "prefault"].includes(type))
    return { core: schema, nullable: false, optional: false };
  const below = coreOf(innerType);
  return {
    core: below.core,
    nullable: below.nullable || type === "nullable",
    optional: below.optional || type !== "nullable",
  };
}

/** The value that a text, or several of a repeated argument, stands for. */
export function fromText(schema: Schema, given: string | readonly string[]): unknown {
  const { core, nullable } = coreOf(schema);
  const { type, element, values } = core._zod.def as Facts;
  if (type === "array" && element !== undefined) {
    const texts = typeof given === "string" ? partsOf(element, given) : given;
    return texts.map((text) => fromText(element, text));
  }
  const [text = ""] = typeof given === "string" ? [given] : given;
  if (nullable && text === "null") return null;
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  const isNumber = type === "number" || (type === "literal" && values?.every((value) => typeof value === "number"));
  return isNumber ? numberOf(text) : text;
}

/** A list in one text has commas between its values; a text without any form, such as a condition, has its own. */
function partsOf(element: Schema, text: string): readonly string[] {
  if (text === "") return [];
  return isFreeText(element) ? [text] : text.split(",");
}

function isFreeText(schema: Schema): boolean {
  const { type, checks = [] } = schema._zod.def as Facts;
  return type === "string" && checks.every(({ _zod }) => ["min_length", "max_length"].includes(_zod.def.check));
}

/** A number, or a size such as 1G. */
function numberOf(text: string): unknown {
  if (/^-?\d{1,15}(\.\d{1,6})?$/.test(text)) return Number(text);
  return parseSize(text) ?? text;
}

/** The input of a call from texts by field; a field that the call does not have stays as it is, to be refused. */
export function inputFromTexts(
  input: z.ZodMiniObject,
  texts: Readonly<Record<string, string | readonly string[]>>,
): Record<string, unknown> {
  const shape: Readonly<Record<string, Schema>> = input.shape;
  return Object.fromEntries(
    Object.entries(texts).map(([field, text]) => {
      const schema = Object.hasOwn(shape, field) ? shape[field] : undefined;
      return [field, schema === undefined ? text : fromText(schema, text)];
    }),
  );
}
