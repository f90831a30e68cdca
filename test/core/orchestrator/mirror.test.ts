import assert from "node:assert/strict";
import { test } from "node:test";
import { task } from "../../../core/model/cloud/operations.ts";
import { volume } from "../../../core/model/cloud/volume.ts";
import type { Change } from "../../../core/store/store.ts";
import { Random } from "../../support/random.ts";
import { samples } from "../model/cloud/samples.ts";
import { cloudBed, onStore } from "./bed.ts";

test("what the mirror counts is what is there, whatever comes and goes, and for who opens it later too", async (t) => {
  const { store, mirror } = await cloudBed(t);
  const random = new Random(7);
  const sample = task.parse(samples.Task);
  const counted = (of: typeof mirror) => Object.fromEntries([...of.counts("Task", "state")].sort());
  for (let round = 0; round < 200; round++) {
    const keys = new Set(Array.from({ length: 1 + random.below(5) }, () => String(random.below(12))));
    const changes = [...keys].map((key): Change => {
      if (random.chance(30)) return { do: "delete", kind: "Task", key };
      const value = { ...sample, uuid: key, state: random.pick(["Waiting", "Running", "Failed"]) };
      return { do: "put", kind: "Task", key, value };
    });
    const isEmpty = changes.every((each) => each.do === "delete" && mirror.get("Task", each.key) === undefined);
    const revision = await store.transact(changes);
    if (!isEmpty) await mirror.reached(revision);
    const naive = new Map<string, number>();
    for (const { value } of mirror.all("Task")) naive.set(value.state, (naive.get(value.state) ?? 0) + 1);
    assert.deepEqual(counted(mirror), Object.fromEntries([...naive].sort()));
  }
  assert.ok(mirror.count("Task") > 0);
  assert.deepEqual(counted((await onStore(t, store)).mirror), counted(mirror));
});

test("a volume that a former version has written is read, and written with what it lacked", async (t) => {
  const { store } = await cloudBed(t);
  const { hostUuid: _, ...former } = volume.parse(samples.Volume);
  await store.transact([{ do: "put", kind: "Volume", key: former.uuid, value: former }]);
  const { mirror, records } = await onStore(t, store);
  assert.equal(mirror.unreadable.size, 0);
  assert.equal(mirror.get("Volume", former.uuid)?.value.hostUuid, null);
  await records.change((tx) => void tx.update("Volume", former.uuid, { name: "data" }));
  assert.deepEqual((await store.get("Volume", former.uuid))?.value["hostUuid"], null);
});
