import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { first, migrationBed, second, third } from "../../support/cloud/migration.ts";
import { refuses } from "../store/conformance.ts";

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
  const memory = at(one) === first ? second : first;
  await ok("StartVmInstance", { uuid: three });
  assert.equal(at(three), freed, "the only host without one, and the one that it was on");
  assert.match(await nothingFits("ResumeVmInstance", { uuid: last }), /has a machine on it/);
  assert.equal(record(last)?.state, "Suspended");
  assert.notEqual(memory, freed);

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
