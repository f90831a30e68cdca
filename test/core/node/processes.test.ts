import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fixtureMachine, recording } from "../../../core/node/fixture.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { Processes, parseStat, rank } from "../../../core/node/processes.ts";

type Fake = {
  pid: number;
  name: string;
  cpuTicks: number[];
  pages: number;
  start?: number;
  kernel?: boolean;
  uid?: number;
};

const usual: Fake[] = [
  { pid: 1, name: "systemd", cpuTicks: [500, 500], pages: 3000 },
  { pid: 2, name: "kthreadd", cpuTicks: [10, 40], pages: 0, kernel: true },
  { pid: 30, name: "qemu-system-x86", cpuTicks: [1000, 1080], pages: 500_000, uid: 64_055 },
  { pid: 41, name: "a) (b c", cpuTicks: [0, 10], pages: 10, uid: 4711 },
];

test("the list by CPU has the busiest first, as shares of one core", async () => {
  const { machine } = fake(usual);
  const top = await new Processes(machine).top("cpu", 3);
  assert.deepEqual(
    top.map(({ pid, cpu }) => [pid, cpu]),
    [
      [30, 1.6],
      [2, 0.6],
      [41, 0.2],
    ],
  );
});

test("the list by memory has the largest first and no kernel threads", async () => {
  const { machine } = fake(usual);
  const top = await new Processes(machine).top("memory", 10);
  assert.deepEqual(
    top.map(({ pid, memoryBytes }) => [pid, memoryBytes]),
    [
      [30, 500_000 * 4096],
      [1, 3000 * 4096],
      [41, 10 * 4096],
    ],
  );
});

test("users have their names, and a number where there is none", async () => {
  const { machine } = fake(usual);
  const top = await new Processes(machine).top("memory", 10);
  assert.deepEqual(
    top.map(({ user }) => user),
    ["libvirt-qemu", "root", "4711"],
  );
});

test("names that the kernel cut are completed from the program's file, Node's processes get their program's name", async () => {
  const { machine } = fake(
    [
      { pid: 1, name: "qemu-system-x86", cpuTicks: [0, 9], pages: 1 },
      { pid: 2, name: "MainThread", cpuTicks: [0, 8], pages: 1 },
      { pid: 3, name: "fifteen-letters", cpuTicks: [0, 7], pages: 1 },
      { pid: 4, name: "bad\x1b[2J\nname", cpuTicks: [0, 6], pages: 1 },
    ],
    {
      "/proc/1/exe": "/usr/bin/qemu-system-x86_64",
      "/proc/2/exe": "/opt/bin/node (deleted)",
      "/proc/3/exe": "/bin/python3",
    },
  );
  const top = await new Processes(machine).top("cpu", 10);
  assert.deepEqual(
    top.map(({ name }) => name),
    ["qemu-system-x86_64", "node", "fifteen-letters", "bad name"],
  );
});

test("a second call measures since the first, without waiting", async () => {
  const { machine, waits, passMs } = fake(usual);
  const processes = new Processes(machine);
  await processes.top("cpu", 1);
  assert.equal(waits(), 1);
  passMs(2000);
  await processes.top("cpu", 1);
  assert.equal(waits(), 1);
  passMs(60_000);
  await processes.top("cpu", 1);
  assert.equal(waits(), 2);
});

test("a process that took over a number is not charged with the time of the one before, nor a clock with the past", () => {
  const stat = (startTicks: number, cpuTicks: number) => ({
    pid: 7,
    name: "x",
    kernel: false,
    residentPages: 1,
    startTicks,
    cpuTicks,
  });
  const before = { atMs: 0, stats: new Map([[7, stat(100, 9000)]]) };
  assert.equal(rank(before, { atMs: 1000, stats: new Map([[7, stat(900, 50)]]) }, "cpu")[0]?.cpu, 0.5);
  assert.equal(rank(before, { atMs: 1000, stats: new Map([[7, stat(100, 9050)]]) }, "cpu")[0]?.cpu, 0.5);
  assert.equal(rank(before, { atMs: 0, stats: new Map([[7, stat(100, 8000)]]) }, "cpu")[0]?.cpu, 0);
});

test("nonsense in /proc is passed over", () => {
  for (const text of [
    "",
    "1",
    "1 (x",
    "1 (x) S",
    "x (y) S 1 1",
    ")(",
    "1 (x) S a b c d e f g h i j k l m n o p q r s t u",
  ])
    assert.equal(parseStat(text), undefined, text);
});

test("this machine's processes are listed without their arguments", async (t) => {
  const secret = "planted-in-the-arguments";
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()", secret], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  t.after(() => child.kill());
  await once(child, "spawn");
  const top = await new Processes(realMachine()).top("memory", 100_000);
  const found = top.find(({ pid }) => pid === child.pid);
  assert.equal(found?.name, "node");
  assert(found.memoryBytes > 1_000_000);
  assert.doesNotMatch(JSON.stringify(top), new RegExp(secret));
});

/** A machine whose clock stands still but for its waits; `cpuTicks` are what successive reads find. */
function fake(processes: Fake[], links: Record<string, string> = {}) {
  const files: Record<string, string | string[]> = {
    "/etc/passwd":
      "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\nlibvirt-qemu:x:64055:103::/:/usr/sbin/nologin\nbroken\n",
  };
  for (const { pid, name, cpuTicks, pages, start = 5, kernel = false, uid = 0 } of processes) {
    files[`/proc/${pid}/stat`] = cpuTicks.map((ticks) => {
      const flags = kernel ? 0x0020_8040 : 0x0040_0100;
      return `${pid} (${name}) S 1 1 1 0 -1 ${flags} 9 9 9 9 ${ticks} 0 7 7 20 0 1 0 ${start} 99999 ${pages} 18446744073709551615`;
    });
    files[`/proc/${pid}/status`] =
      `Name:\t${name}\nUid:\t${uid}\t0\t0\t0\n${kernel ? "" : `VmRSS:\t  ${pages * 4} kB\n`}`;
  }
  let nowMs = 0;
  let waited = 0;
  const machine: Machine = {
    ...fixtureMachine(
      recording.parse({
        now: 0,
        files,
        links,
        dirs: { "/proc": [...processes.map(({ pid }) => String(pid)), "99", "meminfo", "sys"] },
        commands: {},
      }),
    ),
    monotonicMs: () => nowMs,
    after(delayMs, action) {
      nowMs += delayMs;
      waited += 1;
      queueMicrotask(action);
      return () => {};
    },
  };
  return {
    machine,
    waits: () => waited,
    passMs(ms: number) {
      nowMs += ms;
    },
  };
}
