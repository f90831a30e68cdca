import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { libvirtPlace } from "../../support/cloud/libvirt-place.ts";
import { qcow2Image } from "../../support/images/files.ts";

const mebibyte = 1024 ** 2;

/** Writes or reads what a guest would, on a volume that no machine has open. */
function io(path: string, ...commands: string[]): void {
  const args = commands.flatMap((command) => ["-c", command]);
  const { status, stdout, stderr } = spawnSync("qemu-io", ["-f", "qcow2", ...args, path], { encoding: "utf8" });
  assert.ok(status === 0 && !`${stdout}${stderr}`.includes("Pattern verification failed"), `${stdout}${stderr}`);
}

test("a machine of QEMU that is rebuilt has its image's content again; what was in it is in a volume that can be recovered", async (t) => {
  const { call, ok, host, url, cloud } = await libvirtPlace(t);
  const [zone] = [...cloud.mirror.all("Zone")];
  const place = { name: "images", zoneUuid: zone?.value.uuid ?? "", url: join(url, "../images") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const added = async (name: string, content: Buffer) => {
    const file = join(url, `../${name}`);
    writeFileSync(file, content);
    return ok("AddImage", { name, url: `file://${file}`, format: "qcow2", backupStorageUuids: [store.uuid] });
  };
  const first = await added("one", qcow2Image({ sizeBytes: 16 * mebibyte, seed: 1 }));
  const second = await added("two", qcow2Image({ sizeBytes: 16 * mebibyte, seed: 2 }));
  const size = { cpuNum: 1, memorySize: 128 * mebibyte };
  const uuid = await ok("CreateVmInstance", { name: "web", imageUuid: first, l3NetworkUuids: [], ...size });
  const fileOf = (volume: string) => cloud.mirror.get("Volume", volume)?.value.installPath ?? "";
  const rootOf = () => cloud.mirror.get("VmInstance", uuid)?.value.rootVolumeUuid ?? "";
  const former = rootOf();
  await ok("StopVmInstance", { uuid, type: "cold" });
  io(fileOf(former), "read -P 1 0 1M", "write -P 7 0 4k", "write -P 8 8M 1M");
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: former, name: "s" });
  io(fileOf(former), "write -P 9 8M 1M");

  await ok("ReimageVmInstance", { uuid });
  io(fileOf(rootOf()), "read -P 1 0 1M", "read -P 0 8M 1M");
  io(fileOf(former), "read -P 7 0 4k", "read -P 9 8M 1M");
  await ok("StartVmInstance", { uuid });
  assert.match(await host.virsh("domblklist", uuid), new RegExp(`vda +${fileOf(rootOf())}`));
  assert.doesNotMatch(await host.virsh("domblklist", uuid), new RegExp(former));
  await ok("StopVmInstance", { uuid, type: "cold" });

  await ok("ReimageVmInstance", { uuid, imageUuid: second });
  io(fileOf(rootOf()), "read -P 2 0 1M");
  await call("RecoverDataVolume", { uuid: former });
  await ok("RevertVolumeFromSnapshot", { uuid: snapshot });
  io(fileOf(former), "read -P 7 0 4k", "read -P 8 8M 1M", "read -P 1 64k 64k");
  await ok("AttachDataVolumeToVm", { uuid: former, vmInstanceUuid: uuid });
  await ok("StartVmInstance", { uuid });
  assert.match(await host.virsh("domblklist", uuid), new RegExp(`vdb +${fileOf(former)}`));

  await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Direct" });
  await ok("StopVmInstance", { uuid, type: "cold" });
  const last = fileOf(rootOf());
  await ok("ReimageVmInstance", { uuid });
  assert.equal(existsSync(last), false);
  await ok("StartVmInstance", { uuid });
});
