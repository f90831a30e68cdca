import assert from "node:assert/strict";
import { test } from "node:test";
import type { FactName, Facts, FactValue } from "../../../../core/model/facts.ts";
import { FactBoard } from "../../../../core/node/facts/board.ts";
import { FactMissing, type Source, type Sources } from "../../../../core/node/facts/source.ts";
import { handMachine } from "./hand-machine.ts";

type Time = FactValue<"time">;
type Memory = FactValue<"memory">;

const timeValue: Time = { bootAt: 1, now: 2, uptimeSeconds: 3, load: [0, 0, 0], timezone: "UTC" };

function source<N extends FactName>(name: N, read: Source<N>["read"], more: Partial<Source<N>> = {}): Source<N> {
  return { name, everyMs: 5000, idleEveryMs: 20_000, budgetMs: 2000, read, ...more };
}

function memoryOf(usedBytes: number): Memory {
  const totalBytes = 1000;
  const rest = { cachedBytes: 0, swapTotalBytes: 0, swapUsedBytes: 0, pressure: null };
  return { totalBytes, usedBytes, availableBytes: totalBytes - usedBytes, ...rest };
}

const hang = () => new Promise<never>(() => {});

/** Why a fact is missing; undefined when it isn't. */
function codeOf(reading: Facts[FactName]): string | undefined {
  return reading.state === "missing" ? reading.why.code : undefined;
}

function board(sources: Partial<Sources>) {
  const hand = handMachine();
  const told: Partial<Facts>[] = [];
  const made = new FactBoard(hand.machine, sources, { onChange: (changed) => told.push(changed) });
  return { ...hand, board: made, told, names: () => told.map((changed) => Object.keys(changed).join(" ")) };
}

test("before its first read a fact is pending, and one without a source is not configured", async () => {
  const { board: b, pass } = board({ time: source("time", hang) });
  assert.deepEqual(b.facts().time, { state: "missing", at: 1_795_269_787_000, why: { code: "pending", detail: "" } });
  b.start();
  await pass(0);
  assert.equal(b.facts().time.state, "missing");
  assert.equal(codeOf(b.facts().cpu), "notConfigured");
  b.stop();
});

test("a source that hangs delays no other one, and is missing when its time is over", async () => {
  let reads = 0;
  const { board: b, pass } = board({
    network: source("network", hang),
    time: source("time", async () => ({ ...timeValue, uptimeSeconds: ++reads })),
  });
  b.start();
  await pass(0);
  assert.equal(b.facts().time.state, "value");
  await pass(2000);
  assert.equal(codeOf(b.facts().network), "timeout");
  await pass(60_000);
  assert.equal(reads, 13);
  b.stop();
});

test("a source with a long period that had no time at the start is asked again soon, then less and less often", async () => {
  let reads = 0;
  const slow = async () => (++reads < 4 ? hang() : timeValue);
  // A source that is called off has to come back before it is asked again.
  const read: Source<"time">["read"] = (_machine, signal) =>
    Promise.race([
      slow(),
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error()))),
    ]);
  const { board: b, pass } = board({ time: source("time", read, { everyMs: 60_000, idleEveryMs: 300_000 }) });
  b.start();
  await pass(2000);
  assert.equal(codeOf(b.facts().time), "timeout");
  const at: number[] = [];
  for (let seconds = 2; seconds < 120; seconds += 1) {
    const before = reads;
    await pass(1000);
    if (reads > before) at.push(seconds + 1);
  }
  // 2 s for each attempt, and between them 5, 10 and 20 s; then the source's own period.
  assert.deepEqual(at, [7, 19, 41, 101]);
  assert.equal(b.facts().time.state, "value");
  b.stop();
});

test("a value whose source begins to hang becomes stale before it is three periods old, and keeps its time", async () => {
  let healthy = true;
  const { board: b, pass } = board({
    // A budget far above the period must not keep an old value fresh.
    memory: source("memory", async () => (healthy ? memoryOf(10) : hang()), { everyMs: 1000, budgetMs: 60_000 }),
  });
  b.start();
  await pass(0);
  const first = b.facts().memory;
  healthy = false;
  await pass(3000);
  const then = b.facts().memory;
  assert.equal(then.state, "stale");
  assert.equal(then.at, first.at);
  assert.deepEqual(then.state === "stale" && [then.why.code, then.value], ["timeout", memoryOf(10)]);
  b.stop();
});

test("a read that was abandoned is called off, its late answer is dropped, and no second read runs beside it", async () => {
  let running = 0;
  let most = 0;
  let aborted = 0;
  const answers: ((value: Memory) => void)[] = [];
  const { board: b, pass } = board({
    memory: source("memory", async (_machine, signal) => {
      running += 1;
      most = Math.max(most, running);
      signal.addEventListener("abort", () => {
        aborted += 1;
      });
      const value = await new Promise<Memory>((resolve) => answers.push(resolve));
      running -= 1;
      return value;
    }),
  });
  b.start();
  await pass(30_000);
  assert.equal(aborted, 1);
  assert.equal(answers.length, 1, "the source that never came back is not asked again");
  answers[0]?.(memoryOf(999));
  await pass(0);
  assert.equal(b.facts().memory.state, "missing");
  await pass(5000);
  answers[1]?.(memoryOf(20));
  await pass(0);
  assert.deepEqual(b.facts().memory.state === "value" && b.facts().memory, {
    state: "value",
    at: b.facts().memory.at,
    value: memoryOf(20),
  });
  assert.equal(most, 1);
  b.stop();
});

const failures: { what: string; read: Source<"memory">["read"]; code: string; detail: RegExp }[] = [
  {
    what: "throws",
    read: async () => {
      throw new Error("broken");
    },
    code: "failed",
    detail: /broken/,
  },
  {
    what: "throws before it gives a promise",
    read: () => {
      throw new Error("at once");
    },
    code: "failed",
    detail: /at once/,
  },
  {
    what: "throws something that is no error",
    read: async () => Promise.reject("a word"),
    code: "failed",
    detail: /a word/,
  },
  {
    what: "knows why",
    read: async () => {
      throw new FactMissing("denied", "/proc/meminfo");
    },
    code: "denied",
    detail: /meminfo/,
  },
  {
    what: "gives a figure that is no number",
    read: async () => ({ ...memoryOf(1), usedBytes: Number.NaN }),
    code: "nonsense",
    detail: /usedBytes/,
  },
];

for (const { what, read, code, detail } of failures) {
  test(`a source that ${what} gives ${code}, then recovers`, async () => {
    let broken = true;
    const { board: b, pass } = board({
      memory: source("memory", (machine, signal) => (broken ? read(machine, signal) : Promise.resolve(memoryOf(7)))),
    });
    b.start();
    await pass(0);
    const failed = b.facts().memory;
    assert.equal(failed.state, "missing");
    assert.equal(failed.state === "missing" && failed.why.code, code);
    assert.match(failed.state === "missing" ? failed.why.detail : "", detail);
    broken = false;
    await pass(5000);
    assert.equal(b.facts().memory.state, "value");
    broken = true;
    await pass(5000);
    assert.equal(b.facts().memory.state, "stale", "what was good is kept, marked as old");
    b.stop();
  });
}

test("a value does not stay when what it came from is gone for good", async () => {
  let gone = false;
  const { board: b, pass } = board({
    neighbours: source("neighbours", async () => {
      if (gone) throw new FactMissing("notInstalled", "lldpcli");
      return [];
    }),
  });
  b.start();
  await pass(0);
  gone = true;
  await pass(5000);
  assert.equal(b.facts().neighbours.state, "missing");
  b.stop();
});

test("an unchanged value is not told again, though its time advances; time, cpu and memory always are", async () => {
  const {
    board: b,
    pass,
    told,
    names,
  } = board({
    neighbours: source("neighbours", async () => [{ link: "eno1", system: "sw1", port: "1" }]),
    time: source("time", async () => timeValue),
  });
  b.start();
  await pass(100);
  const first = b.facts().neighbours.at;
  told.length = 0;
  await pass(10_000);
  assert.deepEqual(names(), ["time", "time"]);
  assert.equal(b.facts().neighbours.at - first, 10_000);
  b.stop();
});

test("readings that change at about the same time are told together", async () => {
  const {
    board: b,
    pass,
    names,
    told,
  } = board({
    time: source("time", async () => timeValue),
    memory: source("memory", async () => memoryOf(1), { everyMs: 1000 }),
  });
  b.start();
  await pass(50);
  told.length = 0;
  await pass(5000);
  assert.equal(names().filter((line) => line === "memory").length, 4);
  assert.equal(names().filter((line) => line.split(" ").length === 2).length, 1);
  b.stop();
});

test("a clock that steps back stalls nothing", async () => {
  let reads = 0;
  const { board: b, pass, stepClock } = board({ time: source("time", async () => ({ ...timeValue, now: ++reads })) });
  b.start();
  await pass(10_000);
  const before = reads;
  stepClock(-86_400_000);
  await pass(10_000);
  assert.equal(reads - before, 2);
  const now = b.facts().time;
  assert.equal(now.state, "value");
  b.stop();
});

test("histories take cpu and memory, and begin with what was measured before", async () => {
  const { machine, pass } = handMachine();
  const sources: Partial<Sources> = {
    cpu: source("cpu", async () => ({ model: "", usage: 0.5, iowait: 0, steal: 0, cores: [] }), { everyMs: 10_000 }),
    memory: source("memory", async () => memoryOf(250), { everyMs: 10_000 }),
  };
  const bucket = Math.floor(machine.now() / 10_000) - 1;
  const before = { stepMs: 10_000, bucket, values: [0.1], samples: 1 };
  const b = new FactBoard(machine, sources, { histories: { cpu: before, memory: before } });
  b.start();
  await pass(0);
  assert.deepEqual(b.histories().cpu.values, [0.1, 0.5]);
  assert.deepEqual(b.histories().memory.values, [0.1, 0.25]);
  b.stop();
});

test("while nobody watches, sources slow down; when somebody looks, what is old is read at once", async () => {
  let reads = 0;
  const { board: b, pass } = board({ time: source("time", async () => ({ ...timeValue, now: ++reads })) });
  b.start();
  b.setWatched(false);
  await pass(100_000);
  assert.ok(reads <= 6, `${reads} reads in 100 s at one every 20 s`);
  const slow = reads;
  await pass(8000);
  b.setWatched(true);
  await pass(0);
  assert.equal(reads, slow + 1);
  await pass(10_000);
  assert.equal(reads, slow + 3);
  b.stop();
});

test("refresh reads now, joins a read that is under way, and never rejects", async () => {
  let reads = 0;
  let answer: (value: Memory) => void = () => {};
  const { board: b, pass } = board({
    memory: source("memory", () => {
      reads += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    }),
    hosts: source("hosts", async () => {
      throw new Error("no");
    }),
  });
  b.start();
  const both = Promise.all([b.refresh("memory"), b.refresh("memory"), b.refresh("hosts"), b.refresh("cpu")]);
  answer(memoryOf(5));
  await both;
  await pass(0);
  assert.equal(reads, 1);
  const again = b.refresh("memory");
  answer(memoryOf(6));
  await again;
  assert.equal(reads, 2);
  b.stop();
});

test("a change that the kernel reports is read soon, at most once a second, also when it comes during a read", async () => {
  let changed: () => void = () => {};
  let ended = false;
  let reads = 0;
  const { board: b, pass } = board({
    neighbours: source("neighbours", async () => [{ link: "eno1", system: "sw1", port: String(++reads) }], {
      everyMs: 60_000,
      watch(_machine, call) {
        changed = call;
        return () => {
          ended = true;
        };
      },
    }),
  });
  b.start();
  changed();
  await pass(1000);
  assert.equal(reads, 2, "the change during the first read");
  for (let i = 0; i < 100; i++) changed();
  await pass(1000);
  assert.equal(reads, 3);
  await pass(10_000);
  assert.equal(reads, 3);
  changed();
  await pass(0);
  assert.equal(reads, 4, "after a quiet time at once");
  b.stop();
  assert.ok(ended);
});

test("after stop nothing is told and no timer is left", async () => {
  const {
    board: b,
    pass,
    told,
    waiting,
  } = board({
    time: source("time", async () => timeValue),
    memory: source("memory", hang),
  });
  b.start();
  await pass(100);
  b.stop();
  told.length = 0;
  await pass(60_000);
  assert.deepEqual(told, []);
  assert.equal(waiting(), 0);
});
