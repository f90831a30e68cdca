import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

const mebibyte = 1024 ** 2;
const gigabyte = 1024 ** 3;

/** A machine of an image with a card and a data volume, whose root volume has a snapshot; it runs. */
async function bedOf(t: TestContext, storage: "local" | "shared" = "local") {
  const bed = await imageCloud(t, ["10.0.0.2"], storage, { stepLimits: { undoAttempts: 1 } });
  const { done, cloud, images, primary, hosts, l3 } = bed;
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task.resourceUuid ?? "";
  };
  const image = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const wish = { imageUuid: image, rootDiskSize: undefined, l3NetworkUuids: [l3.uuid], tags: ["owner::me"] };
  const uuid = (await machine(bed, wish)).resourceUuid ?? "";
  const data = await ok("CreateDataVolume", { name: "data", diskSize: gigabyte });
  await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: uuid });
  const record = (of: string) => cloud.mirror.get("VmInstance", of)?.value;
  const root = record(uuid)?.rootVolumeUuid ?? "";
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: root, name: "s" });
  const free = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  assert.ok(driver !== undefined);
  const volumesOf = (of: string) =>
    cloud.mirror
      .find("Volume", "vmInstanceUuid", of)
      .map(({ value }) => value)
      .toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0));
  /** The copies. */
  const clone = async (more: Partial<CallInput<"CloneVmInstance">> = {}): Promise<string[]> => {
    const task = await done("CloneVmInstance", { uuid, names: ["web-2"], ...more });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return (task.result as { vmInstanceUuids: string[] }).vmInstanceUuids;
  };
  /** Everything but the times and what was looked at. */
  const state = () =>
    JSON.stringify(
      (["VmInstance", "Volume", "VolumeSnapshot", "VmNic", "MacUse", "AddressUse", "VolumeBase"] as const).map((kind) =>
        [...cloud.mirror.entries(kind)].map(([, { value }]) => ({ ...value, lastOpDate: 0, actualSize: 0 })),
      ),
    );
  return { ...bed, ok, image, uuid, data, record, root, snapshot, free, driver, volumesOf, clone, state };
}

for (const storage of ["local", "shared"] as const)
  test(`on ${storage} storage copies of a running machine have its volumes, cards and size, and addresses of their own; it goes on`, async (t) => {
    const bed = await bedOf(t, storage);
    const { ok, uuid, data, record, root, snapshot, free, volumesOf, clone, cloud, hosts, image } = bed;
    const before = free();
    hosts.commands.splice(0);
    const copies = await clone({ names: ["web-2", "web-3"] });
    const verbs = hosts.commands.map((each) => each.split(" ")[1]);
    const twice = ["snapshotVolume", "snapshotVolume"];
    const copied = Array.from({ length: 4 }, () => "copyVolume");
    assert.deepEqual(verbs, [...twice, ...copied, "deleteSnapshot", "deleteSnapshot", "startMachine", "startMachine"]);
    const source = record(uuid);
    assert.deepEqual([source?.state, source?.operation], ["Running", null]);
    for (const [nth, of] of copies.entries()) {
      const made = record(of);
      assert.ok(made !== undefined && source !== undefined);
      const { cpuNum, memorySize, imageUuid, tags, clusterUuid, defaultL3NetworkUuid } = source;
      assert.deepEqual(
        { ...made, vmNicUuids: [], lastOpDate: 0, createDate: 0, rootVolumeUuid: "" },
        {
          ...{ ...source, vmNicUuids: [], lastOpDate: 0, createDate: 0, rootVolumeUuid: "" },
          ...{
            uuid: of,
            name: `web-${nth + 2}`,
            cpuNum,
            memorySize,
            imageUuid,
            tags,
            clusterUuid,
            defaultL3NetworkUuid,
          },
        },
      );
      const [rootCopy, dataCopy] = volumesOf(of);
      assert.deepEqual(
        [rootCopy?.type, rootCopy?.status, rootCopy?.size, rootCopy?.deviceId, rootCopy?.rootImageUuid, rootCopy?.uuid],
        ["Root", "Ready", 64 * mebibyte, 0, image, made.rootVolumeUuid],
      );
      assert.deepEqual([dataCopy?.type, dataCopy?.size, dataCopy?.deviceId], ["Data", gigabyte, 1]);
      assert.deepEqual(
        cloud.mirror.get("VolumeBase", rootCopy?.uuid ?? "")?.value,
        cloud.mirror.get("VolumeBase", root)?.value,
      );
    }
    const nics = [...cloud.mirror.all("VmNic")].map(({ value }) => value);
    assert.deepEqual([new Set(nics.map(({ mac }) => mac)).size, new Set(nics.map(({ ip }) => ip)).size], [3, 3]);
    assert.equal(before - free(), 2 * (64 * mebibyte + gigabyte), "what was kept for copying is given back");
    assert.deepEqual(
      [...cloud.mirror.all("VolumeSnapshot")].map(({ value }) => value.uuid),
      [snapshot],
    );
    assert.equal(cloud.mirror.count("VolumeOperation") + cloud.mirror.count("VmOperation"), 0);

    await ok("StopVmInstance", { uuid, type: "cold" });
    hosts.commands.splice(0);
    const [still = ""] = await clone({ names: ["web-4"], full: false, strategy: "CreateStopped" });
    assert.deepEqual(
      hosts.commands.map((each) => each.split(" ")[1]),
      ["copyVolume"],
    );
    assert.deepEqual([record(still)?.state, record(still)?.hostUuid, volumesOf(still).length], ["Created", null, 1]);
    await ok("DestroyVmInstance", { uuid });
    await ok("ExpungeVmInstance", { uuid });
    await ok("DeleteDataVolume", { uuid: data });
    await ok("ExpungeDataVolume", { uuid: data });
    await ok("StartVmInstance", { uuid: still });
    for (const of of copies) {
      await ok("StopVmInstance", { uuid: of, type: "cold" });
      await ok("StartVmInstance", { uuid: of });
    }
  });

test("what keeps a machine from being copied is said, and nothing of the copies is left", async (t) => {
  const bed = await bedOf(t);
  const { done, call, uuid, state, hosts, driver, cloud, record, ok, data, l3 } = bed;
  const before = state();
  const cases: [code: string, input: Partial<CallInput<"CloneVmInstance">>][] = [
    ["SYS.1001", { uuid, names: [] }],
    ["SYS.1001", { uuid, names: ["x\u001b[2J"] }],
    ["SYS.1001", { uuid, names: Array.from({ length: 11 }, () => "x") }],
    ["SYS.1005", { uuid: data, names: ["x"] }],
  ];
  for (const [code, input] of cases) await refuses(call("CloneVmInstance", input), code);
  await call("ChangeL3NetworkState", { uuid: l3.uuid, stateEvent: "disable" });
  await refuses(call("CloneVmInstance", { uuid, names: ["x"] }), "NETWORK.1023");
  await call("ChangeL3NetworkState", { uuid: l3.uuid, stateEvent: "enable" });
  const failing = async (code: string, more: Partial<CallInput<"CloneVmInstance">> = {}) => {
    const { error } = await done("CloneVmInstance", { uuid, names: ["x", "y"], ...more });
    assert.equal(error?.cause?.code ?? error?.code, code, JSON.stringify(error));
    assert.equal(state(), before, code);
    assert.deepEqual([record(uuid)?.state, record(uuid)?.operation], ["Running", null]);
    assert.equal(cloud.mirror.count("VolumeOperation") + cloud.mirror.count("VmOperation"), 0);
  };
  for (const verb of ["snapshotVolume", "copyVolume", "startMachine"] as const) {
    driver.simulate({ fails: [{ do: verb }] });
    await failing("HYPERVISOR.FAILED");
    driver.simulate({});
    hosts.isAnswerLost = (what) => what.endsWith(verb);
    await failing("HOST.1010");
    hosts.isAnswerLost = () => false;
  }
  driver.simulate({ storageFull: true });
  await failing("HYPERVISOR.STORAGE_FULL");
  driver.simulate({});
  await failing("NETWORK.1004", { names: Array.from({ length: 10 }, (_, n) => `x${n}`), strategy: "CreateStopped" });
  hosts.room = () => ({ totalBytes: 2 * gigabyte, availableBytes: 2 * gigabyte });
  await ok("ReconnectHost", { uuid: record(uuid)?.hostUuid ?? "" });
  await failing("STORAGE.1004");
  const there = (await driver.machines(new AbortController().signal)).map((each) => each.uuid);
  assert.deepEqual(there, [uuid]);
});

test("what could not be removed on the host stays on record: a snapshot to be deleted, copies to be expunged", async (t) => {
  const bed = await bedOf(t);
  const { done, uuid, driver, cloud, record, ok, volumesOf, hosts, clone, snapshot } = bed;
  driver.simulate({ fails: [{ do: "deleteSnapshot" }] });
  await clone({ full: false });
  const left = () => [...cloud.mirror.all("VolumeSnapshot")].map(({ value }) => value);
  const rest = left().find((each) => each.uuid !== snapshot);
  assert.deepEqual([rest?.status, rest?.name, rest?.latest], ["Creating", "for copies", false]);
  await assert.rejects(ok("RevertVolumeFromSnapshot", { uuid: rest?.uuid ?? "" }));
  driver.simulate({});
  await ok("DeleteVolumeSnapshot", { uuid: rest?.uuid ?? "" });
  assert.deepEqual(
    left().map((each) => each.uuid),
    [snapshot],
  );

  hosts.isAnswerLost = (what) => what.endsWith("copyVolume");
  driver.simulate({ fails: [{ do: "deleteVolume" }] });
  assert.equal((await done("CloneVmInstance", { uuid, names: ["x"] })).state, "Failed");
  hosts.isAnswerLost = () => false;
  driver.simulate({});
  const broken = [...cloud.mirror.all("VmInstance")].find(({ value }) => value.name === "x")?.value;
  assert.equal(broken?.state, "Error");
  const [, data] = volumesOf(broken?.uuid ?? "");
  await ok("DestroyVmInstance", { uuid: broken?.uuid ?? "" });
  await ok("ExpungeVmInstance", { uuid: broken?.uuid ?? "" });
  await ok("DeleteDataVolume", { uuid: data?.uuid ?? "" });
  await ok("ExpungeDataVolume", { uuid: data?.uuid ?? "" });
  assert.deepEqual([record(uuid)?.state, record(uuid)?.operation, left().length], ["Running", null, 1]);
});

test("a copy of a machine, which holds the same data, has the password of its console", async (t) => {
  const { call, uuid, clone, cloud } = await bedOf(t);
  await call("SetVmConsolePassword", { uuid, consolePassword: "Open-Sesame-7" });
  const [copy = ""] = await clone({ full: false });
  const hashes = [uuid, copy].map((of) => cloud.mirror.get("ConsolePassword", of)?.value["hash"]);
  assert.ok(hashes[0] !== undefined);
  assert.deepEqual(hashes[1], hashes[0]);
});

test("a copy whose host is lost while it is made stays on record with what there is of it, and can be expunged", async (t) => {
  const { call, done, ok, uuid, cloud, hosts, record, volumesOf } = await bedOf(t);
  await call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "1" });
  await call("UpdateGlobalConfig", { category: "host", name: "ping.maxFailure", value: "1" });
  const copy = () => [...cloud.mirror.all("VmInstance")].find(({ value }) => value.name === "web-2")?.value;
  hosts.hold = async (what) => {
    if (!what.endsWith(" copyVolume")) return;
    hosts.cut("10.0.0.2", false);
    await seen(cloud.mirror, () => copy()?.state === "Unknown");
  };
  hosts.isAnswerLost = (what) => what.endsWith(" copyVolume");
  const cloning = done("CloneVmInstance", { uuid, names: ["web-2"], full: false });
  await seen(cloud.mirror, () => copy()?.state === "Unknown");
  assert.equal((await cloning).state, "Failed");
  hosts.cut("10.0.0.2", true);
  await seen(cloud.mirror, () => copy()?.state === "Stopped" && record(uuid)?.state === "Running");
  const of = copy()?.uuid ?? "";
  const [root] = volumesOf(of);
  assert.equal(root?.status, "Ready");
  await ok("DestroyVmInstance", { uuid: of });
  await ok("ExpungeVmInstance", { uuid: of });
  assert.deepEqual([record(of), volumesOf(of)], [undefined, []]);
});

test("cards of copies are in the security groups of those that they are copies of", async (t) => {
  const { call, uuid, record, clone, cloud, l3 } = await bedOf(t);
  const group = (await call("CreateSecurityGroup", { name: "web" })).inventory.uuid;
  await call("AttachSecurityGroupToL3Network", { uuid: group, l3NetworkUuid: l3.uuid });
  await call("AddVmNicToSecurityGroup", { uuid: group, vmNicUuids: [record(uuid)?.vmNicUuids[0] ?? ""] });
  const [copy = ""] = await clone({ full: false });
  const card = cloud.mirror.get("VmNic", record(copy)?.vmNicUuids[0] ?? "")?.value;
  assert.deepEqual(card?.securityGroupUuids, [group]);
  await refuses(call("DeleteSecurityGroup", { uuid: group }), "NETWORK.1032");
});

test("a clone that is cancelled while it copies leaves nothing", async (t) => {
  const { call, uuid, state, hosts, cloud } = await bedOf(t);
  const before = state();
  const begun = Promise.withResolvers<void>();
  hosts.hold = async (what, signal) => {
    if (!what.endsWith("copyVolume")) return;
    begun.resolve();
    if (!signal.aborted) await once(signal, "abort");
    throw signal.reason;
  };
  const { task } = await call("CloneVmInstance", { uuid, names: ["x"] });
  await begun.promise;
  await call("CancelTask", { uuid: task.uuid });
  const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(60_000));
  assert.equal(ended?.state, "Cancelled", JSON.stringify(ended?.error));
  assert.equal(state(), before);
});

for (const isDone of [false, true])
  test(`a clone whose manager ended ${isDone ? "after" : "before"} the host had done its part is finished by the next one`, async (t) => {
    for (const verb of ["snapshotVolume", "copyVolume", "deleteSnapshot", "startMachine"] as const) {
      const { call, cloud, hosts, store, uuid, imageStore, snapshot } = await bedOf(t);
      const { command } = hosts.link;
      const reached = Promise.withResolvers<void>();
      hosts.link.command = async (host, what, how) => {
        if (what.do !== verb) return await command(host, what, how);
        if (isDone) await command(host, what, how);
        reached.resolve();
        assert.ok(how.signal !== undefined);
        if (!how.signal.aborted) await once(how.signal, "abort");
        throw how.signal.reason;
      };
      const { task } = await call("CloneVmInstance", { uuid, names: ["a", "b"] });
      await reached.promise;
      await cloud.close();
      hosts.link.command = command;
      const next = await managerOn(t, store, hosts, { images: imageStore });
      const { mirror } = next.cloud;
      const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
      assert.equal(ended?.state, "Succeeded", `${verb}: ${JSON.stringify(ended?.error)}`);
      const states = [...mirror.all("VmInstance")].map(({ value }) => `${value.state} ${value.operation}`);
      assert.deepEqual(states, ["Running null", "Running null", "Running null"], verb);
      assert.deepEqual(
        [...mirror.all("VolumeSnapshot")].map(({ value }) => value.uuid),
        [snapshot],
        verb,
      );
      assert.equal(mirror.count("VolumeOperation") + mirror.count("VmOperation") + mirror.count("Flow"), 0, verb);
      await next.cloud.close();
    }
  });
