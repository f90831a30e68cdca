import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, end } from "../../../core/orchestrator/vm/life.ts";
import { place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

/* What becomes of machines whose host is lost for a while, or for good. */

const gigabyte = 1024 ** 3;
const web = { name: "web", cpuNum: 1, memorySize: gigabyte, rootDiskSize: gigabyte };

test("a lost host that is back is connected to by itself, and its machines are again what they are there", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, cloud, hosts, hostUuids } = bed;
  const [hostUuid = ""] = hostUuids;
  await call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "1" });
  await call("UpdateGlobalConfig", { category: "host", name: "ping.maxFailure", value: "1" });
  const runs = (await done("CreateVmInstance", web)).resourceUuid ?? "";
  const ends = (await done("CreateVmInstance", { ...web, name: "ends" })).resourceUuid ?? "";
  const stateOf = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value.state;
  const both = () => `${stateOf(runs)} ${stateOf(ends)}`;
  hosts.cut("10.0.0.2", false);
  await seen(cloud.mirror, () => both() === "Unknown Unknown");
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  await driver?.carryOut({ do: "stopMachine", uuid: ends, graceMs: 0 }, AbortSignal.timeout(60_000));
  hosts.cut("10.0.0.2", true);
  await seen(cloud.mirror, () => both() === "Running Stopped");
  await seen(cloud.mirror, () => cloud.mirror.get("Host", hostUuid)?.value.status === "Connected");
  assert.deepEqual(
    [runs, ends].map((uuid) => cloud.mirror.get("VmInstance", uuid)?.value.hostUuid),
    [hostUuid, null],
  );
  assert.equal((await done("StartVmInstance", { uuid: ends })).state, "Succeeded");
});

test("a machine that is found running after its host was lost in the middle of its creation is left alone by the task", async (t) => {
  const { call, done, cloud, hosts } = await place(t, ["10.0.0.2"]);
  await call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "1" });
  await call("UpdateGlobalConfig", { category: "host", name: "ping.maxFailure", value: "1" });
  hosts.isAnswerLost = (what) => {
    if (!what.endsWith(" startMachine")) return false;
    hosts.cut("10.0.0.2", false);
    return true;
  };
  const creating = done("CreateVmInstance", web);
  const machine = () => [...cloud.mirror.all("VmInstance")][0]?.value;
  await seen(cloud.mirror, () => machine()?.state === "Unknown");
  hosts.isAnswerLost = () => false;
  hosts.cut("10.0.0.2", true);
  await seen(cloud.mirror, () => machine()?.state === "Running");
  assert.equal((await creating).state, "Failed");
  assert.deepEqual([machine()?.state, machine()?.operation], ["Running", null]);
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  const there = await driver?.machines(AbortSignal.timeout(60_000));
  assert.deepEqual(there, [{ uuid: machine()?.uuid, state: "running" }]);
  const uuid = machine()?.uuid ?? "";
  await seen(cloud.mirror, () => [...cloud.mirror.all("Host")].every(({ value }) => value.status === "Connected"));
  assert.equal((await done("RebootVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  assert.equal(cloud.mirror.count("VmInstance") + cloud.mirror.count("Volume"), 0);
});

test("an Unknown machine is neither started nor called stopped while its host says nothing; each refusal tells the way out", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"]);
  const { call, done, hosts, cloud } = bed;
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const uuid = (await done("CreateVmInstance", web)).resourceUuid ?? "";
  const machine = () => cloud.mirror.get("VmInstance", uuid)?.value;
  const hostUuid = machine()?.hostUuid ?? "";
  const address = cloud.mirror.get("Host", hostUuid)?.value.managementIp ?? "";
  hosts.cut(address, false);
  await done("ReconnectHost", { uuid: hostUuid });
  assert.equal(machine()?.state, "Unknown");
  const wayOut = /is switched off and stays so, then delete it \(DeleteHost deleteMode=Enforcing\)/;
  assert.match((await refuses(call("StartVmInstance", { uuid }), "VM.1001")).remedy ?? "", wayOut);
  for (const [name, input] of [
    ["StopVmInstance", { uuid, type: "cold" }],
    ["DestroyVmInstance", { uuid }],
  ] as const) {
    const { state, error } = await done(name, input);
    assert.deepEqual([state, error?.code, error?.cause?.code], ["Failed", "VM.1004", "HOST.1010"]);
    assert.match(error?.remedy ?? "", wayOut);
    assert.deepEqual([machine()?.state, machine()?.hostUuid], ["Unknown", hostUuid]);
  }
  const refused = await done("DeleteHost", { uuid: hostUuid });
  assert.match(refused.error?.remedy ?? "", /switched off/);
  const deleted = await done("DeleteHost", { uuid: hostUuid, deleteMode: "Enforcing" });
  assert.deepEqual(deleted.result, { lostVolumes: [], countedAsStopped: [{ uuid, name: "web" }] });
  assert.equal(machine()?.state, "Stopped");
  // Its file is there for the other host, as on a shared storage.
  const volume = cloud.mirror.find("Volume", "vmInstanceUuid", uuid)[0]?.value;
  const path = volume?.installPath ?? "";
  const other = [...hosts.hosts].find(([each]) => each !== address)?.[1].driver;
  const made = { do: "createVolume", path, sizeBytes: volume?.size ?? 0, format: "qcow2" } as const;
  await other?.carryOut(made, AbortSignal.timeout(60_000));
  const started = await done("StartVmInstance", { uuid });
  assert.equal(started.state, "Succeeded", JSON.stringify(started.error));
});

test("a host with volumes on its own disks goes only when somebody accepts the loss, and is told of it", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { call, done, cloud, hosts } = bed;
  const uuid = (await done("CreateVmInstance", web)).resourceUuid ?? "";
  const hostUuid = cloud.mirror.get("VmInstance", uuid)?.value.hostUuid ?? "";
  assert.equal((await done("ChangeHostState", { uuid: hostUuid, stateEvent: "preMaintain" })).state, "Succeeded");
  const refused = await done("DeleteHost", { uuid: hostUuid });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "HOST.1003"]);
  assert.match(refused.error?.details ?? "", /ROOT-for-web of web/);
  assert.equal(cloud.mirror.get("Host", hostUuid)?.value.state, "Maintenance");

  const deleted = await done("DeleteHost", { uuid: hostUuid, deleteMode: "Enforcing" });
  const volume = cloud.mirror.find("Volume", "vmInstanceUuid", uuid)[0]?.value;
  const lost = {
    uuid: volume?.uuid,
    name: "ROOT-for-web",
    size: gigabyte,
    vmInstanceUuid: uuid,
    vmInstanceName: "web",
  };
  assert.deepEqual(deleted.result, { lostVolumes: [lost], countedAsStopped: [] });

  const error = await refuses(call("StartVmInstance", { uuid }), "VM.1004");
  assert.match(
    error.message,
    new RegExp(`on the own disks of the host ${hostUuid}, which was deleted, lay ROOT-for-web`),
  );
  assert.match(error.remedy ?? "", /DestroyVmInstance, ExpungeVmInstance.*backups/);
  assert.ok((error.remedy ?? "").endsWith(volume?.installPath ?? "?"));
  // No other host is asked to remove what it never had.
  const commands = hosts.commands.length;
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  assert.equal(hosts.commands.length, commands);
  for (const kind of ["VmInstance", "Volume"] as const) assert.equal(cloud.mirror.count(kind), 0, kind);
});

test("volumes of deleted machines keep no host, and are told all the same", async (t) => {
  const { done, cloud, hostUuids } = await place(t, ["10.0.0.2"], "local");
  const [hostUuid = ""] = hostUuids;
  const uuid = (await done("CreateVmInstance", web)).resourceUuid ?? "";
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("ChangeHostState", { uuid: hostUuid, stateEvent: "preMaintain" })).state, "Succeeded");
  const deleted = await done("DeleteHost", { uuid: hostUuid });
  assert.equal(deleted.state, "Succeeded", JSON.stringify(deleted.error));
  assert.match(JSON.stringify(deleted.result), /"vmInstanceName":"web"/);
  // With no host left at all.
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  assert.equal(cloud.mirror.count("Volume"), 0);
});

test("a machine that is about to be started is not bound to its last host by what that one says meanwhile", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { done, cloud, hostUuids } = bed;
  const uuid = (await done("CreateVmInstance", web)).resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  // As a start leaves it until a host was chosen.
  await cloud.records.change((tx) => void begin(tx, uuid, "start", "a task"));
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Succeeded");
  const { state, hostUuid } = cloud.mirror.get("VmInstance", uuid)?.value ?? {};
  assert.deepEqual([state, hostUuid], ["Starting", null]);
  await cloud.records.change((tx) => void end(tx, { vmUuid: uuid, holder: "a task" }, "failed"));
});
