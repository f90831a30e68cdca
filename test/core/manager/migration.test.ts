import assert from "node:assert/strict";
import { test } from "node:test";
import { first, migrationBed, second } from "../../support/cloud/migration.ts";

test("a running machine moves to another host with all that it has, and back to the one that is named", async (t) => {
  const bed = await migrationBed(t);
  const { call, done, make, there, hostUuids, cloud } = bed;
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  const before = (await call("GetVmInstance", { uuid })).inventory;
  const moved = await done("MigrateVm", { uuid });
  assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
  assert.deepEqual(moved.result, { vmInstanceUuid: uuid, hostUuid: hostUuids.get(second) });
  assert.deepEqual(await there(uuid), [`${second} running`]);
  const after = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual(
    { ...after, lastOpDate: 0 },
    { ...before, hostUuid: hostUuids.get(second), lastHostUuid: hostUuids.get(first), lastOpDate: 0 },
  );
  const back = await done("MigrateVm", { uuid, hostUuid: hostUuids.get(first) ?? "" });
  assert.equal(back.state, "Succeeded", JSON.stringify(back.error));
  assert.deepEqual(await there(uuid), [`${first} running`]);
  assert.equal(cloud.mirror.count("Migration") + cloud.mirror.count("MigrationRest"), 0);
  const used = [...cloud.mirror.all("Host")].map(({ value }) => value.memoryUsed);
  assert.deepEqual(used.toSorted(), [0, after.memorySize]);
});
