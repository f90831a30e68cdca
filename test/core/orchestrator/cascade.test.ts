import assert from "node:assert/strict";
import { test } from "node:test";
import { cascadeFlow } from "../../../core/orchestrator/cascade.ts";
import type { HostWorld } from "../../../core/orchestrator/hosts/world.ts";
import { begin } from "../../../core/orchestrator/vm/life.ts";
import { machine, place } from "../../support/cloud/place.ts";

test("a storage stays when a machine on it begins to start at the moment of the deletion", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { cloud, done, primary } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  const { records, mirror } = cloud;
  const removing = cascadeFlow({ records } as HostWorld).steps.find(({ name }) => name === "records");
  assert.ok(removing !== undefined);
  const env = { task: "", epoch: 0, commandId: "", signal: AbortSignal.timeout(60_000), isHalfDone: false };
  // Both are decided from the same records; this one is written first.
  const beginning = records.change((tx) => begin(tx, uuid, "start", "holder"));
  const deleting = removing.run({ kind: "PrimaryStorage", uuid: primary.uuid, mode: "Permissive" }, env);
  await Promise.all([beginning, assert.rejects(deleting, { code: "VM.1010" })]);
  assert.equal(mirror.count("Volume"), 1);
  assert.equal(mirror.count("PrimaryStorage"), 1);
});
