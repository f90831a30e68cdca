import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { noteRestored } from "../../../core/backup/restored-note.ts";
import { storeIndexes } from "../../../core/orchestrator/retention.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { managerOn, type TestCloud } from "../../support/cloud/manager.ts";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses } from "../store/conformance.ts";

const [one, two] = ["10.0.0.2", "10.0.0.3"];

/** A copy of the store as it is now, as a restore puts it in place. */
async function restorable(t: TestContext, store: Store): Promise<string> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const file = join(folder.path, "copy.db");
  assert.ok(store instanceof SqliteStore);
  await store.backup(file);
  await noteRestored(file, Date.now());
  return file;
}

/** A manager on it, which knows of nothing since. */
async function restored(t: TestContext, file: string, hosts: TestCloud["hosts"]): Promise<TestCloud> {
  const store = await SqliteStore.open({ file, indexes: storeIndexes });
  undoAfter(t, () => store.close());
  return managerOn(t, store, hosts);
}

/** Two hosts that are connected to only when the test says so. */
async function twoHosts(t: TestContext) {
  const bed = await place(t, [one, two]);
  const setting = { category: "host", name: "connection.autoReconnectOnError", value: "false" };
  await bed.call("UpdateGlobalConfig", setting);
  const [first = "", second = ""] = bed.hostUuids;
  return { ...bed, first, second };
}

/** Stops a machine and starts it on another host, whose storage is the same. */
async function moved({ call, done, hosts }: TestCloud, uuid: string, hostUuid: string, address = two): Promise<void> {
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  const volume = (await call("QueryVolume", { q: [`vmInstanceUuid=${uuid}`] })).inventories[0];
  const command = { do: "createVolume", path: String(volume?.["installPath"]), sizeBytes: 1, format: "qcow2" } as const;
  await hosts.hosts.get(address)?.driver.carryOut(command, AbortSignal.timeout(1_000));
  assert.equal((await done("StartVmInstance", { uuid, hostUuid })).state, "Succeeded");
}

test("a machine that was moved since the backup is found where it runs, and not started before all hosts were asked", async (t) => {
  const bed = await twoHosts(t);
  const { done, hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  const other = (await machine(bed, { name: "db", hostUuid: first })).resourceUuid ?? "";
  const copy = await restorable(t, bed.store);
  await moved(bed, uuid, second);
  assert.equal((await done("StopVmInstance", { uuid: other })).state, "Succeeded");
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  const stateOf = async (which: string) => (await now.call("GetVmInstance", { uuid: which })).inventory;
  assert.deepEqual([(await stateOf(uuid)).state, (await stateOf(other)).state], ["Unknown", "Unknown"]);
  assert.equal((await now.done("ReconnectHost", { uuid: first })).state, "Succeeded");
  assert.deepEqual([(await stateOf(uuid)).state, (await stateOf(other)).state], ["Stopped", "Stopped"]);
  for (const which of [uuid, other]) {
    const refused = await refuses(now.call("StartVmInstance", { uuid: which, hostUuid: first }), "VM.1012");
    assert.match(refused.message, /may run on 10\.0\.0\.3/);
  }
  assert.equal((await now.done("ReconnectHost", { uuid: second })).state, "Succeeded");
  const found = await stateOf(uuid);
  assert.deepEqual([found.state, found.hostUuid], ["Running", second]);
  assert.equal((await now.done("StartVmInstance", { uuid: other })).state, "Succeeded");
  assert.equal(now.cloud.mirror.count("UnseenHost") + now.cloud.mirror.count("Restored"), 0);
});

test("asked first, the host that a machine was moved to since the backup keeps it", async (t) => {
  const bed = await twoHosts(t);
  const { hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  const copy = await restorable(t, bed.store);
  await moved(bed, uuid, second);
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  for (const host of [second, first]) {
    assert.equal((await now.done("ReconnectHost", { uuid: host })).state, "Succeeded");
    const { state, hostUuid } = (await now.call("GetVmInstance", { uuid })).inventory;
    assert.deepEqual([state, hostUuid], ["Running", second]);
  }
});

test("a host that is gone for good keeps no machine from being started once it is deleted", async (t) => {
  const bed = await twoHosts(t);
  const { done, hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  const copy = await restorable(t, bed.store);
  await bed.cloud.close();
  hosts.cut(two, false);

  const now = await restored(t, copy, hosts);
  assert.equal((await now.done("ReconnectHost", { uuid: first })).state, "Succeeded");
  await refuses(now.call("StartVmInstance", { uuid }), "VM.1012");
  assert.equal((await now.done("DeleteHost", { uuid: second })).state, "Succeeded");
  assert.equal((await now.done("StartVmInstance", { uuid })).state, "Succeeded");
});

test("tasks that ran when the backup was made are given up, and what they worked on is what its host says", async (t) => {
  const bed = await twoHosts(t);
  const { call, hosts, cloud, first } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  const gate = Promise.withResolvers<void>();
  const asked = { stop: Promise.withResolvers<void>(), create: Promise.withResolvers<void>() };
  hosts.hold = async (what) => {
    if (what === `${one} stopMachine`) asked.stop.resolve();
    else if (what === `${one} createVolume`) asked.create.resolve();
    else return;
    await gate.promise;
  };
  const stopping = (await call("StopVmInstance", { uuid })).task.uuid;
  const size = { cpuNum: 1, memorySize: 1024 ** 3, rootDiskSize: 1024 ** 3 };
  const creating = (await call("CreateVmInstance", { name: "half made", hostUuid: first, ...size })).task.uuid;
  await Promise.all([asked.stop.promise, asked.create.promise]);
  const copy = await restorable(t, bed.store);
  gate.resolve();
  await seen(cloud.mirror, () => cloud.mirror.count("Flow") === 0);
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  for (const task of [stopping, creating]) {
    const { state, error } = (await now.call("GetTask", { uuid: task })).inventory;
    assert.deepEqual([state, error?.code], ["Failed", "SYS.1081"]);
  }
  assert.equal(now.cloud.mirror.count("Flow"), 0);
  const states = () =>
    [...now.cloud.mirror.all("VmInstance")]
      .map(({ value }) => `${value.name} ${value.state} ${value.operation}`)
      .sort();
  assert.deepEqual(states(), ["half made Unknown null", "web Unknown null"]);
  assert.equal((await now.done("ReconnectHost", { uuid: first })).state, "Succeeded");
  assert.deepEqual(states(), ["half made Running null", "web Stopped null"]);
});

test("a machine that was recovered since the backup and runs elsewhere is not started, nor expunged, by its old record", async (t) => {
  const bed = await twoHosts(t);
  const { call, done, hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  for (const name of ["expungeInterval", "expungePeriod"])
    await call("UpdateGlobalConfig", { category: "vm", name, value: "1" });
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  const copy = await restorable(t, bed.store);
  await call("RecoverVmInstance", { uuid });
  assert.equal((await done("StartVmInstance", { uuid, hostUuid: first })).state, "Succeeded");
  await moved(bed, uuid, second);
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  await now.call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: "Delay" });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await now.cloud.sweep();
  for (const host of [first, second])
    assert.equal((await now.done("ReconnectHost", { uuid: host })).state, "Succeeded");
  await now.cloud.sweep();
  assert.equal((await now.call("RecoverVmInstance", { uuid })).inventory.state, "Stopped");
  const refused = await refuses(now.call("StartVmInstance", { uuid, hostUuid: first }), "VM.1012");
  assert.match(refused.message, /may run on 10\.0\.0\.3\./);
  // Taken in by its record, now that it is no deleted one.
  assert.equal((await now.done("ReconnectHost", { uuid: second })).state, "Succeeded");
  const { state, hostUuid } = (await now.call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid], ["Running", second]);
});

test("a host that only knows a machine as stopped does not take it from the one that may run it", async (t) => {
  const bed = await twoHosts(t);
  const { hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: second })).resourceUuid ?? "";
  await moved(bed, uuid, first, one);
  const copy = await restorable(t, bed.store);
  await bed.cloud.close();
  const now = await restored(t, copy, hosts);
  assert.equal((await now.done("ReconnectHost", { uuid: second })).state, "Succeeded");
  const inventory = (await now.call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([inventory.state, inventory.hostUuid], ["Unknown", first]);
  assert.equal((await now.done("DeleteHost", { uuid: first })).state, "Failed");
});

test("volumes that were being worked on when the backup was made keep what they may have become", async (t) => {
  // Of simulated hosts each has its own files.
  const bed = await place(t, [one]);
  const { call, done, hosts, primary } = bed;
  const [first = ""] = bed.hostUuids;
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const gigabyte = 1024 ** 3;
  const given = { diskSize: gigabyte, primaryStorageUuid: primary.uuid };
  const volume = async (name: string) => (await done("CreateDataVolume", { name, ...given })).resourceUuid ?? "";
  const vm = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  const [coming, kept, grown, gone] = [await volume("a"), await volume("b"), await volume("c"), await volume("d")];
  assert.equal((await done("DeleteDataVolume", { uuid: gone })).state, "Succeeded");
  await bed.cloud.records.change((tx) => tx.put("Volume", gone, { ...tx.need("Volume", gone), lastOpDate: 1 }));
  const gate = Promise.withResolvers<void>();
  const begun = new Set<string>();
  const all = Promise.withResolvers<void>();
  hosts.hold = async (what) => {
    const verb = what.split(" ")[1] ?? "";
    if (!["attachVolume", "snapshotVolume", "resizeVolume"].includes(verb)) return;
    if (begun.add(verb).size === 3) all.resolve();
    await gate.promise;
  };
  const tasks = [
    done("AttachDataVolumeToVm", { uuid: coming, vmInstanceUuid: vm }),
    done("CreateVolumeSnapshot", { volumeUuid: kept, name: "s" }),
    done("ResizeDataVolume", { uuid: grown, size: 3 * gigabyte }),
  ];
  await all.promise;
  const copy = await restorable(t, bed.store);
  gate.resolve();
  for (const task of tasks) assert.equal((await task).state, "Succeeded");
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  const { mirror } = now.cloud;
  const of = (uuid: string) => mirror.get("Volume", uuid)?.value;
  assert.deepEqual([of(coming)?.status, of(coming)?.vmInstanceUuid], ["Ready", vm]);
  assert.deepEqual([of(grown)?.status, of(grown)?.size], ["Ready", 3 * gigabyte]);
  const [snapshot] = [...mirror.all("VolumeSnapshot")].map(({ value }) => value);
  assert.deepEqual([snapshot?.status, snapshot?.volumeUuid], ["Creating", kept]);
  await now.cloud.sweep();
  assert.equal(of(gone)?.status, "Deleted", "it may have been recovered since: its time begins anew");
  assert.equal(mirror.count("VolumeOperation"), 0);
  for (const uuid of bed.hostUuids) assert.equal((await now.done("ReconnectHost", { uuid })).state, "Succeeded");
  assert.equal((await now.done("DeleteVolumeSnapshot", { uuid: snapshot?.uuid ?? "" })).state, "Succeeded");
  assert.equal(mirror.count("VolumeSnapshot"), 0);
  assert.equal((await now.call("RecoverDataVolume", { uuid: gone })).inventory.status, "Ready");
});

test("a machine that was suspended when the backup was made, and runs since, is where it runs, and keeps nothing from starting", async (t) => {
  const bed = await twoHosts(t);
  const { done, hosts, first, second } = bed;
  const uuid = (await machine(bed, { hostUuid: first })).resourceUuid ?? "";
  const other = (await machine(bed, { name: "db", hostUuid: second })).resourceUuid ?? "";
  assert.equal((await done("SuspendVmInstance", { uuid })).state, "Succeeded");
  // And a move of which nobody knew the end: all hosts are asked anyway.
  const between = { sourceUuid: first, destinationUuid: second, cpuNum: 1, memorySize: 1, taskUuid: null };
  await bed.cloud.records.change((tx) => void tx.put("Migration", other, between));
  const copy = await restorable(t, bed.store);
  await bed.cloud.records.change((tx) => void tx.delete("Migration", other));
  assert.equal((await done("ResumeVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("StopVmInstance", { uuid: other })).state, "Succeeded");
  await bed.cloud.close();

  const now = await restored(t, copy, hosts);
  assert.equal(now.cloud.mirror.count("Migration"), 0);
  for (const host of [first, second])
    assert.equal((await now.done("ReconnectHost", { uuid: host })).state, "Succeeded");
  const { state, hostUuid } = (await now.call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid], ["Running", first]);
  assert.equal((await now.done("StartVmInstance", { uuid: other })).state, "Succeeded");
});
