import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { InstallerState } from "../../../core/model/installation/protocol.ts";
import { installerEn } from "../../../tui/i18n/installer.ts";
import { installerZh } from "../../../tui/i18n/installer-zh.ts";
import type { ConsoleBed } from "../../support/console.ts";
import { root } from "../../support/programs.ts";
import { adminPassword, installerRoom, type Look, looks, rootPassword, untilPage } from "./room.ts";

/*
 * Where the installer can be reached over VNC, on the screens of the other consoles. A screen with that line must be the
 * kept screen without it in everything else: nothing is pushed off, nothing is covered.
 */

const room = installerRoom();
const texts = { en: installerEn, zh: installerZh } as const;
const vnc = { addresses: ["192.0.2.15", "2001:db8::15"], port: 5900, password: "abcd2345" };
const line = {
  en: "VNC: 192.0.2.15:5900  [2001:db8::15]:5900   password abcd2345",
  zh: "VNC：192.0.2.15:5900  [2001:db8::15]:5900   密码 abcd2345",
} as const;

/** The kept screen, line by line, with `second` as its second line. */
function keptWith(second: string, name: string, { profile, language }: Pick<Look, "profile" | "language">): string {
  const file = join(root, "test/fixtures/golden/installer", `${name}.80x24.${profile}.${language}.txt`);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.equal(lines[1], "", `${name} has its second line free`);
  return lines.map((kept, i) => (i === 1 ? second : kept)).join("\n");
}

/** Blanks before the line are its place, and so are not compared. */
async function shows(
  console: ConsoleBed,
  name: string,
  look: Look,
  second: string = line[look.language],
): Promise<void> {
  const expected = keptWith(second, name, look);
  const seen = (text: string) => {
    const lines = text.trimEnd().split("\n");
    return lines.map((shown, i) => (i === 1 ? shown.trim() : shown)).join("\n");
  };
  try {
    await console.until((text) => seen(text) === expected, 20_000, name);
  } catch {
    assert.equal(seen(console.text()), expected);
  }
}

for (const look of looks)
  it(`every question tells it in a line of its own, ${look.console}, ${look.language}`, async () => {
    const t = texts[look.language];
    const engine = await room.engine("server", { state: { vnc } });
    const { draft } = engine.state;
    const console = await room.open(look);
    await untilPage(console, installerEn["install.locale.title"]);
    assert.ok(draft !== null);
    if (look.language === "zh") {
      console.press("tab");
      console.press("right");
    }
    await shows(console, "server/1-locale", look);
    for (let i = 0; i < (look.language === "zh" ? 3 : 1); i++) console.press("enter");
    for (const [name, title] of [
      ["2-role", "install.role.title"],
      ["3-checks", "install.checks.title"],
      ["4-disk", "install.disk.title"],
    ] as const) {
      await untilPage(console, t[title]);
      await shows(console, `server/${name}`, look);
      console.press(name === "4-disk" ? "down" : "enter");
    }
    await shows(console, "server/4-disk-with-data", look);
    console.press("enter");
    for (const name of ["4-layout", "5-network"]) {
      await shows(console, `server/${name}`, look);
      console.press("enter");
    }
    await shows(console, "server/6-passwords", look);
    console.type(`${rootPassword}\t${rootPassword}\t${adminPassword}\t${adminPassword}\r`);
    await shows(console, "server/7-summary", look);
  });

it("the console that follows, and the ones that probe, wait or are refused, tell it as well", async () => {
  const [look] = looks;
  assert.ok(look !== undefined);
  const refusal = [
    "answers.yaml:12: disk.match.size: no disk of at least 2 TB is empty; there are sda (1.2 TB, with data).",
    "answers.yaml:20: network.ipv4.gateway: 10.0.1.1 is not in 10.0.0.0/24.",
  ];
  const progress = {
    step: "copy",
    stepShare: 0.41,
    share: 0.37,
    elapsedSeconds: 65,
    remainingSeconds: 118,
  } as const;
  const engine = await room.engine("server", { state: { vnc }, leader: "ttyS1" });
  const { hardware } = engine.state;
  const console = await room.open(look);
  const phases: readonly [string, Partial<InstallerState>][] = [
    ["following", {}],
    ["watching", { phase: "installing", leader: "tty2", progress }],
    ["refused", { phase: "refused", leader: "answers", refusal }],
    ["installing", { phase: "installing", leader: look.console, progress }],
    ["done", { phase: "done", leader: look.console, progress: { ...progress, elapsedSeconds: 412 } }],
    ["probing", { phase: "probing", leader: look.console, hardware: null }],
  ];
  for (const [name, state] of phases) {
    engine.set({ hardware, progress: null, refusal: [], ...state });
    await shows(console, `phases/${name}`, look);
  }
});

it("without an address it says that it waits for one, and shows it when it comes; a server that ends leaves no line", async () => {
  const [look] = looks;
  assert.ok(look !== undefined);
  const engine = await room.engine("server", { state: { vnc: { ...vnc, addresses: [] } } });
  const console = await room.open(look);
  await shows(console, "server/1-locale", look, "VNC: waiting for an address");
  engine.set({ vnc: { ...vnc, addresses: ["192.0.2.15"] } });
  await shows(console, "server/1-locale", look, "VNC: 192.0.2.15:5900   password abcd2345");
  engine.set({ vnc: null });
  await shows(console, "server/1-locale", look, "");
});

it("the console on the VNC server itself does not tell it", async () => {
  const [look] = looks;
  assert.ok(look !== undefined);
  await room.engine("server", { state: { vnc } });
  const console = await room.open({ ...look, console: "vnc" });
  await shows(console, "server/1-locale", look, "");
  assert.ok(!console.raw().includes(vnc.password));
});

it("where the addresses have no room the password is whole all the same", async () => {
  const addresses = ["2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234:5678:9abc:def0:1234:5679"];
  await room.engine("server", { state: { vnc: { ...vnc, addresses } } });
  const wide = await room.open({ console: "tty1" });
  await wide.until("VNC: [2001:db8:1234:5678:9abc:def0:1234:5678]:5900   password abcd2345");
  const narrow = await room.open({ console: "tty2" }, { columns: 60, rows: 20 });
  await narrow.until(/VNC: \[2001:db8:1234:\S*… {3}password abcd2345/);
});

it("what is opened above a question has the whole screen, and the line is there again behind it", async () => {
  await room.engine("server", { state: { vnc } });
  const console = await room.open();
  await console.until(line.en);
  console.press("f1");
  await console.until((text) => text.includes("F1 ?") && !text.includes(vnc.password));
  console.press("esc");
  await console.until(line.en);
});
