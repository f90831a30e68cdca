import { secretFields } from "../model/cloud/calls/index.ts";
import { longestArguments } from "../model/cloud/operations.ts";
import { shownUrl } from "../model/cloud/storage-place.ts";
import { escaped } from "../model/quote.ts";

/** Characters of one value, and elements of one list. */
const [longestValue, longestList] = [128, 16];

/**
 * What a call was given, for the audit: `name=web-1 description="two words" l3NetworkUuids=a,b`, as zstack-cli takes it.
 * Secrets are left out, and long values and lists cut, with `…` at the place; so is the whole.
 *
 * @param input as the call's schema has it: what a schema does not know, such as a password under a wrong name, must not
 *   come here
 * @param given names the fields that the caller gave: the others hold presets
 */
export function argumentsText(input: object, given: unknown): string | null {
  const known = Object.entries(input).filter(
    ([field]) => field !== "uuid" && !secretFields.has(field) && isObject(given) && Object.hasOwn(given, field),
  );
  const text = known.map(([field, value]) => `${field}=${valueText(told(field, value))}`).join(" ");
  return text === "" ? null : cut(text, longestArguments);
}

/** What follows a `?` in an address often is the key to what stands there. */
function told(field: string, value: unknown): unknown {
  return field === "url" && typeof value === "string" ? shownUrl(value) : value;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return oneValue(value);
  if (!Array.isArray(value)) return oneValue(JSON.stringify(value, withoutSecrets) ?? "null");
  const texts = value.slice(0, longestList).map((each: unknown) => valueText(each));
  return [...texts, ...(value.length > longestList ? ["…"] : [])].join(",");
}

function withoutSecrets(field: string, value: unknown): unknown {
  return secretFields.has(field) ? undefined : value;
}

/** In quotes where it would be taken for several words, or has something that a terminal obeys. */
function oneValue(text: string): string {
  const short = cut(text, longestValue);
  return /^[\p{L}\p{N}_.:@/%+~…-]+$/u.test(short) ? short : escaped(short);
}

function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest - 1).toWellFormed()}…`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
