import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { nodeSettingsChange } from "../../../core/model/records.ts";
import type { Damage } from "../../../core/node/document.ts";
import { Settings } from "../../../core/node/settings.ts";

let root = "";
let home = "";
let damages: Damage[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), "settings-"));
});
after(() => rm(root, { recursive: true, maxRetries: 5 }));
beforeEach(async () => {
  home = await mkdtemp(join(root, "home-"));
  damages = [];
});
const open = () => Settings.open({ home, onDamage: (damage) => damages.push(damage) });
const file = () => join(home, "settings.json");

test("a new node and a new console have the defaults", async () => {
  const settings = await open();
  assert.deepEqual(settings.node, { lockMinutes: 10, publicView: "panels", pingTarget: "114.114.114.114" });
  assert.deepEqual(settings.console("tty1"), { language: "en", profile: "auto" });
});

test("a change says what was before and after, leaves the other fields, and survives a restart", async () => {
  const settings = await open();
  await settings.setNode({ publicView: "status", lockMinutes: undefined });
  const { before, after } = await settings.setNode({ lockMinutes: 5 });
  assert.deepEqual([before.lockMinutes, after.lockMinutes, after.publicView], [10, 5, "status"]);
  await settings.setConsole("ttyS0", { profile: "basic" });
  await settings.setConsole("ttyS0", { language: "zh" });
  const again = await open();
  assert.equal(again.node.lockMinutes, 5);
  assert.deepEqual(again.console("ttyS0"), { language: "zh", profile: "basic" });
  assert.deepEqual(again.console("tty1"), { language: "en", profile: "auto" });
});

test("a bad field falls back to its default and the others stay", async () => {
  await writeFile(
    file(),
    JSON.stringify({
      node: { lockMinutes: 600, publicView: "status" },
      consoles: { tty1: { language: "zh", profile: "shiny" }, ttyS0: "nonsense" },
    }),
  );
  const settings = await open();
  assert.deepEqual(settings.node, { lockMinutes: 10, publicView: "status", pingTarget: "114.114.114.114" });
  assert.deepEqual(settings.console("tty1"), { language: "zh", profile: "auto" });
  assert.deepEqual(settings.console("ttyS0"), { language: "en", profile: "auto" });
  assert.deepEqual(damages[0]?.fields.toSorted(), ["consoles.tty1.profile", "consoles.ttyS0", "node.lockMinutes"]);
});

test("what a newer version added survives a change, at every level", async () => {
  const newer = { node: { lockMinutes: 3, banner: "x" }, consoles: { tty1: { font: "big" } }, theme: "dark" };
  await writeFile(file(), JSON.stringify(newer));
  const settings = await open();
  await settings.setNode({ lockMinutes: 4 });
  await settings.setConsole("tty1", { language: "zh" });
  const text = JSON.parse(await readFile(file(), "utf8"));
  assert.equal(text.theme, "dark");
  assert.equal(text.node.banner, "x");
  assert.equal(text.consoles.tty1.font, "big");
  assert.ok(!("banner" in settings.node));
});

test("a full disk refuses the change and the old value stays in force", async () => {
  const settings = await Settings.open({
    home,
    write: async () => {
      throw Object.assign(new Error("write"), { code: "ENOSPC" });
    },
  });
  await assert.rejects(settings.setNode({ lockMinutes: 5 }), { code: "SETTINGS.NOT_SAVED" });
  await assert.rejects(settings.setConsole("tty1", { language: "zh" }), { code: "SETTINGS.NOT_SAVED" });
  assert.equal(settings.node.lockMinutes, 10);
  assert.equal(settings.console("tty1").language, "en");
});

test("console names can't fill the disk or reach into the program", async () => {
  const settings = await open();
  for (const name of ["__proto__", "constructor", "toString"]) {
    await settings.setConsole(name, { language: "zh" });
    assert.ok(["en", "zh"].includes(settings.console(name).language));
  }
  assert.equal(settings.console("hasOwnProperty").language, "en");
  for (let i = 0; i < 300; i++) await settings.setConsole(`pts/${i}`, { profile: "basic" });
  assert.equal(Object.keys(JSON.parse(await readFile(file(), "utf8")).consoles).length, 256);
  assert.equal(settings.console("pts/299").profile, "basic");
  assert.equal(settings.console("pts/3").profile, "auto");
});

test("an address to ping that could steer a terminal is no setting", async () => {
  for (const sign of ["\u001b[2J", "\n", "\u009b2J", "\u007f"]) {
    assert.equal(nodeSettingsChange.safeParse({ pingTarget: `a${sign}` }).success, false);
  }
  assert.equal(nodeSettingsChange.safeParse({ pingTarget: "主机.example" }).success, true);
});

test("a change of a console that changes nothing is not written, also behind another that is not through yet", async () => {
  let writes = 0;
  const settings = await Settings.open({
    home,
    write: async () => {
      writes += 1;
    },
  });
  await settings.setConsole("tty1", { language: "en" });
  assert.equal(writes, 1, "the first one makes the console known");
  await settings.setConsole("tty1", { language: "en" });
  assert.equal(writes, 1);
  await Promise.all([settings.setConsole("tty1", { language: "zh" }), settings.setConsole("tty1", { language: "en" })]);
  assert.equal(writes, 3);
  assert.equal(settings.console("tty1").language, "en");
});
