import { type Machine, readIfThere } from "../machine.ts";
import type { Card } from "./cards.ts";

/* Link files of systemd, as far as they decide on the name of a card. Source: systemd.link(5) of systemd 257. */

/** The folders, the one whose file stands for those of the same name first. */
const folders = ["etc", "run", "usr/local/lib", "usr/lib"].map((place) => `/${place}/systemd/network`);

export type LinkFile = {
  name: string;
  path: string;
  /** Each key of [Match] with its values. */
  match: ReadonlyMap<string, readonly string[]>;
  /** The lines that set something beside the name: the rest of [Link], and sections that follow it. */
  options: readonly string[];
};

/**
 * The link files that count, in their order, each with what `NAME.d/*.conf` adds to it. An empty one, or a link to
 * /dev/null, takes those of its name away.
 */
export async function readLinkFiles(machine: Machine): Promise<LinkFile[]> {
  const paths = await pathsIn(machine, folders, ".link");
  const read = [...paths].map(async ([name, path]) => {
    const text = await readText(machine, path);
    if (text.trim() === "") return [];
    const below = folders.map((folder) => `${folder}/${name}.d`);
    const added = [...(await pathsIn(machine, below, ".conf"))].sort(byName).map(([, each]) => readText(machine, each));
    return [parseLinkFile(name, path, [text, ...(await Promise.all(added))].join("\n"))];
  });
  return (await Promise.all(read)).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where the file of each name lies: in the first of the folders that has it. */
async function pathsIn(machine: Machine, places: readonly string[], ending: string): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const folder of places) {
    const names = await machine.readDir(folder).catch(() => []);
    for (const name of names) if (name.endsWith(ending) && !paths.has(name)) paths.set(name, `${folder}/${name}`);
  }
  return paths;
}

async function readText(machine: Machine, path: string): Promise<string> {
  return (await readIfThere(machine, path).catch(() => undefined)) ?? "";
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

export function parseLinkFile(name: string, path: string, text: string): LinkFile {
  const match = new Map<string, readonly string[]>();
  const link: string[] = [];
  const others: string[] = [];
  let section = "";
  for (const line of text.replace(/\\\r?\n/g, " ").split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
    const header = /^\[(.*)\]$/.exec(trimmed)?.[1];
    if (header !== undefined) {
      section = header;
      if (section !== "Match" && section !== "Link") others.push("", trimmed);
      continue;
    }
    const [, key = "", value = ""] = /^([^=]*?)\s*=\s*(.*)$/.exec(trimmed) ?? [];
    if (section === "Match") match.set(key, value === "" ? [] : [...(match.get(key) ?? []), ...value.split(/\s+/)]);
    else if (section !== "Link") others.push(trimmed);
    else if (key !== "Name" && key !== "NamePolicy") link.push(trimmed);
  }
  return { name, path, match, options: [...link, ...others] };
}

/** `maybe`: by something that is known at a start only, as the kernel's first name of a card. */
export function cardMatches({ match }: LinkFile, card: Card): "yes" | "no" | "maybe" {
  const asked = [...match].filter(([, values]) => values.length > 0);
  // systemd passes over a file that says nothing of what it is for.
  if (asked.length === 0) return "no";
  const answers = asked.map(([key, values]) => keyMatches(key, values, card));
  if (answers.includes(false)) return "no";
  return answers.includes(undefined) ? "maybe" : "yes";
}

function keyMatches(key: string, values: readonly string[], card: Card): boolean | undefined {
  switch (key) {
    case "MACAddress":
      return values.map(bareMac).some((mac) => [card.mac, card.permanentMac].some((own) => bareMac(own) === mac));
    case "PermanentMACAddress":
      return values.map(bareMac).includes(bareMac(card.permanentMac));
    case "Path":
      return globsMatch(values, card.path === null ? undefined : [card.path]);
    case "Driver":
      return globsMatch(values, card.driver === null ? undefined : [card.driver]);
    case "Type":
      return globsMatch(values, ["ether"]);
    case "Kind":
      // Of virtual interfaces only.
      return values[0]?.startsWith("!") ?? false;
    case "OriginalName":
      // The kernel's own name, which it has no longer.
      if (values.includes("*")) return true;
      return globsMatch(values, [card.name, ...kernelNames]) === false ? false : undefined;
    default:
      return undefined;
  }
}

const kernelNames = Array.from({ length: 32 }, (_, nth) => `eth${nth}`);

/** A `!` before the first one means none of them. `texts` undefined: not known. */
function globsMatch(values: readonly string[], texts: readonly string[] | undefined): boolean | undefined {
  if (texts === undefined) return undefined;
  const isNone = values[0]?.startsWith("!") ?? false;
  const patterns = values.map((value, nth) => glob(nth === 0 && isNone ? value.slice(1) : value));
  const matching = texts.filter((text) => patterns.some((pattern) => pattern.test(text)));
  return isNone ? matching.length < texts.length : matching.length > 0;
}

function glob(text: string): RegExp {
  const source = text
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
    .replaceAll("[!", "[^");
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // A bracket that is never closed stands for itself.
    return new RegExp(`^${source.replace(/[[\]]/g, "\\$&")}$`);
  }
}

/** Colons, hyphens and dots between the digits are all the same. */
function bareMac(text: string | null): string | null {
  return text === null ? null : text.toLowerCase().replace(/[^\da-f]/g, "");
}
