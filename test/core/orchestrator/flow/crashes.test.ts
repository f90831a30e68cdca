import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { Flow, FlowEnv } from "../../../../core/orchestrator/flow/flow.ts";
import { removeOldTasks } from "../../../../core/orchestrator/flow/retention.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { Records, type Tx } from "../../../../core/orchestrator/records.ts";
import type { JsonObject } from "../../../../core/store/record.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { Random } from "../../../support/random.ts";
import { undoAfter } from "../../../support/undo.ts";
import { openManager, taskFields, until, uuidOf } from "./bed.ts";
import { FailingStore } from "./failing-store.ts";

/*
 * Random flows on managers that die between any two writes, are stopped without knowing it, and don't hear what came of
 * their writes. `BINNACLE_TEST_SEED=N` repeats one run.
 */

const runs = 200;
const undoAttempts = 3;

type Plan = {
  run: "works" | "fails" | "failsHalfDone" | "changeFails";
  /** Attempts to take it back that fail. */
  undoFails: number;
  cancellable: boolean;
};

/** Commands as agents carry them out: each id once, none of an epoch that is over. */
class World {
  readonly present = new Set<string>();
  readonly #answers = new Map<string, boolean>();
  readonly #epochs = new Map<string, number>();
  readonly #inSteps = new Map<string, FailingStore>();

  command({ task, epoch, commandId }: FlowEnv, does: () => boolean): void {
    if (epoch < (this.#epochs.get(task) ?? 0)) throw new NodeError("AGENT.OLD_EPOCH", "Another manager has come.");
    this.#epochs.set(task, epoch);
    const isDone = this.#answers.get(commandId) ?? does();
    this.#answers.set(commandId, isDone);
    if (!isDone) throw new NodeError("AGENT.FAILED", "It did not work.");
  }

  /** No two managers that have their place are in steps of one flow. */
  async inStep<T>(task: string, store: FailingStore, act: () => Promise<T>): Promise<T> {
    const other = this.#inSteps.get(task);
    if (store.hasPlace) {
      assert.ok(other === undefined || other === store || !other.hasPlace, "two managers are in one flow");
      this.#inSteps.set(task, store);
    }
    try {
      return await act();
    } finally {
      if (this.#inSteps.get(task) === store) this.#inSteps.delete(task);
    }
  }
}

function flowsOf(plans: readonly (readonly Plan[])[], world: World, store: FailingStore, random: Random): Flow[] {
  return plans.map((plan, n) => ({
    name: `flow${n}`,
    steps: plan.map(({ run, undoFails, cancellable }, i) => {
      const thing = (task: string) => `${task}.${i}`;
      const breathe = async () => {
        for (let hops = random.below(3); hops > 0; hops--) await turn();
        await store.lives();
      };
      return {
        name: `s${i}`,
        title: `step ${i}`,
        cancellable,
        run: (_data: JsonObject, env: FlowEnv) =>
          world.inStep(env.task, store, async () => {
            await breathe();
            if (run === "fails") throw planned();
            world.command(env, () => {
              world.present.add(thing(env.task));
              return true;
            });
            await breathe();
            if (run === "failsHalfDone") throw planned();
            return {
              data: { [`s${i}`]: i },
              change: (tx: Tx) => {
                count(tx, thing(env.task), 1);
                count(tx, "total", 1);
                if (run === "changeFails") throw planned();
              },
            };
          }),
        undo: (data: JsonObject, env: FlowEnv) =>
          world.inStep(env.task, store, async () => {
            await breathe();
            world.command(env, () => {
              if (Number(env.commandId.split(".").at(-1)) <= undoFails) return false;
              world.present.delete(thing(env.task));
              return true;
            });
            await breathe();
            assert.equal(`s${i}` in data, !env.isHalfDone);
            return {
              change: (tx: Tx) => {
                assert.equal(tx.get("AddressUse", thing(env.task)) !== undefined, !env.isHalfDone);
                if (env.isHalfDone) return;
                count(tx, thing(env.task), -1);
                count(tx, "total", -1);
              },
            };
          }),
      };
    }),
    succeeded: (tx: Tx) => count(tx, `${uuidOf(n)}.succeeded`, 1),
    failed: (tx: Tx) => count(tx, `${uuidOf(n)}.failed`, 1),
  }));
}

/** A record that is there while its number is not 0. */
function count(tx: Tx, key: string, by: number): void {
  const sum = Number(tx.get("AddressUse", key)?.["n"] ?? 0) + by;
  if (sum === 0) tx.delete("AddressUse", key);
  else tx.put("AddressUse", key, { n: sum }, sum === by);
}

function planned(): CloudError {
  return new CloudError(refusalOf("HOST.1009", { where: "here", details: "planned", remedy: "none" }));
}

function randomPlan(random: Random): Plan[] {
  return Array.from({ length: 1 + random.below(5) }, () => ({
    run: random.chance(80) ? "works" : random.pick(["fails", "failsHalfDone", "changeFails"]),
    undoFails: random.chance(75) ? 0 : random.below(undoAttempts + 2),
    cancellable: random.chance(50),
  }));
}

async function oneRun(store: SqliteStore, seed: number): Promise<void> {
  const random = new Random(seed);
  const world = new World();
  const plans = Array.from({ length: 1 + random.below(4) }, () => randomPlan(random));
  const stores: FailingStore[] = [];
  const open = async (isMortal: boolean) => {
    const own = new FailingStore(store, random, isMortal ? random.below(40) : undefined);
    stores.push(own);
    return openManager(own, flowsOf(plans, world, own, random), {
      limits: { undoAttempts, interruptions: 1000 },
      atOnce: () => 1 + (seed % 3),
    });
  };
  const observer = await Mirror.open(store);
  const records = new Records({ store, mirror: observer, now: Date.now });
  const managers = [await open(false), await open(true), await open(true)];
  const started = plans.map(async (_, n) => {
    const manager = random.pick(managers);
    const flow = flowsOf(plans, world, new FailingStore(store, random, undefined), random)[n];
    assert.ok(flow !== undefined);
    const change = manager.records.change((tx) => manager.flows.start(tx, { flow, data: {}, task: taskFields(n) }));
    await Promise.race([change, stores[managers.indexOf(manager)]?.died]);
  });
  // What was begun while the store failed, or the manager died, is there or is not.
  await Promise.allSettled(started);
  const [immortal] = managers;
  assert.ok(immortal !== undefined);
  const cancelled = new Set<number>();
  for (const n of plans.keys()) {
    if (!random.chance(30)) continue;
    for (let hops = random.below(20); hops > 0; hops--) await turn();
    await immortal.records
      .change((tx) => immortal.flows.cancel(tx, uuidOf(n)))
      .then(
        () => cancelled.add(n),
        (error: unknown) => {
          assert.ok(error instanceof NodeError, String(error));
          if (error.code === "STORE.UNCERTAIN") cancelled.add(n);
        },
      );
  }
  // All that was written so far is seen then.
  await records.change((tx) => tx.put("AddressUse", "seen", {}, true));
  await until(observer, () => observer.count("Flow") === 0);

  let total = 0;
  for (const [n, plan] of plans.entries()) {
    const task = observer.get("Task", uuidOf(n))?.value;
    if (task === undefined) continue;
    const failsAt = plan.findIndex(({ run }) => run !== "works");
    const isSuccess = task.state === "Succeeded";
    if (!cancelled.has(n)) assert.equal(task.state, failsAt === -1 ? "Succeeded" : "Failed", JSON.stringify(task));
    else assert.ok(["Succeeded", "Failed", "Cancelled"].includes(task.state));
    const numbers = (what: string | number) => observer.get("AddressUse", `${uuidOf(n)}.${what}`)?.value["n"] ?? 0;
    assert.equal(numbers("succeeded"), isSuccess ? 1 : 0);
    assert.equal(numbers("failed"), isSuccess ? 0 : 1);
    const notUndone = String(task.error?.values?.["notUndone"] ?? task.error?.details ?? "");
    for (const [i, { undoFails }] of plan.entries()) {
      const isStuck = notUndone.includes(`step ${i}`);
      assert.ok(!isStuck || undoFails >= undoAttempts);
      const isThere = world.present.has(`${uuidOf(n)}.${i}`);
      if (isSuccess) assert.ok(isThere, `step ${i} of ${n} was not done`);
      else assert.ok(!isThere || isStuck, `step ${i} of ${n} was not undone`);
      const number = numbers(i);
      assert.equal(number === 1, isSuccess || (isStuck && number !== 0), `the change of step ${i} of ${n}: ${number}`);
      total += Number(number);
    }
  }
  assert.equal(observer.get("AddressUse", "total")?.value["n"] ?? 0, total);
  for (const { unexpected } of managers)
    assert.deepEqual(
      unexpected.filter((error) => !(error instanceof NodeError)),
      [],
    );

  for (const each of stores) await each.end();
  await removeOldTasks(records, { keptSeconds: -1, keptNewest: 0 }, Date.now());
  await records.change((tx) => {
    for (const [key] of observer.entries("AddressUse")) tx.delete("AddressUse", key);
  });
  assert.equal(observer.count("Task"), 0);
  const ends = managers.map(async ({ flows, mirror }) => {
    await flows.close(0);
    await mirror.close();
  });
  await Promise.all([...ends, observer.close()]);
}

test("a manager whose place is gone writes nothing more, even while it has not heard of that", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
  undoAfter(t, () => store.close());
  const own = new FailingStore(store, new Random(1), undefined);
  own.failing = 0;
  const gate = Promise.withResolvers<undefined>();
  const steps = ["a", "b"].map((name) => ({ name, title: name, run: () => gate.promise }));
  const flow: Flow = { name: "gated", steps };
  const { flows, mirror, records } = await openManager(own, [flow]);
  await records.change((tx) => flows.start(tx, { flow, data: {}, task: taskFields(1) }));
  await until(mirror, () => mirror.get("Task", uuidOf(1))?.value.step === "a");
  const before = await store.get("Flow", uuidOf(1));

  const hearing = Promise.withResolvers<void>();
  own.hearing = hearing.promise;
  await own.end();
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  own.onConflict = resolve;
  gate.resolve(undefined);
  await refused;
  assert.equal(flows.lost.aborted, false);
  hearing.resolve();
  if (!flows.lost.aborted) await once(flows.lost, "abort");
  await flows.close();
  assert.deepEqual(await store.get("Flow", uuidOf(1)), before);
  await mirror.close();
});

test(`${runs} times random flows end wholly done or wholly undone, each effect once, whenever managers die`, async () => {
  const folder = temporaryFolder();
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
  const only = process.env["BINNACLE_TEST_SEED"];
  const seeds = only === undefined ? Array.from({ length: runs }, (_, n) => n) : [Number(only)];
  try {
    for (const seed of seeds)
      try {
        await oneRun(store, seed);
      } catch (error) {
        throw new Error(`Seed ${seed}`, { cause: error });
      }
  } finally {
    await store.close();
    folder.dispose();
  }
});
