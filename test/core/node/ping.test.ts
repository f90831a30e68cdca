import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Job } from "../../../core/model/records.ts";
import { fixtureMachine, recording } from "../../../core/node/fixture.ts";
import { Jobs } from "../../../core/node/jobs.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { checkedTarget, startPing } from "../../../core/node/ping.ts";

const allowed: [text: string, target: string][] = [
  ["114.114.114.114", "114.114.114.114"],
  ["  10.0.0.1 ", "10.0.0.1"],
  ["::1", "::1"],
  ["fe80::1%eno1", "fe80::1%eno1"],
  ["localhost", "localhost"],
  ["Mgmt01.example.COM.", "mgmt01.example.com."],
  ["under_score.lan", "under_score.lan"],
  ["3com.com", "3com.com"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["例子.中国", "xn--fsqu00a.xn--fiqs8s"],
];
for (const [text, target] of allowed) test(`${text} may be pinged`, () => assert.equal(checkedTarget(text), target));

const refused = [
  "",
  " ",
  "-f",
  "-c 1 10.0.0.1",
  "--help",
  "10.0.0.1 10.0.0.2",
  "10.0.0.1;reboot",
  "$(reboot)",
  "a b",
  "a\nb",
  "a\u0000b",
  "a..b",
  ".",
  ".a",
  "-a.com",
  "a-.com",
  "http://a.com/",
  "a.com:80",
  "user@a.com",
  "[::1]",
  "10.1",
  "2130706433",
  "0x7f000001",
  "256.1.1.1",
  "1.2.3.4.",
  "１０.0.0.1",
  ":::",
  `${"a".repeat(64)}.com`,
  `${"a.".repeat(127)}com`,
];
for (const text of refused)
  test(`${JSON.stringify(text).slice(0, 40)} is refused as a target`, () =>
    assert.throws(() => checkedTarget(text), { code: "PING.BAD_TARGET" }));

for (const link of ["-I", "a/b", "a b", "", "..", "10.0.0.1", "sixteen-letters-", "::1", "a\u001b[2J", "a\u009b2J"])
  test(`${JSON.stringify(link)} is refused as an interface`, async (t) => {
    const jobs = await open(t);
    assert.throws(() => startPing(jobs, fake([], 0), { target: "127.0.0.1", link }, "tty1"), { code: "PING.BAD_LINK" });
  });

test("the target is behind -- and the interface behind -I", async (t) => {
  const jobs = await open(t);
  const seen: string[][] = [];
  const machine: Machine = {
    ...fake([], 0),
    stream(command, args) {
      seen.push([command, ...args]);
      return { stop() {}, done: Promise.resolve(0) };
    },
  };
  await ended(jobs, startPing(jobs, machine, { target: "10.0.0.9", link: "eno1", count: 4 }, "tty1"));
  await ended(jobs, startPing(jobs, machine, { target: "::1" }, "tty1"));
  assert.deepEqual(seen, [
    ["ping", "-n", "-O", "-I", "eno1", "-c", "4", "--", "10.0.0.9"],
    ["ping", "-n", "-O", "-c", "3600", "--", "::1"],
  ]);
});

/** What iputils 20221126 prints on standard error or output, and its exit status. */
const failures: [what: string, code: string, exit: number, lines: string[], sentence: RegExp][] = [
  [
    "an unknown name",
    "PING.UNKNOWN_NAME",
    2,
    ["ping: nosuch.lan: Name or service not known"],
    /10\.0\.0\.9 is not known/,
  ],
  ["silent name servers", "PING.UNKNOWN_NAME", 2, ["ping: a: Temporary failure in name resolution"], /No name server/],
  ["no route", "PING.NO_ROUTE", 2, ["ping: connect: Network is unreachable"], /no route to 10\.0\.0\.9/],
  ["an absent interface", "PING.NO_LINK", 2, ["ping: SO_BINDTODEVICE eno9: No such device"], /eno9 is no interface/],
  ["an absent interface, older ping", "PING.NO_LINK", 2, ["ping: unknown iface: eno9"], /eno9/],
  [
    "no right to send",
    "PING.DENIED",
    2,
    ["ping: socktype: SOCK_RAW", "ping: socket: Operation not permitted"],
    /refused/,
  ],
  ["another complaint", "PING.FAILED", 2, ["ping: bad linger time: 3"], /failed: bad linger time: 3\./],
  ["no complaint at all", "PING.FAILED", 2, [], /no reason given/],
];
for (const [what, code, exit, lines, sentence] of failures)
  test(`${what} ends the job with a sentence`, async (t) => {
    const jobs = await open(t);
    const job = await ended(
      jobs,
      startPing(jobs, fake(lines, exit, "stderr"), { target: "10.0.0.9", link: "eno9" }, "tty1"),
    );
    assert.equal(job.state, "failed");
    assert.equal(job.error?.code, code);
    assert.match(job.error?.description ?? "", sentence);
    assert.deepEqual((await jobs.log(job.id, 0)).lines, lines);
  });

test("an address that never answers fails the job, with the number of requests", async (t) => {
  const jobs = await open(t);
  const lines = [
    "no answer yet for icmp_seq=1",
    "",
    "4 packets transmitted, 0 received, 100% packet loss, time 3055ms",
  ];
  const job = await ended(jobs, startPing(jobs, fake(lines, 1), { target: "10.0.0.9", count: 4 }, "tty1"));
  assert.equal(job.error?.code, "PING.NO_ANSWER");
  assert.match(job.error?.description ?? "", /none of 4 requests/);
});

test("a node without ping says which package has it", async (t) => {
  const jobs = await open(t);
  const machine = fixtureMachine(recording.parse({ now: 0, files: {}, commands: {} }));
  const job = await ended(jobs, startPing(jobs, machine, { target: "127.0.0.1" }, "tty1"));
  assert.equal(job.error?.code, "PING.NOT_INSTALLED");
});

const installed = existsSync("/usr/bin/ping") || existsSync("/bin/ping");
const real = { skip: installed ? false : "iputils-ping is not installed" };

for (const target of ["127.0.0.1", "::1"])
  test(`the real ping of ${target} gives its lines, its progress and its summary`, real, async (t) => {
    const jobs = await open(t);
    const job = await ended(jobs, startPing(jobs, realMachine(), { target, link: "lo", count: 1 }, "tty1"));
    const { lines } = await jobs.log(job.id, 0);
    assert.equal(job.state, "done", job.error?.description);
    assert(lines.some((line) => line.includes("icmp_seq=1")));
    assert(lines.some((line) => /1 packets transmitted, 1 received/.test(line)));
  });

test("cancelling the real ping stops it, and its summary still comes", real, async (t) => {
  const jobs = await open(t);
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  jobs.subscribe((job) => {
    if (job.lines >= 2) resolve();
  });
  const job = startPing(jobs, realMachine(), { target: "127.0.0.1" }, "tty1");
  await answered;
  jobs.cancel(job.id);
  assert.equal((await ended(jobs, job)).state, "cancelled");
  assert((await jobs.log(job.id, 0)).lines.some((line) => /packets transmitted, \d+ received/.test(line)));
});

test("the real ping from an interface that is not there says so", real, async (t) => {
  const jobs = await open(t);
  const job = await ended(jobs, startPing(jobs, realMachine(), { target: "127.0.0.1", link: "nolink0" }, "tty1"));
  assert.equal(job.error?.code, "PING.NO_LINK");
});

function fake(lines: readonly string[], exit: number, from: "stdout" | "stderr" = "stdout"): Machine {
  return {
    ...fixtureMachine(recording.parse({ now: 0, files: {}, commands: {} })),
    stream(_command, _args, onLine) {
      for (const line of lines) onLine(line, from);
      return { stop() {}, done: Promise.resolve(exit) };
    },
  };
}

function ended(jobs: Jobs, job: Job): Promise<Job> {
  return new Promise((resolve) => {
    const stop = jobs.subscribe((one) => {
      if (one.id !== job.id || one.state === "running") return;
      stop();
      resolve(one);
    });
  });
}

async function open(t: TestContext): Promise<Jobs> {
  const folder = await mkdtemp(join(tmpdir(), "binnacle-ping-"));
  const jobs = await Jobs.open({ folder });
  t.after(async () => {
    await jobs.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return jobs;
}
