import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeError } from "../../../core/model/error.ts";
import { placeDeciders } from "../../../core/orchestrator/calls/places.ts";
import { refuses } from "../store/conformance.ts";
import { type CloudBed, cloudBed, newUuid, onStore } from "./bed.ts";

async function zone({ records, context }: CloudBed, name: string) {
  const input = { name, description: null, tags: [] };
  return (await records.change((tx) => placeDeciders.CreateZone(tx, input, context))).inventory;
}

async function cluster({ records, context }: CloudBed, zoneUuid: string) {
  const input = {
    name: "c",
    description: null,
    tags: [],
    zoneUuid,
    hypervisorType: "KVM" as const,
    checkCpuModel: false,
    migrationNetworkCidr: null,
  };
  return (await records.change((tx) => placeDeciders.CreateCluster(tx, input, context))).inventory;
}

test("what was changed is in the mirror when the change is answered, and in that of another manager soon", async (t) => {
  const bed = await cloudBed(t);
  const other = await onStore(t, bed.store);
  const come = Promise.withResolvers<void>();
  other.mirror.subscribe((changes) => changes.some(({ kind }) => kind === "Zone") && come.resolve());
  const made = await zone(bed, "east");
  assert.deepEqual(bed.mirror.get("Zone", made.uuid)?.value, made);
  await come.promise;
  assert.deepEqual(other.mirror.get("Zone", made.uuid)?.value, made);
});

test("a decision that was made from what others have changed meanwhile is made again", async (t) => {
  const bed = await cloudBed(t);
  const { uuid } = await zone(bed, "east");
  let asked = 0;
  const append = (letter: string) =>
    bed.records.change((tx) => {
      asked++;
      const { description } = tx.need("Zone", uuid);
      return tx.update("Zone", uuid, { description: `${description ?? ""}${letter}` });
    });
  await Promise.all([append("a"), append("b")]);
  assert.equal(bed.mirror.get("Zone", uuid)?.value.description, "ab");
  assert.equal(asked, 3);
});

test("fifty counters at once on one record lose none", async (t) => {
  const bed = await cloudBed(t);
  const other = await onStore(t, bed.store);
  const { uuid } = await zone(bed, "east");
  const add = ({ records }: CloudBed) =>
    records.change((tx) => {
      const count = Number(tx.need("Zone", uuid).description ?? "0") + 1;
      return tx.update("Zone", uuid, { description: String(count) });
    });
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 10 }, (_, n) => add(n % 2 ? bed : other)));
  assert.equal((await bed.store.get("Zone", uuid))?.value["description"], "50");
});

test("a child that is made while its owner is being removed keeps the owner, or is refused: never an orphan", async (t) => {
  const bed = await cloudBed(t);
  const other = await onStore(t, bed.store);
  for (let round = 0; round < 30; round++) {
    const { uuid } = await zone(bed, `z${round}`);
    await other.mirror.reached(bed.mirror.revision);
    const removal = bed.records.change((tx) => {
      const children = tx.find("Cluster", "zoneUuid", uuid);
      for (const child of children) tx.remove("Cluster", child.uuid);
      tx.remove("Zone", uuid);
    });
    const making = cluster(other, uuid).catch((error: NodeError) => error.code);
    const [, made] = await Promise.all([removal, making]);
    assert.equal(await bed.store.get("Zone", uuid), undefined);
    if (made !== "SYS.1005") assert.equal(await bed.store.get("Cluster", (made as { uuid: string }).uuid), undefined);
  }
});

test("a resource with an owner that does not exist is refused and names the field", async (t) => {
  const bed = await cloudBed(t);
  const error = await refuses(cluster(bed, newUuid()), "SYS.1005");
  assert.match(error.message, /There is no Zone with the uuid/);
  assert.equal(bed.mirror.count("Cluster"), 0);
});

test("a change that changes nothing writes nothing", async (t) => {
  const bed = await cloudBed(t);
  const made = await zone(bed, "east");
  const { revision } = bed.mirror;
  bed.clock.now += 1000;
  const same = await bed.records.change((tx) => tx.update("Zone", made.uuid, { name: "east" }));
  assert.deepEqual(same, made);
  assert.equal(bed.mirror.revision, revision);
  const changed = await bed.records.change((tx) => tx.update("Zone", made.uuid, { name: "west" }));
  assert.equal(changed.lastOpDate, bed.clock.now);
  assert.equal(changed.createDate, made.createDate);
});

test("records are found by the uuids that they name, also in lists, until they name them no more", async (t) => {
  const bed = await cloudBed(t);
  const { uuid } = await zone(bed, "east");
  const { uuid: clusterUuid } = await cluster(bed, uuid);
  const found = () => bed.mirror.find("L2Network", "attachedClusterUuids", clusterUuid).map(({ value }) => value.name);
  const network = await bed.records.change((tx) =>
    tx.insert("L2Network", {
      uuid: newUuid(),
      name: "flat",
      description: null,
      zoneUuid: uuid,
      attachedClusterUuids: [clusterUuid],
      type: "NoVlan",
      physicalInterface: "eth0",
      vlan: null,
      mtu: 1500,
    }),
  );
  assert.deepEqual(found(), ["flat"]);
  await bed.records.change((tx) => tx.update("L2Network", network.uuid, { attachedClusterUuids: [] }));
  assert.deepEqual(found(), []);
});

test("of a record only what is changed is checked: what stood there before holds up nobody", async (t) => {
  const bed = await cloudBed(t);
  const { records, mirror } = bed;
  const { uuid } = await zone(bed, "east");
  const long = "x".repeat(3000);
  await records.change((tx) => tx.put("Zone", uuid, { ...tx.need("Zone", uuid), description: long }));
  await records.change((tx) => tx.update("Zone", uuid, { state: "Disabled" }));
  assert.deepEqual(
    [mirror.get("Zone", uuid)?.value.state, mirror.get("Zone", uuid)?.value.description],
    ["Disabled", long],
  );
  await refuses(
    records.change((tx) => tx.update("Zone", uuid, { description: `${long}y` })),
    "SYS.1001",
  );
});
