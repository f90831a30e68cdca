import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { test } from "node:test";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { volumePlace } from "../../support/cloud/volumes.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

/* What becomes of what was being removed for good when that was cut off: its file is gone, and nobody has heard of it. */

for (const policy of ["Delay", "Direct"] as const)
  test(`with the policy ${policy} a machine whose file is gone, though the host's answer got lost, can't be recovered, and goes by itself`, async (t) => {
    const bed = await place(t, ["10.0.0.2"]);
    const { call, done, hosts, cloud } = bed;
    const uuid = (await machine(bed)).resourceUuid ?? "";
    await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: policy });
    const last: CloudCallName = policy === "Direct" ? "DestroyVmInstance" : "ExpungeVmInstance";
    if (policy === "Delay") assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
    hosts.isAnswerLost = (what) => what === "10.0.0.2 deleteVolume";
    assert.equal((await done(last, { uuid })).state, "Failed");
    assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Destroyed");
    const refusal = await refuses(call("RecoverVmInstance", { uuid }), "STORAGE.1075");
    assert.match(refusal.remedy ?? "", /ExpungeVmInstance/);
    hosts.isAnswerLost = () => false;
    // Whatever the policy says of what is still whole, and long before its time.
    await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: "Never" });
    await call("UpdateGlobalConfig", { category: "vm", name: "expungeInterval", value: "1" });
    await cloud.sweep();
    await seen(cloud.mirror, () => cloud.mirror.count("VmInstance") + cloud.mirror.count("Volume") === 0);
    assert.equal(cloud.mirror.count("Expunging"), 0);
  });

for (const policy of ["Delay", "Direct"] as const)
  test(`with the policy ${policy} a data volume whose file is gone, though the host's answer got lost, can't be recovered, and goes by itself`, async (t) => {
    const bed = await volumePlace(t, ["10.0.0.2"]);
    const { call, done, ok, hosts, cloud, data, vm, volumeOf } = bed;
    const [uuid, vmInstanceUuid] = [await data(), await vm()];
    await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
    await ok("DetachDataVolumeFromVm", { uuid });
    await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: policy });
    const last: CloudCallName = policy === "Direct" ? "DeleteDataVolume" : "ExpungeDataVolume";
    if (policy === "Delay") await ok("DeleteDataVolume", { uuid });
    hosts.isAnswerLost = (what) => what === "10.0.0.2 deleteVolume";
    assert.equal((await done(last, { uuid })).state, "Failed");
    assert.equal((await volumeOf(uuid)).status, "Deleted");
    await refuses(call("RecoverDataVolume", { uuid }), "STORAGE.1075");
    hosts.isAnswerLost = () => false;
    await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Never" });
    await call("UpdateGlobalConfig", { category: "vm", name: "expungeInterval", value: "1" });
    await cloud.sweep();
    await seen(cloud.mirror, () => cloud.mirror.get("Volume", uuid) === undefined);
    assert.equal(cloud.mirror.count("Expunging"), 0);
  });

test("while its host is known to be away nothing of a machine or a volume is removed, and it can be recovered", async (t) => {
  const bed = await volumePlace(t, ["10.0.0.2"], "local");
  const { call, done, ok, hosts, data, vm, hostUuids, cloud } = bed;
  const [uuid, vmInstanceUuid] = [await data(), await vm()];
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
  await ok("DetachDataVolumeFromVm", { uuid });
  await ok("DeleteDataVolume", { uuid });
  await ok("DestroyVmInstance", { uuid: vmInstanceUuid });
  hosts.cut("10.0.0.2", false);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Failed");
  for (const [name, of] of [
    ["ExpungeVmInstance", vmInstanceUuid],
    ["ExpungeDataVolume", uuid],
  ] as const)
    assert.equal((await done(name, { uuid: of })).error?.code, "HOST.1010");
  assert.equal(cloud.mirror.count("Expunging"), 0);
  assert.equal((await call("RecoverDataVolume", { uuid })).inventory.status, "Ready");
  assert.equal((await call("RecoverVmInstance", { uuid: vmInstanceUuid })).inventory.state, "Stopped");
});

test("an image whose content is gone, though the manager's disk failed then, can't be recovered, and goes by itself", async (t) => {
  let isFailing = true;
  class FailingStore extends LocalImageStore {
    override async remove(...given: Parameters<LocalImageStore["remove"]>): Promise<void> {
      await super.remove(...given);
      if (isFailing) throw new Error("The disk has failed.");
    }
  }
  const { call, done, images, cloud } = await imageCloud(t, [], "local", { images: new FailingStore() });
  const uuid = await images.added(qcow2Image({ sizeBytes: 1024 ** 2 }));
  assert.equal((await done("DeleteImage", { uuid })).state, "Succeeded");
  renameSync(images.storeFolder, `${images.storeFolder}.away`);
  assert.equal((await done("ExpungeImage", { uuid })).error?.code, "STORAGE.1030");
  assert.equal((await call("RecoverImage", { uuid })).inventory.status, "Ready", "nothing was removed yet");
  renameSync(`${images.storeFolder}.away`, images.storeFolder);
  assert.equal((await done("DeleteImage", { uuid })).state, "Succeeded");
  assert.equal((await done("ExpungeImage", { uuid })).state, "Failed");
  assert.deepEqual(images.kept(), []);
  await refuses(call("RecoverImage", { uuid }), "STORAGE.1075");
  isFailing = false;
  await call("UpdateGlobalConfig", { category: "image", name: "deletionPolicy", value: "Never" });
  await call("UpdateGlobalConfig", { category: "image", name: "expungeInterval", value: "1" });
  await cloud.sweep();
  await seen(cloud.mirror, () => cloud.mirror.count("Image") === 0);
  assert.equal(cloud.mirror.count("Expunging"), 0);
});
