import assert from "node:assert/strict";
import { test } from "node:test";
import { Sweeper } from "../../../core/manager/sweeper.ts";
import { cloudBed } from "../orchestrator/bed.ts";

test("of several managers one sweeps for all, and another one when that is gone; each does its own part", async (t) => {
  const { records, mirror } = await cloudBed(t);
  const done: string[] = [];
  const job = (what: string) => ({ what, run: async () => done.push(what) });
  const onTrouble = () => assert.fail("No job fails.");
  const sweepers = ["a", "b"].map(
    (managerUuid) =>
      new Sweeper({
        ...{ mirror, managerUuid, onTrouble, monotonicMs: () => 0 },
        ...{ each: [job(`own of ${managerUuid}`)], one: [job(`all by ${managerUuid}`)] },
      }),
  );
  await records.change((tx) => {
    for (const uuid of ["a", "b"]) tx.put("ManagementNode", uuid, { uuid });
  });
  for (const sweeper of sweepers) await sweeper.sweep();
  assert.deepEqual(done.splice(0), ["own of a", "all by a", "own of b"]);
  await records.change((tx) => tx.delete("ManagementNode", "a"));
  await sweepers[1]?.sweep();
  assert.deepEqual(done, ["own of b", "all by b"]);
});

test("a job that fails is told and holds up no other, and no sweep begins while one is under way", async (t) => {
  const { mirror } = await cloudBed(t);
  const [told, gate]: [string[], PromiseWithResolvers<void>] = [[], Promise.withResolvers<void>()];
  let runs = 0;
  const counts = async () => {
    runs += 1;
    await gate.promise;
  };
  const sweeper = new Sweeper({
    mirror,
    managerUuid: "a",
    monotonicMs: () => 0,
    each: [{ what: "fails", run: () => Promise.reject(new Error("It fails.")) }],
    one: [{ what: "counts", run: counts }],
    onTrouble: (what) => told.push(what),
  });
  const both = [sweeper.sweep(), sweeper.sweep()];
  gate.resolve();
  await Promise.all(both);
  assert.deepEqual([runs, told], [1, ["fails"]]);
});

test("a job with an interval of its own runs when that is over, and one without at each look", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { mirror } = await cloudBed(t);
  const done: string[] = [];
  let now = 0;
  const job = (what: string, everyMs?: number) => ({
    what,
    run: async () => done.push(what),
    ...(everyMs === undefined ? {} : { everyMs: () => everyMs }),
  });
  const sweeper = new Sweeper({
    ...{ mirror, managerUuid: "a", monotonicMs: () => now, onTrouble: () => assert.fail("No job fails.") },
    ...{ each: [], one: [job("each minute"), job("each second hour", 2 * 3_600_000)] },
  });
  sweeper.start();
  const look = async (hours: number) => {
    now = hours * 3_600_000;
    t.mock.timers.tick(60_000);
    // Resolves with the one that is under way.
    await new Promise((resolve) => setImmediate(resolve));
    return done.splice(0);
  };
  assert.deepEqual(await look(0), ["each minute", "each second hour"]);
  assert.deepEqual(await look(1), ["each minute"]);
  assert.deepEqual(await look(2), ["each minute", "each second hour"]);
  await sweeper.close();
});
