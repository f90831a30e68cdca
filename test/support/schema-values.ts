import fc from "fast-check";
import * as z from "zod/mini";

/* Values that a schema takes, as fast-check makes and shrinks them. */

type Schema = z.core.$ZodType;
type Facts = {
  type: string;
  innerType?: Schema;
  element?: Schema;
  shape?: Readonly<Record<string, Schema>>;
  values?: readonly unknown[];
  entries?: Readonly<Record<string, unknown>>;
};

/**
 * Values of a schema. What only a function in the schema knows (an address, a name) comes from `texts`, of which those
 * that the schema takes are used.
 */
export function valuesOf(schema: Schema, texts: readonly string[]): fc.Arbitrary<unknown> {
  const { type, innerType, element, shape, values, entries } = schema._zod.def as Facts;
  switch (type) {
    case "object":
      return objects(shape ?? {}, texts);
    case "optional":
    case "default":
      return valuesOf(needed(innerType, type), texts);
    case "nullable":
      return fc.option(valuesOf(needed(innerType, type), texts), { nil: null });
    case "array": {
      const { minItems: minimum = 0 } = limitsOf(schema);
      const items = valuesOf(needed(element, type), texts);
      return taken(schema, fc.uniqueArray(items, { minLength: minimum, maxLength: Math.max(minimum, 3) }), []);
    }
    case "enum":
      return fc.constantFrom(...Object.values(entries ?? {}));
    case "literal":
      return fc.constantFrom(...(values ?? []));
    case "boolean":
      return fc.boolean();
    case "number":
      return numbers(schema);
    case "string":
      return strings(schema, texts);
    default:
      throw new Error(`No values are known of a schema of the type ${type}.`);
  }
}

/** What stands in the schema and in those that it was made of. */
function limitsOf(schema: Schema): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema, { io: "input" });
}

function needed(schema: Schema | undefined, type: string): Schema {
  if (schema === undefined) throw new Error(`A schema of the type ${type} has nothing inside.`);
  return schema;
}

function objects(shape: Readonly<Record<string, Schema>>, texts: readonly string[]): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(shape).map(([field, each]) => [field, valuesOf(each, texts)]));
  const requiredKeys = Object.keys(shape).filter((field) => shape[field]?._zod.optin !== "optional");
  return fc.record(fields, { requiredKeys });
}

function numbers(schema: Schema): fc.Arbitrary<number> {
  const { multipleOf: step = 1, minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = limitsOf(schema);
  const min = Math.ceil(minimum / step);
  const max = Math.floor(maximum / step);
  const near = fc.integer({ min, max: Math.min(max, min + 4096) });
  return fc.oneof(near, fc.constantFrom(min, max), fc.integer({ min, max })).map((n) => n * step);
}

function strings(schema: Schema, texts: readonly string[]): fc.Arbitrary<unknown> {
  const known = texts.filter((text) => z.safeParse(schema, text).success);
  const { pattern } = limitsOf(schema);
  const made =
    pattern === undefined ? fc.string({ unit: "grapheme", maxLength: 40 }) : fc.stringMatching(new RegExp(pattern));
  if (known.length === 0) return made;
  const some = fc.constantFrom(...known);
  return fc.oneof({ weight: 3, arbitrary: some }, { weight: 1, arbitrary: taken(schema, made, known[0]) });
}

/** What the schema takes as it is, otherwise another value: filtering could look for ever. */
function taken<T>(schema: Schema, values: fc.Arbitrary<T>, other: T): fc.Arbitrary<T> {
  return values.map((value) => (z.safeParse(schema, value).success ? value : other));
}
