import assert from "node:assert/strict";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;

test("a machine runs on a host with an address; stopped, started, deleted and expunged it leaves nothing", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, hosts, l3, cloud, hostUuids } = bed;
  const task = await machine(bed, { l3NetworkUuids: [l3.uuid] });
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  const uuid = task.resourceUuid ?? "";
  const vm = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([vm.state, vm.operation, vm.hostUuid], ["Running", null, hostUuids[0]]);
  assert.equal(cloud.mirror.find("VmNic", "vmInstanceUuid", uuid)[0]?.value.ip, "10.0.0.10");
  const host = () => cloud.mirror.get("Host", hostUuids[0] ?? "")?.value;
  assert.deepEqual([host()?.cpuUsed, host()?.memoryUsed], [2, gigabyte]);
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  const running = async () => (await driver?.machines(new AbortController().signal))?.map(({ state }) => state);
  assert.deepEqual(await running(), ["running"]);

  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  const stopped = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([stopped.state, stopped.hostUuid, stopped.noRestart], ["Stopped", null, true]);
  assert.deepEqual([host()?.cpuUsed, host()?.memoryUsed], [0, 0]);
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("RebootVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("PauseVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Paused");
  assert.deepEqual(await running(), ["paused"]);
  await refuses(call("RebootVmInstance", { uuid }), "VM.1001");
  assert.equal((await done("ResumeVmInstance", { uuid })).state, "Succeeded");
  assert.deepEqual(await running(), ["running"]);
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await call("RecoverVmInstance", { uuid })).inventory.state, "Stopped");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.deepEqual(await running(), [], "its last host knows it no more");
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  for (const kind of ["VmInstance", "VmNic", "Volume", "MacUse", "Flow"] as const)
    assert.equal(cloud.mirror.count(kind), 0, kind);
  const uses = [...cloud.mirror.entries("AddressUse")].map(([key]) => key);
  assert.deepEqual(uses, [`${l3.uuid}:10.0.0.20`], "the network's DHCP server keeps its address");
});

test("what fails while a machine is made is taken back: no record, no address, no volume", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { hosts, l3, cloud } = bed;
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "startMachine" }] });
  const task = await machine(bed, { l3NetworkUuids: [l3.uuid] });
  assert.equal(task.state, "Failed", JSON.stringify(task));
  for (const kind of ["VmInstance", "VmNic", "Volume", "MacUse", "Flow"] as const)
    assert.equal(cloud.mirror.count(kind), 0, kind);
  const uses = [...cloud.mirror.entries("AddressUse")].map(([key]) => key);
  assert.deepEqual(uses, [`${l3.uuid}:10.0.0.20`], "the network's DHCP server keeps its address");
  assert.equal(hosts.commands.at(-1), "10.0.0.2 deleteVolume");
});

test("where a storage is physically used above the threshold, nothing new is placed", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { call, done, hosts, hostUuids } = bed;
  const [first = "", second = ""] = hostUuids;
  hosts.room = ({ managementIp }) => {
    const availableBytes = (managementIp === "10.0.0.2" ? 0.09 : 0.11) * 1024 ** 4;
    return { totalBytes: 1024 ** 4, availableBytes: Math.floor(availableBytes) };
  };
  for (const uuid of hostUuids) assert.equal((await done("ReconnectHost", { uuid })).state, "Succeeded");
  const full = await machine(bed, { hostUuid: first });
  assert.match(full.error?.details ?? "", /in use above threshold.primaryStorage.physicalCapacity \(10\.0\.0\.2\)/);
  assert.equal((await machine(bed, { hostUuid: second })).state, "Succeeded");
  const setting = { category: "mevoco", name: "threshold.primaryStorage.physicalCapacity", value: "0.95" };
  await call("UpdateGlobalConfig", setting);
  assert.equal((await machine(bed, { hostUuid: first })).state, "Succeeded");
});

test("with the policy Direct, a machine whose volume can't be removed is deleted, and expunged later", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, cloud, hosts } = bed;
  await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: "Direct" });
  const uuid = (await machine(bed)).resourceUuid ?? "";
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "deleteVolume" }] });
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Failed");
  const { state, hostUuid, operation } = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid, operation], ["Destroyed", null, null]);
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [] });
  for (const name of ["expungeInterval", "expungePeriod"])
    await call("UpdateGlobalConfig", { category: "vm", name, value: "1" });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await cloud.sweep();
  await seen(cloud.mirror, () => cloud.mirror.count("VmInstance") + cloud.mirror.count("Volume") === 0);
});

test("when nothing fits, the error says which filter removed which hosts", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"]);
  await bed.call("ChangeHostState", { uuid: bed.hostUuids[1] ?? "", stateEvent: "disable" });
  const task = await machine(bed, { memorySize: 100 * gigabyte });
  assert.equal(task.error?.code, "VM.1008");
  assert.match(task.error?.details ?? "", /63G of memory free \(10\.0\.0\.2\)/);
  assert.match(task.error?.details ?? "", /state Disabled \(10\.0\.0\.3\)/);
});

test("twenty machines at once get twenty addresses, or are refused when there are only ten", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"]);
  const { l3, cloud } = bed;
  const tasks = await Promise.all(
    Array.from({ length: 20 }, (_, n) => machine(bed, { name: `web-${n}`, l3NetworkUuids: [l3.uuid] })),
  );
  const failed = tasks.filter(({ state }) => state === "Failed");
  assert.deepEqual(new Set(failed.map(({ error }) => error?.code)), new Set(["NETWORK.1004"]));
  const addresses = [...cloud.mirror.all("VmNic")].map(({ value }) => value.ip);
  assert.equal(new Set(addresses).size, 10);
  assert.equal(cloud.mirror.count("VmInstance"), 10);
});

test("an operation on a busy machine is refused and names what runs", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { resourceUuid } = await machine(bed);
  const uuid = resourceUuid ?? "";
  const stopping = bed.done("StopVmInstance", { uuid });
  const error = await refuses(bed.call("StopVmInstance", { uuid }), "VM.1002");
  assert.match(error.message, /stop is running/);
  assert.equal((await stopping).state, "Succeeded");
});

test("maintenance stops the machines of a host, which can be deleted then; its machines stay", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, cloud, hosts } = bed;
  const uuid = bed.hostUuids[0] ?? "";
  for (let n = 0; n < 5; n++) await machine(bed, { name: `web-${n}` });
  await refuses(call("ChangeHostState", { uuid, stateEvent: "maintain" as never }), "SYS.1001");
  const early = await done("DeleteHost", { uuid });
  assert.equal(early.error?.code, "HOST.1003");
  const maintained = await done("ChangeHostState", { uuid, stateEvent: "preMaintain" });
  assert.equal(maintained.state, "Succeeded");
  const { stopped, notStopped } = maintained.result ?? {};
  assert.ok(Array.isArray(stopped));
  assert.deepEqual(
    stopped.map((each) => String(each.name)).sort(),
    Array.from({ length: 5 }, (_, n) => `web-${n}`),
  );
  assert.deepEqual(notStopped, []);
  assert.equal(cloud.mirror.get("Host", uuid)?.value.state, "Maintenance");
  const states = [...cloud.mirror.all("VmInstance")].map(({ value }) => `${value.state} ${value.noRestart}`);
  assert.deepEqual(new Set(states), new Set(["Stopped false"]));
  assert.equal((await done("DeleteHost", { uuid })).state, "Succeeded");
  assert.equal(cloud.mirror.count("Host"), 0);
  assert.equal(cloud.mirror.count("HostCertificate"), 0);
  assert.equal(hosts.hosts.get("10.0.0.2")?.uuid, undefined);
  assert.equal(cloud.mirror.count("VmInstance"), 5);
});

test("a storage counts what its hosts have, no longer what a deleted host had", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { done, cloud, primary, hostUuids } = bed;
  const total = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.totalCapacity;
  assert.equal(total(), 2 * 1024 ** 4);
  for (const [nth, left] of [1024 ** 4, 0].entries()) {
    const uuid = hostUuids[nth] ?? "";
    await done("ChangeHostState", { uuid, stateEvent: "preMaintain" });
    assert.equal((await done("DeleteHost", { uuid })).state, "Succeeded");
    assert.equal(total(), left);
  }
});

test("a maintenance that is cancelled stops no further machine, nor one that it waited for", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, cloud, hosts, hostUuids } = bed;
  const { mirror } = cloud;
  await call("UpdateGlobalConfig", { category: "kvm", name: "vm.migrationQuantity", value: "1" });
  const uuids: string[] = [];
  for (const name of ["a", "b"]) uuids.push((await machine(bed, { name })).resourceUuid ?? "");
  const gate = Promise.withResolvers<void>();
  hosts.hold = () => gate.promise;
  // Somebody stops both: the maintenance finds them busy, and waits for the first.
  const stops = await Promise.all(uuids.map((uuid) => call("StopVmInstance", { uuid })));
  const { task } = await call("ChangeHostState", { uuid: hostUuids[0] ?? "", stateEvent: "preMaintain" });
  const uuid = task?.uuid ?? "";
  await seen(mirror, () => mirror.get("Task", uuid)?.value.state === "Running");
  await call("CancelTask", { uuid });
  assert.equal((await taskEnd(mirror, uuid, AbortSignal.timeout(60_000)))?.state, "Cancelled");
  assert.equal(mirror.get("Host", hostUuids[0] ?? "")?.value.state, "Enabled");
  gate.resolve();
  for (const stop of stops) await taskEnd(mirror, stop.task.uuid, AbortSignal.timeout(60_000));
  const calls = [...mirror.all("Task")].filter(({ value }) => value.call === "StopVmInstance");
  assert.equal(calls.length, 2);
});

test("a zone is deleted with everything in it, unless a machine runs", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, cloud, zone, hostUuids } = bed;
  const { resourceUuid } = await machine(bed, { l3NetworkUuids: [bed.l3.uuid] });
  await call("ChangeHostState", { uuid: hostUuids[0] ?? "", stateEvent: "disable" });
  const refused = await done("DeleteZone", { uuid: zone.uuid });
  assert.ok(["VM.1010", "HOST.1003"].includes(refused.error?.code ?? ""), refused.error?.code);
  assert.equal(cloud.mirror.count("Cluster"), 1);
  await done("ChangeHostState", { uuid: hostUuids[0] ?? "", stateEvent: "preMaintain" });
  assert.equal(cloud.mirror.get("VmInstance", resourceUuid ?? "")?.value.state, "Stopped");
  const task = await done("DeleteZone", { uuid: zone.uuid });
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  const kinds = ["Zone", "Cluster", "Host", "PrimaryStorage", "L2Network", "L3Network", "IpRange"] as const;
  for (const kind of [...kinds, "VmInstance", "VmNic", "Volume", "AddressUse", "HostStorage"] as const)
    assert.equal(cloud.mirror.count(kind), 0, kind);
});

test("a host that can't be reached is Disconnected and its machines Unknown; reconnected, they are what it says", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { done, cloud, hosts, hostUuids, primary } = bed;
  const uuid = hostUuids[0] ?? "";
  const { resourceUuid } = await machine(bed);
  hosts.cut("10.0.0.2", false);
  assert.equal((await done("ReconnectHost", { uuid })).error?.code, "HOST.1010");
  const vm = () => cloud.mirror.get("VmInstance", resourceUuid ?? "")?.value.state;
  assert.deepEqual([cloud.mirror.get("Host", uuid)?.value.status, vm()], ["Disconnected", "Unknown"]);
  assert.equal(cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.status, "Disconnected");
  hosts.cut("10.0.0.2", true);
  assert.equal((await done("ReconnectHost", { uuid })).state, "Succeeded");
  assert.deepEqual([cloud.mirror.get("Host", uuid)?.value.status, vm()], ["Connected", "Running"]);
  assert.equal(cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.status, "Connected");
});

test("a storage that is given to a cluster with hosts is asked for at once", async (t) => {
  const { call, cloud, zone, cluster } = await place(t, ["10.0.0.2"]);
  const given = { name: "second", zoneUuid: zone.uuid, url: "/second" };
  const { uuid } = (await call("AddSharedMountPointPrimaryStorage", given)).inventory;
  const connected = Promise.withResolvers<number>();
  cloud.mirror.subscribe(() => {
    const storage = cloud.mirror.get("PrimaryStorage", uuid)?.value;
    if (storage?.status === "Connected") connected.resolve(storage.availableCapacity);
  });
  await call("AttachPrimaryStorageToCluster", { uuid, clusterUuid: cluster.uuid });
  assert.equal(await connected.promise, 1024 ** 4);
});

test("a machine on local storage starts on its last host and nowhere else", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { resourceUuid } = await machine(bed);
  const uuid = resourceUuid ?? "";
  const first = bed.cloud.mirror.get("VmInstance", uuid)?.value.hostUuid;
  const other = bed.hostUuids.find((each) => each !== first) ?? "";
  await bed.done("StopVmInstance", { uuid });
  const refused = await bed.done("StartVmInstance", { uuid, hostUuid: other });
  assert.equal(refused.error?.code, "VM.1008");
  assert.equal((await bed.done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal(bed.cloud.mirror.get("VmInstance", uuid)?.value.hostUuid, first);
});

test("a shorter interval of pings holds at once", async (t) => {
  const { call, hosts, hostUuids, cloud } = await place(t, ["10.0.0.2"]);
  const set = (name: string, value: string) => call("UpdateGlobalConfig", { category: "host", name, value });
  await set("ping.interval", "3600");
  await set("ping.maxFailure", "1");
  const noticed = () => cloud.mirror.get("Host", hostUuids[0] ?? "")?.value.status === "Disconnected";
  hosts.cut("10.0.0.2", false);
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = cloud.mirror.subscribe(() => noticed() && resolve());
  await set("ping.interval", "1");
  await promise;
  unsubscribe();
});

test("what a host says of a machine whose flow ends meanwhile is old, and the host is asked again", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, hosts, hostUuids } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  await done("StopVmInstance", { uuid });
  const { command, machines } = hosts.link;
  const [begun, gate, asked] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  hosts.link.command = async (...all) => {
    begun.resolve();
    await gate.promise;
    await command(...all);
  };
  const starting = done("StartVmInstance", { uuid });
  await begun.promise;
  let questions = 0;
  hosts.link.machines = async (...all) => {
    questions += 1;
    const answer = await machines(...all);
    if (questions > 1) return answer;
    asked.resolve();
    await starting;
    return answer;
  };
  const connecting = done("ReconnectHost", { uuid: hostUuids[0] ?? "" });
  await asked.promise;
  gate.resolve();
  assert.equal((await starting).state, "Succeeded");
  assert.equal((await connecting).state, "Succeeded");
  assert.deepEqual([(await call("GetVmInstance", { uuid })).inventory.state, questions], ["Running", 2]);
});

test("a start that fails late, when the machine was started elsewhere meanwhile, does not touch it there", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"]);
  const { call, done, hosts, cloud, hostUuids } = bed;
  const [first = "", second = ""] = hostUuids;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  // The cable of the first host is pulled, which nobody knows yet: the start fails there, and so does its way back.
  hosts.cut("10.0.0.2", false);
  const late = (await call("StartVmInstance", { uuid, hostUuid: first })).task.uuid;
  await seen(cloud.mirror, () => cloud.mirror.get("Flow", late)?.value["phase"] === "undoing");
  assert.equal((await done("ReconnectHost", { uuid: first })).state, "Failed");
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Unknown");
  hosts.cut("10.0.0.2", true);
  assert.equal((await done("ReconnectHost", { uuid: first })).state, "Succeeded");
  // What a shared storage does by itself: its file is there for the second host, too.
  const { installPath, size } = (await call("QueryVolume", { q: [`vmInstanceUuid=${uuid}`] })).inventories[0] ?? {};
  const volume = { do: "createVolume", path: String(installPath), sizeBytes: Number(size), format: "qcow2" } as const;
  await hosts.hosts.get("10.0.0.3")?.driver.carryOut(volume, AbortSignal.timeout(1_000));
  const elsewhere = await done("StartVmInstance", { uuid, hostUuid: second });
  assert.equal(elsewhere.state, "Succeeded", JSON.stringify(elsewhere.error));

  assert.equal((await taskEnd(cloud.mirror, late, AbortSignal.timeout(120_000)))?.state, "Failed");
  const { state, hostUuid, operation } = (await call("GetVmInstance", { uuid })).inventory;
  assert.deepEqual([state, hostUuid, operation], ["Running", second, null]);
  const there = await hosts.hosts.get("10.0.0.3")?.driver.machines(AbortSignal.timeout(1_000));
  assert.deepEqual(
    there?.map((each) => [each.uuid, each.state]),
    [[uuid, "running"]],
  );
  const here = await hosts.hosts.get("10.0.0.2")?.driver.machines(AbortSignal.timeout(1_000));
  assert.ok(!here?.some((each) => each.state === "running"));
});

test("a deleted machine is expunged by itself after the time that the setting says, unless it says never", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, cloud } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  await cloud.sweep();
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Destroyed");
  const expunges = () => [...cloud.mirror.all("Task")].filter(({ value }) => value.call === "ExpungeVmInstance");
  await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: "Never" });
  for (const name of ["expungeInterval", "expungePeriod"])
    await call("UpdateGlobalConfig", { category: "vm", name, value: "1" });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await cloud.sweep();
  assert.equal(expunges().length, 0);
  await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: "Delay" });
  await cloud.sweep();
  assert.equal(
    (await taskEnd(cloud.mirror, expunges()[0]?.value.uuid ?? "", AbortSignal.timeout(60_000)))?.state,
    "Succeeded",
  );
  assert.equal((await call("QueryVmInstance", { count: true })).total, 0);
});

test("a storage goes only when no machine that may run has its volumes there", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { done, primary } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  const refused = await done("DeletePrimaryStorage", { uuid: primary.uuid });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1010"]);
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("DeletePrimaryStorage", { uuid: primary.uuid })).state, "Succeeded");
});

test("a network goes only when no machine has a card in it, be it stopped", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { done, l3 } = bed;
  const uuid = (await machine(bed, { l3NetworkUuids: [l3.uuid] })).resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  for (const [name, of] of [
    ["DeleteL3Network", l3.uuid],
    ["DeleteL2Network", l3.l2NetworkUuid],
  ] as const) {
    const refused = await done(name, { uuid: of });
    assert.deepEqual([refused.state, refused.error?.code], ["Failed", "NETWORK.1007"]);
  }
  for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
    assert.equal((await done(name, { uuid })).state, "Succeeded");
  assert.equal((await done("DeleteL2Network", { uuid: l3.l2NetworkUuid })).state, "Succeeded");
});
