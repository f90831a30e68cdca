import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { libvirtPlace } from "../../support/cloud/libvirt-place.ts";
import { qcow2Image } from "../../support/images/files.ts";

const mebibyte = 1024 ** 2;

/** Writes or reads on a volume that no machine has open. */
function io(path: string, ...commands: string[]): void {
  const args = commands.flatMap((command) => ["-c", command]);
  const { status, stdout, stderr } = spawnSync("qemu-io", ["-f", "qcow2", ...args, path], { encoding: "utf8" });
  assert.ok(status === 0 && !`${stdout}${stderr}`.includes("Pattern verification failed"), `${stdout}${stderr}`);
}

test("a machine that runs on QEMU is copied as its disks were at one moment, and goes on; each copy has disks of its own", async (t) => {
  const { call, ok, host, url, cloud } = await libvirtPlace(t);
  const [zone] = [...cloud.mirror.all("Zone")];
  const place = { name: "images", zoneUuid: zone?.value.uuid ?? "", url: join(url, "../images") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const file = join(url, "../image.qcow2");
  writeFileSync(file, qcow2Image({ sizeBytes: 16 * mebibyte, seed: 1 }));
  const given = { name: "debian", url: `file://${file}`, format: "qcow2", backupStorageUuids: [store.uuid] };
  const imageUuid = await ok("AddImage", given);
  const size = { cpuNum: 1, memorySize: 128 * mebibyte };
  const uuid = await ok("CreateVmInstance", { name: "one", imageUuid, l3NetworkUuids: [], ...size });
  const data = await ok("CreateDataVolume", { name: "data", diskSize: 16 * mebibyte });
  await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: uuid });
  const kept = await ok("CreateVolumeSnapshot", { volumeUuid: data, name: "s" });
  /** What a guest does: by its disk, through QEMU, which has it open. */
  const inGuest = async (nth: number, command: string) => {
    const disk = `/machine/peripheral/virtio-disk${nth}/virtio-backend`;
    const told = await host.virsh("qemu-monitor-command", uuid, "--hmp", `qemu-io -d ${disk} "${command}"`);
    assert.doesNotMatch(told, /rror|failed|not found/, told);
  };
  const cloned = async (input: Partial<CallInput<"CloneVmInstance">>): Promise<string[]> => {
    const { task } = await call("CloneVmInstance", input);
    const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(300_000));
    assert.ok(ended?.state === "Succeeded", JSON.stringify(ended?.error));
    return (ended.result as { vmInstanceUuids: string[] }).vmInstanceUuids;
  };
  const fileOf = (vm: string, type: "Root" | "Data") =>
    cloud.mirror.find("Volume", "vmInstanceUuid", vm).find(({ value }) => value.type === type)?.value.installPath ?? "";

  await inGuest(0, "write -P 5 4M 1M");
  await inGuest(1, "write -P 6 0 1M");
  const [second = "", third = ""] = await cloned({ uuid, names: ["two", "three"] });
  await inGuest(0, "write -P 7 4M 1M");
  await inGuest(1, "write -P 8 0 1M");
  assert.match(await host.virsh("domstate", uuid), /running/);
  assert.match(await host.virsh("domstate", third), /running/);
  const snapshots = (path: string) =>
    spawnSync("qemu-img", ["snapshot", "-U", "-l", path], { encoding: "utf8" }).stdout;
  assert.doesNotMatch(snapshots(fileOf(uuid, "Root")), /4[\da-f]{3}[89ab]/, "nothing is left of copying");
  assert.match(snapshots(fileOf(uuid, "Data")), new RegExp(kept));

  for (const vm of [uuid, second, third]) await ok("StopVmInstance", { uuid: vm, type: "cold" });
  io(fileOf(uuid, "Root"), "read -P 1 0 1M", "read -P 7 4M 1M");
  io(fileOf(uuid, "Data"), "read -P 8 0 1M");
  for (const vm of [second, third]) {
    io(fileOf(vm, "Root"), "read -P 1 0 1M", "read -P 5 4M 1M", "read -P 0 8M 1M");
    io(fileOf(vm, "Data"), "read -P 6 0 1M", "read -P 0 1M 1M");
    assert.doesNotMatch(snapshots(fileOf(vm, "Data")), new RegExp(kept), "snapshots are not copied");
  }
  io(fileOf(second, "Root"), "write -P 9 4M 1M");
  io(fileOf(third, "Root"), "read -P 5 4M 1M");
  const [fourth = ""] = await cloned({ uuid: second, names: ["four"], full: false, strategy: "CreateStopped" });
  io(fileOf(fourth, "Root"), "read -P 1 0 1M", "read -P 9 4M 1M");
  assert.equal(fileOf(fourth, "Data"), "");
  await ok("RevertVolumeFromSnapshot", { uuid: kept });
  io(fileOf(uuid, "Data"), "read -P 0 0 1M");
  for (const vm of [uuid, second, third, fourth]) await ok("StartVmInstance", { uuid: vm });

  for (const vm of [uuid, second, third, fourth])
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const) await ok(name, { uuid: vm });
  for (const { value } of [...cloud.mirror.all("Volume")])
    for (const name of ["DeleteDataVolume", "ExpungeDataVolume"] as const) await ok(name, { uuid: value.uuid });
  assert.deepEqual(readdirSync(join(url, "volumes")), []);
});
