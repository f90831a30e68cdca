import assert from "node:assert/strict";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { first, machineBytes, migrationBed, second, third } from "../../support/cloud/migration.ts";
import { seen } from "../../support/cloud/place.ts";

const never = new AbortController().signal;

test("a running machine moves to another host with all that it has, and back to the one that is named", async (t) => {
  const bed = await migrationBed(t);
  const { call, done, make, there, hostUuids, cloud } = bed;
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  const before = (await call("GetVmInstance", { uuid })).inventory;
  const moved = await done("MigrateVm", { uuid });
  assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
  assert.deepEqual(moved.result, { vmInstanceUuid: uuid, hostUuid: hostUuids.get(second) });
  assert.deepEqual(await there(uuid), [`${second} running`]);
  const after = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual(
    { ...after, lastOpDate: 0 },
    { ...before, hostUuid: hostUuids.get(second), lastHostUuid: hostUuids.get(first), lastOpDate: 0 },
  );
  const back = await done("MigrateVm", { uuid, hostUuid: hostUuids.get(first) ?? "" });
  assert.equal(back.state, "Succeeded", JSON.stringify(back.error));
  assert.deepEqual(await there(uuid), [`${first} running`]);
  assert.equal(cloud.mirror.count("Migration") + cloud.mirror.count("MigrationRest"), 0);
  const used = [...cloud.mirror.all("Host")].map(({ value }) => value.memoryUsed);
  assert.deepEqual(used.toSorted(), [0, after.memorySize]);
});

test("a machine does not move to its own host, nor to one that lacks what it needs, nor when it is paused", async (t) => {
  const { call, done, make, there, hostUuids } = await migrationBed(t);
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  await assert.rejects(call("MigrateVm", { uuid, hostUuid: hostUuids.get(first) }), { code: "VM.1031" });
  // All that the other one has.
  await make("large", { hostUuid: hostUuids.get(second), memorySize: 7 * 1024 ** 3 });
  const full = await done("MigrateVm", { uuid });
  assert.deepEqual([full.state, full.error?.code], ["Failed", "VM.1008"]);
  assert.match(full.error?.details ?? "", /the machine is on it \(host-10\.0\.0\.1\)/);
  assert.match(full.error?.details ?? "", /of memory free \(host-10\.0\.0\.2\)/);
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Running");
  assert.equal((await done("PauseVmInstance", { uuid })).state, "Succeeded");
  await assert.rejects(call("MigrateVm", { uuid }), { code: "VM.1001" });
  assert.deepEqual(await there(uuid), [`${first} paused`]);
});

test("a machine with a volume on its host's own disks moves neither live nor cold by default, and the refusal says why", async (t) => {
  const { call, done, clusterUuid, zoneUuid, make, hostUuids } = await migrationBed(t);
  const local = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid, url: "/local" })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: local.uuid, clusterUuid });
  assert.equal((await done("ReconnectPrimaryStorage", { uuid: local.uuid })).state, "Succeeded");
  const uuid = await make("web", { hostUuid: hostUuids.get(first), primaryStorageUuidForRootVolume: local.uuid });
  await assert.rejects(call("MigrateVm", { uuid }), { code: "VM.1004" });
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  await assert.rejects(call("MigrateVm", { uuid }), { code: "VM.1004" });
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Stopped");
});

test("a machine goes only where there is the processor that it has seen, when it runs", async (t) => {
  const bed = await migrationBed(t);
  const { done, make, hostUuids, hosts } = bed;
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  const other = hosts.hosts.get(second);
  assert.ok(other !== undefined);
  other.cpuModel = "Older CPU";
  assert.equal((await done("ReconnectHost", { uuid: hostUuids.get(second) ?? "" })).state, "Succeeded");
  const refused = await done("MigrateVm", { uuid });
  assert.equal(refused.error?.code, "VM.1008");
  assert.match(refused.error?.details ?? "", /its processor is another model \(host-10\.0\.0\.2\)/);
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  const cold = await done("MigrateVm", { uuid });
  assert.equal(cold.state, "Succeeded", JSON.stringify(cold.error));
});

test("a stopped machine's last host becomes the other one, and the former one forgets it", async (t) => {
  const { call, done, make, there, hostUuids } = await migrationBed(t);
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  assert.deepEqual(await there(uuid), [`${first} stopped`]);
  const moved = await done("MigrateVm", { uuid });
  assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
  const { state, hostUuid, lastHostUuid } = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid, lastHostUuid], ["Stopped", null, hostUuids.get(second)]);
  assert.deepEqual(await there(uuid), []);
});

test("while a machine moves nothing else begins with it, both hosts keep its memory, and cancelled it goes on", async (t) => {
  const { call, done, make, there, hostUuids, cloud, hosts } = await migrationBed(t);
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  const { promise: dials, resolve: dialled } = Promise.withResolvers<void>();
  hosts.hold = async (what, signal) => {
    if (!what.endsWith("dials")) return;
    dialled();
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };
  const { task } = await call("MigrateVm", { uuid });
  await dials;
  const used = [first, second].map(
    (address) => cloud.mirror.get("Host", hostUuids.get(address) ?? "")?.value.memoryUsed,
  );
  assert.deepEqual(used, [machineBytes, machineBytes]);
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Migrating");
  await assert.rejects(call("StopVmInstance", { uuid }), { code: "VM.1002" });
  const large = { name: "large", cpuNum: 1, memorySize: 7 * 1024 ** 3 - machineBytes / 2, rootDiskSize: 1024 ** 2 };
  assert.equal((await done("CreateVmInstance", { ...large, hostUuid: hostUuids.get(second) })).error?.code, "VM.1008");
  await call("CancelTask", { uuid: task.uuid });
  assert.equal((await taskEnd(cloud.mirror, task.uuid, never))?.state, "Cancelled");
  assert.deepEqual(await there(uuid), [`${first} running`]);
  const { state, hostUuid } = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid], ["Running", hostUuids.get(first)]);
  hosts.hold = async () => {};
  assert.equal((await done("CreateVmInstance", { ...large, hostUuid: hostUuids.get(second) })).state, "Succeeded");
});

test("a machine that either of two hosts may have is Unknown, refuses everything, and is found when both are back", async (t) => {
  const { call, done, make, there, hostUuids, cloud, hosts } = await migrationBed(t);
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  // The destination has it, and nobody says so any more.
  hosts.hold = async (what) => {
    if (what !== `${first} cancelMigration`) return;
    for (const address of [first, second]) hosts.cut(address, false);
  };
  hosts.isAnswerLost = (what) => what === `${first} migrateMachine`;
  const failed = await done("MigrateVm", { uuid });
  assert.deepEqual([failed.state, failed.error?.code], ["Failed", "HOST.1009"]);
  assert.deepEqual(await there(uuid), [`${second} running`]);
  const record = () => cloud.mirror.get("VmInstance", uuid)?.value;
  assert.deepEqual([record()?.state, record()?.hostUuid], ["Unknown", hostUuids.get(first)]);
  for (const name of ["StopVmInstance", "DestroyVmInstance", "StartVmInstance", "MigrateVm"] as const)
    await assert.rejects(call(name, { uuid }), { code: "VM.1030" });
  hosts.hold = async () => {};
  hosts.cut(first, true);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids.get(first) ?? "" })).state, "Succeeded");
  // That one alone says nothing of it, and so it is not Stopped.
  assert.equal(record()?.state, "Unknown");
  hosts.cut(second, true);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids.get(second) ?? "" })).state, "Succeeded");
  await seen(cloud.mirror, () => record()?.state === "Running" && record()?.hostUuid === hostUuids.get(second));
  assert.deepEqual(await there(uuid), [`${second} running`]);
  await seen(cloud.mirror, () => cloud.mirror.count("Migration") === 0);
});

test("maintenance moves what can move, stops what no other host can have, and says that a paused one has to be resumed", async (t) => {
  const bed = await migrationBed(t, [first, second, third]);
  const { call, done, make, there, hostUuids, zoneUuid, clusterUuid, cloud } = bed;
  const local = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid, url: "/local" })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: local.uuid, clusterUuid });
  assert.equal((await done("ReconnectPrimaryStorage", { uuid: local.uuid })).state, "Succeeded");
  const shared = (await call("QueryPrimaryStorage", { q: ["name=shared"] })).inventories[0]?.["uuid"];
  const here = { hostUuid: hostUuids.get(first), primaryStorageUuidForRootVolume: shared };
  const moving = [await make("m1", here), await make("m2", here), await make("m3", here)];
  const fixed = await make("fixed", { ...here, primaryStorageUuidForRootVolume: local.uuid });
  // No other host has so much left.
  const large = await make("large", { ...here, memorySize: 5 * 1024 ** 3 });
  for (const address of [second, third])
    await make("filler", { ...here, hostUuid: hostUuids.get(address), memorySize: 4 * 1024 ** 3 });
  const paused = await make("paused", here);
  assert.equal((await done("PauseVmInstance", { uuid: paused })).state, "Succeeded");
  const maintain = async () => {
    const { task } = await call("ChangeHostState", { uuid: hostUuids.get(first) ?? "", stateEvent: "preMaintain" });
    return await taskEnd(cloud.mirror, task?.uuid ?? "", never);
  };
  const refused = await maintain();
  assert.equal(refused?.error?.code, "HOST.1033");
  assert.match(refused?.error?.remedy ?? "", /ResumeVmInstance\): "?paused/);
  assert.deepEqual(await there(paused), [`${first} paused`]);
  for (const uuid of moving) assert.match((await there(uuid)).join(), /^10\.0\.0\.[23] running$/);
  assert.equal((await done("ResumeVmInstance", { uuid: paused })).state, "Succeeded");
  const ended = await maintain();
  assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
  assert.deepEqual(ended?.result, { moved: [{ uuid: paused, name: "paused" }], stopped: [], notStopped: [] });
  for (const uuid of [fixed, large]) assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Stopped");
  assert.equal((await call("GetHost", { uuid: hostUuids.get(first) ?? "" })).inventory.state, "Maintenance");
});

test("a host that a machine may have come to is not deleted by the way, and given up it leaves the machine stopped", async (t) => {
  const { call, done, make, hostUuids, cloud, hosts, drivers } = await migrationBed(t);
  const uuid = await make("web", { hostUuid: hostUuids.get(first) });
  hosts.hold = async (what) => {
    if (what !== `${first} cancelMigration`) return;
    for (const address of [first, second]) hosts.cut(address, false);
  };
  hosts.isAnswerLost = (what) => what === `${first} migrateMachine`;
  assert.equal((await done("MigrateVm", { uuid })).state, "Failed");
  hosts.hold = async () => {};
  const lost = hostUuids.get(second) ?? "";
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  assert.equal((await done("ReconnectHost", { uuid: lost })).state, "Failed");
  const refused = await done("DeleteHost", { uuid: lost });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1010"]);
  assert.match(refused.error?.details ?? "", /a migration may have brought it to this host/);
  hosts.cut(first, true);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids.get(first) ?? "" })).state, "Succeeded");
  await assert.rejects(call("StartVmInstance", { uuid }), { code: "VM.1030" });
  // As the administrator says: it is off.
  drivers.get(second)?.restart("off");
  const given = await done("DeleteHost", { uuid: lost, deleteMode: "Enforcing" });
  assert.equal(given.state, "Succeeded", JSON.stringify(given.error));
  await seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === "Stopped");
  assert.equal(cloud.mirror.count("Migration"), 0);
});
