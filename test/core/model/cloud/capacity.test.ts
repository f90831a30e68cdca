import assert from "node:assert/strict";
import { test } from "node:test";
import {
  availableOf,
  charged,
  cpuCapacity,
  fitRefusals,
  freeOf,
  type HostCapacity,
  roomRefusals,
  type StorageCapacity,
} from "../../../../core/model/cloud/capacity.ts";
import { deletionPolicies, isExpungeDue } from "../../../../core/model/cloud/deletion.ts";
import { isSessionOver } from "../../../../core/model/cloud/operations.ts";
import { Random } from "../../../support/random.ts";
import { freeze, readable } from "./support.ts";

const gibibyte = 1024 ** 3;
const host: HostCapacity = freeze({
  threads: 4,
  cpuRatio: 10,
  memoryBytes: 16 * gibibyte,
  reservedBytes: gibibyte,
  memoryRatio: 1,
  machines: [{ cpuNum: 2, memorySize: 4 * gibibyte }],
});

test("a host gives what it has, over-provisioned and without what it keeps", () => {
  assert.deepEqual(freeOf(host), { cpu: 38, memoryBytes: 11 * gibibyte });
  assert.deepEqual(freeOf({ ...host, memoryRatio: 2 }), { cpu: 38, memoryBytes: 13 * gibibyte });
});

test("what just fits is taken; one more is refused, with every reason", () => {
  assert.deepEqual(fitRefusals("node-1", host, { cpuNum: 38, memorySize: 11 * gibibyte }), []);
  const refusals = fitRefusals("node-1", host, { cpuNum: 39, memorySize: 11 * gibibyte + 1 });
  assert.deepEqual(
    refusals.map((each) => readable(each).code),
    ["HOST.1005", "HOST.1006"],
  );
});

test("charges are exact where binary fractions are not", () => {
  assert.equal(cpuCapacity(10, 1.1), 11);
  assert.equal(cpuCapacity(3, 0.5), 1);
  assert.equal(charged(11, 1.1), 10);
  assert.equal(charged(1, 3), 1);
  assert.equal(charged(1_000_000, 1.000_001), 1_000_000);
  assert.equal(charged(Number.MAX_SAFE_INTEGER, 1), Number.MAX_SAFE_INTEGER);
});

test("random machines that were let in one by one never exceed the host", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const cpuRatio = random.pick([1, 1.1, 2.5, 10]);
    let full: HostCapacity = { ...host, machines: [], cpuRatio, memoryRatio: random.pick([1, 1.3, 2]) };
    for (let i = 0; i < 60; i++) {
      const machine = { cpuNum: 1 + random.below(4), memorySize: 1024 * (1 + random.below(2 ** 21)) };
      const refusals = fitRefusals("h", full, machine);
      if (refusals.length === 0) full = { ...full, machines: [...full.machines, machine] };
    }
    const free = freeOf(full);
    assert.ok(free.cpu >= 0 && free.memoryBytes >= 0, `seed ${seed}`);
    const memory = full.machines.reduce((sum, { memorySize }) => sum + memorySize, 0);
    assert.ok(memory <= (full.memoryBytes - full.reservedBytes) * full.memoryRatio, `seed ${seed}`);
  }
});

const storage: StorageCapacity = freeze({
  totalBytes: 1000,
  physicalTotalBytes: 1000,
  physicalAvailableBytes: 100,
  ratio: 2,
  threshold: 0.9,
  volumes: [400],
  images: [100, 50],
});

test("volumes count by virtual size with over-provisioning, images and snapshots as they are", () => {
  assert.equal(availableOf(storage), 1000 - 200 - 150);
  assert.deepEqual(roomRefusals("ps", storage, 1300), []);
  assert.deepEqual(
    roomRefusals("ps", storage, 1301).map((each) => readable(each).code),
    ["STORAGE.1004"],
  );
});

test("a storage above its physical threshold takes nothing, however much it could promise", () => {
  const refusals = roomRefusals("ps", { ...storage, physicalAvailableBytes: 99 }, 1);
  assert.deepEqual(
    refusals.map((each) => readable(each).code),
    ["STORAGE.1005"],
  );
});

test("a session ends when it was not used for its time, and a clock that is set back ends none", () => {
  const session = { lastUseDate: 1_000_000 };
  assert.equal(isSessionOver(session, 60, 1_059_999), false);
  assert.equal(isSessionOver(session, 60, 1_060_000), true);
  assert.equal(isSessionOver(session, 60, 0), false);
});

test("what is deleted is removed at once, after its time, or never, by its policy", () => {
  const due = { Direct: [true, true, true], Delay: [false, false, true], Never: [false, false, false] };
  for (const policy of deletionPolicies)
    assert.deepEqual(
      [1000, 60_999, 61_000].map((now) => isExpungeDue(policy, 1000, 60, now)),
      due[policy],
    );
  assert.equal(isExpungeDue("Delay", 1000, 60, 0), false);
});
