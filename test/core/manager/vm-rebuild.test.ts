import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

const mebibyte = 1024 ** 2;

/** A stopped machine of an image, with a snapshot of its root volume; and another image, which is larger. */
async function bedOf(t: TestContext, storage: "local" | "shared" = "local") {
  const bed = await imageCloud(t, ["10.0.0.2"], storage, { stepLimits: { undoAttempts: 1 } });
  const { done, call, cloud, images, primary, hosts } = bed;
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task.resourceUuid ?? "";
  };
  const first = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const other = await images.added(qcow2Image({ sizeBytes: 128 * mebibyte, seed: 2 }));
  const uuid = (await machine(bed, { imageUuid: first, rootDiskSize: undefined })).resourceUuid ?? "";
  const record = () => cloud.mirror.get("VmInstance", uuid)?.value;
  const root = record()?.rootVolumeUuid ?? "";
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: root, name: "s" });
  await ok("StopVmInstance", { uuid, type: "cold" });
  const volume = (of: string) => cloud.mirror.get("Volume", of)?.value;
  const free = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  assert.ok(driver !== undefined);
  return { ...bed, ok, call, first, other, uuid, record, root, snapshot, volume, free, driver };
}

for (const storage of ["local", "shared"] as const)
  test(`on ${storage} storage a machine is rebuilt of its image or another one; what it held can be recovered, with its snapshots, until it is expunged`, async (t) => {
    const bed = await bedOf(t, storage);
    const { ok, call, uuid, record, root, snapshot, volume, other, first, cloud, free, hosts } = bed;
    const before = free();
    await ok("ReimageVmInstance", { uuid });
    const fresh = record()?.rootVolumeUuid ?? "";
    assert.notEqual(fresh, root);
    assert.deepEqual([record()?.state, record()?.operation, record()?.imageUuid], ["Stopped", null, first]);
    const now = volume(fresh);
    assert.deepEqual(
      [now?.type, now?.status, now?.vmInstanceUuid, now?.deviceId, now?.hostUuid, now?.size, now?.name],
      ["Root", "Ready", uuid, 0, null, 64 * mebibyte, "ROOT-for-web"],
    );
    const former = volume(root);
    assert.deepEqual(
      [former?.type, former?.status, former?.vmInstanceUuid, former?.name],
      ["Data", "Deleted", null, "ROOT-for-web (before the rebuild)"],
    );
    assert.equal(cloud.mirror.get("VolumeSnapshot", snapshot)?.value.volumeUuid, root);
    assert.equal(before - free(), 64 * mebibyte, "both have their room");
    assert.equal(cloud.mirror.count("VolumeOperation"), 0);
    await ok("StartVmInstance", { uuid });
    await refuses(call("ReimageVmInstance", { uuid }), "VM.1001", { state: "Running" });

    await call("RecoverDataVolume", { uuid: root });
    await ok("AttachDataVolumeToVm", { uuid: root, vmInstanceUuid: uuid });
    await ok("StopVmInstance", { uuid, type: "cold" });
    await ok("RevertVolumeFromSnapshot", { uuid: snapshot });
    await ok("StartVmInstance", { uuid });
    await ok("StopVmInstance", { uuid, type: "cold" });

    hosts.commands.splice(0);
    await ok("ReimageVmInstance", { uuid, imageUuid: other });
    const larger = volume(record()?.rootVolumeUuid ?? "");
    assert.deepEqual([larger?.size, larger?.rootImageUuid, record()?.imageUuid], [128 * mebibyte, other, other]);
    assert.deepEqual(
      hosts.commands.map((each) => each.split(" ")[1]),
      ["keepImage", "createVolumeFromImage"],
    );
    assert.equal(volume(root)?.vmInstanceUuid, uuid, "data volumes stay with it");
    await ok("ReimageVmInstance", { uuid, imageUuid: first });
    assert.equal(volume(record()?.rootVolumeUuid ?? "")?.size, 128 * mebibyte, "it never becomes smaller");
    await ok("StartVmInstance", { uuid });

    for (const { value } of cloud.mirror.all("Volume"))
      if (value.status === "Deleted")
        await cloud.records.change((tx) => tx.put("Volume", value.uuid, { ...value, lastOpDate: 0 }));
    await cloud.sweep();
    await seen(cloud.mirror, () => cloud.mirror.count("Volume") === 2);
    await ok("DestroyVmInstance", { uuid });
    await ok("ExpungeVmInstance", { uuid });
    await ok("DeleteDataVolume", { uuid: root });
    await ok("ExpungeDataVolume", { uuid: root });
    assert.deepEqual([cloud.mirror.count("Volume"), cloud.mirror.count("VolumeSnapshot")], [0, 0]);
  });

test("what keeps a machine from being rebuilt is said before anything is done", async (t) => {
  const { ok, done, call, uuid, other, images, cloud, hosts } = await bedOf(t);
  const plain = (await machine({ done })).resourceUuid ?? "";
  await ok("StopVmInstance", { uuid: plain, type: "cold" });
  const iso = await images.added(qcow2Image({ sizeBytes: mebibyte }), { mediaType: "DataVolumeTemplate" });
  await call("ChangeImageState", { uuid: other, stateEvent: "disable" });
  const zone = (await call("CreateZone", { name: "west" })).inventory;
  const place = { name: "far", zoneUuid: zone.uuid, url: `${images.folder}/far` };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  const far = await images.added(qcow2Image({ sizeBytes: mebibyte }), { backupStorageUuids: [store.uuid] });
  const records = () => JSON.stringify([...cloud.mirror.all("VmInstance"), ...cloud.mirror.all("Volume")]);
  const before = [records(), hosts.commands.length];
  for (const [code, input] of [
    ["VM.1050", { uuid: plain }],
    ["VM.1051", { uuid, imageUuid: far }],
    ["STORAGE.1031", { uuid, imageUuid: iso }],
    ["STORAGE.1031", { uuid, imageUuid: other }],
    ["SYS.1005", { uuid, imageUuid: uuid }],
    ["SYS.1005", { uuid: other }],
    ["SYS.1001", { uuid, imageUuid: "../../etc/passwd" }],
  ] as const)
    await refuses(call("ReimageVmInstance", input), code);
  assert.deepEqual([records(), hosts.commands.length], before);
  await ok("ReimageVmInstance", { uuid: plain, imageUuid: iso }).then(
    () => assert.fail("it is none for a root volume"),
    () => undefined,
  );
});

test("an image that is gone is named as the reason, and one that is there can be given", async (t) => {
  const { ok, call, uuid, first, other, record } = await bedOf(t);
  await ok("DeleteImage", { uuid: first });
  await refuses(call("ReimageVmInstance", { uuid }), "STORAGE.1031");
  await ok("ExpungeImage", { uuid: first });
  await refuses(call("ReimageVmInstance", { uuid }), "VM.1050");
  await ok("ReimageVmInstance", { uuid, imageUuid: other });
  assert.equal(record()?.imageUuid, other);
});

test("a rebuild that fails leaves the machine with what it had; where that can't be taken back, what it may have is expunged later", async (t) => {
  const { ok, done, uuid, root, record, volume, free, driver, hosts, cloud, other } = await bedOf(t);
  const before = [free(), cloud.mirror.count("Volume")];
  const same = () => {
    assert.deepEqual([record()?.state, record()?.operation, record()?.rootVolumeUuid], ["Stopped", null, root]);
    assert.deepEqual([volume(root)?.type, volume(root)?.status], ["Root", "Ready"]);
    assert.equal(cloud.mirror.count("VolumeOperation"), 0);
  };
  for (const fails of [[{ do: "keepImage" as const }], [{ do: "createVolumeFromImage" as const }]]) {
    driver.simulate({ fails });
    const { state } = await done("ReimageVmInstance", { uuid, imageUuid: other });
    assert.equal(state, "Failed");
    same();
    assert.equal(cloud.mirror.count("Volume"), before[1]);
  }
  hosts.isAnswerLost = (what) => what.endsWith("createVolumeFromImage");
  driver.simulate({ fails: [{ do: "deleteVolume" }] });
  assert.equal((await done("ReimageVmInstance", { uuid })).state, "Failed");
  hosts.isAnswerLost = () => false;
  same();
  const [rest] = [...cloud.mirror.all("Volume")].filter(({ value }) => value.uuid !== root);
  assert.deepEqual([rest?.value.type, rest?.value.status], ["Data", "Deleted"]);
  driver.simulate({});
  await ok("ExpungeDataVolume", { uuid: rest?.value.uuid ?? "" });
  driver.simulate({ storageFull: true });
  const full = await done("ReimageVmInstance", { uuid });
  assert.equal(full.error?.cause?.code, "HYPERVISOR.STORAGE_FULL", JSON.stringify(full.error));
  same();
  driver.simulate({});
  hosts.room = () => ({ totalBytes: 200 * mebibyte, availableBytes: 200 * mebibyte });
  await ok("ReconnectHost", { uuid: record()?.lastHostUuid ?? "" });
  await ok("ReimageVmInstance", { uuid });
  const second = await done("ReimageVmInstance", { uuid, imageUuid: other });
  assert.equal(second.error?.code, "STORAGE.1004", JSON.stringify(second.error));
});

test("with the policy Direct the former root volume goes at once, or is a deleted volume when its host does not remove it", async (t) => {
  const { ok, call, uuid, root, record, volume, driver, free } = await bedOf(t);
  await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Direct" });
  const before = free();
  driver.simulate({ fails: [{ do: "deleteVolume" }] });
  await ok("ReimageVmInstance", { uuid });
  assert.equal(volume(root)?.status, "Deleted");
  driver.simulate({});
  const second = record()?.rootVolumeUuid ?? "";
  await ok("ReimageVmInstance", { uuid });
  assert.equal(volume(second), undefined);
  await ok("ExpungeDataVolume", { uuid: root });
  assert.ok(free() >= before, "its snapshot is gone, too");
  await ok("StartVmInstance", { uuid });
});

for (const isDone of [false, true])
  test(`a rebuild whose manager ended ${isDone ? "after" : "before"} the host had done its part is finished by the next one`, async (t) => {
    for (const verb of ["keepImage", "createVolumeFromImage", "deleteVolume"] as const) {
      const { call, cloud, hosts, store, uuid, root, other, imageStore } = await bedOf(t);
      await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Direct" });
      const { command } = hosts.link;
      const reached = Promise.withResolvers<void>();
      hosts.link.command = async (host, what, how) => {
        if (what.do !== verb) return await command(host, what, how);
        if (isDone) await command(host, what, how);
        reached.resolve();
        assert.ok(how.signal !== undefined);
        if (!how.signal.aborted) await once(how.signal, "abort");
        throw how.signal.reason;
      };
      const { task } = await call("ReimageVmInstance", { uuid, imageUuid: other });
      await reached.promise;
      await cloud.close();
      hosts.link.command = command;
      const next = await managerOn(t, store, hosts, { images: imageStore });
      const { mirror } = next.cloud;
      const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
      assert.equal(ended?.state, "Succeeded", `${verb}: ${JSON.stringify(ended?.error)}`);
      const now = mirror.get("VmInstance", uuid)?.value;
      assert.deepEqual([now?.state, now?.operation, now?.imageUuid], ["Stopped", null, other], verb);
      assert.deepEqual([mirror.get("Volume", root), mirror.count("Volume")], [undefined, 1], verb);
      assert.equal(mirror.count("VolumeOperation") + mirror.count("VmOperation") + mirror.count("Flow"), 0, verb);
      assert.equal((await next.done("StartVmInstance", { uuid })).state, "Succeeded", verb);
      await next.cloud.close();
    }
  });
