import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { migrationBed } from "../../support/cloud/migration.ts";
import { faultsOf, type Policy } from "../../support/cloud/placement-oracle.ts";
import { worldOf } from "../../support/cloud/random-world.ts";
import { Random } from "../../support/random.ts";

/*
 * Two managers of one store are asked for whatever there is, at the same time: no transaction of theirs leaves a hard rule
 * broken or promises a host twice. What is asked in the end, one after the other, fits wherever the reckoning has room.
 */

const mebibyte = 1024 ** 2;
const nobody = "0f8fad5bd9cb469fa16570867728950e";
const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];

async function run(t: TestContext, seed: number, policies: readonly Policy[], isMaintained: boolean): Promise<number> {
  const random = new Random(seed);
  const bed = await migrationBed(t, addresses, { isAlone: false });
  const { mirror, settings } = bed.cloud;
  const other = await managerOn(t, bed.store, bed.hosts, { isAlone: false });
  const managers = [bed, other];
  for (const policy of policies) await bed.call("CreateAffinityGroup", { name: policy, policy });

  let looks = 0;
  const found: string[] = [];
  const look = () => {
    looks++;
    if (found.length === 0) found.push(...faultsOf(worldOf(mirror, settings)));
  };
  const end = mirror.subscribe(look);

  const all = <K extends "VmInstance" | "AffinityGroup" | "Host">(kind: K) =>
    [...mirror.all(kind)].map(({ value }) => value);
  const any = (kind: "VmInstance" | "AffinityGroup" | "Host") =>
    mirror.count(kind) === 0 || random.chance(5) ? nobody : random.pick(all(kind)).uuid;
  const free = () => all("VmInstance").filter(({ affinityGroupUuid }) => affinityGroupUuid === null);
  const some = () => [free().length === 0 ? nobody : random.pick(free()).uuid];
  const tasks: { cloud: typeof bed.cloud; uuid: string }[] = [];
  const ask = async (name: CloudCallName, input: object): Promise<void> => {
    try {
      const { call, cloud } = random.pick(managers);
      const answer = await call(name, input);
      if ("task" in answer && answer.task !== undefined) tasks.push({ cloud, uuid: answer.task.uuid });
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
    }
  };
  const named = () => (random.chance(20) ? { hostUuid: any("Host") } : {});
  const create = () =>
    ask("CreateVmInstance", {
      ...{
        name: "m",
        cpuNum: 1 + random.below(32),
        memorySize: (1 + random.below(8)) * 192 * mebibyte,
        rootDiskSize: mebibyte,
      },
      ...(random.chance(50) ? { affinityGroupUuid: any("AffinityGroup") } : {}),
      ...(random.chance(15) ? { strategy: "CreateStopped" } : named()),
    });
  const acts: (() => Promise<void>)[] = [
    ...[create, create, create, create, create],
    () => ask("StartVmInstance", { uuid: any("VmInstance"), ...named() }),
    () => ask("StartVmInstance", { uuid: any("VmInstance"), ...named() }),
    () => ask("StopVmInstance", { uuid: any("VmInstance"), type: "cold" }),
    () => ask("StopVmInstance", { uuid: any("VmInstance"), type: "cold" }),
    () => ask("MigrateVm", { uuid: any("VmInstance"), ...named() }),
    () => ask("MigrateVm", { uuid: any("VmInstance"), ...named() }),
    () => ask("SuspendVmInstance", { uuid: any("VmInstance") }),
    () => ask("ResumeVmInstance", { uuid: any("VmInstance") }),
    () => ask("CloneVmInstance", { uuid: any("VmInstance"), names: ["copy", "copy"] }),
    () => ask("DestroyVmInstance", { uuid: any("VmInstance") }),
    () => ask("RecoverVmInstance", { uuid: any("VmInstance") }),
    () => ask("ExpungeVmInstance", { uuid: any("VmInstance") }),
    () => ask("AddVmToAffinityGroup", { uuid: any("AffinityGroup"), vmInstanceUuids: some() }),
    () => ask("AddVmToAffinityGroup", { uuid: any("AffinityGroup"), vmInstanceUuids: some() }),
    () => ask("RemoveVmFromAffinityGroup", { uuid: any("AffinityGroup"), vmInstanceUuids: [any("VmInstance")] }),
    () =>
      ask("ChangeAffinityGroupState", {
        uuid: any("AffinityGroup"),
        stateEvent: random.pick(["enable", "enable", "disable"]),
      }),
    () => ask("UpdateAffinityGroup", { uuid: any("AffinityGroup"), policy: random.pick(policies) }),
    () => (random.chance(20) ? ask("DeleteAffinityGroup", { uuid: any("AffinityGroup") }) : create()),
    () => ask("CreateAffinityGroup", { name: "another", policy: random.pick(policies) }),
    () =>
      ask("ChangeHostState", {
        uuid: any("Host"),
        stateEvent: random.pick(["enable", "enable", "disable", ...(isMaintained ? ["preMaintain"] : [])]),
      }),
  ];
  for (let round = 0; round < 15; round++) {
    for (const driver of bed.drivers.values())
      driver.simulate({ fails: random.chance(25) ? [{ do: "startMachine" }] : [] });
    await Promise.all(Array.from({ length: 4 + random.below(12) }, () => random.pick(acts)()));
    for (const { cloud, uuid } of tasks.splice(0)) await taskEnd(cloud.mirror, uuid, AbortSignal.timeout(120_000));
    await mirror.reached(other.cloud.mirror.revision);
    const told = `seed ${seed}, ${policies}, round ${round}`;
    assert.deepEqual(found, [], told);
    for (const { uuid, vmInstanceUuids } of all("AffinityGroup")) {
      const members = mirror.find("VmInstance", "affinityGroupUuid", uuid).map(({ value }) => value.uuid);
      assert.deepEqual(members.toSorted(), vmInstanceUuids.toSorted(), told);
    }
    for (const { affinityGroupUuid: uuid } of all("VmInstance"))
      if (uuid !== null) assert.ok(mirror.get("AffinityGroup", uuid) !== undefined, told);
    // What the hypervisors run is what was reckoned with.
    for (const [address, driver] of bed.drivers)
      for (const each of await driver.machines(new AbortController().signal))
        if (each.state === "running")
          assert.equal(mirror.get("VmInstance", each.uuid)?.value.hostUuid, bed.hostUuids.get(address), told);
  }
  end();
  return looks;
}

test("with two managers and all kinds of groups no transaction breaks a hard rule or promises a host twice", async (t) => {
  for (const seed of [1, 2, 3])
    assert.ok((await run(t, seed, ["antiHard", "proHard", "antiSoft", "proSoft"], false)) > 100);
});

test("nor does one while hosts are freed for maintenance", async (t) => {
  for (const seed of [4, 5]) assert.ok((await run(t, seed, ["antiHard", "antiHard", "proSoft"], true)) > 100);
});
