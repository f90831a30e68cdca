import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { first, migrationBed, second } from "../../support/cloud/migration.ts";
import { seen } from "../../support/cloud/place.ts";
import { isoImage, qcow2Image } from "../../support/images/files.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* Machines with volumes on their hosts' own disks go to another host with them. */

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;
const gigabyte = 1024 ** 3;
const allow = { category: "localStoragePrimaryStorage", name: "liveMigrationWithStorage.allow", value: "true" };

/** Two hosts, each with 10 GiB for volumes of its own. */
async function localBed(t: TestContext) {
  const bed = await migrationBed(t);
  const { call, done, hosts, clusterUuid, zoneUuid, make, cloud, hostUuids, drivers } = bed;
  hosts.room = () => ({ totalBytes: 10 * gigabyte, availableBytes: 10 * gigabyte });
  const local = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid, url: "/local" })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: local.uuid, clusterUuid });
  const ok = async (...[name, input]: Parameters<typeof done>) => {
    const task = await done(name, input);
    assert.equal(task.state, "Succeeded", `${name}: ${JSON.stringify(task.error)}`);
    return task.resourceUuid ?? "";
  };
  await ok("ReconnectPrimaryStorage", { uuid: local.uuid });
  const [one = "", two = ""] = [hostUuids.get(first), hostUuids.get(second)];
  const record = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value;
  return {
    ...bed,
    ok,
    one,
    two,
    local,
    record,
    allowed: () => call("UpdateGlobalConfig", allow),
    /** A machine on the first host, with a root and a data volume on its disks. */
    async machine(more: { rootDiskSize?: number; imageUuid?: string } = {}) {
      const vm = await make("web", { hostUuid: one, primaryStorageUuidForRootVolume: local.uuid, ...more });
      const where = { primaryStorageUuid: local.uuid, hostUuid: one };
      const data = await ok("CreateDataVolume", { name: "data", diskSize: 2 * mebibyte, ...where });
      await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: vm });
      return vm;
    },
    /** Which of a machine's volumes each host has as a file, and how. */
    async files(vm: string) {
      const found: string[] = [];
      for (const { value } of cloud.mirror.find("Volume", "vmInstanceUuid", vm))
        for (const [address, driver] of drivers) {
          const base = cloud.mirror.get("VolumeBase", value.uuid)?.value;
          const image = `/local/imagecache/${base?.["sha256"]}.qcow2`;
          const backing = base === undefined ? {} : { backing: { path: image, format: "qcow2" as const } };
          const code = await driver.volume({ path: value.installPath ?? "", format: "qcow2", ...backing }, never).then(
            () => "whole",
            (error: { code?: string }) => error.code ?? "",
          );
          if (code !== "HYPERVISOR.NO_VOLUME") found.push(`${value.type} ${address} ${code}`);
        }
      return found.toSorted();
    },
    settled: () => seen(cloud.mirror, () => cloud.mirror.count("Migration") + cloud.mirror.count("VolumeRest") === 0),
    async place(vm: string) {
      const { state, hostUuid, lastHostUuid } = (await call("GetVmInstance", { uuid: vm })).inventory;
      return [state, hostUuid, lastHostUuid];
    },
  };
}

const both = (address: string) => [`Data ${address} whole`, `Root ${address} whole`];

/** An image, and one for drives. */
async function images(t: TestContext, { call, ok, zoneUuid }: Awaited<ReturnType<typeof localBed>>) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const place = { name: "images", zoneUuid, url: join(folder.path, "store") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const added = async (name: string, format: "qcow2" | "iso", content: Buffer) => {
    const file = join(folder.path, name);
    writeFileSync(file, content);
    return ok("AddImage", { name, url: `file://${file}`, format, backupStorageUuids: [store.uuid] });
  };
  return {
    image: await added("debian.qcow2", "qcow2", qcow2Image({ sizeBytes: mebibyte })),
    iso: await added("one.iso", "iso", isoImage("ONE")),
  };
}

test("a running machine goes to another host with its volumes, its image and what is in its drives, and back", async (t) => {
  const bed = await localBed(t);
  const { machine, ok, one, two, there, files, settled, place, hosts, cloud, allowed } = bed;
  await allowed();
  const { image, iso } = await images(t, bed);
  const vm = await machine({ imageUuid: image });
  await ok("AttachIsoToVmInstance", { uuid: vm, isoUuid: iso });
  assert.deepEqual(await files(vm), both(first));
  hosts.commands.length = 0;
  await ok("MigrateVm", { uuid: vm });
  await settled();
  assert.deepEqual([await there(vm), await files(vm)], [[`${second} running`], both(second)]);
  assert.deepEqual(await place(vm), ["Running", two, one]);
  // The images come before the machine is announced, and the former files go after it is known to run there.
  const order = ["keepImage", "expectMachine", "migrateMachine", "deleteVolume"];
  const commands = hosts.commands.map((each) => each.split(" ")[1] ?? "").filter((each) => order.includes(each));
  assert.deepEqual([...new Set(commands)], order);
  await ok("MigrateVm", { uuid: vm, hostUuid: one });
  await settled();
  assert.deepEqual(
    [await there(vm), await files(vm), await place(vm)],
    [[`${first} running`], both(first), ["Running", one, two]],
  );
  await ok("StopVmInstance", { uuid: vm, type: "cold" });
  await ok("StartVmInstance", { uuid: vm });
  assert.deepEqual(await there(vm), [`${first} running`]);
  await cloud.sweep();
  assert.equal(cloud.mirror.count("CachedImage"), 4);
});

test("without the setting, with snapshots, or without room on the other host's disks it stays, and the refusal says why", async (t) => {
  const { machine, call, done, ok, two, local, allowed, there, make, record, settled, hosts, cloud } =
    await localBed(t);
  const vm = await machine({ rootDiskSize: 4 * gigabyte });
  await assert.rejects(call("MigrateVm", { uuid: vm }), { code: "VM.1004", message: /a volume on local storage/ });
  await allowed();
  const volumeUuid = record(vm)?.rootVolumeUuid ?? "";
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid, name: "before the upgrade" });
  await assert.rejects(call("MigrateVm", { uuid: vm }), { code: "VM.1090", message: /before the upgrade/ });
  assert.equal(record(vm)?.operation, null);
  await ok("DeleteVolumeSnapshot", { uuid: snapshot });
  const filler = await make("filler", {
    hostUuid: two,
    primaryStorageUuidForRootVolume: local.uuid,
    rootDiskSize: 7 * gigabyte,
  });
  const full = await done("MigrateVm", { uuid: vm });
  assert.equal(full.error?.code, "VM.1008");
  assert.match(full.error?.details ?? "", /no room for .* on its storage "?local/);
  await ok("DestroyVmInstance", { uuid: filler });
  await ok("ExpungeVmInstance", { uuid: filler });
  // While one comes its room is taken.
  const gate = Promise.withResolvers<void>();
  const dialling = Promise.withResolvers<void>();
  hosts.hold = async (what) => {
    if (!what.endsWith("dials")) return;
    dialling.resolve();
    await gate.promise;
  };
  const { task } = await call("MigrateVm", { uuid: vm });
  await dialling.promise;
  const more = { cpuNum: 1, memorySize: 128 * mebibyte, hostUuid: two, primaryStorageUuidForRootVolume: local.uuid };
  const beside = await done("CreateVmInstance", { name: "beside", ...more, rootDiskSize: 7 * gigabyte });
  assert.equal(beside.error?.code, "VM.1008");
  gate.resolve();
  assert.equal((await taskEnd(cloud.mirror, task.uuid, never))?.state, "Succeeded");
  await settled();
  assert.deepEqual(await there(vm), [`${second} running`]);
});

test("cancelled or failed it goes on where it was, and nothing of its volumes is left on the other host", async (t) => {
  const { machine, call, done, allowed, there, files, settled, hosts, cloud, place, one } = await localBed(t);
  await allowed();
  const vm = await machine();
  const dialling = Promise.withResolvers<void>();
  hosts.hold = async (what, signal) => {
    if (!what.endsWith("dials")) return;
    dialling.resolve();
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };
  const { task } = await call("MigrateVm", { uuid: vm });
  await dialling.promise;
  assert.deepEqual(await files(vm), [
    `Data ${first} whole`,
    `Data ${second} HYPERVISOR.VOLUME_DIFFERS`,
    `Root ${first} whole`,
    `Root ${second} HYPERVISOR.VOLUME_DIFFERS`,
  ]);
  await call("CancelTask", { uuid: task.uuid });
  assert.equal((await taskEnd(cloud.mirror, task.uuid, never))?.state, "Cancelled");
  await settled();
  assert.deepEqual([await there(vm), await files(vm)], [[`${first} running`], both(first)]);
  hosts.hold = async () => {};
  hosts.isCut = () => true;
  assert.equal((await done("MigrateVm", { uuid: vm })).error?.code, "HOST.1009");
  await settled();
  assert.deepEqual(
    [await there(vm), await files(vm), await place(vm)],
    [[`${first} running`], both(first), ["Running", one, null]],
  );
});

test("files that a host can't remove now are removed when it can, and until then the machine does not come back to it", async (t) => {
  const { machine, done, ok, allowed, there, files, settled, drivers, one, two, cloud } = await localBed(t);
  await allowed();
  const vm = await machine();
  drivers.get(first)?.simulate({ fails: [{ do: "deleteVolume" }] });
  await ok("MigrateVm", { uuid: vm });
  const stays = await done("MigrateVm", { uuid: vm, hostUuid: one });
  assert.equal(stays.error?.code, "VM.1008");
  assert.match(stays.error?.details ?? "", /files of its volumes are still to be removed there .*host-10\.0\.0\.1/);
  assert.equal((await files(vm)).length, 4);
  await cloud.sweep();
  assert.equal(cloud.mirror.count("VolumeRest"), 2);
  drivers.get(first)?.simulate({});
  await cloud.sweep();
  await settled();
  assert.deepEqual([await there(vm), await files(vm)], [[`${second} running`], both(second)]);
  await ok("MigrateVm", { uuid: vm, hostUuid: one });
  await settled();
  assert.deepEqual(await files(vm), both(first));
  assert.ok(two !== one);
});

test("one that has begun to run on the other host is there for good, also when that loses its power before anybody heard of it", async (t) => {
  const { machine, done, ok, allowed, files, settled, drivers, hosts, place, one, two, cloud, record } =
    await localBed(t);
  await allowed();
  const vm = await machine();
  // The source forgets it as it goes; the destination runs it, and is switched off before it is asked.
  hosts.isAnswerLost = (what) => what === `${first} migrateMachine`;
  hosts.hold = async (what) => {
    if (what !== `${first} cancelMigration`) return;
    hosts.hold = async () => {};
    drivers.get(second)?.restart("again");
  };
  await done("MigrateVm", { uuid: vm });
  await seen(cloud.mirror, () => record(vm)?.operation === null && record(vm)?.state === "Stopped");
  await settled();
  assert.deepEqual([await files(vm), await place(vm)], [both(second), ["Stopped", null, two]]);
  await ok("StartVmInstance", { uuid: vm });
  assert.deepEqual(await place(vm), ["Running", two, two]);
  assert.ok(one !== two);
});

test("maintenance stops a machine with volumes on the host's own disks, and moves it where that is allowed", async (t) => {
  const { machine, call, ok, allowed, place, one, two, cloud, files, settled } = await localBed(t);
  const vm = await machine();
  const maintain = async () => {
    const { task } = await call("ChangeHostState", { uuid: one, stateEvent: "preMaintain" });
    const ended = await taskEnd(cloud.mirror, task?.uuid ?? "", never);
    assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
    await call("ChangeHostState", { uuid: one, stateEvent: "enable" });
  };
  await maintain();
  assert.deepEqual(await place(vm), ["Stopped", null, one]);
  await ok("StartVmInstance", { uuid: vm });
  await allowed();
  await maintain();
  await settled();
  assert.deepEqual([await place(vm), await files(vm)], [["Running", two, one], both(second)]);
});
