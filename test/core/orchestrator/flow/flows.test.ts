import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { Flow, FlowEnv, Step } from "../../../../core/orchestrator/flow/flow.ts";
import type { JsonObject } from "../../../../core/store/record.ts";
import { begin, close, ended, manager, newStore, openManager, taskOf, until, untilStopped, uuidOf } from "./bed.ts";

/** Steps that note in `log` what happens. */
function noting(log: string[], name: string, more: Partial<Step<JsonObject>> = {}): Step<JsonObject> {
  return {
    name,
    title: `doing ${name}`,
    run: async () => {
      log.push(name);
      return undefined;
    },
    undo: async (_data, { isHalfDone }) => {
      log.push(`undo ${name}${isHalfDone ? " (half)" : ""}`);
      return undefined;
    },
    ...more,
  };
}

const failing = async () => {
  const details = "node-2 has no room.";
  throw new CloudError(refusalOf("HOST.1009", { where: "Host node-2", details, remedy: "Choose another host." }));
};

test("a flow runs its steps in order, keeps what each gave, and ends with its result and its hook in one commit", async (t) => {
  const seen: JsonObject[] = [];
  const flow: Flow = {
    name: "count",
    steps: [1, 2, 3].map((n) => ({
      name: `s${n}`,
      title: `step ${n}`,
      run: async (data) => {
        seen.push({ ...data });
        return { data: { [`n${n}`]: n }, change: (tx) => tx.put("AddressUse", `a${n}`, { n }) };
      },
    })),
    succeeded: (tx, data) => tx.put("MacUse", "end", data),
    result: ({ n3 = null }) => ({ last: n3 }),
  };
  const one = await manager(t, await newStore(t), [flow]);
  const states: string[] = [];
  one.mirror.subscribe((changes) => {
    for (const { kind, after } of changes)
      if (kind === "Task" && after !== undefined) {
        const { state, step, progress } = after.value as JsonObject;
        states.push(`${state} ${step} ${progress}`);
      }
  });
  const made = await begin(one, flow, 1, { n0: 0 });
  assert.equal(made.state, "Waiting");
  const task = await ended(one.mirror, 1);
  assert.deepEqual(seen, [{ n0: 0 }, { n0: 0, n1: 1 }, { n0: 0, n1: 1, n2: 2 }]);
  assert.deepEqual(states, [
    "Waiting null 0",
    "Running step 1 0",
    "Running step 2 33",
    "Running step 3 66",
    "Succeeded null 100",
  ]);
  assert.deepEqual([task.result, task.error, task.cancellable], [{ last: 3 }, null, false]);
  assert.ok(task.startDate !== null && task.endDate !== null);
  assert.deepEqual(one.mirror.get("MacUse", "end")?.value, { n0: 0, n1: 1, n2: 2, n3: 3 });
  assert.equal(one.mirror.count("AddressUse"), 3);
  assert.equal(one.mirror.count("Flow"), 0);
});

test("a step that fails is taken back first, then those before it, and the task keeps the error as it was", async (t) => {
  const log: string[] = [];
  const flow: Flow = {
    name: "fails",
    steps: [
      noting(log, "a"),
      { name: "b", title: "b", run: async () => undefined },
      noting(log, "c", { run: failing }),
    ],
    succeeded: () => log.push("succeeded"),
    failed: (_tx, _data, error, how) => log.push(`failed ${error.code} ${how.isCancelled} ${how.notUndone}`),
  };
  const one = await manager(t, await newStore(t), [flow]);
  await begin(one, flow, 1);
  const task = await ended(one.mirror, 1);
  assert.deepEqual(log, ["a", "undo c (half)", "undo a", "failed HOST.1009 false "]);
  assert.equal(task.state, "Failed");
  assert.deepEqual([task.error?.code, task.error?.details, task.result], ["HOST.1009", "node-2 has no room.", null]);
});

test("a change that the cloud's rules refuse fails its step, and nothing of it is written", async (t) => {
  const log: string[] = [];
  const flow: Flow = {
    name: "refused",
    steps: [
      noting(log, "a", {
        run: async () => ({
          change: (tx) => {
            tx.put("AddressUse", "x", {});
            tx.need("Zone", uuidOf(99));
          },
        }),
      }),
    ],
  };
  const one = await manager(t, await newStore(t), [flow]);
  await begin(one, flow, 1);
  assert.equal((await ended(one.mirror, 1)).error?.code, "SYS.1005");
  assert.deepEqual(log, ["undo a (half)"]);
  assert.equal(one.mirror.count("AddressUse"), 0);
});

test("what can't be taken back is tried with growing pauses, then named in the error, and the rest is taken back", async (t) => {
  const log: string[] = [];
  const pauses: number[] = [];
  const ids: string[] = [];
  const undo = async (_data: JsonObject, { commandId }: FlowEnv) => {
    ids.push(commandId);
    throw new NodeError("AGENT.GONE", "The host does not answer.");
  };
  const flow: Flow = {
    name: "stuck",
    steps: [noting(log, "a"), noting(log, "b", { undo }), noting(log, "c", { run: failing })],
    failed: (_tx, _data, _error, { notUndone }) => log.push(`failed ${notUndone}`),
  };
  const one = await manager(t, await newStore(t), [flow], {
    limits: { undoAttempts: 4 },
    pause: async (ms) => {
      pauses.push(ms);
    },
  });
  await begin(one, flow, 1);
  const { state, error } = await ended(one.mirror, 1);
  assert.deepEqual(log, ["a", "b", "undo c (half)", "undo a", "failed doing b"]);
  assert.deepEqual(pauses, [750, 1500, 3000]);
  assert.equal(new Set(ids).size, 4);
  assert.equal(state, "Failed");
  assert.equal(error?.code, "HOST.1009");
  assert.match(error?.details ?? "", /node-2 has no room\. "doing b" could not be taken back: .*does not answer\./);
  assert.equal(error?.values?.["notUndone"], "doing b");
});

test("a cancellation is obeyed before the next step that allows it; none is taken when no such step is left", async (t) => {
  const log: string[] = [];
  const gates = new Map(["a", "b", "c"].map((name) => [name, Promise.withResolvers<void>()]));
  const gated = (name: string, more: Partial<Step<JsonObject>> = {}) =>
    noting(log, name, {
      run: async () => {
        log.push(name);
        await gates.get(name)?.promise;
        return undefined;
      },
      ...more,
    });
  const flow: Flow = {
    name: "cancelled",
    steps: [gated("a"), gated("b"), gated("c", { cancellable: true }), noting(log, "d")],
    failed: (_tx, _data, error, { isCancelled }) => log.push(`failed ${error.code} ${isCancelled}`),
  };
  const one = await manager(t, await newStore(t), [flow]);
  const cancel = (n: number) => one.records.change((tx) => one.flows.cancel(tx, uuidOf(n)));
  await begin(one, flow, 1);
  await until(one.mirror, () => taskOf(one.mirror, 1).step === "doing a");
  assert.equal(taskOf(one.mirror, 1).cancellable, true);
  await cancel(1);
  await assert.rejects(cancel(1), /SYS.1002|cancel is not possible: its state is Cancelling/);
  gates.get("a")?.resolve();
  gates.get("b")?.resolve();
  const task = await ended(one.mirror, 1);
  assert.deepEqual([task.state, task.error], ["Cancelled", null]);
  assert.deepEqual(log.splice(0), ["a", "b", "undo b", "undo a", "failed SYS.1021 true"]);

  await begin(one, flow, 2);
  await until(one.mirror, () => taskOf(one.mirror, 2).step === "doing c");
  await assert.rejects(cancel(2), { code: "SYS.1020" });
  gates.get("c")?.resolve();
  assert.equal((await ended(one.mirror, 2)).state, "Succeeded");
  await assert.rejects(cancel(2), /Succeeded is an end|its state is Succeeded/);
});

test("what waits is begun in turns over sessions, no more at once than the limit, and is cancelled without a step", async (t) => {
  const order: string[] = [];
  let now = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const flow: Flow = {
    name: "slow",
    steps: [
      {
        name: "s",
        title: "s",
        run: async ({ who = "" }) => {
          order.push(String(who));
          most = Math.max(most, ++now);
          await gate.promise;
          now--;
          return undefined;
        },
      },
    ],
  };
  const one = await manager(t, await newStore(t), [flow], { atOnce: () => 2 });
  const [anna, bert] = [uuidOf(901), uuidOf(902)];
  for (let n = 0; n < 8; n++) await begin(one, flow, n, { who: `anna${n}` }, anna);
  for (let n = 8; n < 10; n++) await begin(one, flow, n, { who: `bert${n}` }, bert);
  await one.records.change((tx) => one.flows.cancel(tx, uuidOf(3)));
  assert.equal(taskOf(one.mirror, 3).state, "Cancelled");
  assert.equal(taskOf(one.mirror, 2).state, "Waiting");
  gate.resolve();
  await until(one.mirror, () => one.mirror.count("Flow") === 0);
  assert.deepEqual(order, ["anna0", "anna1", "anna2", "bert8", "bert9", "anna4", "anna5", "anna6", "anna7"]);
  assert.equal(most, 2);
});

test("a step that does not end in its time is told so, left behind, and taken back under a later epoch", async (t) => {
  const epochs: number[] = [];
  let reason: unknown;
  const flow: Flow = {
    name: "hangs",
    steps: [
      {
        name: "s",
        title: "waiting for ever",
        timeoutMs: 5,
        run: (_data, { epoch, signal }) => {
          epochs.push(epoch);
          signal.addEventListener("abort", () => {
            reason = signal.reason;
          });
          return new Promise(() => undefined);
        },
        undo: async (_data, { epoch }) => {
          epochs.push(epoch);
          return undefined;
        },
      },
    ],
  };
  const one = await manager(t, await newStore(t), [flow], { limits: { stepGraceMs: 5 } });
  await begin(one, flow, 1);
  assert.equal((await ended(one.mirror, 1)).error?.code, "SYS.1024");
  assert.ok(reason instanceof CloudError);
  assert.ok((epochs[1] ?? 0) > (epochs[0] ?? 0));
});

test("an error that nobody made to be read is told to the log and not to the task", async (t) => {
  const flow: Flow = {
    name: "bug",
    steps: [{ name: "s", title: "s", run: () => Promise.reject(new TypeError("password=secret")) }],
  };
  const one = await manager(t, await newStore(t), [flow]);
  await begin(one, flow, 1);
  const { error } = await ended(one.mirror, 1);
  assert.deepEqual([error?.code, error?.cause?.code], ["SYS.1022", "SYS.UNEXPECTED"]);
  assert.ok(!JSON.stringify(error).includes("secret"));
  assert.match(String(one.unexpected[0]), /password=secret/);
});

test("a task ends although its hooks throw: success is taken back, a failure is kept", async (t) => {
  const log: string[] = [];
  const flow: Flow = {
    name: "hooks",
    steps: [noting(log, "a")],
    succeeded: () => {
      throw new Error("hook");
    },
    failed: () => {
      throw new Error("hook");
    },
  };
  const one = await manager(t, await newStore(t), [flow]);
  await begin(one, flow, 1);
  assert.equal((await ended(one.mirror, 1)).state, "Failed");
  assert.deepEqual(log, ["a", "undo a (half)"]);
});

test("a flow or a step that this version does not know ends its task and says what is left", async (t) => {
  const store = await newStore(t);
  const flow = (name: string, step: string): Flow => ({
    name,
    steps: [{ name: step, title: step, run: (_data, { signal }) => untilStopped(signal) }],
  });
  const older = await openManager(store, [flow("gone", "s"), flow("renamed", "old")], { atOnce: () => 1 });
  await begin(older, flow("renamed", "old"), 1);
  await begin(older, flow("gone", "s"), 2);
  await until(older.mirror, () => taskOf(older.mirror, 1).state === "Running");
  await close(older);
  const newer = await manager(t, store, [flow("renamed", "new")]);
  for (const n of [1, 2]) {
    const { state, error } = await ended(newer.mirror, n);
    assert.deepEqual([state, error?.code], ["Failed", "SYS.1026"]);
  }
});

test("a manager that closes stops its steps, and the next one begins them again at once with a later epoch", async (t) => {
  const store = await newStore(t);
  const runs: { id: string; epoch: number; isStopped: boolean }[] = [];
  const started = Promise.withResolvers<void>();
  const flow: Flow = {
    name: "long",
    steps: [
      {
        name: "s",
        title: "s",
        run: (_data, { commandId: id, epoch, signal }) => {
          const run = { id, epoch, isStopped: false };
          if (runs.push(run) > 1) return Promise.resolve(undefined);
          started.resolve();
          return new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              run.isStopped = true;
              reject(signal.reason);
            });
          });
        },
      },
    ],
  };
  const first = await openManager(store, [flow]);
  await begin(first, flow, 1);
  await started.promise;
  await close(first);
  const second = await manager(t, store, [flow]);
  assert.equal((await ended(second.mirror, 1)).state, "Succeeded");
  assert.deepEqual(
    runs.map(({ isStopped }) => isStopped),
    [true, false],
  );
  assert.equal(runs[0]?.id, runs[1]?.id);
  assert.ok((runs[1]?.epoch ?? 0) > (runs[0]?.epoch ?? 0));
});

test("a step during which managers end again and again counts as failed", async (t) => {
  const store = await newStore(t);
  const log: string[] = [];
  let started = Promise.withResolvers<void>();
  const run = (_data: JsonObject, { signal }: FlowEnv) => {
    started.resolve();
    return untilStopped(signal);
  };
  const flow: Flow = { name: "poison", steps: [noting(log, "a", { run })] };
  const limits = { interruptions: 2 };
  const first = await openManager(store, [flow], { limits });
  await begin(first, flow, 1);
  await started.promise;
  await close(first);
  for (let n = 0; n < 2; n++) {
    started = Promise.withResolvers<void>();
    const next = await openManager(store, [flow], { limits });
    await started.promise;
    await close(next);
  }
  const last = await manager(t, store, [flow], { limits });
  assert.equal((await ended(last.mirror, 1)).error?.code, "SYS.1025");
  assert.deepEqual(log, ["undo a (half)"]);
});

test("a manager that is alone with its store goes on with a dead one's flows before that one's lease has ended", async (t) => {
  const store = await newStore(t);
  const flow: Flow = { name: "short", steps: [{ name: "s", title: "s", run: async () => undefined }] };
  const dead = await manager(t, store, [flow], { atOnce: () => 0, leaseMs: 3_600_000 });
  await begin(dead, flow, 1);
  const alone = await manager(t, store, [flow], { isAlone: true });
  assert.equal((await ended(alone.mirror, 1)).state, "Succeeded");
  assert.equal(dead.flows.lost.aborted, true);
});
