import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { libvirtPlace } from "../../support/cloud/libvirt-place.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("the manager's data volumes are disks of QEMU: attached live, grown, kept in snapshots, gone back to, removed", async (t) => {
  const { ok, cloud, host, url, storage } = await libvirtPlace(t);
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

test("a guest sees a volume come and go, and what it wrote before a snapshot is what another guest reads after the revert", async (t) => {
  const { call, done, ok, host } = await libvirtPlace(t);
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte };
  /** A machine whose guest is up. */
  const guest = async (name: string) => {
    const uuid = await ok("CreateVmInstance", { name, l3NetworkUuids: [], ...size });
    await ok("StopVmInstance", { uuid, type: "cold" });
    const { rootVolumeUuid } = (await call("GetVmInstance", { uuid })).inventory;
    const { installPath } = (await call("GetVolume", { uuid: rootVolumeUuid ?? "" })).inventory;
    await guestVolume(installPath ?? "");
    await ok("StartVmInstance", { uuid });
    const { shell, line } = await guestShell(host, uuid);
    undoAfter(t, () => line.close());
    return { uuid, shell };
  };
  const disk = "/sys/block/vdb";
  const write = (text: string) => `printf '%-512s' ${text} | dd of=/dev/vdb bs=512 count=1 conv=fsync`;
  const read = "dd if=/dev/vdb bs=512 count=1 2>/dev/null";
  const within = (condition: string) =>
    `i=0; until ${condition}; do i=$((i+1)); [ $i -lt 60 ] || exit 1; sleep 1; done`;

  const one = await guest("one");
  const uuid = await ok("CreateDataVolume", { name: "data", diskSize: 16 * mebibyte });
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: one.uuid });
  await one.shell.run(within(`[ -e ${disk} ] && [ -b /dev/vdb ]`), 120_000);
  assert.equal(await one.shell.run(`cat ${disk}/size`), String((16 * mebibyte) / 512));
  assert.equal(await one.shell.run(`cat ${disk}/serial`), uuid.slice(0, 20), "it finds it by the volume's uuid");
  await one.shell.run(write("before"));
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: uuid, name: "before" });
  await one.shell.run(write("after"));
  await ok("ResizeDataVolume", { uuid, size: 32 * mebibyte });
  await one.shell.run(within(`[ "$(cat ${disk}/size)" = ${(32 * mebibyte) / 512} ]`), 120_000);
  assert.equal(await one.shell.run(read), "after");
  const refused = await done("RevertVolumeFromSnapshot", { uuid: snapshot }).catch((error: unknown) => error);
  assert.ok(refused instanceof CloudError && refused.code === "VM.1001", "not while the machine runs");

  await ok("DetachDataVolumeFromVm", { uuid });
  await one.shell.run(`[ ! -e ${disk} ]`);
  await ok("RevertVolumeFromSnapshot", { uuid: snapshot });
  const two = await guest("two");
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: two.uuid });
  await two.shell.run(within(`[ -e ${disk} ] && [ -b /dev/vdb ]`), 120_000);
  assert.equal(await two.shell.run(read), "before");
  assert.equal(await two.shell.run(`cat ${disk}/size`), String((32 * mebibyte) / 512), "what was promised stays");
});
