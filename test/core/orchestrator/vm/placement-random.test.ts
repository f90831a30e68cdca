import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CloudError } from "../../../../core/model/cloud/refusal.ts";
import { joinGroup } from "../../../../core/orchestrator/affinity/members.ts";
import type { Tx } from "../../../../core/orchestrator/records.ts";
import { Allocator, type Round } from "../../../../core/orchestrator/vm/allocator.ts";
import { marksOf, type PlacementRequest } from "../../../../core/orchestrator/vm/placement.ts";
import { bestFor, faultsOf, type OracleWish, type OracleWorld } from "../../../support/cloud/placement-oracle.ts";
import { insertMachine, noNetworks, randomWorld, type World } from "../../../support/cloud/random-world.ts";
import { Random } from "../../../support/random.ts";
import { cloudBed, newUuid } from "../bed.ts";

/* Placements in random clouds, several in one transaction: each is as an independent reckoning says, to the last weight. */

type Act = { wish: OracleWish; decide: (tx: Tx, round: Round) => string };
const broken = new Error("Something else has failed.");

async function run(t: TestContext, seed: number): Promise<{ placed: number; refused: number }> {
  const random = new Random(seed);
  const { records, mirror, settings } = await cloudBed(t);
  const world = await randomWorld(records, settings, random);
  const allocator = new Allocator(records, settings);
  const counts = { placed: 0, refused: 0 };
  for (let batch = 0; batch < 12; batch++) {
    const told = `seed ${seed}, batch ${batch}`;
    await world.shake();
    const before = world.now();
    const acts = Array.from({ length: 1 + random.below(8) }, () => actOf(world, random));
    const busy = new Set<string>();
    const chosen = acts.filter(({ wish }) => !busy.has(wish.uuid) && busy.add(wish.uuid));
    const outcomes = await Promise.allSettled(chosen.map(({ decide }) => allocator.allocate(decide)));
    let now: OracleWorld = before;
    for (const [nth, outcome] of outcomes.entries()) {
      const wish = chosen[nth]?.wish;
      assert.ok(wish !== undefined);
      const best = bestFor(now, wish);
      if (outcome.status === "rejected") {
        if (outcome.reason === broken) continue;
        assert.ok(outcome.reason instanceof CloudError && outcome.reason.code === "VM.1008", String(outcome.reason));
        assert.deepEqual(best, [], `${told}: ${outcome.reason.message}`);
        assert.match(outcome.reason.message, /None of \d+ hosts can take/);
        counts.refused++;
        continue;
      }
      const host = String(outcome.value);
      assert.ok(best.includes(host), `${told}: ${JSON.stringify({ wish, host, best })}`);
      const hosts = [...new Set([...wish.hosts, host])];
      const others = now.machines.filter(({ uuid }) => uuid !== wish.uuid);
      const left = (each: OracleWorld["hosts"][number]) =>
        each.storageFreeBytes - (each.uuid === host ? wish.rootBytes : 0);
      now = {
        ...now,
        machines: [...others, { ...wish, hosts, lastHostUuid: wish.hosts.length === 0 ? host : wish.lastHostUuid }],
        hosts: now.hosts.map((each) => ({ ...each, storageFreeBytes: left(each) })),
      };
      counts.placed++;
    }
    assert.deepEqual(
      faultsOf(world.now()).filter((fault) => !faultsOf(before).includes(fault)),
      [],
      told,
    );
    for (const { value } of mirror.all("AffinityGroup"))
      for (const uuid of value.vmInstanceUuids)
        assert.equal(mirror.get("VmInstance", uuid)?.value.affinityGroupUuid, value.uuid);
  }
  return counts;
}

/** A creation, a start, or a move of a machine that runs; now and then one that fails after it was placed. */
function actOf(world: World, random: Random): Act {
  const isBroken = random.chance(15);
  const { wish, record } = world.wish(newUuid());
  const request = requestOf(world, wish, record?.tags ?? []);
  return {
    wish,
    decide: (tx, round) => {
      if (wish.groupUuid !== null && record === undefined)
        joinGroup(tx, wish.groupUuid, { uuid: wish.uuid, name: "new" }, "affinityGroupUuid");
      const machine = record === undefined ? request.machine : marksOf(record, "running");
      const { hostUuid, storageUuid } = round.place({ ...request, machine });
      if (isBroken) throw broken;
      if (record === undefined) insertMachine(tx, world, request, { hostUuid, storageUuid, uuid: newUuid() });
      else if (record.hostUuid === null) tx.update("VmInstance", wish.uuid, { hostUuid, state: "Running" });
      else {
        const { cpuNum, memorySize } = wish;
        const ends = { sourceUuid: record.hostUuid, destinationUuid: hostUuid };
        tx.put("Migration", wish.uuid, { ...ends, cpuNum, memorySize, holder: null, taskUuid: null }, true);
      }
      return hostUuid;
    },
  };
}

function requestOf(world: World, wish: OracleWish, tags: readonly string[]): PlacementRequest {
  const { uuid, groupUuid: affinityGroupUuid, cpuNum, memorySize, required, preferred } = wish;
  const own = [
    ...required.map((tag) => `requiredHostTag::${tag}`),
    ...preferred.map((tag) => `preferredHostTag::${tag}`),
  ];
  return {
    ...{ name: "m", cpuNum, memorySize, networks: noNetworks, storages: [], image: null },
    machine: { uuid, affinityGroupUuid, cpuNum, memorySize, tags: tags.length > 0 ? tags : own, comes: "running" },
    wantedHostUuid: wish.wantedHostUuid,
    exceptHostUuid: wish.exceptHostUuid,
    volumesHostUuid: wish.boundHostUuid,
    clusterUuid: wish.clusterUuid,
    lastHostUuid: wish.lastHostUuid,
    rootVolume:
      wish.rootBytes === 0 ? null : { sizeBytes: wish.rootBytes, storageUuid: world.storageUuid, moreBytes: () => 0 },
  };
}

test("each placement is the best that there is, each refusal is right, and no rule or sum is broken, whatever comes at once", async (t) => {
  const counts = { placed: 0, refused: 0 };
  for (let seed = 1; seed <= 30; seed++) {
    const { placed, refused } = await run(t, seed);
    counts.placed += placed;
    counts.refused += refused;
  }
  assert.ok(counts.placed > 200 && counts.refused > 100, JSON.stringify(counts));
});
