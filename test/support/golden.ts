import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConsoleBed } from "./console.ts";
import { root } from "./programs.ts";

/** Width by height of the screens that are kept. */
export const goldenSizes = ["80x24", "80x25", "100x37", "132x43"] as const;
export type GoldenSize = (typeof goldenSizes)[number];

export type Golden = {
  machine: string;
  screen: string;
  size: GoldenSize | "59x19" | "60x20";
  profile: "rich" | "basic";
  language: "en" | "zh";
};

const folder = join(root, "test/fixtures/golden");
const updating = process.env["UPDATE_GOLDEN"] === "1";
/** A screen that stays the same for so long counts as finished; only where it is recorded. */
const quietMs = 1_000;
const patienceMs = 20_000;

/**
 * Waits until the console shows the kept screen, letter by letter; fails with the lines that differ.
 * With UPDATE_GOLDEN=1 it waits for `sign` and for quiet instead, and keeps what it sees.
 */
export async function matchesGolden(console: ConsoleBed, golden: Golden, sign: string | RegExp): Promise<void> {
  const { machine, screen, size, profile, language } = golden;
  const file = join(folder, machine, `${screen}.${size}.${profile}.${language}.txt`);
  if (updating) {
    await console.until(sign, patienceMs);
    await quiet(console);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${console.text()}\n`);
    return;
  }
  const expected = read(file);
  try {
    await console.until((text) => `${text}\n` === expected, patienceMs);
  } catch {
    throw new Error(`${file} is not what the screen shows.\n${difference(expected, `${console.text()}\n`)}`);
  }
}

/** As `matchesGolden`, for a screen that was drawn without a terminal. */
export function matchesGoldenLines(
  lines: readonly string[],
  { machine, screen, size, profile, language }: Golden,
): void {
  const file = join(folder, machine, `${screen}.${size}.${profile}.${language}.txt`);
  const text = `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
  if (updating) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } else if (text !== read(file))
    throw new Error(`${file} is not what the screen shows.\n${difference(read(file), text)}`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new Error(`There is no ${file}. UPDATE_GOLDEN=1 makes it; read it before you keep it.`);
  }
}

/** Only the lines that differ, each with its number: `-` what was kept, `+` what is shown. */
function difference(expected: string, actual: string): string {
  const [kept, shown] = [expected.split("\n"), actual.split("\n")];
  const lines = Array.from({ length: Math.max(kept.length, shown.length) }, (_, i) => {
    const number = String(i + 1).padStart(3);
    if (kept[i] === shown[i]) return [];
    return [`${number} - |${kept[i] ?? ""}|`, `${number} + |${shown[i] ?? ""}|`];
  });
  return lines.flat().join("\n");
}

async function quiet(console: ConsoleBed): Promise<void> {
  let seen = console.text();
  let since = performance.now();
  while (performance.now() - since < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (console.text() === seen) continue;
    seen = console.text();
    since = performance.now();
  }
}

/** As `matchesGolden`, for text that is there already: a screen without a terminal. */
export function matchesLines(group: string, name: string, text: string): void {
  const file = join(folder, group, `${name}.txt`);
  if (updating) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
    return;
  }
  const expected = read(file);
  if (expected !== `${text}\n`)
    throw new Error(`${file} is not what the screen shows.\n${difference(expected, `${text}\n`)}`);
}
