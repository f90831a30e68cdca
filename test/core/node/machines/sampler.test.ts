import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskCounters, LocalMachines, MachineCounters } from "../../../../core/hypervisor/local.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { MachineSampler } from "../../../../core/node/machines/sampler.ts";
import { handMachine } from "../facts/hand-machine.ts";

const uuid = "0000000000014aaa8aaaaaaaaaaaaaaa";

function counters(more: Partial<MachineCounters> = {}): MachineCounters {
  return {
    ...{ uuid, name: "web01", ofCloud: true, state: "running", why: null, cpus: 2, cpuNs: 0 },
    ...{ memoryBytes: 2 ** 31, balloonBytes: null, residentBytes: null, nics: [], ...more },
  };
}

const disk: DiskCounters = { target: "vda", path: "/vms/a", sizeBytes: 9, allocatedBytes: 5, read: 0, written: 0 };

/** A hypervisor that says what it is told to, and counts how often it was asked. */
function bed() {
  const time = handMachine();
  const now = {
    machine: counters(),
    disk,
    fails: undefined as Error | undefined,
    hangs: undefined as Promise<void> | undefined,
    asked: 0,
    askedOne: 0,
  };
  const answer = async () => {
    await now.hangs;
    if (now.fails !== undefined) throw now.fails;
  };
  const local: LocalMachines = {
    canAct: true,
    async all() {
      now.asked += 1;
      await answer();
      return [now.machine];
    },
    async one(asked) {
      now.askedOne += 1;
      await answer();
      if (asked !== uuid) return undefined;
      const nic = { mac: "52:54:00:00:00:01", on: "br0", target: "vnet0", received: 0, sent: 0 };
      return { counters: now.machine, disks: [now.disk], nics: [nic], hasSerial: true, upSeconds: 60 };
    },
    act: async () => undefined,
    openSerial: () => Promise.reject(new Error("not here")),
  };
  const { machine, pass } = time;
  const sampler = new MachineSampler({ machine, local });
  const share = async () => (await sampler.all()).list[0]?.cpuShare;
  return { sampler, now, pass, share, machine };
}

const seconds = (count: number) => count * 1e9;

test("CPU is the time of the virtual processors between two readings, as a share of all of them", async () => {
  const { now, pass, share } = bed();
  assert.equal(await share(), null);
  await pass(3_000);
  now.machine = counters({ cpuNs: seconds(3) });
  assert.equal(await share(), 0.5);
  await pass(4_000);
  now.machine = counters({ cpuNs: seconds(5) });
  assert.equal(await share(), 0.25);
});

test("a machine that was started anew, has stood still or lost a processor in between has no share until the next", async () => {
  const { now, pass, share } = bed();
  const after = async (machine: MachineCounters) => {
    await pass(4_000);
    now.machine = machine;
    return await share();
  };
  now.machine = counters({ cpuNs: seconds(100) });
  await share();
  // Its counter begins at 0 again.
  assert.equal(await after(counters({ cpuNs: seconds(1) })), null);
  assert.equal(await after(counters({ cpuNs: seconds(3) })), 0.25);
  assert.equal(await after(counters({ state: "paused", cpuNs: seconds(3) })), null);
  assert.equal(await after(counters({ cpuNs: seconds(4) })), null);
  assert.equal(await after(counters({ cpuNs: seconds(6) })), 0.25);
  assert.equal(await after(counters({ state: "stopped", cpuNs: null })), null);
  // What came late counts as all there is, and never as more.
  assert.equal(await after(counters({ cpuNs: seconds(10) })), null);
  assert.equal(await after(counters({ cpuNs: seconds(90) })), 1);
});

test("any number of consoles cost one reading, and nobody who looks none", async () => {
  const { sampler, now, pass } = bed();
  const gate = Promise.withResolvers<void>();
  now.hangs = gate.promise;
  const all = [sampler.all(), sampler.all(), sampler.read(), sampler.all()];
  gate.resolve();
  await Promise.all(all);
  await pass(1_000);
  await Promise.all([sampler.all(), sampler.read()]);
  assert.equal(now.asked, 1);
  await pass(60_000);
  assert.equal(now.asked, 1);
  assert.equal(now.askedOne, 0);
});

test("a hypervisor that fails is said to be silent since its last answer; figures go, names stay", async () => {
  const { sampler, now, pass, machine } = bed();
  await sampler.all();
  const last = machine.now();
  await pass(10_000);
  const said = "failed to connect to the hypervisor Failed to connect socket";
  now.fails = new NodeError("HYPERVISOR.FAILED", "", { values: { said } });
  await assert.rejects(sampler.read(), new FactMissing("notRunning", "libvirt"));
  await pass(5_000);
  const { at, silence, list } = await sampler.all();
  assert.deepEqual([at, silence], [last, { since: last, why: { code: "notRunning", detail: "libvirt" } }]);
  assert.deepEqual(
    list.map(({ name, state, cpuShare }) => [name, state, cpuShare]),
    [["web01", "unknown", null]],
  );
  now.fails = undefined;
  const again = await sampler.all();
  assert.deepEqual([again.silence, again.list[0]?.state], [null, "running"]);
});

test("one that hangs holds nobody up, and is silent after some seconds", async () => {
  const { sampler, now, pass } = bed();
  await sampler.all();
  await pass(10_000);
  const gate = Promise.withResolvers<void>();
  now.hangs = gate.promise;
  const early = sampler.all();
  await pass(1_500);
  assert.equal((await early).silence, null);
  await pass(5_000);
  const late = sampler.all();
  await pass(1_500);
  const { silence, list } = await late;
  assert.deepEqual([silence?.why, list[0]?.state], [{ code: "timeout", detail: "libvirt" }, "unknown"]);
  assert.equal(now.asked, 2);
  gate.resolve();
  await pass(0);
  assert.equal((await sampler.all()).silence, null);
});

test("one machine has the rates of its disks and cards, and their course; its disks are looked at for it alone", async () => {
  const { sampler, now, pass } = bed();
  // The agent has run for a while.
  await pass(600_000);
  await sampler.all();
  await sampler.one(uuid);
  await pass(4_000);
  now.machine = counters({ cpuNs: seconds(4) });
  now.disk = { ...disk, read: 4_000, written: 8_000 };
  const view = await sampler.one(uuid);
  assert.deepEqual([view?.disks?.[0]?.read, view?.disks?.[0]?.written], [1_000, 2_000]);
  assert.equal(view?.machine.cpuShare, 0.5);
  assert.deepEqual([view?.histories.cpu.values.at(-1), view?.histories.disk.values.at(-1)], [0.5, 3_000]);
  assert.equal(now.askedOne, 2);
  assert.equal(await sampler.one(uuid.replace("1", "2")), undefined);
});

test("what was read of one machine alone does not hide what was read of all since, nor what was done", async () => {
  const { sampler, now, pass } = bed();
  now.machine = counters({ state: "stopped" });
  await sampler.one(uuid);
  await pass(1_000);
  now.machine = counters({ state: "running" });
  await sampler.all();
  assert.equal((await sampler.one(uuid))?.machine.state, "running");
  now.machine = counters({ state: "paused" });
  assert.equal((await sampler.one(uuid))?.machine.state, "running");
  sampler.changed();
  await pass(1);
  assert.equal((await sampler.one(uuid))?.machine.state, "paused");
  assert.equal((await sampler.all()).list[0]?.state, "paused");
});

test("one machine of a hypervisor that fails shows no rates of before", async () => {
  const { sampler, now, pass } = bed();
  await sampler.one(uuid);
  await pass(4_000);
  await sampler.one(uuid);
  now.fails = new NodeError("RUN.TIMEOUT", "virsh hangs", { values: { command: "virsh" } });
  await pass(4_000);
  const view = await sampler.one(uuid);
  assert.deepEqual([view?.silence?.why.code, view?.machine.state, view?.disks], ["timeout", "unknown", null]);
});

test("one machine that was never looked at before is unknown, too, while the hypervisor is silent", async () => {
  const { sampler, now, pass } = bed();
  now.machine = counters({ state: "stopped" });
  await sampler.all();
  now.fails = new NodeError("HYPERVISOR.ABORTED", "called off");
  await pass(4_000);
  await sampler.all();
  const gate = Promise.withResolvers<void>();
  now.hangs = gate.promise;
  const looked = sampler.one(uuid);
  await pass(1_500);
  const view = await looked;
  assert.deepEqual([view?.machine.state, view?.silence?.why.code, view?.disks], ["unknown", "timeout", null]);
  gate.resolve();
});

test("half an hour of 200 machines takes little memory: a history never grows beyond its steps", async () => {
  const { sampler, now, pass } = bed();
  for (let time = 0; time < 400; time++) {
    await pass(15_000);
    now.machine = counters({ cpuNs: seconds(time) });
    await sampler.all();
  }
  assert.equal((await sampler.one(uuid))?.histories.cpu.values.length, 120);
});
