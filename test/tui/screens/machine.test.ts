import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { LocalMachineView } from "../../../core/model/local-machines.ts";
import { guestBytes } from "../../../tui/screens/machine/guest-keys.ts";
import { machineScreen } from "../../../tui/screens/machine/machine.ts";
import { serialScreen } from "../../../tui/screens/machine/serial.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { matchesGoldenLines } from "../../support/golden.ts";
import { bed, clientOf, recordedFacts, styleOf, untilAnswered } from "./support.ts";

const series = (values: (number | null)[]) => ({ stepMs: 15_000, bucket: 1, values, samples: 1 });

function viewOf(
  more: Partial<LocalMachineView> = {},
  machine: Partial<LocalMachineView["machine"]> = {},
): LocalMachineView {
  return {
    at: 0,
    silence: null,
    machine: {
      ...{ uuid: "0000000000014aaa8aaaaaaaaaaaaaaa", name: "web01", ofCloud: true, state: "running", why: null },
      ...{ cpus: 4, cpuShare: 0.37, memoryBytes: 2 ** 33, ...machine },
    },
    balloonBytes: 2 ** 32,
    residentBytes: 3.5 * 2 ** 30,
    upSeconds: 273_600,
    disks: [
      {
        ...{ target: "vda", path: `/vms_ds/rootVolumes/${"0".repeat(32)}/vol/root.qcow2`, sizeBytes: 20 * 2 ** 30 },
        ...{ allocatedBytes: 3 * 2 ** 30, read: 0, written: 12_288 },
      },
    ],
    nics: [{ mac: "fa:16:3e:00:00:01", on: "br_eth0", target: "vnet3", received: 1_024, sent: 2_048 }],
    hasSerial: true,
    refusals: { start: "ofCloud", shutDown: null, powerOff: null },
    histories: { cpu: series([0.1, 0.5, 1]), disk: series([0, 4_096, 12_288]), network: series([null, 3_072]) },
    ...more,
  };
}

async function screenOf(answer: () => unknown, language: "en" | "zh" = "en", calls: unknown[] = []) {
  const client = clientOf((call, request) => {
    if (call === "machine") return answer();
    calls.push([call, request]);
    return { id: "abc", kind: "machine", subject: "web01", state: "running" };
  });
  const console = await bed({ ...(await recordedFacts("storage-failing")), client, language });
  const { machine } = viewOf();
  const screen = machineScreen(console.control, machine);
  console.control.open(screen);
  const text = () => console.lines(console.opened.at(-1) ?? screen).join("\n");
  await untilAnswered(() => !text().includes(language === "en" ? "not read yet" : "尚未读取"), text);
  return { ...console, screen, text, calls };
}

const press = (screen: Screen | undefined, text: string) => screen?.key({ name: "char", text });

test("a machine's state, size, rates, disks and cards stand on one screen, with what can be done", async (t) => {
  const { text, control, screen } = await screenOf(() => viewOf());
  t.after(() => control.close(screen));
  const shown = text();
  assert.match(shown, /web01 {3}belongs to a cloud/);
  assert.match(shown, /Running {3}up 3 d 4 h {3}4 vCPU {3}8 G memory, guest has 4 G, 3\.5 G in use here\n/);
  assert.match(shown, /CPU 37 % +DISKS 12 K\/s +NETWORK 3 K\/s/);
  assert.match(shown, /vda +20 G +3 G +0 B\/s +12 K\/s\n {4}\/vms_ds\/rootVolumes\//);
  assert.match(shown, /fa:16:3e:00:00:01 +1 K\/s +2 K\/s +br_eth0 {2}vnet3\n/);
  assert.match(shown, /c Console {2}s Shut down {2}p Power off/);
  assert.doesNotMatch(shown, /o Start/);
});

test("a machine of a cloud can't be started here, and the key says why", async (t) => {
  const { control, screen, notice, calls } = await screenOf(() => viewOf());
  t.after(() => control.close(screen));
  press(screen, "o");
  assert.match(notice(), /may run on another host/);
  assert.deepEqual(calls, []);
});

test("to shut down is asked for with what the cloud makes of it, and nothing is done without Y", async (t) => {
  const { control, screen, opened, text, calls } = await screenOf(() => viewOf());
  t.after(() => control.close(screen));
  press(screen, "s");
  assert.match(text(), /manager will notice/);
  opened.at(-1)?.key({ name: "enter" });
  assert.deepEqual(calls, []);
  press(screen, "s");
  press(opened.at(-1), "y");
  const body = { uuid: viewOf().machine.uuid, action: "shutDown", toldOfCloud: true };
  await untilAnswered(() => calls.length > 0, text);
  assert.deepEqual(calls[0], ["startMachineJob", { body }]);
});

test("power is taken only after OFF was typed, letter by letter", async (t) => {
  const { control, screen, opened, text, calls } = await screenOf(() => viewOf());
  t.after(() => control.close(screen));
  press(screen, "p");
  assert.match(text(), /not written to its disks is lost[\s\S]*manager will notice/);
  for (const letter of "off") press(opened.at(-1), letter);
  opened.at(-1)?.key({ name: "enter" });
  assert.deepEqual(calls, []);
  for (let left = 0; left < 3; left++) opened.at(-1)?.key({ name: "backspace" });
  for (const letter of "OFF") press(opened.at(-1), letter);
  opened.at(-1)?.key({ name: "enter" });
  await untilAnswered(() => calls.length > 0, text);
});

test("a machine that no cloud knows of is shut down without a word of one, and started", async (t) => {
  const refusals = { start: null, shutDown: "notRunning", powerOff: "notRunning" } as const;
  const mine = viewOf({ refusals }, { ofCloud: false, state: "stopped", why: "switchedOff" });
  const { control, screen, opened, text, calls } = await screenOf(() => mine);
  t.after(() => control.close(screen));
  assert.match(text(), /Stopped: its power was taken[\s\S]*o Start/);
  assert.doesNotMatch(text(), /c Console/);
  press(screen, "o");
  assert.doesNotMatch(text(), /manager/);
  press(opened.at(-1), "y");
  await untilAnswered(() => calls.length > 0, text);
});

test("one that has gone, and a hypervisor that is silent, leave no figure behind", async (t) => {
  const { now } = await recordedFacts("storage-failing");
  const gone = await screenOf(() => {
    throw new NodeError("MACHINE.UNKNOWN", "");
  });
  t.after(() => gone.control.close(gone.screen));
  assert.match(gone.text(), /no longer on this node/);
  const silence = { since: now - 60_000, why: { code: "timeout", detail: "libvirt" } as const };
  const silent = await screenOf(() => viewOf({ silence }, { state: "unknown", cpuShare: null }));
  t.after(() => silent.control.close(silent.screen));
  assert.match(silent.text(), /does not answer: libvirt: no answer in time/);
  assert.doesNotMatch(silent.text(), /K\/s|37 %/);
});

test("disks and cards that have no room scroll", async (t) => {
  const { disks } = viewOf();
  const many = Array.from({ length: 12 }, (_, nth) =>
    (disks ?? []).map((disk) => ({ ...disk, target: `vd${nth}` })),
  ).flat();
  const { control, screen, text } = await screenOf(() => viewOf({ disks: many }));
  t.after(() => control.close(screen));
  assert.match(text(), /vd0/);
  assert.doesNotMatch(text(), /fa:16:3e/);
  screen.key({ name: "end" });
  assert.match(text(), /fa:16:3e:00:00:01/);
  screen.key({ name: "home" });
  assert.match(text(), /vd0/);
});

test("every screen of a machine has its words in Chinese", async (t) => {
  const { control, screen, text } = await screenOf(() => viewOf(), "zh");
  t.after(() => control.close(screen));
  assert.match(text(), /运行 {3}已运行 3 d 4 h/);
  assert.match(text(), /c 控制台 {2}s 关机 {2}p 断电/);
});

for (const [profile, language] of [
  ["basic", "en"],
  ["rich", "en"],
  ["rich", "zh"],
] as const)
  test(`one machine is laid out for a hurried technician, ${profile}, ${language}`, async () => {
    const recorded = await recordedFacts("storage-failing");
    const course = Array.from({ length: 40 }, (_, at) => (at % 9 === 8 ? null : Math.abs(Math.sin(at / 5))));
    const busy = { cpu: series(course), disk: series(course.map((one) => (one ?? 0) * 2 ** 22)), network: series([]) };
    const silence = { since: recorded.now - 42_000, why: { code: "timeout", detail: "libvirt" } as const };
    const unknown = { balloonBytes: null, residentBytes: null, upSeconds: null, disks: null, nics: null };
    const off = { start: "ofCloud", shutDown: "notRunning", powerOff: "notRunning" } as const;
    const lost = { start: "ofCloud", shutDown: "silent", powerOff: "silent" } as const;
    // Counters of one that does not run are not told.
    const { disks, nics } = viewOf();
    const still = {
      disks: (disks ?? []).map((disk) => ({ ...disk, read: null, written: null })),
      nics: (nics ?? []).map((nic) => ({ ...nic, received: null, sent: null })),
    };
    const views = {
      machine: viewOf({ histories: busy }),
      "machine-silent": viewOf({ silence, refusals: lost, ...unknown }, { state: "unknown", cpuShare: null }),
      "machine-crashed": viewOf(
        { ...unknown, ...still, refusals: off, histories: busy },
        { state: "crashed", cpuShare: null },
      ),
    };
    for (const [screen, view] of Object.entries(views)) {
      const rich = profile === "rich";
      const console = await bed({ ...recorded, language, rich, client: clientOf(() => view) });
      const shown = machineScreen(console.control, view.machine);
      shown.enter?.();
      await new Promise((resolve) => setImmediate(resolve));
      shown.leave?.();
      for (const size of ["80x24", "100x37"] as const) {
        const [width, height] = size.split("x").map(Number);
        const golden = { machine: "virtual-machines", screen, size, profile, language };
        matchesGoldenLines(console.lines(shown, width, height), golden);
      }
      if (screen !== "machine") continue;
      shown.enter?.();
      await new Promise((resolve) => setImmediate(resolve));
      press(shown, "p");
      const prompt = console.opened.at(-1);
      shown.leave?.();
      if (prompt === undefined) throw new Error("nothing was opened");
      const golden = { machine: "virtual-machines", screen: "power-off", size: "80x24", profile, language } as const;
      matchesGoldenLines(console.lines(prompt), golden);
    }
  });

/** A serial console with a line in the test's hands. */
async function consoleOf() {
  const guest = { typed: [] as Buffer[] };
  const line = new Duplex({
    allowHalfOpen: false,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      guest.typed.push(chunk);
      done();
    },
  });
  const client = Object.assign(
    clientOf(() => undefined),
    { openSerial: async () => line },
  );
  const console = await bed({ ...(await recordedFacts("storage-failing")), client });
  const screen = serialScreen(console.control, viewOf().machine);
  console.control.open(screen);
  const text = () => console.lines(screen).join("\n");
  await untilAnswered(() => text().includes("serial console"), text);
  const type = (bytes: string) => screen.bytes?.(Buffer.from(bytes, "latin1"));
  const typed = () => Buffer.concat(guest.typed).toString("latin1");
  return { ...console, screen, line, text, type, typed };
}

test("a serial console shows what the guest prints, and gives it every key as it was typed", async (t) => {
  const { line, text, type, typed, control, screen, frame } = await consoleOf();
  t.after(() => control.close(screen));
  line.push("Debian 12\r\nlogin: \x1b[7mroot\x1b[m");
  await untilAnswered(() => text().includes("login: root"), text);
  assert.equal(styleOf(frame(screen, 80, 24), "root"), "selected");
  type("\x1b:wq\r\x03\x1b[A\x1bOP\xc3\xa9\x04");
  assert.equal(typed(), "\x1b:wq\r\x03\x1b[A\x1bOP\xc3\xa9\x04");
  assert.match(text(), /web01 +serial console {3}Ctrl-O leaves$/);
});

test("Ctrl-O asks; again it leaves, o types it, and any other key goes on", async () => {
  const { type, typed, text, opened, line } = await consoleOf();
  type("a\x0f");
  assert.match(text(), /Ctrl-O again or Enter: leave/);
  type("\x1b[A");
  assert.match(text(), /serial console/);
  type("\x0fob");
  assert.equal(typed(), "a\x0f");
  type("\x0fo");
  assert.equal(typed(), "a\x0f\x0f");
  assert.equal(opened.length, 1);
  type("\x0f\x0f");
  assert.deepEqual([opened.length, line.destroyed], [0, true]);
});

test("a line that ends with its machine says so, and any key that leads out does", async () => {
  const { line, text, type, opened, typed } = await consoleOf();
  line.push("bye");
  line.push(null);
  await untilAnswered(() => text().includes("the line has ended"), text);
  type("x");
  assert.deepEqual([typed(), opened.length], ["", 1]);
  type("\r");
  assert.equal(opened.length, 0);
});

test("a guest that prints without end is not taken from faster than it is understood", async (t) => {
  const { line, text, control, screen } = await consoleOf();
  t.after(() => control.close(screen));
  let most = 0;
  for (let nth = 0; nth < 64; nth++) {
    line.push(Buffer.alloc(16 * 1024, "y\r\n"));
    most = Math.max(most, line.readableLength);
    if (line.isPaused()) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  line.push("\r\nEND");
  await untilAnswered(() => text().includes("END"), text);
});

test("arrow keys and pastes reach the guest as its program has asked for them", () => {
  const bytes = Buffer.from("\x1b[A\x1b[200~two\x1b[201~");
  const plain = guestBytes(bytes, { applicationCursor: false, bracketedPaste: false });
  const asked = guestBytes(bytes, { applicationCursor: true, bracketedPaste: true });
  assert.deepEqual([String(plain), String(asked)], ["\x1b[Atwo", "\x1bOA\x1b[200~two\x1b[201~"]);
});
