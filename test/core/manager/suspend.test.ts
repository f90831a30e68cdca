import assert from "node:assert/strict";
import { test } from "node:test";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

test("a suspended machine frees its host, survives the host's restart, and goes on there or nowhere", async (t) => {
  const bed = await place(t, ["10.0.0.2", "10.0.0.3"]);
  const { call, done, hosts, cloud } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  const now = async () => (await call("GetVmInstance", { uuid })).inventory;
  const { hostUuid } = await now();
  const host = () => cloud.mirror.get("Host", hostUuid ?? "")?.value;
  const driver = hosts.hosts.get(host()?.managementIp ?? "")?.driver;
  assert.ok(driver !== undefined);
  const there = async () => (await driver.machines(new AbortController().signal)).map(({ state }) => state);
  const succeeds = async (name: "SuspendVmInstance" | "ResumeVmInstance") => {
    const task = await done(name, { uuid });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  };
  await succeeds("SuspendVmInstance");
  const suspended = await now();
  assert.deepEqual([suspended.state, suspended.hostUuid, suspended.lastHostUuid], ["Suspended", null, hostUuid]);
  assert.deepEqual([host()?.cpuUsed, host()?.memoryUsed, await there()], [0, 0, ["suspended"]]);
  await refuses(call("StartVmInstance", { uuid }), "VM.1001");
  driver.restart("another");
  await done("ReconnectHost", { uuid: hostUuid ?? "" });
  assert.equal((await now()).state, "Suspended");
  await succeeds("ResumeVmInstance");
  assert.deepEqual([(await now()).hostUuid, await there()], [hostUuid, ["running"]]);

  await succeeds("SuspendVmInstance");
  driver.simulate({ fails: [{ do: "restoreMachine" }] });
  assert.equal((await done("ResumeVmInstance", { uuid })).state, "Failed");
  assert.deepEqual([(await now()).state, host()?.memoryUsed, await there()], ["Suspended", 0, ["suspended"]]);
  driver.simulate({});
  await succeeds("ResumeVmInstance");
  // Somebody keeps its memory behind the manager's back.
  await driver.carryOut({ do: "suspendMachine", uuid }, new AbortController().signal);
  await seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === "Suspended");
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.deepEqual(await there(), [], "nothing is kept of a deleted one");
  assert.equal((await call("RecoverVmInstance", { uuid })).inventory.state, "Stopped");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
});

test("a suspended machine follows its host: resumed past the manager it runs, and without its memory it can be started", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, hosts, cloud, hostUuids } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  const never = new AbortController().signal;
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  assert.ok(driver !== undefined);
  const became = (state: string) =>
    seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === state);
  assert.equal((await done("SuspendVmInstance", { uuid })).state, "Succeeded");
  const { memorySize, cpuNum } = (await call("GetVmInstance", { uuid })).inventory;
  const path = String((await call("QueryVolume", {})).inventories[0]?.["installPath"]);
  const disks = [{ volumeUuid: uuid, path, format: "qcow2" as const }];
  const spec = { uuid, name: "web", cpuNum, memorySize, disks, nics: [] };
  await driver.carryOut({ do: "restoreMachine", machine: spec }, never);
  await became("Running");
  assert.equal(cloud.mirror.get("Host", hostUuids[0] ?? "")?.value.memoryUsed, memorySize);

  assert.equal((await done("SuspendVmInstance", { uuid })).state, "Succeeded");
  await driver.carryOut({ do: "removeMachine", uuid }, never);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Succeeded");
  await became("Stopped");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");

  assert.equal((await done("SuspendVmInstance", { uuid })).state, "Succeeded");
  assert.equal(
    (await done("ChangeHostState", { uuid: hostUuids[0] ?? "", stateEvent: "preMaintain" })).state,
    "Succeeded",
  );
  const refused = await done("DeleteHost", { uuid: hostUuids[0] ?? "" });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1010"]);
  const gone = await done("DeleteHost", { uuid: hostUuids[0] ?? "", deleteMode: "Enforcing" });
  assert.equal(gone.state, "Succeeded", JSON.stringify(gone.error));
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Stopped");
});
