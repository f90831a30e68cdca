import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { affinityGroupDeciders as deciders } from "../../../../core/orchestrator/calls/affinity-groups.ts";
import { Records, type Tx } from "../../../../core/orchestrator/records.ts";
import { LiveSettings } from "../../../../core/orchestrator/settings.ts";
import { Allocator } from "../../../../core/orchestrator/vm/allocator.ts";
import { marksOf, type PlacementRequest } from "../../../../core/orchestrator/vm/placement.ts";
import type { Store } from "../../../../core/store/store.ts";
import { faultsOf, type Policy } from "../../../support/cloud/placement-oracle.ts";
import { emptyWorld, insertMachine, noNetworks, worldOf } from "../../../support/cloud/random-world.ts";
import { type CloudBed, cloudBed, newUuid, onStore } from "../bed.ts";

/* What one manager decides while another one, who was faster, has decided something that it does not know yet. */

const gigabyte = 1024 ** 3;

type Hand = Pick<CloudBed, "records"> & { allocator: Allocator };

/** A group with machines: a and b are off, c runs on the first host, d on the second; `free` runs on the first, in no group. */
async function bedOf(t: TestContext, policy: Policy, state: "Enabled" | "Disabled" = "Enabled") {
  const bed = await cloudBed(t);
  const { records, mirror, settings, store } = bed;
  const world = await emptyWorld(records, 2);
  const group = newUuid();
  const machines = { a: newUuid(), b: newUuid(), c: newUuid(), d: newUuid(), free: newUuid() };
  const [first = "", second = ""] = world.hostUuids;
  await records.change((tx) => {
    const common = { uuid: group, name: "g", description: null, usage: null };
    tx.insert("AffinityGroup", { ...common, policy, state, vmInstanceUuids: [machines.a, machines.b] });
    for (const [name, uuid] of Object.entries(machines)) {
      const machine = {
        uuid,
        affinityGroupUuid: null,
        cpuNum: 1,
        memorySize: gigabyte,
        tags: [],
        comes: "running",
      } as const;
      const request = { ...noRequest, machine };
      insertMachine(tx, world, request, {
        hostUuid: name === "d" ? second : first,
        storageUuid: null,
        uuid: newUuid(),
      });
      if (name === "a" || name === "b")
        tx.update("VmInstance", uuid, { affinityGroupUuid: group, state: "Stopped", hostUuid: null });
      else if (name === "c") tx.update("VmInstance", uuid, { state: "Stopped", hostUuid: null });
    }
  });
  const other = await onStore(t, store);
  const fast: Hand = {
    records: other.records,

    allocator: new Allocator(other.records, other.settings),
  };
  /** The first hand: another one is always faster. */
  const slowed = (meanwhile: () => Promise<unknown>): Hand => {
    let isFirst = true;
    const transact: Store["transact"] = async (changes) => {
      if (isFirst) {
        isFirst = false;
        await meanwhile();
      }
      return store.transact(changes);
    };
    const slow = new Records({
      store: { get: (...args) => store.get(...args), transact },
      mirror,
      now: () => bed.clock.now,
    });
    return { records: slow, allocator: new Allocator(slow, new LiveSettings(mirror)) };
  };
  const faults = () => faultsOf(worldOf(mirror, settings));
  return { ...machines, group, first, second, fast, slowed, faults, records };
}

const noRequest: Omit<PlacementRequest, "machine"> = {
  ...{ name: "m", cpuNum: 1, memorySize: gigabyte, wantedHostUuid: null, volumesHostUuid: null, clusterUuid: null },
  ...{ networks: noNetworks, storages: [], rootVolume: null, image: null },
};

/** Starts a machine on a host, or moves one that runs there. */
function placing(uuid: string, wantedHostUuid: string, memorySize = gigabyte) {
  return ({ allocator }: Hand) =>
    allocator.allocate((tx, round) => {
      const machine = tx.need("VmInstance", uuid);
      const marks = marksOf(machine, "running");
      const { hostUuid } = round.place({ ...noRequest, machine: marks, memorySize, wantedHostUuid });
      if (machine.hostUuid === null) tx.update("VmInstance", uuid, { hostUuid, state: "Running", memorySize });
      else {
        const ends = { sourceUuid: machine.hostUuid, destinationUuid: hostUuid };
        tx.put("Migration", uuid, { ...ends, cpuNum: 1, memorySize, holder: null, taskUuid: null }, true);
      }
    });
}

const changing =
  (decide: (tx: Tx) => unknown) =>
  ({ records }: Hand) =>
    records.change((tx) => void decide(tx));

type Bed = Awaited<ReturnType<typeof bedOf>>;
type Act = (hand: Hand) => Promise<unknown>;
const adding = ({ group }: Bed, ...vmInstanceUuids: string[]): Act =>
  changing((tx) => deciders.AddVmToAffinityGroup(tx, { uuid: group, vmInstanceUuids }));

const cases: readonly [what: string, policy: Policy, code: string, acts: (bed: Bed) => [slow: Act, fast: Act]][] = [
  ["two starts on one host", "antiHard", "VM.1008", ({ a, b, first }) => [placing(a, first), placing(b, first)]],
  [
    "two starts on two hosts",
    "proHard",
    "VM.1008",
    ({ a, b, first, second }) => [placing(a, first), placing(b, second)],
  ],
  [
    "two starts that together are too large",
    "antiSoft",
    "VM.1008",
    ({ a, b, second }) => [placing(a, second, 4 * gigabyte), placing(b, second, 4 * gigabyte)],
  ],
  [
    "a start, and a machine of that host added",
    "antiHard",
    "VM.1008",
    (bed) => [placing(bed.a, bed.first), adding(bed, bed.free)],
  ],
  [
    "a machine added, and a start on its host",
    "antiHard",
    "VM.1070",
    (bed) => [adding(bed, bed.free), placing(bed.a, bed.first)],
  ],
  [
    "machines added, and a move of one to the host of another",
    "antiHard",
    "VM.1070",
    (bed) => [adding(bed, bed.free, bed.d), placing(bed.d, bed.first)],
  ],
  [
    "two machines added of one host",
    "antiHard",
    "VM.1070",
    (bed) => [
      adding(bed, bed.free),
      async (hand) => {
        await placing(bed.c, bed.first)(hand);
        await adding(bed, bed.c)(hand);
      },
    ],
  ],
  [
    "a rule made hard, and a start against it",
    "antiSoft",
    "VM.1070",
    (bed) => [
      changing((tx) => deciders.UpdateAffinityGroup(tx, { uuid: bed.group, policy: "antiHard" })),
      async (hand) => {
        await placing(bed.a, bed.first)(hand);
        await placing(bed.b, bed.first)(hand);
      },
    ],
  ],
  [
    "a start, and a rule made hard",
    "proSoft",
    "VM.1008",
    (bed) => [
      placing(bed.a, bed.first),
      async (hand) => {
        await placing(bed.b, bed.first)(hand);
        await changing((tx) => deciders.UpdateAffinityGroup(tx, { uuid: bed.group, policy: "antiHard" }))(hand);
      },
    ],
  ],
];

for (const [what, policy, code, acts] of cases)
  test(`of what two managers decide at once, the later one knows the earlier one: ${what} (${policy})`, async (t) => {
    const bed = await bedOf(t, policy);
    const [slow, fast] = acts(bed);
    await assert.rejects(slow(bed.slowed(() => fast(bed.fast))), { code });
    assert.deepEqual(bed.faults(), []);
  });

test("a group that is deleted while a machine of it is started has no say any more, and none names it", async (t) => {
  const bed = await bedOf(t, "antiHard");
  const { a, b, group, first, fast, slowed, records } = bed;
  await placing(b, first)(fast);
  const gone = changing((tx) => deciders.DeleteAffinityGroup(tx, { uuid: group }));
  await gone(slowed(() => placing(a, bed.second)(fast)));
  await records.change((tx) => {
    assert.deepEqual(
      [a, b].map((uuid) => tx.need("VmInstance", uuid).affinityGroupUuid),
      [null, null],
    );
    assert.equal(tx.get("AffinityGroup", group), undefined);
  });
});
