import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { first, migrationBed, second, third } from "../../support/cloud/migration.ts";
import { seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;
const four = [first, second, third, "10.0.0.4"];
type Policy = CallInput<"CreateAffinityGroup">["policy"];

/** Hosts that share a storage, and a group of machines. */
async function bedOf(t: TestContext, policy: Policy, addresses: readonly string[] = [first, second, third]) {
  const bed = await migrationBed(t, addresses);
  const { call, done, cloud, hostUuids } = bed;
  const group = (await call("CreateAffinityGroup", { name: "web", policy })).inventory.uuid;
  const record = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value;
  const members = () => cloud.mirror.get("AffinityGroup", group)?.value.vmInstanceUuids ?? [];
  /** The address of the host that a machine is on. */
  const at = (uuid: string) =>
    [...hostUuids].find(([, hostUuid]) => hostUuid === record(uuid)?.hostUuid)?.[0] ?? "nowhere";
  const host = (address: string) => hostUuids.get(address) ?? "";
  const make = (name: string, more: object = {}) => bed.make(name, { affinityGroupUuid: group, ...more });
  /** A task that fails because nothing fits: the words of it. */
  const nothingFits = async (...args: Parameters<typeof done>): Promise<string> => {
    const { state, error } = await done(...args);
    assert.deepEqual([state, error?.code], ["Failed", "VM.1008"], JSON.stringify(error));
    return error?.details ?? "";
  };
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task;
  };
  const small = { cpuNum: 1, memorySize: 128 * 1024 ** 2, rootDiskSize: 1024 ** 2 };
  return { ...bed, group, record, members, at, host, make, bare: bed.make, nothingFits, ok, small };
}

test("machines of a hard group that keeps them apart never share a host, however they come to one", async (t) => {
  const bed = await bedOf(t, "antiHard");
  const { call, group, make, at, ok, nothingFits, host, members, record, bare, small } = bed;
  const [one, two, three] = [await make("a"), await make("b"), await make("c")];
  assert.deepEqual([one, two, three].map(at).toSorted(), [first, second, third]);
  assert.deepEqual(members(), [one, two, three]);
  assert.equal(record(one)?.affinityGroupUuid, group);

  const all = await nothingFits("CreateVmInstance", { ...small, name: "d", affinityGroupUuid: group });
  assert.match(
    all,
    /its affinity group web \(antiHard\) has a machine on it \(host-10\S+, host-10\S+ and host-10\S+\)/,
  );
  assert.deepEqual(members(), [one, two, three], "what could not be placed is in no group");
  const named = { ...small, name: "d", affinityGroupUuid: group, hostUuid: host(first) };
  assert.match(
    await nothingFits("CreateVmInstance", named),
    /has a machine on it \(host-10\.0\.0\.1\); not the host that is wanted \(host-10\.0\.0\.2 and host-10\.0\.0\.3\)/,
  );
  assert.match(await nothingFits("MigrateVm", { uuid: one }), /has a machine on it/);
  assert.match(await nothingFits("MigrateVm", { uuid: one, hostUuid: host(at(two)) }), /has a machine on it/);

  // A stopped one makes room, and does not come back to it.
  const freed = at(three);
  await ok("StopVmInstance", { uuid: three, type: "cold" });
  const last = await make("d");
  assert.equal(at(last), freed);
  assert.match(await nothingFits("StartVmInstance", { uuid: three }), /has a machine on it/);
  assert.match(await nothingFits("MigrateVm", { uuid: three, hostUuid: host(at(one)) }), /has a machine on it/);
  // The memory of a suspended one is on a host that another one has taken meanwhile.
  await ok("SuspendVmInstance", { uuid: last });
  await ok("StartVmInstance", { uuid: three });
  assert.equal(at(three), freed, "the only host without one, and the one that it was on");
  assert.match(await nothingFits("ResumeVmInstance", { uuid: last }), /has a machine on it/);
  assert.equal(record(last)?.state, "Suspended");

  // Launched, and one that is of no group.
  const made = await ok("CreateVmInstance", {
    ...{ ...small, name: "e", affinityGroupUuid: group, strategy: "CreateStopped" },
  });
  const created = made.resourceUuid ?? "";
  assert.equal(record(created)?.state, "Created");
  await nothingFits("StartVmInstance", { uuid: created });
  await bare("free", { hostUuid: host(first) });
  await ok("StopVmInstance", { uuid: one, type: "cold" });
  await ok("StartVmInstance", { uuid: created });
  await refuses(call("GetAffinityGroup", { uuid: created }), "SYS.1005");
  assert.deepEqual((await call("GetAffinityGroup", { uuid: group })).inventory.vmInstanceUuids.length, 5);
  const found = await call("QueryVmInstance", { q: ["affinityGroup.name=web", "state=Running"] });
  assert.equal(found.inventories.length, 3);
  const back = await call("QueryAffinityGroup", { q: ["vmInstance.name=d"] });
  assert.deepEqual(
    back.inventories.map((each) => each["uuid"]),
    [group],
  );
});

test("of fifty machines that are asked for at once a hard group gets one on each host, and says why of the others", async (t) => {
  const { cloud, call, group, small, at, members } = await bedOf(t, "antiHard", four);
  const asked = Array.from({ length: 50 }, (_, nth) =>
    call("CreateVmInstance", { ...small, name: `m${nth}`, affinityGroupUuid: group }),
  );
  const tasks = await Promise.all(asked);
  const ends = await Promise.all(
    tasks.map(({ task }) => taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(60_000))),
  );
  const made = ends.filter((each) => each?.state === "Succeeded").map((each) => each?.resourceUuid ?? "");
  assert.deepEqual(made.map(at).toSorted(), four);
  assert.deepEqual(members().toSorted(), made.toSorted());
  for (const each of ends) if (each?.state !== "Succeeded") assert.equal(each?.error?.code, "VM.1008");
});

test("machines of a hard group that keeps them together are on one host, also after its maintenance", async (t) => {
  const bed = await bedOf(t, "proHard");
  const { make, at, ok, nothingFits, host, small, group, bare, call } = bed;
  // The second has more memory free than the third, and not the processors for all of them.
  await bare("much memory", { hostUuid: host(third), memorySize: gigabyte });
  await bare("many processors", { hostUuid: host(second), cpuNum: 158 });
  const [one, two, three] = [await make("a", { hostUuid: host(first) }), await make("b"), await make("c")];
  assert.deepEqual([one, two, three].map(at), [first, first, first]);
  assert.match(
    await nothingFits("CreateVmInstance", { ...small, name: "d", affinityGroupUuid: group, hostUuid: host(second) }),
    /its affinity group web \(proHard\) has its machines on host-10\.0\.0\.1 \(host-10\.0\.0\.2\)/,
  );
  assert.match(await nothingFits("MigrateVm", { uuid: two }), /has its machines on host-10\.0\.0\.1/);
  await call("ChangeHostState", { uuid: host(first), stateEvent: "disable" });
  const refused = await nothingFits("CreateVmInstance", { ...small, name: "d", affinityGroupUuid: group });
  assert.match(refused, /state Disabled \(host-10\.0\.0\.1\)/);
  assert.match(refused, /has its machines on host-10\.0\.0\.1 \(host-10\.0\.0\.2 and host-10\.0\.0\.3\)/);
  await call("ChangeHostState", { uuid: host(first), stateEvent: "enable" });

  // All of them follow the first one that goes, and so would one that is started meanwhile.
  const { task } = await call("ChangeHostState", { uuid: host(first), stateEvent: "preMaintain" });
  const ended = await taskEnd(bed.cloud.mirror, task?.uuid ?? "", AbortSignal.timeout(60_000));
  assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
  assert.deepEqual([one, two, three].map(at), [third, third, third], "the host with room for all of them");
  await call("ChangeHostState", { uuid: host(first), stateEvent: "enable" });

  // One that moves is on both hosts until it is known which has it: nobody comes along.
  for (const uuid of [one, two]) await ok("StopVmInstance", { uuid, type: "cold" });
  const held = Promise.withResolvers<void>();
  const moving = Promise.withResolvers<void>();
  bed.hosts.hold = async (what) => {
    if (!what.endsWith("migrateMachine")) return;
    moving.resolve();
    await held.promise;
  };
  const moved = ok("MigrateVm", { uuid: three, hostUuid: host(second) });
  await moving.promise;
  assert.match(await nothingFits("StartVmInstance", { uuid: one }), /has its machines on host-\S+ and host-\S+ \(/);
  held.resolve();
  await moved;
  await ok("StartVmInstance", { uuid: one });
  assert.equal(at(one), second);
});

test("a soft group is kept while there is room, and keeps nothing from starting", async (t) => {
  const apart = await bedOf(t, "antiSoft", [first, second]);
  const { small, ok, host, at, make } = apart;
  const uuids = [await make("a"), await make("b"), await make("c"), await make("d")];
  const counts = [first, second].map((address) => uuids.filter((uuid) => at(uuid) === address).length);
  assert.deepEqual(counts, [2, 2]);
  // Much more memory elsewhere weighs less than the group's wish.
  await apart.bare("large", { hostUuid: host(second), memorySize: 4 * gigabyte });
  for (const uuid of uuids.filter((each) => at(each) === second)) await ok("StopVmInstance", { uuid, type: "cold" });
  assert.equal(at(await make("e")), second);

  const { call } = apart;
  const group = (await call("CreateAffinityGroup", { name: "together", policy: "proSoft" })).inventory.uuid;
  const full = 7 * gigabyte - 4 * gigabyte - 128 * 1024 ** 2;
  const big = { ...small, memorySize: full / 2, affinityGroupUuid: group };
  const placed = async (more: object) =>
    at((await ok("CreateVmInstance", { ...big, name: "x", ...more })).resourceUuid ?? "");
  assert.equal(await placed({ hostUuid: host(second) }), second);
  assert.equal(await placed({}), second);
  assert.equal(await placed({}), first, "no room is left with the others");
});

test("what would leave a hard rule broken is refused with the machines and the host; what is off can be put into any group", async (t) => {
  const bed = await bedOf(t, "antiHard", [first, second]);
  const { call, group, bare, host, record, members, ok, at, small, done } = bed;
  const [one, two] = [await bare("a", { hostUuid: host(first) }), await bare("b", { hostUuid: host(first) })];
  const add = (uuid: string, vmInstanceUuids: string[]) => call("AddVmToAffinityGroup", { uuid, vmInstanceUuids });
  await add(group, [one]);
  await assert.rejects(add(group, [two]), {
    code: "VM.1070",
    message:
      /b and a are both on the host host-10\.0\.0\.1, and the affinity group web \(antiHard\) keeps its machines apart/,
  });
  assert.deepEqual([members(), record(two)?.affinityGroupUuid], [[one], null]);
  await ok("MigrateVm", { uuid: two });
  await add(group, [one, two]);
  await call("RemoveVmFromAffinityGroup", { uuid: group, vmInstanceUuids: [two] });
  assert.deepEqual([members(), record(two)?.affinityGroupUuid], [[one], null]);
  await ok("MigrateVm", { uuid: two });
  assert.equal(at(two), first);

  // While nobody looks at it, or nothing is on a host, everything may be in it.
  await ok("StopVmInstance", { uuid: two, type: "cold" });
  await add(group, [two]);
  assert.match(
    await bed.nothingFits("StartVmInstance", { uuid: two, hostUuid: host(first) }),
    /has a machine on it \(host-10\.0\.0\.1\)/,
  );
  await call("ChangeAffinityGroupState", { uuid: group, stateEvent: "disable" });
  await ok("StartVmInstance", { uuid: two, hostUuid: host(first) });
  await refuses(call("ChangeAffinityGroupState", { uuid: group, stateEvent: "enable" }), "VM.1070");
  assert.equal((await call("GetAffinityGroup", { uuid: group })).inventory.state, "Disabled");
  await call("UpdateAffinityGroup", { uuid: group, policy: "proHard", usage: "cache" });
  await call("ChangeAffinityGroupState", { uuid: group, stateEvent: "enable" });
  await assert.rejects(call("UpdateAffinityGroup", { uuid: group, policy: "antiHard", name: "n" }), {
    code: "VM.1070",
    message: /a and b are both on the host/,
  });
  assert.equal((await call("GetAffinityGroup", { uuid: group })).inventory.name, "web");
  const far = await bare("c", { hostUuid: host(second) });
  await assert.rejects(add(group, [far]), {
    code: "VM.1070",
    message: /c is on the host host-10\.0\.0\.2 and a on host-10\.0\.0\.1, and the affinity group web \(proHard\)/,
  });
  await call("UpdateAffinityGroup", { uuid: group, policy: "antiSoft" });
  await add(group, [far]);

  const other = (await call("CreateAffinityGroup", { name: "other", policy: "proSoft" })).inventory.uuid;
  await refuses(add(other, [far]), "VM.1071");
  await refuses(add(other, [group]), "SYS.1005");
  await refuses(call("CreateVmInstance", { ...small, name: "x", affinityGroupUuid: far }), "SYS.1005");
  await refuses(call("CreateAffinityGroup", { name: "x" }), "SYS.1001");

  // Deleted it is in no group, recovered neither; without the group its machines go on.
  await ok("DestroyVmInstance", { uuid: far });
  assert.deepEqual([members(), record(far)?.affinityGroupUuid], [[one, two], null]);
  await refuses(add(group, [far]), "VM.1071");
  await call("RecoverVmInstance", { uuid: far });
  await add(other, [far]);
  await ok("DestroyVmInstance", { uuid: two });
  await ok("ExpungeVmInstance", { uuid: two });
  await call("DeleteAffinityGroup", { uuid: group });
  assert.deepEqual([record(one)?.state, record(one)?.affinityGroupUuid], ["Running", null]);
  await refuses(call("GetAffinityGroup", { uuid: group }), "SYS.1005");
  assert.equal((await done("MigrateVm", { uuid: one })).state, "Succeeded");
});

test("a machine of a host that does not answer counts there, for it may run; one whose creation failed counts nowhere", async (t) => {
  const bed = await bedOf(t, "antiHard", [first, second]);
  const { call, make, at, nothingFits, host, small, group, hosts, cloud, record, members, drivers, done } = bed;
  await call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "1" });
  await call("UpdateGlobalConfig", { category: "host", name: "ping.maxFailure", value: "1" });
  const one = await make("a", { hostUuid: host(first) });
  drivers.get(second)?.simulate({ fails: [{ do: "startMachine" }] });
  const wish = { ...small, name: "b", affinityGroupUuid: group };
  assert.equal((await done("CreateVmInstance", wish)).state, "Failed");
  drivers.get(second)?.simulate({});
  assert.deepEqual(members(), [one]);
  hosts.cut(first, false);
  await seen(cloud.mirror, () => record(one)?.state === "Unknown");
  await call("UpdateAffinityGroup", { uuid: group, policy: "proHard" });
  const nowhere = await nothingFits("CreateVmInstance", wish);
  assert.match(nowhere, /status Disconnected \(host-10\.0\.0\.1\)/);
  assert.match(nowhere, /has its machines on host-10\.0\.0\.1 \(host-10\.0\.0\.2\)/);
  await call("UpdateAffinityGroup", { uuid: group, policy: "antiHard" });
  const two = await make("b");
  assert.equal(at(two), second);
  hosts.cut(first, true);
  const isBack = () => cloud.mirror.get("Host", host(first))?.value.status === "Connected";
  const found = seen(cloud.mirror, () => isBack() && record(one)?.state === "Running");
  await found;
  assert.match(await nothingFits("CreateVmInstance", wish), /has a machine on it/);
});

test("copies are in the group of their machine, in another one, or in none", async (t) => {
  const bed = await bedOf(t, "antiHard", [first, second]);
  const { make, ok, group, record, at, nothingFits, call, host } = bed;
  const uuid = await make("a", { hostUuid: host(first) });
  const copies = async (more: object) => {
    const { result } = await ok("CloneVmInstance", { uuid, names: ["copy"], full: true, ...more });
    return (result as { vmInstanceUuids: string[] }).vmInstanceUuids;
  };
  assert.match(await nothingFits("CloneVmInstance", { uuid, names: ["b", "c"] }), /has a machine on it/);
  const [own = ""] = await copies({});
  assert.deepEqual([record(own)?.affinityGroupUuid, at(own)], [group, second]);
  const [none = ""] = await copies({ affinityGroupUuid: null });
  assert.equal(record(none)?.affinityGroupUuid, null);
  const other = (await call("CreateAffinityGroup", { name: "other", policy: "proHard" })).inventory.uuid;
  const two = await copies({ affinityGroupUuid: other, names: ["d", "e"] });
  assert.equal(new Set(two.map(at)).size, 1);
  assert.deepEqual((await call("GetAffinityGroup", { uuid: other })).inventory.vmInstanceUuids, two);
  const [off = ""] = await copies({ strategy: "CreateStopped" });
  assert.deepEqual([record(off)?.affinityGroupUuid, record(off)?.state], [group, "Created"]);
  await nothingFits("StartVmInstance", { uuid: off });
});

test("maintenance moves a machine where its hard group lets it, and stops one that no host can have for its group", async (t) => {
  const bed = await bedOf(t, "antiHard");
  const { make, at, host, call, cloud, record } = bed;
  const [one, two] = [await make("a", { hostUuid: host(first) }), await make("b", { hostUuid: host(second) })];
  const maintained = async (address: string) => {
    const { task } = await call("ChangeHostState", { uuid: host(address), stateEvent: "preMaintain" });
    return (await taskEnd(cloud.mirror, task?.uuid ?? "", AbortSignal.timeout(60_000)))?.state;
  };
  assert.equal(await maintained(first), "Succeeded");
  assert.equal(at(one), third);
  assert.equal(await maintained(second), "Succeeded");
  assert.deepEqual([record(two)?.state, at(one)], ["Stopped", third]);
});

test("where a machine of a group can't be read, none comes together with the others, and none onto its host", async (t) => {
  const bed = await bedOf(t, "proHard", [first, second]);
  const { make, host, nothingFits, small, group, store, cloud, call, at, ok } = bed;
  const one = await make("a", { hostUuid: host(first) });
  const found = await store.get("VmInstance", one);
  assert.ok(found !== undefined);
  const value = { ...found.value, memorySize: "much" };

  await cloud.mirror.reached(
    await store.transact([{ do: "put", kind: "VmInstance", key: one, value, expected: found.revision }]),
  );
  const wish = { ...small, name: "b", affinityGroupUuid: group };
  const words = await nothingFits("CreateVmInstance", wish);
  assert.match(
    words,
    /the record of a machine of its affinity group web \(proHard\) can't be read \(host-10\.0\.0\.2\)/,
  );
  assert.match(words, /the record of a machine that may be on it can't be read \(host-10\.0\.0\.1\)/);
  await call("UpdateAffinityGroup", { uuid: group, policy: "antiSoft" });
  assert.equal(at((await ok("CreateVmInstance", wish)).resourceUuid ?? ""), second);
  await refuses(call("UpdateAffinityGroup", { uuid: group, policy: "antiHard" }), "SYS.1060");
});
