import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { hardCodedTexts } from "./hard-coded-text.ts";
import { sameInAllLanguages } from "./message-exceptions.ts";
import { keyPlaces, messageUses, type Place } from "./message-uses.ts";
import { type Finding, projectRoot, readSources, type Source } from "./source.ts";

const english = "tui/i18n/en.ts";
const chinese = "tui/i18n/zh.ts";
/** Texts that only the installer's program loads; a project without an installer has none. */
const installer: Files = {
  english: "tui/i18n/installer.ts",
  chinese: "tui/i18n/installer-zh.ts",
  names: ["installerEn", "installerZh"],
};
const catalogueFolder = "tui/i18n/";
const screenFolders = ["tui/screens/", "tui/widgets/", "tui/installer/screens/"];

type Catalogue = ReadonlyMap<string, string>;

/**
 * What is wrong with a project's message catalogues, as the program would load them, and with their use: keys that one
 * of them lacks or nobody uses, places `{name}` that differ or are not filled in, empty or untranslated texts, and
 * text that stands in a screen instead.
 */
export async function checkMessages(root: string = projectRoot): Promise<Finding[]> {
  const pairs = [await loadPair(root, { english, chinese, names: ["en", "zh"] })];
  if (fs.existsSync(path.join(root, installer.english))) pairs.push(await loadPair(root, installer));
  const sources = readSources(root, ["tui"]);
  const catalogues = sources.filter((source) => source.path.startsWith(catalogueFolder));
  const users = sources.filter((source) => !source.path.startsWith(catalogueFolder));
  const places = keyPlaces(catalogues, new Set(pairs.flatMap(({ en, zh }) => [...en.keys(), ...zh.keys()])));
  return [
    // A key may be in both pairs, with other texts: each pair is looked at by itself.
    ...pairs.flatMap((pair) => [...missingKeys(pair, places), ...texts(pair, places)]),
    ...uses(new Map(pairs.flatMap(({ en }) => [...en])), users, places),
    ...users.filter((source) => screenFolders.some((folder) => source.path.startsWith(folder))).flatMap(hardCodedTexts),
  ];
}

type Files = { english: string; chinese: string; names: readonly [string, string] };
type Pair = { en: Catalogue; zh: Catalogue; files: Files };

async function loadPair(root: string, files: Files): Promise<Pair> {
  const [en, zh] = files.names;
  return { en: await load(root, files.english, en), zh: await load(root, files.chinese, zh), files };
}

/** The program's own view of a catalogue: whatever it is put together from. */
async function load(root: string, file: string, name: string): Promise<Catalogue> {
  const absolute = path.join(root, file);
  if (!fs.existsSync(absolute)) throw new Error(`${file} is not there: the message catalogue must export \`${name}\`.`);
  const loaded: Record<string, unknown> = await import(pathToFileURL(absolute).href);
  const catalogue = loaded[name];
  if (typeof catalogue !== "object" || catalogue === null)
    throw new Error(`${file} must export an object \`${name}\`.`);
  return new Map(Object.entries(catalogue).map(([key, text]) => [key, String(text)]));
}

function missingKeys({ en, zh, files }: Pair, places: ReadonlyMap<string, Place[]>): Finding[] {
  const lacking = (from: Catalogue, to: Catalogue, file: string) =>
    [...from.keys()]
      .filter((key) => !to.has(key))
      .map((key) => finding(places, key, "missing", `${file} has no "${key}".`, `Add the text to ${file}.`));
  return [...lacking(en, zh, files.chinese), ...lacking(zh, en, files.english)];
}

function texts({ en, zh }: Pair, places: ReadonlyMap<string, Place[]>): Finding[] {
  return [...en].flatMap(([key, text]) => {
    const translated = zh.get(key);
    const found: Finding[] = [];
    const add = (rule: string, what: string, remedy: string) => found.push(finding(places, key, rule, what, remedy));
    if (text.trim() === "" || translated?.trim() === "")
      add("empty", `"${key}" has no text.`, "Write it, or remove the key.");
    if (translated === undefined) return found;
    const [inEnglish, inChinese] = [placeholders(text), placeholders(translated)];
    if (inEnglish.join() !== inChinese.join())
      add(
        "placeholders",
        `"${key}" fills in ${list(inEnglish)} in English and ${list(inChinese)} in Chinese.`,
        "Both texts need the same {names}.",
      );
    if (text === translated && /\p{L}/u.test(text.replace(/\{\w+\}/g, "")) && !sameInAllLanguages.has(text))
      add(
        "untranslated",
        `"${key}" is "${text}" in both languages.`,
        "Translate it in zh.ts, or list it in scripts/dev/message-exceptions.ts with the reason.",
      );
    return found;
  });
}

function uses(en: Catalogue, users: readonly Source[], places: ReadonlyMap<string, Place[]>): Finding[] {
  const { keys, patterns, calls } = messageUses(users);
  const unused = [...en.keys()]
    .filter((key) => !keys.has(key) && !patterns.some((pattern) => pattern.test(key)))
    .map((key) => finding(places, key, "unused", `Nothing in tui/ shows "${key}".`, "Remove it from both catalogues."));
  const unfilled = calls.flatMap(({ key, given, file, line }) => {
    const lacking = placeholders(en.get(key) ?? "").filter((name) => !given.includes(name));
    if (lacking.length === 0) return [];
    const text = `The text of "${key}" needs ${list(lacking)}, which this call does not give.`;
    return [
      {
        file,
        line,
        rule: "messages/placeholders",
        text,
        remedy: `Pass { ${lacking.join(", ")} } as the second argument.`,
      },
    ];
  });
  return [...unused, ...unfilled];
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ""))].sort();
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `{${name}}`).join(", ");
}

function finding(
  places: ReadonlyMap<string, Place[]>,
  key: string,
  rule: string,
  text: string,
  remedy: string,
): Finding {
  const place = places.get(key)?.[0] ?? { file: english, line: 1 };
  return { ...place, rule: `messages/${rule}`, text, remedy };
}
