import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallOutput } from "../../../core/model/cloud/calls/index.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { adminPassword, type TestCloud, testCloud } from "../../support/cloud/manager.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;

/** A zone with a cluster, storage, a network with ten addresses, and hosts of these addresses. */
async function place(t: TestContext, addresses: readonly string[], storage: "local" | "shared" = "shared") {
  const bed = await testCloud(t);
  const { call, done, hosts } = bed;
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "rack 1", zoneUuid: zone.uuid })).inventory;
  const given = { name: "store", zoneUuid: zone.uuid, url: "/binnacle_ps" };
  const name = storage === "local" ? "AddLocalPrimaryStorage" : "AddSharedMountPointPrimaryStorage";
  const primary = (await call(name, given)).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: primary.uuid, clusterUuid: cluster.uuid });
  const l2 = (await call("CreateL2NoVlanNetwork", { name: "flat", zoneUuid: zone.uuid, physicalInterface: "eth0" }))
    .inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
  const l3 = (await call("CreateL3Network", { name: "people", l2NetworkUuid: l2.uuid })).inventory;
  const range = {
    name: "r",
    l3NetworkUuid: l3.uuid,
    startIp: "10.0.0.10",
    endIp: "10.0.0.19",
    netmask: "255.255.255.0",
  };
  await call("AddIpRange", range);
  const hostUuids: string[] = [];
  for (const managementIp of addresses) {
    await hosts.add(managementIp);
    const input = { name: managementIp, clusterUuid: cluster.uuid, managementIp, password: hostPassword };
    const task = await done("AddKVMHost", input);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    hostUuids.push(task.resourceUuid ?? "");
  }
  return { ...bed, zone, cluster, primary, l3, hostUuids };
}

async function machine({ done }: Pick<TestCloud, "done">, more: object = {}) {
  const input = { name: "web", cpuNum: 2, memorySize: gigabyte, rootDiskSize: 10 * gigabyte, ...more };
  return done("CreateVmInstance", input);
}

test("a host that joins is Connected with its figures and tags; its password is nowhere", async (t) => {
  const { call, hostUuids, store } = await place(t, ["10.0.0.2"]);
  const host = (await call("GetHost", { uuid: hostUuids[0] ?? "" })).inventory;
  assert.deepEqual([host.status, host.state, host.cpuCores], ["Connected", "Enabled", 16]);
  assert.ok(host.tags.includes("cpu::model::Test-CPU-1"), String(host.tags));
  assert.equal(host.memoryReserved, gigabyte);
  for (const kind of ["Task", "Flow", "Host", "AuditRecord", "HostCertificate"])
    assert.doesNotMatch(JSON.stringify((await store.list({ kind })).records), new RegExp(hostPassword));
});

test("a host whose password is wrong leaves nothing but a failed task", async (t) => {
  const { call, done, hosts, cluster } = await place(t, []);
  await hosts.add("10.0.0.2");
  const task = await done("AddKVMHost", {
    name: "h",
    clusterUuid: cluster.uuid,
    managementIp: "10.0.0.2",
    password: "no",
  });
  assert.equal(task.state, "Failed");
  assert.equal(task.error?.code, "HOST.1012");
  assert.equal((await call("QueryHost", { count: true })).total, 0);
});

test("only a simulated host may be reached over loopback; another one is told to forget the cloud again", async (t) => {
  const { call, done, hosts, cluster } = await place(t, ["127.0.1.1"]);
  await hosts.add("127.0.0.1");
  const real = hosts.hosts.get("127.0.0.1");
  if (real !== undefined) real.claims = "libvirt";
  const input = { name: "h", clusterUuid: cluster.uuid, managementIp: "127.0.0.1", password: hostPassword };
  const task = await done("AddKVMHost", input);
  assert.deepEqual([task.state, task.error?.code], ["Failed", "HOST.1030"]);
  assert.match(task.error?.details ?? "", /127\.0\.0\.1.*leads each of them to itself/);
  assert.equal(real?.uuid, undefined);
  assert.equal((await call("QueryHost", { count: true })).total, 1);
});

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
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await call("RecoverVmInstance", { uuid })).inventory.state, "Stopped");
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  for (const kind of ["VmInstance", "VmNic", "Volume", "AddressUse", "MacUse", "Flow"] as const)
    assert.equal(cloud.mirror.count(kind), 0, kind);
});

test("what fails while a machine is made is taken back: no record, no address, no volume", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { hosts, l3, cloud } = bed;
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "startMachine" }] });
  const task = await machine(bed, { l3NetworkUuids: [l3.uuid] });
  assert.equal(task.state, "Failed", JSON.stringify(task));
  for (const kind of ["VmInstance", "VmNic", "Volume", "AddressUse", "MacUse", "Flow"] as const)
    assert.equal(cloud.mirror.count(kind), 0, kind);
  assert.equal(hosts.commands.at(-1), "10.0.0.2 deleteVolume");
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
  assert.equal((await done("ChangeHostState", { uuid, stateEvent: "preMaintain" })).state, "Succeeded");
  assert.equal(cloud.mirror.get("Host", uuid)?.value.state, "Maintenance");
  const states = [...cloud.mirror.all("VmInstance")].map(({ value }) => `${value.state} ${value.noRestart}`);
  assert.deepEqual(new Set(states), new Set(["Stopped false"]));
  assert.equal((await done("DeleteHost", { uuid })).state, "Succeeded");
  assert.equal(cloud.mirror.count("Host"), 0);
  assert.equal(cloud.mirror.count("HostCertificate"), 0);
  assert.equal(hosts.hosts.get("10.0.0.2")?.uuid, undefined);
  assert.equal(cloud.mirror.count("VmInstance"), 5);
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

test("root's door sets admin's password without the old one, to be changed or not; nobody else may", async (t) => {
  const { call, cloud } = await testCloud(t);
  const asRoot = { isRoot: true, token: undefined, address: "root", requestBytes: 0 };
  const reset = (input: object) => cloud.dispatcher.run("ResetAccountPassword", input, asRoot);
  const logIn = async (password: string) => {
    const ask = { token: undefined, address: "192.0.2.1", requestBytes: 0 };
    const answer = await cloud.dispatcher.run("LogInByAccount", { accountName: "admin", password }, ask);
    return (answer as CallOutput<"LogInByAccount">).session.mustChangePassword;
  };
  await refuses(call("ResetAccountPassword", { newPassword: "another long secret" }), "IDENTITY.1030");
  await refuses(reset({ newPassword: "short" }), "IDENTITY.1007");
  assert.equal(await logIn(adminPassword), false);
  await reset({ newPassword: "another long secret" });
  assert.equal(await logIn("another long secret"), false);
  // The session that was open before has ended.
  await refuses(call("QueryZone", {}), "IDENTITY.1001");
  await reset({ newPassword: "a third long secret", mustChange: true });
  assert.equal(await logIn("a third long secret"), true);
  await reset({});
  assert.equal(await logIn("password"), true);
});
