import assert from "node:assert/strict";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;

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

test("a host that is added twice with one idempotency key is one task, and no password is kept for the second", async (t) => {
  const { cloud, hosts, cluster, token } = await place(t, []);
  await hosts.add("10.0.0.2");
  const input = { name: "h", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  const ask = { token, address: "192.0.2.1", requestBytes: 0, idempotencyKey: "k1" };
  const add = async () => {
    const { task } = (await cloud.dispatcher.run("AddKVMHost", input, ask)) as { task: { uuid: string } };
    return taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(30_000));
  };
  const [first, second] = [await add(), await add()];
  assert.deepEqual([first?.uuid, first?.state], [second?.uuid, "Succeeded"]);
  assert.equal(cloud.passwords.size, 0);
});

test("the password of a host is forgotten when its task is cancelled before its turn", async (t) => {
  const { cloud, call, hosts, cluster } = await place(t, []);
  const gate = Promise.withResolvers<void>();
  hosts.hold = () => gate.promise;
  const add = async (nth: number) => {
    const managementIp = `10.0.1.${nth}`;
    await hosts.add(managementIp);
    const given = { name: "h", clusterUuid: cluster.uuid, managementIp, password: hostPassword };
    return (await call("AddKVMHost", given)).task.uuid;
  };
  // As many as run at once, which have used theirs.
  const running = await Promise.all(Array.from({ length: 100 }, (_, nth) => add(nth + 1)));
  for (const uuid of running)
    await seen(cloud.mirror, () => cloud.mirror.get("Task", uuid)?.value.step?.startsWith("Proving"));
  const waiting = await add(101);
  assert.equal(cloud.passwords.size, 1);
  await call("CancelTask", { uuid: waiting });
  assert.equal(cloud.mirror.get("Task", waiting)?.value.state, "Cancelled");
  assert.equal(cloud.passwords.size, 0);
  gate.resolve();
  for (const uuid of running) await taskEnd(cloud.mirror, uuid, AbortSignal.timeout(60_000));
});

test("a host that had joined when the manager died is told by the next one to leave", async (t) => {
  const { cloud, call, hosts, cluster, store } = await place(t, []);
  await hosts.add("10.0.0.2");
  const joined = Promise.withResolvers<void>();
  hosts.hold = (_what, signal) => {
    joined.resolve();
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const given = { name: "h", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  const { task } = await call("AddKVMHost", given);
  await joined.promise;
  await cloud.close();
  assert.ok(hosts.hosts.get("10.0.0.2")?.uuid !== undefined);
  const next = await managerOn(t, store, hosts);
  const ended = await taskEnd(next.cloud.mirror, task.uuid, AbortSignal.timeout(60_000));
  assert.deepEqual([ended?.state, ended?.error?.code], ["Failed", "HOST.1030"]);
  assert.equal(hosts.hosts.get("10.0.0.2")?.uuid, undefined);
});

test("a host that is added twice at once is one host", async (t) => {
  const { call, done, hosts, cluster } = await place(t, []);
  await hosts.add("10.0.0.2");
  const input = { name: "h", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  const [first] = await Promise.all([done("AddKVMHost", input), refuses(call("AddKVMHost", input), "HOST.1030")]);
  assert.equal(first.state, "Succeeded");
  const other = { ...input, name: "other" };
  assert.match((await refuses(call("AddKVMHost", other), "HOST.1030")).message, /The host h has/);
  assert.equal((await call("QueryHost", { count: true })).total, 1);
});

test("a host that has left the cloud already, when a manager ended in the midst of it, is deleted", async (t) => {
  const { call, done, hosts, hostUuids } = await place(t, ["10.0.0.2"]);
  const uuid = hostUuids[0] ?? "";
  assert.equal((await done("ChangeHostState", { uuid, stateEvent: "preMaintain" })).state, "Succeeded");
  await hosts.door.leave({ uuid, managementIp: "10.0.0.2" }, AbortSignal.timeout(1_000));
  const task = await done("DeleteHost", { uuid });
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  assert.equal((await call("QueryHost", { count: true })).total, 0);
});

test("a host is not added once more by another of its addresses", async (t) => {
  const { done, call, hosts, cluster, hostUuids } = await place(t, ["10.0.0.2"]);
  const same = hosts.hosts.get("10.0.0.2");
  assert.ok(same !== undefined);
  hosts.hosts.set("10.1.0.2", same);
  const input = { name: "again", clusterUuid: cluster.uuid, managementIp: "10.1.0.2", password: hostPassword };
  const task = await done("AddKVMHost", input);
  assert.deepEqual([task.state, task.error?.code], ["Failed", "HOST.1030"]);
  assert.match(task.error?.details ?? "", /10\.1\.0\.2 is the host 10\.0\.0\.2, by another/);
  assert.equal(same.uuid, hostUuids[0]);
  assert.equal((await call("QueryHost", { count: true })).total, 1);
});

test("a lost host is deleted with machines that may still run there only when somebody insists; they are on no host then", async (t) => {
  const { done, call, hosts, hostUuids } = await place(t, ["10.0.0.2"]);
  const [uuid = ""] = hostUuids;
  const given = { name: "web", cpuNum: 1, memorySize: 1024 ** 3, rootDiskSize: 1024 ** 3 };
  const machine = (await done("CreateVmInstance", given)).resourceUuid ?? "";
  hosts.cut("10.0.0.2", false);
  assert.equal((await done("ReconnectHost", { uuid })).state, "Failed");
  assert.equal((await call("GetVmInstance", { uuid: machine })).inventory.state, "Unknown");
  const refused = await done("DeleteHost", { uuid });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1010"]);
  assert.equal((await done("DeleteHost", { uuid, deleteMode: "Enforcing" })).state, "Succeeded");
  const { state, hostUuid, lastHostUuid } = (await call("GetVmInstance", { uuid: machine })).inventory;
  assert.deepEqual([state, hostUuid, lastHostUuid], ["Stopped", null, uuid]);
});

test("a host whose connecting is cancelled before its turn counts as lost, and is tried again by itself", async (t) => {
  const { cloud, call, hosts, cluster, hostUuids } = await place(t, ["10.0.0.2"]);
  const [uuid = ""] = hostUuids;
  const gate = Promise.withResolvers<void>();
  hosts.hold = () => gate.promise;
  const add = async (nth: number) => {
    const managementIp = `10.0.1.${nth}`;
    await hosts.add(managementIp);
    const given = { name: "h", clusterUuid: cluster.uuid, managementIp, password: hostPassword };
    return (await call("AddKVMHost", given)).task.uuid;
  };
  const running = await Promise.all(Array.from({ length: 100 }, (_, nth) => add(nth + 1)));
  for (const each of running)
    await seen(cloud.mirror, () => cloud.mirror.get("Task", each)?.value.step?.startsWith("Proving"));
  const { task } = await call("ReconnectHost", { uuid });
  assert.equal(cloud.mirror.get("Host", uuid)?.value.status, "Connecting");
  await call("CancelTask", { uuid: task.uuid });
  assert.equal(cloud.mirror.get("Host", uuid)?.value.status, "Disconnected");
  gate.resolve();
  for (const each of running) await taskEnd(cloud.mirror, each, AbortSignal.timeout(60_000));
});
