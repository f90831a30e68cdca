import * as z from "zod/mini";
import { listed, shown } from "../quote.ts";
import { uuidPattern } from "./fields.ts";
import { done, type Outcome, type Refusal, refusalOf } from "./refusal.ts";

/** More would not be read, and a hostile call could ask for millions. */
const mostRefusals = 32;

/**
 * What a call gives, checked by its schema: the value, or a refusal for each wrong field (code SYS.1001, `where`: its
 * path). The given values themselves are not repeated: one of them may be a secret.
 */
export function checkFields<T extends z.ZodMiniType>(
  schema: T,
  given: unknown,
): { value: z.infer<T> } | { refusals: Refusal[] } {
  const result = schema.safeParse(given);
  if (result.success) return { value: result.data };
  return { refusals: result.error.issues.slice(0, mostRefusals).map((issue) => refusalOfIssue(schema, issue)) };
}

/** The same where one refusal is enough. */
export function checkOne<T extends z.ZodMiniType>(schema: T, given: unknown): Outcome<z.infer<T>> {
  const checked = checkFields(schema, given);
  if ("value" in checked) return done(checked.value);
  const [refusal] = checked.refusals;
  if (refusal === undefined) throw new Error("A value was refused without any reason.");
  return { done: false, refusal };
}

type Issue = z.core.$ZodIssue;

function refusalOfIssue(schema: z.ZodMiniType, issue: Issue): Refusal {
  const path = issue.path.map((part) => shown(String(part))).join(".");
  const [field] = issue.path;
  const meaning = descriptionAt(schema, field);
  return refusalOf("SYS.1001", {
    where: path === "" ? "call" : path,
    details: `${sentenceOf(issue)}.`,
    remedy: meaning === undefined ? "See the documentation of the call." : `${String(field)}: ${meaning}`,
    values: { why: issue.code },
  });
}

/** The documentation of a field, as it stands in the schema. */
function descriptionAt(schema: z.ZodMiniType, field: PropertyKey | undefined): string | undefined {
  if (!(schema instanceof z.ZodMiniObject) || typeof field !== "string") return;
  const shape: Record<string, z.core.$ZodType> = schema.shape;
  const member = Object.hasOwn(shape, field) ? shape[field] : undefined;
  return member === undefined ? undefined : z.globalRegistry.get(member)?.description;
}

function sentenceOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `It must be of the type ${issue.expected}, and is missing or of another one`;
    case "invalid_value":
      return `It must be one of ${listed(issue.values.map(String), 24).replace(/ and (?!\d)/, " or ")}`;
    case "too_big":
      return `It must be ${bound(issue)}, ${issue.maximum} at most`;
    case "too_small":
      return `It must be ${bound(issue)}, ${issue.minimum} at least`;
    case "not_multiple_of":
      return `It must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return `There is no field ${listed(issue.keys)}`;
    case "invalid_format":
      if (issue.pattern === String(uuidPattern))
        return "It must be a uuid of version 4: 32 hexadecimal digits, a 4 the 13th of them";
      return "It has a form that is not allowed";
    default:
      return "It has a form that is not allowed";
  }
}

function bound({ origin }: { origin: string }): string {
  if (origin === "string") return "of a length that is allowed";
  return origin === "array" ? "a list of a length that is allowed" : "within its limits";
}
