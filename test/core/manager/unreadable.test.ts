import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { admin } from "../../../core/orchestrator/identity/index.ts";
import type { Kind } from "../../../core/orchestrator/kinds.ts";
import type { JsonObject } from "../../../core/store/record.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

/* Records that are none of their kind, as a newer version or a hand may leave them in the store. */

const gigabyte = 1024 ** 3;
const web = { name: "web", cpuNum: 1, memorySize: gigabyte, rootDiskSize: gigabyte };

async function bed(t: TestContext, storage: "local" | "shared" = "shared") {
  const made = await place(t, ["10.0.0.2", "10.0.0.3"], storage);
  const { store, cloud } = made;
  /** Another hand changes a record in the store: undefined takes a field away. Resolves when the manager has seen it. */
  const change = async (kind: Kind, key: string, patch: object) => {
    const found = await store.get(kind, key);
    const value = JSON.parse(JSON.stringify({ ...found?.value, ...patch })) as JsonObject;
    await cloud.mirror.reached(await store.transact([{ do: "put", kind, key, value }]));
  };
  const machine = async (more: object = {}) =>
    (await made.done("CreateVmInstance", { ...web, ...more })).resourceUuid ?? "";
  const hostOf = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value.hostUuid ?? "";
  return { ...made, change, machine, hostOf };
}

const wrongs: Record<string, [patch: object, why: RegExp]> = {
  "is missing": [{ memorySize: undefined }, /memorySize: It is missing/],
  "is of another type": [{ cpuNum: "2" }, /cpuNum: It is no number/],
  "is below zero": [{ memorySize: -gigabyte }, /memorySize: It is no size/],
  "has a value that nobody knows": [{ state: "Dreaming" }, /state: It is no choice/],
  "is null": [{ tags: null }, /tags: It is null/],
  "holds what is none": [{ vmNicUuids: [7] }, /vmNicUuids: It is no list/],
};
for (const [name, [patch, why]] of Object.entries(wrongs))
  test(`a machine a field of which ${name} is left alone, and the rest of the cloud goes on`, async (t) => {
    const { call, done, change, machine, hostOf, cloud, hosts } = await bed(t);
    const [broken, other] = [await machine(), await machine()];
    const hostUuid = hostOf(broken);
    await change("VmInstance", broken, patch);
    assert.equal(cloud.lost.aborted, false);
    assert.match((await refuses(call("GetVmInstance", { uuid: broken }), "SYS.1060")).message, why);
    const commands = hosts.commands.length;
    for (const operation of ["StartVmInstance", "StopVmInstance", "DestroyVmInstance"] as const)
      await refuses(call(operation, { uuid: broken }), "SYS.1060");
    assert.equal(hosts.commands.length, commands);
    assert.equal((await done("RebootVmInstance", { uuid: other })).state, "Succeeded");
    // Nobody knows what is left on its host: nothing new goes there.
    const next = await machine();
    assert.ok(hostOf(next) !== "" && hostOf(next) !== hostUuid);
    const task = await done("CreateVmInstance", { ...web, hostUuid });
    assert.match(task.error?.details ?? "", /the record of a machine that may be on it can't be read/);
    // Nor is the host called free, or taken away from under it.
    const maintained = await done("ChangeHostState", { uuid: hostUuid, stateEvent: "preMaintain" });
    assert.deepEqual([maintained.state, maintained.error?.code], ["Failed", "HOST.1033"]);
    assert.equal(cloud.mirror.get("Host", hostUuid)?.value.state, "Enabled");
    await cloud.records.change((tx) => tx.update("Host", hostUuid, { state: "Maintenance" }));
    assert.equal((await done("DeleteHost", { uuid: hostUuid, deleteMode: "Enforcing" })).error?.code, "SYS.1060");
  });

test("a manager begins with records that it can't read, connects to their hosts, and takes them in when they are mended", async (t) => {
  const first = await bed(t);
  const { change, machine, hostOf, store, hosts, cloud } = first;
  const uuid = await machine();
  const hostUuid = hostOf(uuid);
  const [other = ""] = first.hostUuids.filter((each) => each !== hostUuid);
  await change("VmInstance", uuid, { cpuNum: undefined });
  await change("Host", other, { tags: undefined });
  await cloud.close();
  const next = await managerOn(t, store, hosts);
  const { mirror } = next.cloud;
  assert.deepEqual([mirror.get("VmInstance", uuid), mirror.get("Host", other)], [undefined, undefined]);
  assert.equal(mirror.unreadable.size, 2);
  const connected = await next.done("ReconnectHost", { uuid: hostUuid });
  assert.equal(connected.state, "Succeeded", JSON.stringify(connected.error));
  await refuses(next.call("ReconnectHost", { uuid: other }), "SYS.1060");
  // Its machine still runs, and a second one of it is not made.
  const driver = [...hosts.hosts.values()].find((each) => each.uuid === hostUuid)?.driver;
  assert.deepEqual(
    (await driver?.machines(AbortSignal.timeout(60_000)))?.map((each) => `${each.uuid} ${each.state}`),
    [`${uuid} running`],
  );
  const found = await store.get("VmInstance", uuid);
  const value = { ...found?.value, cpuNum: 1 };
  await mirror.reached(await store.transact([{ do: "put", kind: "VmInstance", key: uuid, value }]));
  assert.equal(mirror.get("Host", hostUuid)?.value.cpuUsed, 1);
  assert.equal((await next.done("StopVmInstance", { uuid })).state, "Succeeded");
});

test("a manager begins though the record of admin can't be read, and makes no second admin", async (t) => {
  const { change, store, hosts, cloud } = await bed(t);
  await change("User", admin.uuid, { state: undefined });
  await cloud.close();
  // It serves calls: what it refuses is admin's log-in.
  await assert.rejects(managerOn(t, store, hosts), { code: "IDENTITY.1002" });
  assert.equal((await store.list({ kind: "User" })).records.length, 1);
});

test("a machine whose volume can't be read is not started without it, nor is its storage filled", async (t) => {
  const { call, done, change, machine, cloud } = await bed(t);
  const uuid = await machine();
  const volume = cloud.mirror.find("Volume", "vmInstanceUuid", uuid)[0]?.value;
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  // It does not even say whose it is: the machine does.
  await change("Volume", volume?.uuid ?? "", { size: "1G", vmInstanceUuid: undefined });
  await refuses(call("StartVmInstance", { uuid }), "SYS.1060");
  const task = await done("CreateVmInstance", web);
  assert.match(task.error?.details ?? "", /the record of a volume that may be on storage store can't be read/);
});

test("the address of a card that can't be read is given to nobody else", async (t) => {
  const { change, machine, cloud, l3 } = await bed(t);
  const addressOf = (uuid: string) => cloud.mirror.find("VmNic", "vmInstanceUuid", uuid)[0]?.value;
  const first = addressOf(await machine({ l3NetworkUuids: [l3.uuid] }));
  await change("VmNic", first?.uuid ?? "", { deviceId: null });
  const second = addressOf(await machine({ l3NetworkUuids: [l3.uuid] }));
  assert.deepEqual([first?.ip, second?.ip], ["10.0.0.10", "10.0.0.11"]);
});

test("what a newer version has noted in a record stays, and the record is worked with", async (t) => {
  const { change, machine, done, hostOf, cloud, primary, store } = await bed(t);
  const uuid = await machine();
  const hostUuid = hostOf(uuid);
  for (const [kind, key] of [
    ["VmInstance", uuid],
    ["Host", hostUuid],
    ["PrimaryStorage", primary.uuid],
  ] as const)
    await change(kind, key, { bootMode: "UEFI" });
  assert.equal(cloud.mirror.unreadable.size, 0);
  const connected = await done("ReconnectHost", { uuid: hostUuid });
  assert.equal(connected.state, "Succeeded", JSON.stringify(connected.error));
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  for (const [kind, key] of [
    ["VmInstance", uuid],
    ["Host", hostUuid],
  ] as const)
    assert.equal((await store.get(kind, key))?.value["bootMode"], "UEFI", kind);
});

test("damaged figures of a host's storage keep no host from being connected, and are asked for anew", async (t) => {
  const { change, done, cloud, hostUuids, primary } = await bed(t, "local");
  const key = `${hostUuids[0]}:${primary.uuid}`;
  await change("HostStorage", key, { totalBytes: undefined, availableBytes: "much" });
  const total = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.totalCapacity;
  for (const [nth, bytes] of [
    [1, 1024 ** 4],
    [0, 2 * 1024 ** 4],
  ] as const) {
    const connected = await done("ReconnectHost", { uuid: hostUuids[nth] ?? "" });
    assert.equal(connected.state, "Succeeded", JSON.stringify(connected.error));
    assert.equal(total(), bytes);
  }
});

test("a machine that does not say where it is may be on any host of its cluster", async (t) => {
  const { change, machine, done, cloud } = await bed(t);
  const uuid = await machine();
  await change("VmInstance", uuid, { hostUuid: undefined });
  const task = await done("CreateVmInstance", web);
  assert.deepEqual([task.state, task.error?.code], ["Failed", "VM.1008"]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = cloud.mirror.subscribe(() => resolve());
  await change("VmInstance", uuid, { hostUuid: null, state: "Stopped" });
  await promise;
  end();
  await seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === "Stopped");
  assert.equal((await done("CreateVmInstance", web)).state, "Succeeded");
});

test("a setting that can't be read is not made a second time, and nothing is expunged by its preset", async (t) => {
  const { call, done, change, machine, cloud, store, hosts } = await bed(t);
  const uuid = await machine();
  for (const [name, value] of [
    ["expungeInterval", "1"],
    ["expungePeriod", "1"],
    ["deletionPolicy", "Never"],
  ] as const)
    await call("UpdateGlobalConfig", { category: "vm", name, value });
  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  const settings = cloud.mirror.find("GlobalConfig", "name", "deletionPolicy").map(({ value }) => value);
  const policy = settings.find(({ category }) => category === "vm");
  await change("GlobalConfig", policy?.uuid ?? "", { description: 7 });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await cloud.close();
  const next = await managerOn(t, store, hosts);
  await next.cloud.sweep();
  assert.equal([...next.cloud.mirror.all("Task")].filter(({ value }) => value.call === "ExpungeVmInstance").length, 0);
  const { records } = await store.list({ kind: "GlobalConfig" });
  assert.equal(
    records.filter(({ value }) => value["name"] === "deletionPolicy" && value["category"] === "vm").length,
    1,
  );
});
