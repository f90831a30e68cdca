import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { LocalMachineRow, LocalMachinesView } from "../../../core/model/local-machines.ts";
import { machinesScreen } from "../../../tui/screens/machines.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { matchesGoldenLines } from "../../support/golden.ts";
import { bed, clientOf, recordedFacts, styleOf } from "./support.ts";

function row(name: string, more: Partial<LocalMachineRow> = {}): LocalMachineRow {
  // Another one for each name.
  const uuid = `${Buffer.from(name).toString("hex").padEnd(12, "0").slice(0, 12)}4aaa8aaaaaaaaaaaaaaa`;
  const figures = { cpus: 2, cpuShare: 0.12, memoryBytes: 2 ** 32 };
  return { uuid, name, ofCloud: true, state: "running", why: null, ...figures, ...more };
}

function viewOf(list: LocalMachineRow[], more: Partial<LocalMachinesView> = {}): LocalMachinesView {
  return { at: 0, silence: null, list, ...more };
}

/** The screen with what the agent has answered. */
async function screenOf(view: LocalMachinesView, language: "en" | "zh" = "en") {
  const console = await bed({ ...(await recordedFacts("storage-failing")), language, client: clientOf(() => view) });
  const screen = machinesScreen(console.control);
  screen.enter?.();
  await setImmediate();
  screen.leave?.();
  return { ...console, screen };
}

const names = (lines: string[]) => lines.slice(4).flatMap((line) => /^ {2}[ >] (\S+) {2}/.exec(line)?.[1] ?? []);
const press = (screen: Screen, text: string) => screen.key({ name: "char", text });

test("each machine has its name, state, CPU, vCPUs and memory; what is counted is said above", async () => {
  const { lines, screen } = await screenOf(viewOf([row("web01"), row("db", { state: "stopped", cpuShare: null })]));
  const text = lines(screen).join("\n");
  assert.match(text, /2 virtual machines {3}1 running {3}1 stopped +by state\n/);
  assert.match(text, /> web01 +Running +12 % +2 +4 G\n/);
  assert.match(text, / {4}db +Stopped +- +2 +4 G\n/);
  assert.doesNotMatch(text, /OWNER/);
});

test("crashed machines come first, then those that nobody knows of, then running ones by number", async () => {
  const list = [
    row("stopped1", { state: "stopped" }),
    row("web10"),
    row("web9"),
    row("lost", { state: "unknown" }),
    row("broken", { state: "crashed" }),
  ];
  const { lines, frame, screen } = await screenOf(viewOf(list));
  assert.deepEqual(names(lines(screen)), ["broken", "lost", "web9", "web10", "stopped1"]);
  assert.equal(styleOf(frame(screen, 80, 24), "Crashed"), "bad");
  assert.match(lines(screen).join("\n"), /1 crashed/);
});

test("s sorts by CPU, memory and name; machines whose figure is not known come last", async () => {
  const list = [
    row("b", { cpuShare: 0.2, memoryBytes: 2 ** 30 }),
    row("a", { cpuShare: null, memoryBytes: 2 ** 33 }),
    row("c", { cpuShare: 0.9, memoryBytes: null }),
  ];
  const { lines, screen } = await screenOf(viewOf(list));
  press(screen, "s");
  assert.deepEqual(names(lines(screen)), ["c", "b", "a"]);
  press(screen, "s");
  assert.deepEqual(names(lines(screen)), ["a", "b", "c"]);
  press(screen, "s");
  assert.match(lines(screen).join("\n"), /by name/);
});

test("rows that are sorted by CPU keep their places for a while: each that moves is sent again", async () => {
  let busy = "a";
  const [a, b] = [row("a"), row("b")];
  const view = () => viewOf([a, b].map((one) => ({ ...one, cpuShare: one.name === busy ? 0.9 : 0.1 })));
  const console = await bed({ ...(await recordedFacts("storage-failing")), client: clientOf(() => view()) });
  const screen = machinesScreen(console.control);
  const asked = async () => {
    screen.enter?.();
    await setImmediate();
    screen.leave?.();
  };
  await asked();
  press(screen, "s");
  assert.deepEqual(names(console.lines(screen)), ["a", "b"]);
  busy = "b";
  console.pass(3_000);
  await asked();
  assert.deepEqual(names(console.lines(screen)), ["a", "b"]);
  assert.match(console.lines(screen).join("\n"), /b +Running +90 %/);
  console.pass(15_000);
  await asked();
  assert.deepEqual(names(console.lines(screen)), ["b", "a"]);
});

test("while the hypervisor does not answer it says so, why and since when, and shows no figure as if it were true", async () => {
  const { now } = await recordedFacts("storage-failing");
  const silence = { since: now - 42_000, why: { code: "timeout", detail: "libvirt" } as const };
  const list = [row("web01", { state: "unknown", cpuShare: null })];
  const { lines, frame, screen } = await screenOf(viewOf(list, { silence }));
  const text = lines(screen).join("\n");
  assert.match(text, /does not answer: libvirt: no answer in time\. Since 14:02:25,\s+42 s ago/);
  assert.match(text, /web01 +Unknown +- /);
  assert.doesNotMatch(text, /running/);
  assert.equal(styleOf(frame(screen, 80, 24), "The hypervisor"), "bad");
});

test("a node without a hypervisor says so, and is not broken", async () => {
  const { now } = await recordedFacts("storage-failing");
  const silence = { since: now, why: { code: "notInstalled", detail: "virsh" } as const };
  const { lines, frame, screen } = await screenOf(viewOf([], { silence }));
  assert.match(lines(screen).join("\n"), /This node runs no virtual machines: virsh not installed\./);
  assert.equal(styleOf(frame(screen, 80, 24), "This node"), "dim");
  const empty = await screenOf(viewOf([]));
  assert.match(empty.lines(empty.screen).join("\n"), /No virtual machines on this node\./);
});

test("a machine that no cloud knows of is marked; one that stands still because of its disk says so", async () => {
  const list = [row("mine", { ofCloud: false }), row("ours"), row("stuck", { state: "paused", why: "ioError" })];
  const { lines, frame, screen } = await screenOf(viewOf(list));
  const text = lines(screen).join("\n");
  assert.match(text, /mine +Running .* node\n/);
  assert.match(text, /ours +Running .* cloud\n/);
  assert.equal(styleOf(frame(screen, 80, 24), "I/O error"), "bad");
});

test("a name that would steer a terminal is shown with marks in its place", async () => {
  const { frame, screen } = await screenOf(viewOf([row("a\u001b[2Jb\u202ec\u0007")]));
  const { chars } = frame(screen, 80, 24);
  assert.ok(chars.join("").includes("a?[2Jb?c?"));
  assert.ok(chars.every((char) => !/[\p{Cc}\p{Cf}]/u.test(char)));
});

test("only what has changed is sent: 200 machines whose figures move cost less than the frame before", async () => {
  const { renderFrame } = await import("../../../tui/terminal/frame.ts");
  const { decideProfile } = await import("../../../tui/terminal/profile.ts");
  const { capabilitiesOf } = await import("../../../tui/terminal/capabilities.ts");
  const list = Array.from({ length: 200 }, (_, at) => row(`web${at}`));
  const profile = decideProfile({ env: { TERM: "vt220" }, tty: "ttyS0" });
  const caps = capabilitiesOf("vt220");
  const first = await screenOf(viewOf(list));
  const next = await screenOf(viewOf(list.map((one, at) => ({ ...one, cpuShare: at % 3 === 0 ? 0.34 : 0.12 }))));
  const before = first.frame(first.screen, 80, 24);
  const whole = renderFrame(null, before, profile, caps).length;
  const changed = renderFrame(before, next.frame(next.screen, 80, 24), profile, caps).length;
  assert.ok(changed > 0 && changed < whole / 6, `${changed} of ${whole} bytes`);
});

/* How the list looks, kept below test/fixtures/golden/virtual-machines. UPDATE_GOLDEN=1 keeps it anew. */
const looks = [
  { profile: "basic", language: "en" },
  { profile: "rich", language: "en" },
  { profile: "rich", language: "zh" },
] as const;

for (const { profile, language } of looks)
  test(`the list is laid out for a hurried technician, ${profile}, ${language}`, async () => {
    const recorded = await recordedFacts("storage-failing");
    const list = [
      row("erp-db-01", { cpuShare: 0.93, cpus: 16, memoryBytes: 64 * 2 ** 30 }),
      row("erp-app-01", { cpuShare: 0.4, cpus: 8 }),
      row("数据库-主", { cpuShare: 0 }),
      row("a machine with a name that nobody would type twice, for it is long", { cpuShare: null }),
      row("mail", { state: "paused", why: "ioError", cpuShare: null }),
      row("moves", { state: "paused", why: "moving", cpuShare: null }),
      row("old-web", { state: "stopped", why: "shutDown", cpuShare: null }),
      row("broken", { state: "crashed", cpuShare: null }),
      row("by hand", { ofCloud: false, cpuShare: 0.02 }),
    ];
    const silence = { since: recorded.now - 42_000, why: { code: "timeout", detail: "libvirt" } as const };
    const lost = list.map((one) => ({ ...one, state: "unknown" as const, why: null, cpuShare: null }));
    const views = { list: viewOf(list), silent: viewOf(lost, { silence }) };
    for (const [screen, view] of Object.entries(views)) {
      const rich = profile === "rich";
      const console = await bed({ ...recorded, language, rich, client: clientOf(() => view) });
      const shown = machinesScreen(console.control);
      shown.enter?.();
      await setImmediate();
      shown.leave?.();
      for (const size of ["80x24", "132x43"] as const) {
        const [width, height] = size.split("x").map(Number);
        const golden = { machine: "virtual-machines", screen, size, profile, language };
        matchesGoldenLines(console.lines(shown, width, height), golden);
      }
    }
  });
