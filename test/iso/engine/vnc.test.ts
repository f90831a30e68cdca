import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type InstallerVnc, installerState } from "../../../core/model/installation/protocol.ts";
import { runCommand } from "../../../core/node/command.ts";
import type { Machine } from "../../../core/node/machine.ts";
import { reportText } from "../../../iso/engine/collect.ts";
import { absorb } from "../../../iso/engine/decide.ts";
import { Engine } from "../../../iso/engine/engine.ts";
import { firstState, shown } from "../../../iso/engine/state.ts";
import { asksForVnc, globalAddresses, readVnc, watchVnc } from "../../../iso/engine/vnc.ts";
import { undoAfter } from "../../support/undo.ts";
import { fakeMachine } from "./fake-machine.ts";
import { aMachine } from "./samples.ts";

const password = "abcd2345";
const good = JSON.stringify({ port: 5900, password });
const vnc: InstallerVnc = { addresses: ["192.0.2.15"], port: 5900, password };

function aFile(t: TestContext, text?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "vnc-"));
  undoAfter(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const file = join(folder, "vnc.json");
  if (text !== undefined) writeFileSync(file, text, { mode: 0o600 });
  return file;
}

type Address = { family: string; local: string; scope: string; [flag: string]: unknown };
const inet = (local: string): Address => ({ family: "inet", local, scope: "global" });
const ip = (...addresses: Address[]) =>
  JSON.stringify([
    { ifname: "lo", addr_info: [{ ...inet("127.0.0.1"), scope: "host" }] },
    {},
    { addr_info: addresses },
  ]);

/** A machine whose pauses end when the test says so; each look at the file is followed by one. */
function bed(t: TestContext, file: string, commandLine = "boot=binnacle binnacle.mode=install binnacle.vnc") {
  const stop = new AbortController();
  undoAfter(t, () => stop.abort());
  const pauses: { delayMs: number; end: () => void }[] = [];
  let arrived: () => void = () => {};
  const answer = { code: 0, stdout: ip(inet("192.0.2.15")) };
  const { machine: fake, ran } = fakeMachine({ "ip -json address": answer });
  const machine: Machine = {
    ...fake,
    readFile: async (path) => (path === "/proc/cmdline" ? `${commandLine}\n` : fake.readFile(path)),
    after(delayMs, end) {
      pauses.push({ delayMs, end });
      arrived();
      return () => {};
    },
  };
  const told: (InstallerVnc | null)[] = [];
  const ended = watchVnc({ machine, signal: stop.signal, file, onChange: (now) => told.push(now) });
  const looked = async () => {
    if (pauses.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
  };
  return {
    told,
    ran,
    answer,
    pauses,
    stop,
    ended,
    looked,
    async lookAgain() {
      const pause = pauses.shift();
      assert.equal(pause?.delayMs, 2000);
      pause.end();
      await looked();
    },
  };
}

test("the word on the kernel's command line asks for VNC, and no other word that looks like it", () => {
  assert.ok(asksForVnc("boot=binnacle binnacle.vnc console=tty0\n"));
  for (const line of ["", "binnacle.vncx", "xbinnacle.vnc", "binnacle.vnc=1", "binnacle-vnc"])
    assert.ok(!asksForVnc(line), line);
});

test("port and password are read from the file", async (t) => {
  assert.deepEqual(await readVnc(aFile(t, good)), { port: 5900, password });
});

test("a file that is absent, damaged, endless, a link, a pipe or a folder is no VNC", async (t) => {
  assert.equal(await readVnc(aFile(t)), null);
  for (const text of [
    "",
    "{",
    "null",
    `{"port": 5900}`,
    `{"port": 0, "password": "${password}"}`,
    `{"port": 59.5, "password": "${password}"}`,
    `{"port": 70000, "password": "${password}"}`,
    `{"port": 5900, "password": ""}`,
    `{"port": 5900, "password": "a\\u001b[2J"}`,
    `{"port": 5900, "password": "${"x".repeat(65)}"}`,
    `${" ".repeat(5000)}${good}`,
  ])
    assert.equal(await readVnc(aFile(t, text)), null, text);
  const link = aFile(t);
  symlinkSync(aFile(t, good), link);
  assert.equal(await readVnc(link), null);
  const folder = aFile(t);
  mkdirSync(folder);
  assert.equal(await readVnc(folder), null);
  const pipe = aFile(t);
  assert.equal((await runCommand("mkfifo", [pipe], { timeoutMs: 5000 })).code, 0);
  assert.equal(await readVnc(pipe), null);
});

test("addresses that others can reach are told, IPv4 first, each once", () => {
  const six = (local: string, more = {}) => ({ ...inet(local), family: "inet6", ...more });
  const text = ip(
    six("2001:db8::1"),
    six("fe80::1", { scope: "link" }),
    six("2001:db8::2", { deprecated: true }),
    six("2001:db8::3", { tentative: true }),
    six("2001:db8::4", { dadfailed: true, tentative: true }),
    inet("192.0.2.15"),
    inet("192.0.2.15"),
    inet("198.51.100.7"),
  );
  assert.deepEqual(globalAddresses(text), ["192.0.2.15", "198.51.100.7", "2001:db8::1"]);
  assert.deepEqual(globalAddresses(ip()), []);
});

test("without the word nothing is looked at, and the watch ends", async (t) => {
  const { ended, told, ran, pauses } = bed(t, aFile(t, good), "boot=binnacle binnacle.mode=install");
  await ended;
  assert.deepEqual([told, ran, pauses], [[], [], []]);
});

test("a file that comes, changes and goes is told each time, and nothing is run or told while it is absent", async (t) => {
  const file = aFile(t);
  const { told, ran, looked, lookAgain } = bed(t, file);
  await looked();
  await lookAgain();
  assert.deepEqual([told, ran], [[], []]);
  writeFileSync(`${file}.new`, good);
  renameSync(`${file}.new`, file);
  await lookAgain();
  await lookAgain();
  writeFileSync(file, JSON.stringify({ port: 5901, password: "other678" }));
  await lookAgain();
  rmSync(file);
  await lookAgain();
  assert.deepEqual(told, [vnc, { ...vnc, port: 5901, password: "other678" }, null]);
});

test("a lease that comes later is told; an ip that fails once takes no address away", async (t) => {
  const { told, answer, looked, lookAgain } = bed(t, aFile(t, good));
  const later = answer.stdout;
  answer.stdout = ip();
  await looked();
  assert.deepEqual(told.at(-1), { ...vnc, addresses: [] });
  answer.stdout = later;
  await lookAgain();
  assert.deepEqual(told.at(-1), vnc);
  const count = told.length;
  answer.code = 1;
  await lookAgain();
  answer.code = 0;
  answer.stdout = "no JSON";
  await lookAgain();
  assert.equal(told.length, count);
});

test("an aborted watch ends and tells nothing more", async (t) => {
  const { told, stop, ended, looked } = bed(t, aFile(t, good));
  await looked();
  stop.abort();
  await ended;
  assert.deepEqual(told, [vnc]);
});

test("front ends see it; the engine's log, its journal and its report never hold the password", (t) => {
  const journal: string[] = [];
  let changes = 0;
  const engine = new Engine({
    machine: fakeMachine().machine,
    places: { medium: "", work: "" },
    version: "1.2.3",
    probe: async () => aMachine(),
    hasher: [],
    power: { act: async () => {} },
    onLog: (line) => journal.push(line),
    onChange: () => changes++,
  });
  undoAfter(t, () => engine.close());
  engine.showVnc(vnc);
  assert.equal(changes, 1);
  assert.deepEqual(engine.state().vnc, vnc);
  assert.deepEqual([journal, engine.state().log], [[], []]);
  const state = absorb(firstState("1.2.3"), { kind: "vnc", vnc });
  assert.ok(!reportText(state, 0).includes(password));
});

test("a state without the field is read as one without VNC", () => {
  const { vnc: _, ...old } = shown(firstState("1.2.3"), 0);
  assert.equal(installerState.parse(old).vnc, null);
});
