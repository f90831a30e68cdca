import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSource, parseStat, usageBetween } from "../../../../core/node/facts/cpu.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { answering } from "./hand-machine.ts";

const stat = (...cpus: string[]) => `${cpus.join("\n")}\nintr 84512907 0 9\nctxt 171203344\nbtime 1795165920\n`;

const before = stat(
  "cpu  1000 0 500 8000 500 0 0 0 0 0",
  "cpu0 500 0 250 4000 250 0 0 0 0 0",
  "cpu1 500 0 250 4000 250 0 0 0 0 0",
);

const changes: { what: string; after: string; usage: number; iowait: number; steal: number; cores: number[] }[] = [
  {
    what: "busy time is all but idle and waiting for disks",
    after: stat(
      "cpu  1020 0 510 8060 510 0 0 0 0 0",
      "cpu0 520 0 260 4010 260 0 0 0 0 0",
      "cpu1 500 0 250 4050 250 0 0 0 0 0",
    ),
    usage: 0.3,
    iowait: 0.1,
    steal: 0,
    cores: [0.6, 0],
  },
  {
    what: "stolen time counts as busy, guest time is part of user time",
    after: stat(
      "cpu  1010 0 500 8070 500 0 0 20 10 0",
      "cpu0 510 0 250 4020 250 0 0 20 10 0",
      "cpu1 500 0 250 4050 250 0 0 0 0 0",
    ),
    usage: 0.3,
    iowait: 0,
    steal: 0.2,
    cores: [0.6, 0],
  },
  {
    what: "a waiting counter that goes backwards counts as unchanged",
    after: stat("cpu  1050 0 500 8060 490 0 0 0 0 0", "cpu0 550 0 250 4060 240 0 0 0 0 0"),
    usage: 0.4,
    iowait: 0,
    steal: 0,
    cores: [0.4],
  },
  {
    what: "a core that came back with all its counters at zero is idle, not full",
    after: stat("cpu  1050 0 500 8050 500 0 0 0 0 0", "cpu0 550 0 250 4050 250 0 0 0 0 0", "cpu1 1 0 1 2 0 0 0 0 0 0"),
    usage: 0.5,
    iowait: 0,
    steal: 0,
    cores: [0.5, 0],
  },
  {
    what: "a core that is new is idle",
    after: stat("cpu  1050 0 500 8050 500 0 0 0 0 0", "cpu0 550 0 250 4050 250 0 0 0 0 0", "cpu2 7 0 0 0 0 0 0 0 0 0"),
    usage: 0.5,
    iowait: 0,
    steal: 0,
    cores: [0.5, 0],
  },
];

for (const { what, after, ...expected } of changes) {
  test(what, () => {
    assert.deepEqual(usageBetween(parseStat(before), parseStat(after)), expected);
  });
}

test("when no time has passed, or it went backwards as a whole, there is no new figure", () => {
  assert.equal(usageBetween(parseStat(before), parseStat(before)), undefined);
  assert.equal(usageBetween(parseStat(before), parseStat(stat("cpu  1 0 0 2 0 0 0 0 0 0"))), undefined);
});

test("a /proc/stat without processors is nonsense", () => {
  assert.throws(() => parseStat("intr 1\n"), new FactMissing("nonsense", "/proc/stat"));
});

test("the first figure needs two readings; while the counters stand still the last figure stays", async () => {
  const source = cpuSource();
  const machine = answering({
    files: {
      "/proc/stat": [before, stat("cpu  1050 0 500 8050 500 0 0 0 0 0", "cpu0 550 0 250 4050 250 0 0 0 0 0")],
      "/proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Silver 4210  CPU @ 2.20GHz\n",
    },
  });
  const first = await source.read(machine, new AbortController().signal);
  assert.equal(first.usage, 0.5);
  assert.equal(first.model, "Intel Xeon Silver 4210 CPU @ 2.20GHz");
  assert.deepEqual(await source.read(machine, new AbortController().signal), first);
});
