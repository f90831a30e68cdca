import type { Language } from "../../core/model/records.ts";
import { en } from "./en.ts";

export type MessageKey = keyof typeof en;
export type Catalogue = Readonly<Record<MessageKey, string>>;
/** What is filled into a text's `{name}` places. */
export type Values = Readonly<Record<string, string | number>>;

/** The text for a key in the console's language, with its `{name}` places filled in. */
export type Translate = ((key: MessageKey, values?: Values) => string) & {
  /** The text for a key that is made at run time, such as an error's code; undefined when the catalogue has none. */
  find(key: string, values?: Values): string | undefined;
  readonly language: Language;
};

export function translator(language: Language, catalogue: Catalogue): Translate {
  const texts = new Map<string, string>(Object.entries(catalogue));
  const find = (key: string, values: Values = {}) => {
    const text = texts.get(key);
    return text?.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
  return Object.assign((key: MessageKey, values?: Values) => find(key, values) ?? key, { find, language });
}

/** The catalogue of a language; all but English are loaded when they are first asked for. */
export async function loadCatalogue(language: Language): Promise<Catalogue> {
  if (language === "zh") return (await import("./zh.ts")).zh;
  return en;
}

export function english(): Translate {
  return translator("en", en);
}
