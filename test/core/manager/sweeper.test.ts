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
        ...{ mirror, managerUuid, onTrouble },
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
    each: [{ what: "fails", run: () => Promise.reject(new Error("It fails.")) }],
    one: [{ what: "counts", run: counts }],
    onTrouble: (what) => told.push(what),
  });
  const both = [sweeper.sweep(), sweeper.sweep()];
  gate.resolve();
  await Promise.all(both);
  assert.deepEqual([runs, told], [1, ["fails"]]);
});
