import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { HostCommand, HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { SharedStorage, SimulatedDriver, type SimulatedOptions } from "../../../core/hypervisor/simulated.ts";
import type { Damage } from "../../../core/node/document.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import { undoAfter } from "../../support/undo.ts";
import { conformance, refuses, running, uuidOf } from "./conformance.ts";

const gibibyte = 1024 ** 3;
const never = new AbortController().signal;
const usual = {
  bootId: "one",
  capacity: { cpuThreads: 4, memoryBytes: 8 * gibibyte },
  latencyMs: () => 0,
  announce: () => {},
} satisfies SimulatedOptions;

const create = (path: string): HostCommand => ({ do: "createVolume", path, sizeBytes: gibibyte, format: "raw" });
const start = (n: number, path: string | null, memorySize = gibibyte): HostCommand => {
  const disks = path === null ? [] : [{ volumeUuid: uuidOf(0x100 + n), path, format: "raw" as const }];
  return { do: "startMachine", machine: { uuid: uuidOf(n), name: "m", cpuNum: 1, memorySize, disks, nics: [] } };
};

async function seedOf(driver: HypervisorDriver, uuid: string): Promise<string | undefined> {
  assert.ok(driver instanceof SimulatedDriver);
  return driver.machineOf(uuid)?.seed;
}
async function seedsThere(driver: HypervisorDriver): Promise<string[]> {
  const machines = await driver.machines(never);
  const seeds = await Promise.all(machines.map(({ uuid }) => seedOf(driver, uuid)));
  return machines.map(({ uuid }) => uuid).filter((_, nth) => seeds[nth] !== undefined);
}

let folder = temporaryFolder();
conformance("simulated, in a folder", {
  open: async () => {
    folder = temporaryFolder();
    return SimulatedDriver.open({ ...usual, folder: folder.path });
  },
  reopen: () => SimulatedDriver.open({ ...usual, folder: folder.path }),
  restartHost: () => SimulatedDriver.open({ ...usual, folder: folder.path, bootId: "two" }),
  end: async () => folder.dispose(),
  ...{ seedOf, seedsThere },
  folder: () => "/volumes",
  physicalInterface: "br0",
  memorySize: gibibyte,
  mostBytes: 8 * gibibyte,
});

conformance("simulated, in memory", {
  open: () => SimulatedDriver.open({ ...usual, shared: new SharedStorage("/volumes/") }),
  // What is in memory alone has no other life than the process's.
  reopen: async (driver) => driver,
  restartHost: async (driver) => {
    assert.ok(driver instanceof SimulatedDriver);
    driver.restart("two");
    return driver;
  },
  end: async () => {},
  ...{ seedOf, seedsThere },
  folder: () => "/volumes",
  physicalInterface: "br0",
  memorySize: gibibyte,
  mostBytes: 8 * gibibyte,
});

test("the log and the host's tags say that nothing is real", async () => {
  const said: string[] = [];
  const driver = await SimulatedDriver.open({ ...usual, announce: (sentence) => said.push(sentence) });
  assert.match(said.join(), /SIMULATION/);
  assert.deepEqual(await driver.tags(), ["hypervisor::simulated"]);
});

test("a command that takes time and is called off leaves nothing behind, neither memory nor an open volume", async () => {
  const timers: (() => void)[] = [];
  const driver = await SimulatedDriver.open({
    ...usual,
    latencyMs: (verb) => (verb === "startMachine" ? 500 : 0),
    after: (_, action) => {
      timers.push(action);
      return () => timers.splice(timers.indexOf(action), 1);
    },
  });
  await driver.carryOut(create("/v/1"), never);
  const off = new AbortController();
  const starting = driver.carryOut(start(1, "/v/1", 8 * gibibyte), off.signal);
  await driver.machines(never);
  await refuses(driver.carryOut(start(2, null), never), "HYPERVISOR.NO_MEMORY");
  await refuses(driver.carryOut({ do: "deleteVolume", path: "/v/1" }, never), "HYPERVISOR.VOLUME_IN_USE");
  off.abort();
  await refuses(starting, "HYPERVISOR.ABORTED");
  assert.equal(timers.length, 0);
  await driver.carryOut({ do: "deleteVolume", path: "/v/1" }, never);
  const second = driver.carryOut(start(2, null, 8 * gibibyte), never);
  await driver.machines(never);
  for (const timer of timers.splice(0)) timer();
  await second;
  assert.deepEqual(await running(driver), [uuidOf(2)]);
});

test("accidents are switched on and off by a document in its folder", async (t) => {
  const place = temporaryFolder();
  undoAfter(t, place.dispose);
  const driver = await SimulatedDriver.open({ ...usual, folder: place.path });
  const file = join(place.path, "simulation.json");
  const happens = (accident: object) => writeFileSync(file, JSON.stringify(accident));
  happens({ fails: [{ do: "startMachine", subject: uuidOf(1) }], storageFull: true });
  await refuses(driver.carryOut(create("/v/1"), never), "HYPERVISOR.STORAGE_FULL");
  await refuses(driver.carryOut(start(1, null, 8 * gibibyte), never), "HYPERVISOR.FAILED");
  await driver.carryOut(start(2, null, 8 * gibibyte), never);
  happens({ crash: [uuidOf(2)] });
  assert.deepEqual(await running(driver), []);
  await driver.carryOut(start(1, null, 8 * gibibyte), never);

  happens({ hangs: "yes" });
  const off = new AbortController();
  const asked = driver.machines(off.signal);
  off.abort();
  await refuses(asked, "HYPERVISOR.ABORTED");
  const waiting = driver.carryOut(create("/v/1"), never);
  happens({});
  await waiting;
  assert.deepEqual(await running(driver), [uuidOf(1)]);

  happens({ fail: [] });
  const error = await refuses(driver.machines(never), "HYPERVISOR.BAD_SETTINGS");
  assert.match(error.message, /fail/);
});

test("a guest that ignores its shutdown is switched off after the grace, one that listens goes by itself", async () => {
  const waits: number[] = [];
  const driver = await SimulatedDriver.open({
    ...usual,
    latencyMs: (verb) => (verb === "stopMachine" ? 2000 : 0),
    after: (delayMs, action) => {
      waits.push(delayMs);
      action();
      return () => {};
    },
  });
  driver.simulate({ ignoreShutdown: [uuidOf(1)] });
  for (const n of [1, 2, 3]) await driver.carryOut(start(n, null), never);
  for (const [n, graceMs] of [
    [1, 60_000],
    [2, 60_000],
    [3, 1000],
  ] as const)
    await driver.carryOut({ do: "stopMachine", uuid: uuidOf(n), graceMs }, never);
  assert.deepEqual(waits, [60_000, 2000, 1000]);
  assert.deepEqual(await running(driver), []);
});

test("hosts that share a storage see its volumes, and one volume is never open on two of them", async () => {
  const shared = new SharedStorage("/nfs/");
  const [a, b] = [await SimulatedDriver.open({ ...usual, shared }), await SimulatedDriver.open({ ...usual, shared })];
  await a.carryOut(create("/nfs/1"), never);
  await a.carryOut(create("/local/1"), never);
  await refuses(b.carryOut(start(1, "/local/1"), never), "HYPERVISOR.NO_VOLUME");
  await a.carryOut(start(1, "/nfs/1"), never);
  await refuses(b.carryOut(start(1, "/nfs/1"), never), "HYPERVISOR.VOLUME_IN_USE");
  await refuses(b.carryOut({ do: "deleteVolume", path: "/nfs/1" }, never), "HYPERVISOR.VOLUME_IN_USE");
  a.restart("two");
  await b.carryOut(start(1, "/nfs/1"), never);
  assert.deepEqual([await running(a), await running(b)], [[], [uuidOf(1)]]);
});

test("a line that was cut off costs nothing, a damaged one itself alone, and the file is kept", async (t) => {
  const place = temporaryFolder();
  undoAfter(t, place.dispose);
  const driver = await SimulatedDriver.open({ ...usual, folder: place.path });
  for (const n of [1, 2, 3]) await driver.carryOut(start(n, null), never);
  const file = join(place.path, "machines.jsonl");
  const damages: Damage[] = [];
  const reopen = () =>
    SimulatedDriver.open({ ...usual, folder: place.path, onDamage: (damage) => damages.push(damage) });
  appendFileSync(file, `{"machine":{"uuid":"${uuidOf(4)}","mem`);
  const second = await reopen();
  assert.deepEqual(await running(second), [1, 2, 3].map(uuidOf));
  await second.carryOut(start(4, null), never);
  assert.deepEqual(await running(await reopen()), [1, 2, 3, 4].map(uuidOf));
  assert.deepEqual(damages, []);
  writeFileSync(file, readFileSync(file, "utf8").replace(uuidOf(2), "gibberish"));
  const third = await reopen();
  assert.deepEqual(await running(third), [1, 3, 4].map(uuidOf));
  assert.deepEqual(
    damages.map(({ fields }) => fields),
    [["line 2"]],
  );
  assert.ok(readdirSync(place.path).some((name) => name.startsWith("machines.jsonl.damaged-")));
});

test("the file stays small over thousands of commands, and agrees with a model at every start", async (t) => {
  const place = temporaryFolder();
  undoAfter(t, place.dispose);
  const seed = 20_261_130;
  const random = new Random(seed);
  const model = new Set<string>();
  for (let life = 0; life < 4; life++) {
    const driver = await SimulatedDriver.open({ ...usual, folder: place.path });
    assert.deepEqual(await running(driver), [...model].sort(), `seed ${seed}, life ${life}`);
    for (let round = 0; round < 60; round++) {
      const chosen = new Set(Array.from({ length: 16 }, () => random.below(40)));
      await Promise.all(
        [...chosen].map(async (n) => {
          const uuid = uuidOf(n);
          if (model.has(uuid)) {
            model.delete(uuid);
            await driver.carryOut({ do: random.chance(50) ? "removeMachine" : "stopMachine", uuid, graceMs: 0 }, never);
          } else {
            model.add(uuid);
            await driver.carryOut(start(n, null, 1024), never);
          }
        }),
      );
    }
  }
  const lines = readFileSync(join(place.path, "machines.jsonl"), "utf8").split("\n").length;
  assert.ok(lines < 1200, `${lines} lines for 40 machines`);
});
