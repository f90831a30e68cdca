import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import type { Flow } from "../../../../core/orchestrator/flow/flow.ts";
import { begin, close, ended, manager, newStore, openManager, taskOf, until, untilStopped, uuidOf } from "./bed.ts";

/* What follows in a flow can't be written, or its record can't be read. */

test("a task whose next step can't be written is tried again and fails then, and its hook frees what it held", async (t) => {
  const held: string[] = [];
  const flow: Flow = {
    name: "huge",
    steps: [
      {
        name: "a",
        title: "a",
        run: async () => {
          const details = "x".repeat(600_000);
          throw new CloudError(refusalOf("HOST.1009", { where: "a", details, remedy: "None." }));
        },
      },
    ],
    failed: (_tx, _data, { code }, { notUndone }) => void held.push(`${code} ${notUndone.join()}`),
  };
  const one = await manager(t, await newStore(t), [flow]);
  await begin(one, flow, 1);
  const { state, error } = await ended(one.mirror, 1);
  assert.deepEqual([state, error?.code, held.at(-1)], ["Failed", "SYS.1080", "SYS.1080 a"]);
  assert.match(error?.details ?? "", /STORE\.TOO_LARGE/);
  assert.ok(one.unexpected.length > 1);
});

test("a damaged record of a flow fails its task, and holds up no other", async (t) => {
  const store = await newStore(t);
  const flow: Flow = { name: "f", steps: [{ name: "s", title: "s", run: (_, { signal }) => untilStopped(signal) }] };
  const older = await openManager(store, [flow]);
  for (const n of [1, 2]) await begin(older, flow, n);
  await until(older.mirror, () => [1, 2].every((n) => taskOf(older.mirror, n).state === "Running"));
  await close(older);
  await store.transact([{ do: "put", kind: "Flow", key: uuidOf(1), value: { managerUuid: "gone", flow: 5 } }]);
  const quick: Flow = { name: "f", steps: [{ name: "s", title: "s", run: async () => undefined }] };
  const newer = await manager(t, store, [quick]);
  const first = await ended(newer.mirror, 1);
  assert.deepEqual([first.state, first.error?.code], ["Failed", "SYS.1080"]);
  assert.equal((await ended(newer.mirror, 2)).state, "Succeeded");
  // Damaged while its manager lives: the manager does not fall over it.
  await store.transact([
    { do: "put", kind: "Flow", key: uuidOf(3), value: { managerUuid: newer.flows.managerUuid, flow: 5 } },
  ]);
  await until(newer.mirror, () => newer.mirror.get("Flow", uuidOf(3)) === undefined);
});
