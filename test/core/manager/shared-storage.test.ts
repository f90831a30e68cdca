import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { agentFailed } from "../../../core/api/host/errors.ts";
import { networkStorageFolder, notMounted, silent } from "../../../core/hypervisor/shared-storage.ts";
import { SharedStorage, type SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { refuses } from "../hypervisor/support.ts";

/* Storages that several hosts have: which host is given machines on them, and which is refused. Hosts are simulated. */

const url = "192.168.0.1:/nfs_root";
const [one, two] = ["10.0.0.2", "10.0.0.3"] as const;

/** A cluster with an NFS storage and these hosts, which share what lies there. `before`: a host joins. */
async function bed(
  t: TestContext,
  addresses: readonly string[],
  before?: (driver: SimulatedDriver, address: string) => void,
) {
  const cloud = await testCloud(t);
  const { call, done, hosts } = cloud;
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const { uuid } = (await call("AddNfsPrimaryStorage", { name: "store", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid, clusterUuid: cluster.uuid });
  const shared = new SharedStorage(`${networkStorageFolder}/`);
  const hostUuids: string[] = [];
  for (const address of addresses) {
    const driver = await hosts.add(address, { shared });
    before?.(driver, address);
    const input = { name: address, clusterUuid: cluster.uuid, managementIp: address, password: hostPassword };
    const task = await done("AddKVMHost", input);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    hostUuids.push(task.resourceUuid ?? "");
  }
  const driver = (address: string) => {
    const found = hosts.hosts.get(address)?.driver;
    assert.ok(found !== undefined);
    return found;
  };
  const storage = () => cloud.cloud.mirror.get("PrimaryStorage", uuid)?.value;
  return { ...cloud, uuid, cluster, hostUuids, driver, storage };
}

const isMounted = (machines: Promise<unknown>) =>
  machines.then(
    () => true,
    () => false,
  );

test("an NFS storage is mounted by the hosts of its clusters before they are given machines, and let go when detached", async (t) => {
  const { call, done, driver, uuid, cluster, hostUuids, storage, cloud } = await bed(t, [one]);
  assert.equal(storage()?.status, "Connected");
  const made = await machine({ done });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const vm = made.resourceUuid ?? "";
  const path = cloud.mirror.find("Volume", "vmInstanceUuid", vm)[0]?.value.installPath ?? "";
  assert.ok(path.startsWith(`${networkStorageFolder}/${uuid}/`), path);
  const there = () => isMounted(driver(one).volume({ path, format: "qcow2" }, AbortSignal.timeout(60_000)));
  assert.equal((await done("StopVmInstance", { uuid: vm })).state, "Succeeded");
  // A host that was switched off and on has nothing mounted.
  driver(one).restart("two");
  assert.equal(await there(), false);
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Succeeded");
  assert.equal(await there(), true);
  const started = await done("StartVmInstance", { uuid: vm });
  assert.equal(started.state, "Succeeded", JSON.stringify(started.error));
  assert.equal((await done("StopVmInstance", { uuid: vm })).state, "Succeeded");
  await call("DetachPrimaryStorageFromCluster", { uuid, clusterUuid: cluster.uuid });
  const released = () => [...cloud.mirror.all("Task")].find(({ value }) => value.name.startsWith("Have the hosts let"));
  await seen(cloud.mirror, () => released()?.value.state === "Succeeded");
  assert.equal(await there(), false);
});

test("a storage that is deleted is let go of by its hosts, and what lies on it stays", async (t) => {
  const { done, driver, uuid, cloud } = await bed(t, [one]);
  const made = await machine({ done });
  const path = cloud.mirror.find("Volume", "vmInstanceUuid", made.resourceUuid ?? "")[0]?.value.installPath ?? "";
  assert.equal((await done("StopVmInstance", { uuid: made.resourceUuid ?? "" })).state, "Succeeded");
  const deleted = await done("DeletePrimaryStorage", { uuid });
  assert.equal(deleted.state, "Succeeded", JSON.stringify(deleted.error));
  const place = { path, format: "qcow2" as const };
  const never = AbortSignal.timeout(60_000);
  await refuses(driver(one).volume(place, never), "STORAGE.1052");
  await driver(one).storage(
    { type: "NFS", url, path: `${networkStorageFolder}/${uuid}`, mark: { uuid, isNew: false } },
    never,
  );
  assert.ok((await driver(one).volume(place, never)).sizeBytes > 0);
});

test("a host that does not reach a storage is given nothing on it, and the task that asked it says why", async (t) => {
  const { done, driver, uuid, hostUuids, storage, cloud } = await bed(t, [one, two]);
  driver(one).simulate({ lostStorages: [url] });
  const asked = await done("ReconnectPrimaryStorage", { uuid });
  assert.deepEqual([asked.state, asked.error?.code, asked.error?.cause?.code], ["Failed", "STORAGE.1050", "HOST.1012"]);
  assert.equal(asked.error?.cause?.cause?.code, "STORAGE.1051");
  assert.match(asked.error?.details ?? "", /10\.0\.0\.2.*can't be mounted/);
  assert.equal(storage()?.status, "Connected", "the other one reaches it");
  for (const _ of [1, 2, 3]) {
    const made = await machine({ done });
    assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
    assert.equal(cloud.mirror.get("VmInstance", made.resourceUuid ?? "")?.value.hostUuid, hostUuids[1]);
  }
  driver(two).simulate({ lostStorages: [url] });
  await done("ReconnectPrimaryStorage", { uuid });
  assert.equal(storage()?.status, "Disconnected");
  for (const each of [one, two]) driver(each).simulate({});
  assert.equal((await done("ReconnectPrimaryStorage", { uuid })).state, "Succeeded");
  assert.equal(storage()?.status, "Connected");
});

test("a host that does not see the locks of another one is refused the storage, unless the administrator takes that on", async (t) => {
  const { call, done, uuid, hostUuids, storage } = await bed(t, [one, two], (driver, address) => {
    if (address === two) driver.simulate({ locksAreLocal: true });
  });
  const [first = "", second = ""] = hostUuids;
  assert.equal(storage()?.status, "Connected");
  assert.equal((await machine({ done }, { hostUuid: first })).state, "Succeeded");
  const refused = await machine({ done }, { hostUuid: second });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1008"]);
  const asked = await done("ReconnectPrimaryStorage", { uuid });
  assert.equal(asked.error?.cause?.code, "STORAGE.1056", JSON.stringify(asked.error));
  assert.match(asked.error?.remedy ?? "", /whose POSIX locks all hosts see/);
  await call("UpdateGlobalConfig", { category: "primaryStorage", name: "locks.required", value: "false" });
  assert.equal((await done("ReconnectPrimaryStorage", { uuid })).state, "Succeeded");
  assert.equal((await machine({ done }, { hostUuid: second })).state, "Succeeded");
});

test("a host that has another folder there than the others is refused it", async (t) => {
  const { done, hosts, uuid, cluster } = await bed(t, [one]);
  await hosts.add(two, { shared: new SharedStorage(`${networkStorageFolder}/`) });
  const input = { name: "stranger", clusterUuid: cluster.uuid, managementIp: two, password: hostPassword };
  assert.equal((await done("AddKVMHost", input)).state, "Succeeded");
  const asked = await done("ReconnectPrimaryStorage", { uuid });
  assert.equal(asked.error?.cause?.code, "STORAGE.1054", JSON.stringify(asked.error));
});

test("hosts that have seen each other's locks are not asked again by each look", async (t) => {
  const { done, hosts, uuid, hostUuids } = await bed(t, [one, two]);
  assert.ok(hosts.locks.includes(`${two} look`), "the second one was asked");
  assert.equal((await done("ReconnectPrimaryStorage", { uuid })).state, "Succeeded");
  const before = hosts.locks.length;
  assert.equal((await done("ReconnectPrimaryStorage", { uuid })).state, "Succeeded");
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[1] ?? "" })).state, "Succeeded");
  assert.equal(hosts.locks.length, before, "nothing has been started anew");
  assert.deepEqual(
    hosts.locks.filter((each) => each.endsWith("hold")).length,
    hosts.locks.filter((each) => each.endsWith("release")).length,
    "what was held was released",
  );
});

test("a storage that was silent once gets nothing new, and is taken from its host after several looks in a row, or at once when it is gone", async (t) => {
  const { call, done, hosts, uuid, hostUuids, storage, cloud } = await bed(t, [one]);
  const room = hosts.room;
  const look = async (why?: Error) => {
    hosts.room = (host) => {
      if (why !== undefined) throw why;
      return room(host);
    };
    const task = await done("ReconnectPrimaryStorage", { uuid });
    assert.equal(task.error?.code, why === undefined ? undefined : "STORAGE.1050");
    return [storage()?.status, cloud.mirror.count("HostStorage")];
  };
  const quiet = agentFailed(one, silent(url));
  const isTaken = async () => {
    const task = await machine({ done });
    if (task.error !== null) assert.equal(task.error.code, "VM.1008");
    return task.state === "Succeeded";
  };
  assert.deepEqual([await look(quiet), await isTaken()], [["Connected", 1], false]);
  assert.deepEqual([await look(), await isTaken()], [["Connected", 1], true]);
  assert.deepEqual(
    [await look(quiet), await look(quiet)],
    [
      ["Connected", 1],
      ["Connected", 1],
    ],
  );
  assert.deepEqual(await look(quiet), ["Disconnected", 0]);
  assert.equal(await isTaken(), false);
  assert.deepEqual([await look(), await isTaken()], [["Connected", 1], true]);
  assert.deepEqual(await look(agentFailed(one, notMounted("/x"))), ["Disconnected", 0]);
  assert.deepEqual(await look(), ["Connected", 1]);
  await call("UpdateGlobalConfig", { category: "primaryStorage", name: "check.maxFailure", value: "1" });
  assert.deepEqual(await look(quiet), ["Disconnected", 0]);
  // A host that is connected anew while it is silent is none that has it.
  assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Succeeded");
  assert.equal(await isTaken(), false);
});
