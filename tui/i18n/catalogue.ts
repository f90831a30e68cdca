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
  const find = finder(catalogue);
  return Object.assign((key: MessageKey, values?: Values) => find(key, values) ?? key, { find, language });
}

/** The catalogue of a language; all but English are loaded when they are first asked for. */
export async function loadCatalogue(language: Language): Promise<Catalogue> {
  if (language === "zh") return (await import("./zh.ts")).zh;
  return en;
}

/**
 * The sentences of the diagnostics, which only their screen needs. All are looked up by `find`. What stands in brackets
 * is left out when a value in it is empty or unknown; a value with a `NAME.more` beside it is the beginning of a list.
 */
export async function loadDiagnosisTexts(language: Language): Promise<Translate["find"]> {
  const texts =
    language === "zh" ? (await import("./diagnosis-zh.ts")).diagnosisZh : (await import("./diagnosis.ts")).diagnosisEn;
  const sentences = new Map<string, string>(Object.entries(texts));
  return (key, values = {}) => {
    const sentence = sentences.get(key);
    if (sentence === undefined) return undefined;
    return filled(withoutEmptyParts(sentence, values), withWholeLists(values, texts["diagnosis.more"]));
  };
}

function withoutEmptyParts(sentence: string, values: Values): string {
  const isSaid = ([, name = ""]: RegExpMatchArray) => (values[name] ?? "") !== "";
  return sentence.replace(/\[([^\]]*)\]/g, (_, part: string) =>
    [...part.matchAll(placePattern)].every(isSaid) ? part : "",
  );
}

function withWholeLists(values: Values, more: string): Values {
  const whole = Object.entries(values).map(([name, shown]) => {
    const count = values[`${name}.more`];
    return [name, count === undefined ? shown : filled(more, { shown, count })];
  });
  return Object.fromEntries(whole);
}

export function english(): Translate {
  return translator("en", en);
}

function finder(catalogue: Readonly<Record<string, string>>): Translate["find"] {
  const texts = new Map(Object.entries(catalogue));
  return (key, values = {}) => {
    const text = texts.get(key);
    return text === undefined ? undefined : filled(text, values);
  };
}

const placePattern = /\{(\w+)\}/g;

function filled(text: string, values: Values): string {
  return text.replace(placePattern, (place, name: string) => String(values[name] ?? place));
}
