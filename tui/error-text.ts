import type { NodeError } from "../core/model/error.ts";
import type { Translate } from "./i18n/catalogue.ts";

/** The sentence for an error in the console's language; the agent's own words where the catalogue has none. */
export function errorText(t: Translate, { code, message, values }: NodeError): string {
  const shown: Record<string, string | number> = { said: message };
  for (const [name, value] of Object.entries(values)) shown[name] = typeof value === "boolean" ? String(value) : value;
  const { retryAfterMs } = values;
  if (typeof retryAfterMs !== "number") return t.find(`error.${code}`, shown) ?? message;
  shown["seconds"] = Math.ceil(retryAfterMs / 1000);
  return t.find(`error.${code}.wait`, shown) ?? t.find(`error.${code}`, shown) ?? message;
}
