import assert from "node:assert/strict";
import { test } from "node:test";
import { migrationBed } from "../../support/cloud/migration.ts";
import { machine, place } from "../../support/cloud/place.ts";

const gigabyte = 1024 ** 3;

test("what a storage keeps from being placed is said with the storage's name, never with the folder that it is in", async (t) => {
  for (const storage of ["local", "shared"] as const) {
    const bed = await place(t, ["10.0.0.2"], storage);
    const { call, done, primary, cluster, hosts } = bed;
    const words: string[] = [];
    const refused = async (more: object, words1: RegExp) => {
      const { state, error } = await machine(bed, more);
      assert.deepEqual([state, error?.code], ["Failed", "VM.1008"], JSON.stringify(error));
      assert.match(error?.details ?? "", words1);
      words.push(JSON.stringify(error));
    };
    await refused({ rootDiskSize: 5000 * gigabyte }, /no room for 5000G on storage store \(10\.0\.0\.2\)/);
    const off = { uuid: primary.uuid, stateEvent: "disable" } as const;
    await call("ChangePrimaryStorageState", off);
    await refused({}, /storage store is not Enabled and Connected/);
    await call("ChangePrimaryStorageState", { ...off, stateEvent: "enable" });
    hosts.room = () => ({ totalBytes: 100 * gigabyte, availableBytes: gigabyte });
    assert.equal((await done("ReconnectPrimaryStorage", { uuid: primary.uuid })).state, "Succeeded");
    await refused({}, /storage store is in use above threshold\.primaryStorage\.physicalCapacity/);
    await call("DetachPrimaryStorageFromCluster", { uuid: primary.uuid, clusterUuid: cluster.uuid });
    await refused({}, /its cluster has no storage/);
    for (const each of words) assert.doesNotMatch(each, /binnacle_ps/);
  }
});

test("a machine starts on the host that it was on last, and on another one when that has no room or takes none", async (t) => {
  const { call, done, hostUuids, cloud, make } = await migrationBed(t);
  const [first = "", second = ""] = hostUuids.values();
  const uuid = await make("web", { hostUuid: first });
  const at = () => cloud.mirror.get("VmInstance", uuid)?.value.hostUuid;
  const again = async () => {
    assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
    assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
    return at();
  };
  // The other one has more memory free.
  await make("large", { hostUuid: first, memorySize: gigabyte });
  assert.equal(await again(), first);
  await call("ChangeHostState", { uuid: first, stateEvent: "disable" });
  assert.equal(await again(), second);
  await call("ChangeHostState", { uuid: first, stateEvent: "enable" });
  assert.equal(await again(), second);
  // Where it is moved while it is off, it starts.
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  assert.equal((await done("MigrateVm", { uuid })).state, "Succeeded");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal(at(), first);
});
