import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("the manager's data volumes are disks of QEMU: attached live, grown, kept in snapshots, gone back to, removed", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const { call, done, hosts, cloud } = await testCloud(t);
  const driver = new LibvirtDriver({ machine: realMachine(), uri: host.uri, hasKvm: false, rebootGraceMs: 500 });
  await hosts.addReal("10.0.0.2", driver);
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task.resourceUuid ?? "";
  };
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder.path, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  await ok("AddKVMHost", given);
  const free = () => cloud.mirror.get("PrimaryStorage", storage.uuid)?.value.availableCapacity ?? 0;
  const empty = free();

  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 16 * mebibyte };
  const vm = await ok("CreateVmInstance", { name: "web", l3NetworkUuids: [], ...size });
  const uuid = await ok("CreateDataVolume", { name: "data", diskSize: 16 * mebibyte });
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: vm });
  const disks = async () => await host.virsh("domblklist", vm);
  assert.match(await disks(), new RegExp(`vdb +${url}/volumes/${uuid}/${uuid}\\.qcow2`));
  const serial = new RegExp(`<serial>${uuid}</serial>`);
  assert.match(await host.virsh("dumpxml", vm), serial);
  await ok("ResizeDataVolume", { uuid, size: 32 * mebibyte });
  assert.match(await host.virsh("domblkinfo", vm, "vdb"), new RegExp(`Capacity: +${32 * mebibyte}`));
  await ok("RebootVmInstance", { uuid: vm });
  assert.match(await host.virsh("dumpxml", vm), serial, "a reboot by libvirt has it again");

  const first = await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "first" });
  await ok("StopVmInstance", { uuid: vm, type: "cold" });
  const second = await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "second" });
  await ok("RevertVolumeFromSnapshot", { uuid: first });
  await ok("StartVmInstance", { uuid: vm });
  assert.match(await host.virsh("dumpxml", vm), serial);
  for (const snapshot of [first, second]) await ok("DeleteVolumeSnapshot", { uuid: snapshot });
  assert.equal(cloud.mirror.count("VolumeSnapshot"), 0);

  await ok("StopVmInstance", { uuid: vm, type: "cold" });
  await ok("DetachDataVolumeFromVm", { uuid });
  await ok("StartVmInstance", { uuid: vm });
  assert.doesNotMatch(await disks(), /vdb/);
  await ok("DeleteDataVolume", { uuid });
  await ok("ExpungeDataVolume", { uuid });
  await ok("DestroyVmInstance", { uuid: vm });
  await ok("ExpungeVmInstance", { uuid: vm });
  const volumes = join(url, "volumes");
  assert.deepEqual(existsSync(volumes) ? readdirSync(volumes) : [], []);
  assert.equal(free(), empty);
});
