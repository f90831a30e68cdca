import assert from "node:assert/strict";
import { it } from "node:test";
import { draftProblemCodes } from "../../../core/model/installation/problem.ts";
import { hardCodedTexts } from "../../../scripts/dev/hard-coded-text.ts";
import { sameInAllLanguages } from "../../../scripts/dev/message-exceptions.ts";
import { messageUses } from "../../../scripts/dev/message-uses.ts";
import { readSources } from "../../../scripts/dev/source.ts";
import { installerEn } from "../../../tui/i18n/installer.ts";
import { installerZh } from "../../../tui/i18n/installer-zh.ts";
import { keyboards } from "../../../tui/installer/places.ts";
import { root } from "../../support/programs.ts";

const sources = readSources(root, ["tui/installer"]);
const english = new Map<string, string>(Object.entries(installerEn));
const chinese = new Map<string, string>(Object.entries(installerZh));

/** Technical words of the installer that are the same in every language. */
const same = new Set(["DHCP", "LVM", "IPv4", "IPv6", "VLAN", "English (United States)"]);

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).sort();
}

it("both languages fill in the same, and every Chinese text is one", () => {
  for (const [key, text] of english) {
    const translated = chinese.get(key) ?? "";
    assert.deepEqual(places(translated), places(text), key);
    if (/^install\.(layout|partition)\./.test(key) && text.startsWith("/")) continue;
    const isWords = /\p{L}/u.test(text.replace(/\{\w+\}/g, ""));
    if (isWords && !same.has(text) && !sameInAllLanguages.has(text)) assert.notEqual(translated, text, key);
  }
});

it("every text is shown somewhere, and every call gives the values that its text needs", () => {
  const { keys, patterns, calls } = messageUses(sources);
  const isUsed = (key: string) =>
    keys.has(key) || patterns.some((pattern) => pattern.test(key)) || key.startsWith("error.");
  assert.deepEqual(
    [...english.keys()].filter((key) => !isUsed(key)),
    [],
  );
  for (const { key, given, file, line } of calls)
    for (const name of places(english.get(key) ?? "")) assert.ok(given.includes(name), `${file}:${line} ${key}`);
});

it("no sentence stands in a screen", () => {
  const screens = sources.filter(({ path }) => !/\/(main|app)\.ts$/.test(path));
  assert.ok(screens.length > 20);
  assert.deepEqual(screens.flatMap(hardCodedTexts), []);
});

it("every problem that a draft may have, and every keyboard, has words of its own", () => {
  // A disk with data is no problem here: its name is typed in the last step.
  for (const code of draftProblemCodes.filter((code) => code !== "DISK.ERASE"))
    assert.ok(english.has(`problem.${code}`), code);
  for (const keyboard of keyboards) assert.ok(english.has(`install.keyboard.${keyboard}`), keyboard);
});
