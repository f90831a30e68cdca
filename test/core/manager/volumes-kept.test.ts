import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { deepestTree } from "../../../core/model/cloud/volume.ts";
import { mostSnapshots } from "../../../core/model/cloud/volume-rules.ts";
import { seen } from "../../support/cloud/place.ts";
import { gigabyte, volumePlace } from "../../support/cloud/volumes.ts";
import { refuses } from "../store/conformance.ts";

/* Where volumes are kept, and for how long. */

test("a volume on local storage serves its own host's machines only, keeps its room there, and is told when that host goes", async (t) => {
  const bed = await volumePlace(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { data, vm, ok, done, call, volumeOf, primary, hostUuids, cloud } = bed;
  const [one = "", two = ""] = hostUuids;
  const [near, far] = [await vm({ hostUuid: one }), await vm({ hostUuid: two })];
  const uuid = await data({ primaryStorageUuid: primary.uuid, hostUuid: one });
  assert.deepEqual([(await volumeOf(uuid)).hostUuid, (await volumeOf(uuid)).status], [one, "Ready"]);
  const refusal = await refuses(call("AttachDataVolumeToVm", { uuid, vmInstanceUuid: far }), "STORAGE.1042");
  const details = refusal instanceof CloudError ? refusal.refusal.details : "";
  assert.match(details, /own disks of the host .*10\.0\.0\.2.* is on the host .*10\.0\.0\.3/);
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: near });
  assert.equal((await volumeOf(uuid)).hostUuid, null, "where its machine is");
  await ok("StopVmInstance", { uuid: near, type: "cold" });
  const started = await done("StartVmInstance", { uuid: near, hostUuid: two });
  assert.equal(started.error?.cause?.code ?? started.error?.code, "VM.1008");
  await ok("DestroyVmInstance", { uuid: near });
  assert.deepEqual([(await volumeOf(uuid)).hostUuid, (await volumeOf(uuid)).vmInstanceUuid], [one, null]);

  await ok("ChangeHostState", { uuid: one, stateEvent: "preMaintain" });
  const refused = await done("DeleteHost", { uuid: one });
  const why = refused.error?.cause ?? refused.error;
  assert.equal(why?.code, "HOST.1003");
  assert.match(why?.details ?? "", /: data\.$/);
  const lost = await ok("DeleteHost", { uuid: one, deleteMode: "Enforcing" });
  const { lostVolumes } = lost.result as { lostVolumes: { uuid: string; vmInstanceUuid: string | null }[] };
  assert.deepEqual(
    lostVolumes.filter(({ vmInstanceUuid }) => vmInstanceUuid === null).map((each) => each.uuid),
    [uuid],
  );
  await refuses(call("AttachDataVolumeToVm", { uuid, vmInstanceUuid: far }), "STORAGE.1042");
  await ok("DeleteDataVolume", { uuid });
  await ok("ExpungeDataVolume", { uuid });
  assert.equal(cloud.mirror.get("Volume", uuid), undefined, "its record can go without its host");
});

test("snapshots are charged as they grow, kept with their volume, and go with it; root volumes have them too", async (t) => {
  const { data, vm, ok, call, free, cloud, told } = await volumePlace(t, ["10.0.0.2"]);
  const [uuid, vmInstanceUuid] = [await data(), await vm()];
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
  const root = cloud.mirror.get("VmInstance", vmInstanceUuid)?.value.rootVolumeUuid ?? "";
  const before = free();
  const snapshots = async () =>
    (await call("QueryVolumeSnapshot", { q: [`volumeUuid=${uuid}`], sortBy: "depth" })).inventories;
  const take = async (volumeUuid: string, name: string) =>
    (await ok("CreateVolumeSnapshot", { volumeUuid, name })).resourceUuid ?? "";
  const first = await take(uuid, "first");
  await take(uuid, "second");
  await take(root, "of root");
  const kept = (await snapshots()).reduce((sum, { size }) => sum + Number(size), 0);
  assert.ok(kept > 0);
  assert.deepEqual(
    (await snapshots()).map(({ depth, latest }) => [depth, latest]),
    [
      [1, false],
      [2, true],
    ],
  );
  const all = [...cloud.mirror.all("VolumeSnapshot")].reduce((sum, { value }) => sum + value.size, 0);
  assert.equal(free(), before - all);
  await ok("StopVmInstance", { uuid: vmInstanceUuid, type: "cold" });
  await ok("RevertVolumeFromSnapshot", { uuid: first });
  assert.deepEqual(
    (await snapshots()).map(({ latest }) => latest),
    [true, false],
  );
  told();
  await ok("DetachDataVolumeFromVm", { uuid });
  await ok("DeleteDataVolume", { uuid });
  await refuses(call("DeleteVolumeSnapshot", { uuid: first }), "STORAGE.1007");
  await ok("ExpungeDataVolume", { uuid });
  assert.deepEqual(told(), ["deleteVolume"]);
  await ok("DestroyVmInstance", { uuid: vmInstanceUuid });
  await ok("ExpungeVmInstance", { uuid: vmInstanceUuid });
  assert.equal(cloud.mirror.count("VolumeSnapshot") + cloud.mirror.count("Volume"), 0);
});

test("a tree of snapshots is no deeper than it may be, and a volume has no more than it may have", async (t) => {
  const { data, ok, call, primary, cloud } = await volumePlace(t, ["10.0.0.2"]);
  const uuid = await data({ primaryStorageUuid: primary.uuid });
  const first = (await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" })).resourceUuid ?? "";
  const like = cloud.mirror.get("VolumeSnapshot", first)?.value;
  assert.ok(like !== undefined);
  const another = (n: number) => `${n.toString(16).padStart(12, "0")}4aaa8aaaaaaaaaaaaaaa`;
  await cloud.records.change((tx) => {
    for (let n = 2; n <= deepestTree; n++)
      tx.insert("VolumeSnapshot", {
        ...{ ...like, uuid: another(n), parentUuid: n === 2 ? first : another(n - 1) },
        ...{ depth: n, size: 0, latest: n === deepestTree },
      });
    tx.update("VolumeSnapshot", first, { latest: false });
  });
  await refuses(call("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" }), "STORAGE.1009");
  await ok("DeleteVolumeSnapshot", { uuid: first });
  const depths = [...cloud.mirror.all("VolumeSnapshot")].map(({ value }) => value.depth).sort((a, b) => a - b);
  assert.deepEqual(
    depths,
    Array.from({ length: deepestTree - 1 }, (_, n) => n + 1),
  );
  await cloud.records.change((tx) => {
    for (let n = deepestTree; n < mostSnapshots; n++)
      tx.insert("VolumeSnapshot", {
        ...like,
        uuid: another(1000 + n),
        parentUuid: null,
        depth: 1,
        size: 0,
        latest: false,
      });
  });
  await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" });
  await refuses(call("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" }), "STORAGE.1045");
  await ok("DeleteDataVolume", { uuid });
  await ok("ExpungeDataVolume", { uuid });
  assert.equal(cloud.mirror.count("VolumeSnapshot"), 0, "all of them in one transaction");
});

test("deleted volumes go when their time has come, at once, or never, as the setting says", async (t) => {
  const { data, ok, call, cloud, primary, free, told } = await volumePlace(t, ["10.0.0.2"]);
  const policy = (value: string) => call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value });
  const before = free();
  const make = () => data({ primaryStorageUuid: primary.uuid });
  await policy("Direct");
  await ok("DeleteDataVolume", { uuid: await make() });
  assert.deepEqual([cloud.mirror.count("Volume"), free()], [0, before]);
  const uuid = await make();
  await policy("Delay");
  await ok("DeleteDataVolume", { uuid });
  const volume = () => cloud.mirror.get("Volume", uuid)?.value;
  const sweptAt = async (age: number) => {
    const now = volume();
    assert.ok(now !== undefined);
    await cloud.records.change((tx) => tx.put("Volume", uuid, { ...now, lastOpDate: Date.now() - age * 1000 }));
    told();
    await cloud.sweep();
  };
  await sweptAt(86_000);
  assert.equal(volume()?.status, "Deleted");
  await policy("Never");
  await sweptAt(1_000_000);
  assert.equal(volume()?.status, "Deleted");
  await policy("Delay");
  await cloud.sweep();
  await seen(cloud.mirror, () => volume() === undefined);
  assert.deepEqual(told(), ["deleteVolume"]);
});

test("room on local storage is each host's own, also for volumes that no machine has, and for snapshots of them", async (t) => {
  const { data, vm, ok, done, primary, hostUuids } = await volumePlace(t, ["10.0.0.2", "10.0.0.3"], "local");
  const [one, two] = hostUuids;
  const terabyte = 1024 ** 4;
  const codeOf = async (...args: Parameters<typeof done>) => (await done(...args)).error?.code;
  const made = (hostUuid: string | undefined, share: number) => ({
    ...{ name: "large", diskSize: share * terabyte, primaryStorageUuid: primary.uuid, hostUuid },
  });
  const uuid = await data(made(one, 0.75));
  assert.equal(await codeOf("CreateDataVolume", made(one, 0.5)), "STORAGE.1004");
  await data(made(two, 0.5));
  // The simulated host says that a tenth is in use.
  await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" });
  assert.equal(await codeOf("ResizeDataVolume", { uuid, size: 972 * gigabyte }), "STORAGE.1004");
  await ok("ResizeDataVolume", { uuid, size: 921 * gigabyte });
  assert.equal(await codeOf("CreateVolumeSnapshot", { volumeUuid: uuid, name: "s" }), "STORAGE.1004");
  const vmInstanceUuid = await vm({ hostUuid: two });
  const fresh = await data({ diskSize: 600 * gigabyte });
  assert.equal(await codeOf("AttachDataVolumeToVm", { uuid: fresh, vmInstanceUuid }), "STORAGE.1044");
});

test("a machine that can move gets its new volumes where it can move to, and with its root volume if there is room", async (t) => {
  const { data, vm, ok, call, zone, cluster, primary, volumeOf, done } = await volumePlace(t, ["10.0.0.2"]);
  const given = { name: "local", zoneUuid: zone.uuid, url: "/local" };
  const local = (await call("AddLocalPrimaryStorage", given)).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: local.uuid, clusterUuid: cluster.uuid });
  await ok("ReconnectPrimaryStorage", { uuid: local.uuid });
  const moves = await vm({ primaryStorageUuidForRootVolume: primary.uuid });
  const stays = await vm({ primaryStorageUuidForRootVolume: local.uuid });
  const placed = async (vmInstanceUuid: string, more: object = {}) => {
    const uuid = await data(more);
    const task = await done("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
    return task.state === "Succeeded" ? (await volumeOf(uuid)).primaryStorageUuid : (task.error?.cause ?? task.error);
  };
  assert.equal(await placed(moves), primary.uuid);
  assert.equal(await placed(stays), local.uuid);
  await call("ChangePrimaryStorageState", { uuid: local.uuid, stateEvent: "disable" });
  assert.equal(await placed(stays), primary.uuid, "where there is room else");
  await call("ChangePrimaryStorageState", { uuid: local.uuid, stateEvent: "enable" });
  await call("ChangePrimaryStorageState", { uuid: primary.uuid, stateEvent: "disable" });
  const refusal = await placed(moves);
  assert.ok(typeof refusal === "object" && refusal?.code === "STORAGE.1044", JSON.stringify(refusal));
  assert.match(refusal.details, /local.* would bind the machine to its host/);
});
