import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { libvirtPlace } from "../../support/cloud/libvirt-place.ts";
import { guestImage, guestShell } from "../../support/libvirt/guest.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("a guest that runs is copied as its disks were at one moment, and goes on; its copies start with that, each with disks of its own", async (t) => {
  const { call, ok, host, url, cloud } = await libvirtPlace(t);
  const [zone] = [...cloud.mirror.all("Zone")];
  const place = { name: "images", zoneUuid: zone?.value.uuid ?? "", url: join(url, "../images") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const source = await guestImage();
  const given = { name: "guest", url: `file://${source}`, format: "raw", backupStorageUuids: [store.uuid] };
  const imageUuid = await ok("AddImage", given);
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte };
  const uuid = await ok("CreateVmInstance", { name: "one", imageUuid, l3NetworkUuids: [], ...size });
  const data = await ok("CreateDataVolume", { name: "data", diskSize: 16 * mebibyte });
  const shellOf = async (vm: string) => {
    const { shell, line } = await guestShell(host, vm);
    undoAfter(t, () => line.close());
    return shell;
  };
  const write = (disk: string, at: number, text: string) =>
    `printf '%-512s' ${text} | dd of=/dev/${disk} bs=512 seek=${at} count=1 conv=notrunc,fsync`;
  const read = (disk: string, at: number) => `dd if=/dev/${disk} bs=512 skip=${at} count=1 2>/dev/null`;
  const there = "i=0; until [ -b /dev/vdb ]; do i=$((i+1)); [ $i -lt 60 ] || exit 1; sleep 1; done";

  const one = await shellOf(uuid);
  await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: uuid });
  await one.run(there, 120_000);
  for (const disk of ["vda", "vdb"]) await one.run(write(disk, 20_000, `before-${disk}`));
  const { task } = await call("CloneVmInstance", { uuid, names: ["two", "three"] });
  const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(300_000));
  assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
  const [second = "", third = ""] = (ended?.result as { vmInstanceUuids: string[] }).vmInstanceUuids;
  for (const disk of ["vda", "vdb"]) await one.run(write(disk, 20_000, `after-${disk}`));

  const two = await shellOf(second);
  await two.run(there, 120_000);
  for (const disk of ["vda", "vdb"]) {
    assert.equal((await two.run(read(disk, 20_000))).trim(), `before-${disk}`);
    await two.run(write(disk, 20_001, `of-two-${disk}`));
  }
  assert.equal((await one.run(read("vda", 20_000))).trim(), "after-vda");
  assert.equal((await one.run(`${read("vdb", 20_001)} | tr -d '\\0'`)).trim(), "", "what a copy writes is its own");
  const volumes = (vm: string) => cloud.mirror.find("Volume", "vmInstanceUuid", vm).map(({ value }) => value);
  for (const { installPath } of [...volumes(second), ...volumes(third)])
    assert.doesNotMatch(await host.virsh("domblklist", uuid), new RegExp(installPath ?? "none"));
  assert.equal(cloud.mirror.count("VolumeSnapshot"), 0);

  for (const vm of [uuid, second, third]) await ok("StopVmInstance", { uuid: vm, type: "cold" });
  const stopped = await call("CloneVmInstance", { uuid: second, names: ["four"], full: false });
  const last = await taskEnd(cloud.mirror, stopped.task.uuid, AbortSignal.timeout(300_000));
  const [fourth = ""] = (last?.result as { vmInstanceUuids: string[] }).vmInstanceUuids;
  const four = await shellOf(fourth);
  assert.equal((await four.run(read("vda", 20_001))).trim(), "of-two-vda");

  for (const vm of [uuid, second, third, fourth])
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const) await ok(name, { uuid: vm });
  for (const { value } of [...cloud.mirror.all("Volume")])
    for (const name of ["DeleteDataVolume", "ExpungeDataVolume"] as const) await ok(name, { uuid: value.uuid });
  assert.deepEqual(readdirSync(join(url, "volumes")), []);
});
