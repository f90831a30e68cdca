import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationScreen } from "../../../tui/screens/configuration.ts";
import { fullScreen } from "../../../tui/screens/full.ts";
import { homeScreen } from "../../../tui/screens/home.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { press } from "../widgets/support.ts";
import { type Bed, bed, clientOf, recordedFacts } from "./support.ts";

async function fullBed(machine = "storage-failing"): Promise<Bed & { screen: Screen }> {
  // The list of machines asks for them as soon as it is opened.
  const client = clientOf(() => ({ at: null, silence: null, list: [] }));
  const made = await bed({ ...(await recordedFacts(machine)), client });
  const screen = fullScreen(made.control);
  made.control.open(screen);
  return { ...made, screen };
}

/** Waits until the code of a screen has been loaded and the screen is open. */
async function untilOpen({ opened }: Bed, count: number): Promise<void> {
  while (opened.length < count) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits long enough for everything that was asked for to have been loaded. */
async function settled(): Promise<void> {
  await import("../../../tui/screens/configuration.ts");
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("the header says that this is the full view, of which node, in which role", async () => {
  const { screen, lines } = await fullBed();
  assert.match(lines(screen)[0] ?? "", /^ FULL VIEW {3}stor02 {3}OCFS2 Storage Node {2}/);
});

test("virtual machines have names and UUIDs, what is wrong and what runs first, and their count in the heading", async () => {
  const { screen, lines } = await fullBed();
  assert.match(
    lines(screen).join("\n"),
    /VM INFO {3}2 of 3 running +v\n.* 0d9c5a52 web01 +2C +4 G Running\n.*2 more: v\n/,
  );
  assert.match(lines(screen, 132, 43).join("\n"), /0d9c5a52 build agent +- +4C +8 G Stopped\n/);
});

test("the letter at the end of a heading opens what lies behind it", async () => {
  const made = await fullBed();
  const { screen, opened, lines } = made;
  const expected = {
    n: "interfaces.title",
    d: "disks.title",
    s: "services.title",
    v: "machines.title",
  };
  const headings = lines(screen).join("\n");
  for (const [panel, letter] of [
    ["NODE INFO", "s"],
    ["DISK INFO", "d"],
    ["NIC INFO", "n"],
    ["CPU USAGE", "c"],
    ["MEM USAGE", "m"],
  ])
    assert.match(headings, new RegExp(`${panel}.* ${letter}( |\\n)`));
  for (const [letter, title] of Object.entries(expected)) {
    press(screen, letter);
    await untilOpen(made, 2);
    assert.equal(opened.at(-1)?.title, title);
    const top = opened.at(-1);
    if (top !== undefined) made.control.close(top);
  }
});

test("F2 opens the list and F12 the power screen on top, without another password", async () => {
  const made = await fullBed();
  press(made.screen, "f2", "f2");
  await untilOpen(made, 2);
  await settled();
  assert.deepEqual(
    made.opened.map((screen) => screen.title),
    ["full.title", "configuration.title"],
  );
  const top = made.opened.at(-1);
  if (top !== undefined) made.control.close(top);
  press(made.screen, "f12");
  await untilOpen(made, 2);
  assert.equal(made.opened.at(-1)?.title, "power.title");
});

test("F2 in the list goes home, to the public view", async () => {
  const made = await fullBed();
  press(made.screen, "f2");
  await untilOpen(made, 2);
  const top = made.opened.at(-1);
  assert.ok(top);
  assert.deepEqual(press(top, "f2"), [true]);
  assert.deepEqual(made.opened, []);
});

test("a panel that hides lines names its letter", async () => {
  const { screen, lines } = await fullBed();
  assert.match(lines(screen).join("\n"), /\d more: n/);
});

test("Esc is left to the console, which locks; other letters mean nothing", async () => {
  const { screen } = await fullBed();
  assert.deepEqual(press(screen, "esc", "x", "q"), [false, false, false]);
});

test("what was asked for before the console locked does not open on the locked one", async () => {
  const made = await fullBed();
  press(made.screen, "f2");
  made.control.goHome();
  await settled();
  assert.deepEqual(made.opened, []);

  const list = configurationScreen(made.control);
  made.control.open(list);
  made.lines(list);
  press(list, "enter");
  made.control.goHome();
  await settled();
  assert.deepEqual(made.opened, []);
});

test("the home screen offers Enter only where the footer has room for everything else", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const screen = homeScreen(control);
  const narrow = lines(screen).at(-1) ?? "";
  assert.match(narrow, /F4 Plain\/rich {2}q Quit +or Esc 2, Esc = \.\.\.$/);
  assert.doesNotMatch(narrow, /Enter/);
  assert.match(lines(screen, 100, 37).at(-1) ?? "", /q Quit {2}Enter Details +or Esc 2, Esc = \.\.\.$/);
});

test("the footer of the full view keeps the keys that lead away, and names letters as far as there is room", async () => {
  const { screen, lines } = await fullBed();
  assert.match(
    lines(screen).at(-1) ?? "",
    /^ F2 Configure {2}F12 Power {2}Esc Lock {2}F1 Help {2}n Interfaces +or Esc 2/,
  );
  assert.match(lines(screen, 132, 43).at(-1) ?? "", /v Virtual Machines {2}c CPU/);
});

test("the full view says why a role failed, as far as there is room, and marks what it leaves out", async () => {
  const { screen, lines, change, control } = await fullBed("bonded-server");
  const identity = control.view().state.facts.identity;
  if (identity?.state !== "value") throw new Error("the recording has it");
  const failed = (reason: string) => {
    const roleStatus = { state: "failed", step: "Store", reason, remedy: null } as const;
    change({ identity: { ...identity, value: { ...identity.value, roleStatus } } });
    return lines(screen)
      .slice(1, 6)
      .map((line) => line.slice(0, 39).trimEnd());
  };
  assert.deepEqual(failed("etcd does not start.").slice(1), [
    " Role not ready: Store",
    " etcd does not start.",
    " Service  Running  PID 1412",
    "",
  ]);
  const [, , first, second, blank] = failed(`etcd does not start:\n${"no space left on its disk ".repeat(5)}`);
  assert.equal(first, " etcd does not start: no space left on");
  assert.match(second ?? "", /^ its disk no space left .*~$/);
  assert.equal(blank, "");
});
