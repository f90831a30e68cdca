import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { factNames, facts } from "../../../../core/model/facts.ts";
import { valueOf } from "../../../../core/model/reading.ts";
import { FactBoard } from "../../../../core/node/facts/board.ts";
import { publicFacts } from "../../../../core/node/facts/public.ts";
import { allSources } from "../../../../core/node/facts/sources.ts";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";

async function factsOf(name: string) {
  const file = new URL(`../../../fixtures/machines/${name}.json`, import.meta.url);
  const board = new FactBoard(fixtureMachine(recording.parse(JSON.parse(readFileSync(file, "utf8")))), allSources());
  board.start();
  await Promise.all(factNames.map((one) => board.refresh(one)));
  board.stop();
  return board.facts();
}
const storage = await factsOf("storage-failing");
const server = await factsOf("bonded-server");

const locked = (all: typeof storage) =>
  factNames.filter((name) => all[name].state === "missing" && all[name].why.code === "locked");

test("panels: everything, without serial numbers and names of virtual machines", () => {
  const seen = publicFacts(storage, "panels");
  facts.parse(seen);
  assert.deepEqual(locked(seen), []);
  const text = JSON.stringify(seen);
  for (const secret of ["WSD0000", "PHYF", "PHLJ", "S000000X0000001", "web01", "数据库", "0d9c5a52"]) {
    assert.ok(!text.includes(secret), secret);
  }
  assert.deepEqual(valueOf(seen.virtualMachines), { total: 3, running: 2, stopped: 1, unknown: 0, list: null });
  assert.equal(valueOf(seen.disks)?.length, 8);
});

test("status: name, role, time, management and the management address, nothing of other links", () => {
  const seen = publicFacts(server, "status");
  facts.parse(seen);
  assert.deepEqual(locked(seen), [
    "disks",
    "neighbours",
    "cpu",
    "memory",
    "services",
    "virtualMachines",
    "hosts",
    "cloud",
  ]);
  assert.deepEqual(
    valueOf(seen.network)?.links.map(({ name, addresses }) => [name, addresses[0]?.address]),
    [["br_bond0", "10.0.0.5"]],
  );
  assert.equal(valueOf(seen.management)?.service, "running");
  const text = JSON.stringify(seen);
  for (const secret of ["172.16.0.5", "b0:26:28", "PowerEdge", "7XK0000", '10.0.0.1"', "6.12.57"]) {
    assert.ok(!text.includes(secret), secret);
  }
});

test("nothing: which node, which role, what time", () => {
  const seen = publicFacts(server, "nothing");
  facts.parse(seen);
  assert.equal(locked(seen).length, factNames.length - 2);
  assert.deepEqual([valueOf(seen.identity)?.hostname, valueOf(seen.identity)?.role], ["mgmt01", "management"]);
  assert.ok(!JSON.stringify(seen).includes("10.0.0.5"));
});

test("what was missing stays missing for its own reason, and the facts themselves stay as they are", () => {
  const before = JSON.stringify(storage);
  const seen = publicFacts(storage, "panels");
  assert.deepEqual(seen.neighbours, storage.neighbours);
  assert.equal(JSON.stringify(storage), before);
});

test("whoever sees the role sees whether it is ready; its step only on the panels, its reason and remedy never", () => {
  const { identity } = storage;
  if (identity.state !== "value") throw new Error("the recording has it");
  const roleStatus = { state: "failed", step: "Cluster Stack", reason: "from 10.9.8.7", remedy: "ask root" } as const;
  const failed = { ...storage, identity: { ...identity, value: { ...identity.value, roleStatus } } };
  for (const [view, step] of [
    ["panels", "Cluster Stack"],
    ["status", null],
    ["nothing", null],
  ] as const) {
    const seen = publicFacts(failed, view);
    facts.parse(seen);
    assert.deepEqual(valueOf(seen.identity)?.roleStatus, { state: "failed", step, reason: null, remedy: null }, view);
    // Where none was recorded, none is made up.
    assert.ok(!("roleStatus" in (valueOf(publicFacts(storage, view).identity) ?? {})), view);
  }
});
