import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { type Facts, factNames, facts } from "../../../../core/model/facts.ts";
import { valueOf } from "../../../../core/model/reading.ts";
import { FactBoard } from "../../../../core/node/facts/board.ts";
import { allSources } from "../../../../core/node/facts/sources.ts";
import { fixtureMachine, recordedHistories, recording } from "../../../../core/node/fixture.ts";
import { type Machine, realMachine } from "../../../../core/node/machine.ts";

const folder = new URL("../../../fixtures/machines/", import.meta.url);

async function read(
  machine: Machine,
  histories = recordedHistories(recording.parse({ now: 0, files: {}, commands: {} })),
) {
  const board = new FactBoard(machine, allSources(), { histories });
  board.start();
  await Promise.all(factNames.map((name) => board.refresh(name)));
  board.stop();
  return { facts: board.facts(), histories: board.histories() };
}

function load(name: string) {
  return recording.parse(JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")));
}

function fixture(name: string) {
  const recorded = load(name);
  return read(fixtureMachine(recorded), recordedHistories(recorded));
}

const missingOf = (all: Facts) =>
  Object.fromEntries(factNames.flatMap((name) => (all[name].state === "missing" ? [[name, all[name].why.code]] : [])));

for (const file of readdirSync(folder)) {
  const name = file.replace(".json", "");
  test(`${name}: every reading fits its schema, and reading again gives the same`, async () => {
    const first = await fixture(name);
    facts.parse(first.facts);
    assert.deepEqual(await fixture(name), first);
  });

  test(`${name}: the histories' last bucket stays what it is while time stands still`, async () => {
    const { cpu, memory } = (await fixture(name)).histories;
    const seeded = recordedHistories(load(name));
    for (const [series, seed] of [
      [cpu, seeded.cpu],
      [memory, seeded.memory],
    ] as const) {
      const [last, was] = [series.values.at(-1), seed.values.at(-1)];
      if (was !== undefined) assert.ok(Math.abs((last ?? 1) - (was ?? 0)) < 1e-9, `${was} became ${last}`);
    }
  });
}

test("this very machine's readings fit their schemas", async () => {
  const { facts: mine } = await read(realMachine());
  facts.parse(mine);
  for (const name of ["identity", "time", "cpu", "memory"] as const) assert.equal(mine[name].state, "value", name);
});

test("laptop-vm: what is not there is missing with a reason, the rest is known", async () => {
  const { facts: vm } = await fixture("laptop-vm");
  assert.deepEqual(missingOf(vm), {
    neighbours: "notInstalled",
    management: "notConfigured",
    virtualMachines: "notInstalled",
    hosts: "notConfigured",
    cloud: "notConfigured",
  });
  assert.equal(valueOf(vm.clock)?.inSync, true);
  assert.deepEqual(
    valueOf(vm.disks)?.map(({ name, health, healthWhy }) => ({ name, health, healthWhy })),
    [{ name: "vda", health: "unknown", healthWhy: "virtio" }],
  );
});

test("bonded-server: the bond says which leg is dead, the bridge on it carries the management address", async () => {
  const { facts: server } = await fixture("bonded-server");
  const links = valueOf(server.network)?.links ?? [];
  const bond = links.find(({ name }) => name === "bond0");
  assert.deepEqual(bond?.bond, {
    mode: "802.3ad",
    legs: [
      { link: "eno1", up: true, active: true, failures: 0, partnerMac: "00:1c:73:00:00:01" },
      { link: "eno2", up: false, active: false, failures: 3, partnerMac: null },
    ],
  });
  assert.deepEqual(
    links.filter(({ management }) => management).map(({ name, kind, bridgePorts }) => ({ name, kind, bridgePorts })),
    [{ name: "br_bond0", kind: "bridge", bridgePorts: ["bond0"] }],
  );
  assert.equal(links.filter(({ kind }) => kind === "physical").length, 6);
  assert.deepEqual(links.find(({ name }) => name === "bond0.100")?.vlan, { id: 100, parent: "bond0" });
  assert.equal(valueOf(server.management)?.pid, 1412);
  assert.deepEqual(valueOf(server.neighbours)?.[0], { link: "eno1", system: "sw1", port: "Gi1/0/3" });
});

test("storage-failing: one disk fails, one is worn, one sleeps", async () => {
  const { facts: storage } = await fixture("storage-failing");
  const disks = valueOf(storage.disks) ?? [];
  assert.equal(disks.length, 8);
  assert.deepEqual(
    disks
      .filter(({ health }) => health === "failing")
      .map(({ name, reallocatedSectors }) => [name, reallocatedSectors]),
    [["sde", 1832]],
  );
  assert.equal(disks.find(({ name }) => name === "nvme0n1")?.wear, 0.97);
  assert.equal(disks.find(({ name }) => name === "sdf")?.healthWhy, "asleep");
  const data = valueOf(storage.filesystems)?.find(({ purpose }) => purpose === "data");
  assert.equal(Math.round((1 - (data?.freeBytes ?? 0) / (data?.sizeBytes ?? 1)) * 100), 96);
  assert.deepEqual(
    valueOf(storage.virtualMachines)?.list?.map(({ name, state }) => [name, state]),
    [
      ["web01", "running"],
      ["数据库-主", "running"],
      ["build agent", "stopped"],
    ],
  );
});

test("bare: nearly everything is missing, each with its own reason", async () => {
  const { facts: bare } = await fixture("bare");
  assert.deepEqual(missingOf(bare), {
    clock: "notRunning",
    filesystems: "timeout",
    disks: "failed",
    network: "denied",
    neighbours: "notInstalled",
    cpu: "denied",
    services: "notRunning",
    management: "notConfigured",
    virtualMachines: "notRunning",
    hosts: "notConfigured",
    cloud: "notConfigured",
  });
});
