import assert from "node:assert/strict";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { seen } from "../../support/cloud/place.ts";
import { gigabyte, volumePlace } from "../../support/cloud/volumes.ts";
import { refuses } from "../store/conformance.ts";

test("a data volume is a record until a machine gets it; it comes, stays over a restart, goes to another machine, and is deleted", async (t) => {
  const { data, vm, ok, volumeOf, free, told, call, cloud } = await volumePlace(t, ["10.0.0.2"]);
  const [one, two] = [await vm(), await vm({ name: "db" })];
  const before = free();
  const uuid = await data();
  const made = await volumeOf(uuid);
  assert.deepEqual(
    [made.status, made.primaryStorageUuid, made.size, made.type],
    ["NotInstantiated", null, gigabyte, "Data"],
  );
  assert.equal(free(), before, "nothing is promised yet");
  told();
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: one });
  assert.deepEqual(told(), ["createVolume", "attachVolume"]);
  const there = await volumeOf(uuid);
  assert.deepEqual([there.status, there.vmInstanceUuid, there.deviceId], ["Ready", one, 1]);
  assert.equal(free(), before - gigabyte);
  const other = await data({ name: "more" });
  await ok("AttachDataVolumeToVm", { uuid: other, vmInstanceUuid: one });
  await ok("DetachDataVolumeFromVm", { uuid });
  await ok("StopVmInstance", { uuid: one, type: "cold" });
  await ok("StartVmInstance", { uuid: one });
  assert.deepEqual(
    [(await volumeOf(uuid)).vmInstanceUuid, (await volumeOf(other)).deviceId],
    [null, 2],
    "one that is left keeps its place",
  );
  await ok("StopVmInstance", { uuid: two, type: "cold" });
  told();
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: two });
  assert.deepEqual(told(), [], "what is off gets it with its next start");
  await ok("StartVmInstance", { uuid: two });
  await refuses(call("DeleteDataVolume", { uuid }), "STORAGE.1007");
  await ok("DestroyVmInstance", { uuid: two });
  assert.equal((await volumeOf(uuid)).vmInstanceUuid, null, "the deletion of a machine lets it go");
  await ok("DeleteDataVolume", { uuid });
  await refuses(call("AttachDataVolumeToVm", { uuid, vmInstanceUuid: one }), "STORAGE.1007");
  assert.equal((await call("RecoverDataVolume", { uuid })).inventory.status, "Ready");
  await ok("DeleteDataVolume", { uuid });
  assert.equal(free(), before - 2 * gigabyte, "as long as it can be recovered its room is kept");
  await ok("ExpungeDataVolume", { uuid });
  assert.equal(cloud.mirror.get("Volume", uuid), undefined);
  assert.equal(free(), before - gigabyte);
});

test("what can't be done with a volume is refused, says why, and changes nothing", async (t) => {
  const bed = await volumePlace(t, ["10.0.0.2"]);
  const { data, vm, ok, call, cloud, primary, hostUuids } = bed;
  const [hostUuid = ""] = hostUuids;
  const [runs, off, locked, gone, full] = [await vm(), await vm(), await vm(), await vm(), await vm()];
  await ok("StopVmInstance", { uuid: off, type: "cold" });
  await call("LockVmInstance", { uuid: locked });
  await ok("DestroyVmInstance", { uuid: gone });
  await call("UpdateGlobalConfig", { category: "kvm", name: "dataVolume.maxNum", value: "1" });
  const attached = await data();
  await ok("AttachDataVolumeToVm", { uuid: attached, vmInstanceUuid: full });
  const [empty, made, disabled, deleted] = [await data(), await data(), await data(), await data()];
  await ok("AttachDataVolumeToVm", { uuid: made, vmInstanceUuid: off });
  await ok("DetachDataVolumeFromVm", { uuid: made });
  await call("ChangeVolumeState", { uuid: disabled, stateEvent: "disable" });
  await ok("DeleteDataVolume", { uuid: deleted });
  const root = cloud.mirror.get("VmInstance", runs)?.value.rootVolumeUuid ?? "";
  const snapshot = (await ok("CreateVolumeSnapshot", { name: "s", volumeUuid: root })).resourceUuid ?? "";
  const offering = (await call("CreateDiskOffering", { name: "small", diskSize: gigabyte })).inventory.uuid;
  const place = { primaryStorageUuid: primary.uuid };
  const nobody = "0f8fad5bd9cb469fa16570867728950e";
  const size = gigabyte;
  const cases: [code: string, ...Parameters<typeof call>][] = [
    ["STORAGE.1007", "AttachDataVolumeToVm", { uuid: attached, vmInstanceUuid: runs }],
    ["STORAGE.1007", "AttachDataVolumeToVm", { uuid: root, vmInstanceUuid: off }],
    ["STORAGE.1007", "AttachDataVolumeToVm", { uuid: disabled, vmInstanceUuid: runs }],
    ["STORAGE.1007", "AttachDataVolumeToVm", { uuid: deleted, vmInstanceUuid: runs }],
    ["VM.1007", "AttachDataVolumeToVm", { uuid: empty, vmInstanceUuid: full }],
    ["VM.1003", "AttachDataVolumeToVm", { uuid: empty, vmInstanceUuid: locked }],
    ["VM.1001", "AttachDataVolumeToVm", { uuid: made, vmInstanceUuid: gone }],
    ["SYS.1005", "AttachDataVolumeToVm", { uuid: made, vmInstanceUuid: nobody }],
    ["SYS.1005", "AttachDataVolumeToVm", { uuid: nobody, vmInstanceUuid: runs }],
    ["STORAGE.1007", "DetachDataVolumeFromVm", { uuid: root }],
    ["STORAGE.1007", "DetachDataVolumeFromVm", { uuid: made }],
    ["STORAGE.1007", "DeleteDataVolume", { uuid: root }],
    ["STORAGE.1007", "DeleteDataVolume", { uuid: attached }],
    ["STORAGE.1007", "DeleteDataVolume", { uuid: deleted }],
    ["STORAGE.1007", "ExpungeDataVolume", { uuid: made }],
    ["STORAGE.1007", "RecoverDataVolume", { uuid: made }],
    ["STORAGE.1041", "ResizeDataVolume", { uuid: made, size: gigabyte / 2 }],
    ["STORAGE.1007", "ResizeDataVolume", { uuid: root, size: 100 * gigabyte }],
    ["STORAGE.1007", "ResizeRootVolume", { uuid: made, size: 100 * gigabyte }],
    ["STORAGE.1007", "ResizeDataVolume", { uuid: deleted, size: 100 * gigabyte }],
    ["SYS.1001", "ResizeDataVolume", { uuid: made, size: 2 ** 52 }],
    ["SYS.1001", "CreateDataVolume", { name: "x", diskSize: -1 }],
    ["SYS.1001", "CreateDataVolume", { name: "x\u001b[2J", diskSize: size }],
    ["STORAGE.1046", "CreateDataVolume", { name: "x" }],
    ["STORAGE.1046", "CreateDataVolume", { name: "x", diskSize: size, diskOfferingUuid: offering }],
    ["STORAGE.1046", "CreateDataVolume", { name: "x", diskSize: size, hostUuid }],
    ["STORAGE.1046", "CreateDataVolume", { name: "x", diskSize: size, hostUuid, ...place }],
    ["SYS.1005", "CreateDataVolume", { name: "x", diskSize: size, primaryStorageUuid: nobody }],
    ["STORAGE.1007", "CreateVolumeSnapshot", { name: "x", volumeUuid: empty }],
    ["STORAGE.1007", "CreateVolumeSnapshot", { name: "x", volumeUuid: deleted }],
    ["SYS.1005", "CreateVolumeSnapshot", { name: "x", volumeUuid: nobody }],
    ["VM.1001", "RevertVolumeFromSnapshot", { uuid: snapshot }],
    ["SYS.1005", "DeleteVolumeSnapshot", { uuid: nobody }],
  ];
  const state = () =>
    JSON.stringify([
      ...cloud.mirror.all("Volume"),
      ...cloud.mirror.all("VmInstance"),
      ...cloud.mirror.all("VolumeSnapshot"),
    ]);
  const before = state();
  for (const [code, name, input] of cases) await refuses(call(name, input), code);
  assert.equal(state(), before);
  assert.equal(cloud.mirror.count("VolumeOperation"), 0);
  const tooLarge = await bed.done("CreateDataVolume", { name: "x", diskSize: 1024 ** 5, ...place });
  assert.equal(tooLarge.error?.cause?.code ?? tooLarge.error?.code, "STORAGE.1004");
  const made2 = await ok("CreateDataVolume", { name: "x", diskOfferingUuid: offering, ...place });
  const { status, diskOfferingUuid } = await bed.volumeOf(made2.resourceUuid ?? "");
  assert.deepEqual([status, diskOfferingUuid], ["Ready", offering]);
});

test("a guest that does not let go keeps its volume, and the error says what to do; a stopped one lets go", async (t) => {
  const { data, vm, ok, done, volumeOf, hosts } = await volumePlace(t, ["10.0.0.2"]);
  const [uuid, machineUuid] = [await data(), await vm()];
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: machineUuid });
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ keepDisks: [machineUuid] });
  const { state, error } = await done("DetachDataVolumeFromVm", { uuid });
  assert.equal(state, "Failed");
  assert.equal(error?.code, "STORAGE.1043", JSON.stringify(error));
  assert.match(error?.remedy ?? "", /Unmount it in the guest/);
  assert.equal((await volumeOf(uuid)).vmInstanceUuid, machineUuid);
  await ok("StopVmInstance", { uuid: machineUuid, type: "cold" });
  await ok("DetachDataVolumeFromVm", { uuid });
  assert.equal((await volumeOf(uuid)).vmInstanceUuid, null);
});

test("what fails on the host leaves records, room and files as they were", async (t) => {
  const { data, vm, ok, done, volumeOf, hosts, free, cloud } = await volumePlace(t, ["10.0.0.2"]);
  const [uuid, made, vmInstanceUuid] = [await data(), await data(), await vm()];
  await ok("AttachDataVolumeToVm", { uuid: made, vmInstanceUuid });
  await ok("DetachDataVolumeFromVm", { uuid: made });
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  const volumes = () =>
    JSON.stringify([...cloud.mirror.all("Volume")].map(({ value }) => ({ ...value, lastOpDate: 0 })));
  const before = { room: free(), volumes: volumes() };
  for (const [verb, name, input] of [
    ["createVolume", "AttachDataVolumeToVm", { uuid, vmInstanceUuid }],
    ["attachVolume", "AttachDataVolumeToVm", { uuid, vmInstanceUuid }],
    ["attachVolume", "AttachDataVolumeToVm", { uuid: made, vmInstanceUuid }],
    ["resizeVolume", "ResizeDataVolume", { uuid: made, size: 5 * gigabyte }],
    ["snapshotVolume", "CreateVolumeSnapshot", { volumeUuid: made, name: "s" }],
  ] as const) {
    driver?.simulate({ fails: [{ do: verb }] });
    const { state } = await done(name, input);
    assert.equal(state, "Failed", verb);
    driver?.simulate({});
    const actual = cloud.mirror.get("Volume", made)?.value.actualSize ?? 0;
    assert.deepEqual(
      { room: free(), volumes: volumes().replaceAll(`"actualSize":${actual}`, '"actualSize":0') },
      before,
      verb,
    );
    assert.equal(cloud.mirror.get("VmInstance", vmInstanceUuid)?.value.operation, null);
    assert.equal(cloud.mirror.count("VolumeOperation") + cloud.mirror.count("VolumeSnapshot"), 0, verb);
  }
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
  assert.equal((await volumeOf(uuid)).status, "Ready");
});

test("while a task works on a volume or its machine, no other begins", async (t) => {
  const { data, vm, ok, call, hosts } = await volumePlace(t, ["10.0.0.2"]);
  const [one, two, vmInstanceUuid] = [await data(), await data(), await vm()];
  await ok("AttachDataVolumeToVm", { uuid: one, vmInstanceUuid });
  await ok("DetachDataVolumeFromVm", { uuid: one });
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hosts.hold = async (what) => {
    if (!what.endsWith("snapshotVolume") && !what.endsWith("attachVolume")) return;
    begun.resolve();
    await gate.promise;
  };
  const taking = ok("CreateVolumeSnapshot", { volumeUuid: one, name: "s" });
  await begun.promise;
  await refuses(call("ResizeDataVolume", { uuid: one, size: 2 * gigabyte }), "STORAGE.1040");
  await refuses(call("DeleteDataVolume", { uuid: one }), "STORAGE.1040");
  await refuses(call("AttachDataVolumeToVm", { uuid: one, vmInstanceUuid }), "STORAGE.1040");
  const attaching = ok("AttachDataVolumeToVm", { uuid: two, vmInstanceUuid });
  await refuses(call("AttachDataVolumeToVm", { uuid: two, vmInstanceUuid }), "STORAGE.1040");
  await refuses(call("StopVmInstance", { uuid: vmInstanceUuid, type: "cold" }), "VM.1002");
  gate.resolve();
  await Promise.all([taking, attaching]);
  await ok("ResizeDataVolume", { uuid: one, size: 2 * gigabyte });
});

test("a host that is lost in the midst of giving a volume leaves it with its machine, which starts with it elsewhere", async (t) => {
  const { data, vm, ok, call, hosts, cloud, volumeOf } = await volumePlace(t, ["10.0.0.2", "10.0.0.3"]);
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const [uuid, vmInstanceUuid] = [await data(), await vm()];
  const machineNow = () => cloud.mirror.get("VmInstance", vmInstanceUuid)?.value;
  const host = machineNow()?.hostUuid ?? "";
  const address = cloud.mirror.get("Host", host)?.value.managementIp ?? "";
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  hosts.hold = async (what) => {
    if (what !== `${address} attachVolume`) return;
    begun.resolve();
    await gate.promise;
  };
  const answer = await call("AttachDataVolumeToVm", { uuid, vmInstanceUuid });
  await begun.promise;
  hosts.cut(address, false);
  await call("ReconnectHost", { uuid: host });
  await seen(cloud.mirror, () => machineNow()?.state === "Unknown");
  await ok("DeleteHost", { uuid: host, deleteMode: "Enforcing" });
  assert.equal(machineNow()?.state, "Stopped");
  // What is on a shared storage the other host has, too.
  const other = [...hosts.hosts].find(([each]) => each !== address)?.[1].driver;
  for (const { value } of cloud.mirror.find("Volume", "vmInstanceUuid", vmInstanceUuid)) {
    const made = { do: "createVolume", path: value.installPath ?? "", sizeBytes: value.size, format: "qcow2" } as const;
    await other?.carryOut(made, AbortSignal.timeout(60_000));
  }
  await ok("StartVmInstance", { uuid: vmInstanceUuid });
  gate.resolve();
  await taskEnd(cloud.mirror, answer.task.uuid, AbortSignal.timeout(120_000));
  const { status, vmInstanceUuid: owner, deviceId } = await volumeOf(uuid);
  assert.deepEqual([status, owner, deviceId, machineNow()?.state], ["Ready", vmInstanceUuid, 1, "Running"]);
  assert.equal(cloud.mirror.count("VolumeOperation"), 0);
});
