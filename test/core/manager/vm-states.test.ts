import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { offeredOperations, routeOf } from "../../../core/model/cloud/vm-life.ts";
import { callsFor } from "../../../core/model/cloud/vm-operation-calls.ts";
import type { VmOperation } from "../../../core/model/cloud/vm-operations.ts";
import { type VmState, vmStateNames, vmStates } from "../../../core/model/cloud/vm-states.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import {
  type Ask,
  allRecords,
  asks,
  begins,
  requireAllAsked,
  type Things,
  thingsOf,
} from "../../support/cloud/life.ts";
import { first, type MigrationBed, migrationBed, second, third } from "../../support/cloud/migration.ts";
import { seen } from "../../support/cloud/place.ts";
import { isoImage, qcow2Image } from "../../support/images/files.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* Every operation that has a call, in every state of the table: the calls of the manager do what the table says. */

const mebibyte = 1024 ** 2;

async function bedOf(t: TestContext) {
  const bed = await migrationBed(t, [first, second, third], { stepLimits: { undoAttempts: 1 } });
  const { call, done, cloud, drivers, hostUuids, make, hosts } = bed;
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const ok = async (...[name, input]: Parameters<typeof done>) => {
    const task = await done(name, input);
    assert.equal(task.state, "Succeeded", `${name}: ${JSON.stringify(task.error)}`);
    return task.resourceUuid ?? "";
  };
  const { image, isos } = await imagesOf(t, bed);
  const [network = "", own = ""] = await networksOf(bed);
  const data = () => ok("CreateDataVolume", { name: "data", diskSize: 2 * mebibyte });
  const record = (vm: string) => cloud.mirror.get("VmInstance", vm)?.value;
  /** A machine that was made in this way, with a snapshot and a data volume where it can have them. */
  const made = async (more: object = {}): Promise<Things> => {
    const vm = await make("web", { l3NetworkUuids: [own], ...more });
    const root = record(vm)?.rootVolumeUuid ?? "";
    const [iso = "", inDrive = ""] = isos;
    const nic = record(vm)?.vmNicUuids[0] ?? "";
    const things = thingsOf(vm, root, { free: await data(), image, iso, network, own, nic });
    if (record(vm)?.state !== "Running") return things;
    const attached = await data();
    await ok("AttachDataVolumeToVm", { uuid: attached, vmInstanceUuid: vm });
    await ok("AttachIsoToVmInstance", { uuid: vm, isoUuid: inDrive });
    return {
      ...things,
      inDrive,
      data: attached,
      snapshot: await ok("CreateVolumeSnapshot", { volumeUuid: root, name: "s" }),
    };
  };
  const after = async (...calls: [Parameters<typeof done>[0], object?][]) => {
    const things = await made();
    for (const [name, more = {}] of calls) await ok(name, { uuid: things.vm, ...more });
    return things;
  };
  const stop = ["StopVmInstance", { type: "cold" }] as const;
  /** How a machine honestly comes into each state that lasts. */
  const ways: Readonly<Partial<Record<VmState, () => Promise<Things>>>> = {
    Created: () => made({ strategy: "CreateStopped" }),
    Running: () => made(),
    Paused: () => after(["PauseVmInstance"]),
    Suspended: () => after(["SuspendVmInstance"]),
    Stopped: () => after([...stop]),
    // Its root volume has no snapshot, its drives are empty.
    Shelved: async () => {
      const things = await made();
      await ok("DeleteVolumeSnapshot", { uuid: things.snapshot });
      await ok("ShelveVmInstance", { uuid: things.vm });
      return { ...things, snapshot: "", inDrive: "", root: record(things.vm)?.rootVolumeUuid ?? "" };
    },
    Rescued: () => after(["RescueVmInstance", { imageUuid: image }]),
    // Its data volumes are let go, its drives are empty.
    Destroyed: async () => ({ ...(await after(["DestroyVmInstance"])), data: "", inDrive: "" }),
    Unknown: async () => {
      const things = await made({ hostUuid: hostUuids.get(third) });
      hosts.cut(third, false);
      await done("ReconnectHost", { uuid: hostUuids.get(third) ?? "" });
      await seen(cloud.mirror, () => record(things.vm)?.state === "Unknown");
      return things;
    },
    Error: async () => {
      const things = await after([...stop]);
      for (const driver of drivers.values())
        driver.simulate({ fails: [{ do: "startMachine" }, { do: "removeMachine" }] });
      assert.equal((await done("StartVmInstance", { uuid: things.vm })).state, "Failed");
      for (const driver of drivers.values()) driver.simulate({});
      return things;
    },
  };
  /** An image has no snapshots: a machine that is to become one has none either. */
  const ready = async (operation: VmOperation, things: Things): Promise<Things> => {
    if (operation !== "shelve" || things.snapshot === "") return things;
    await ok("DeleteVolumeSnapshot", { uuid: things.snapshot });
    return { ...things, snapshot: "" };
  };
  return { ...bed, ok, record, ways, ready };
}

/** An image that machines can be rebuilt of, and two for drives. */
async function imagesOf(t: TestContext, { call, done, zoneUuid }: MigrationBed) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const place = { name: "images", zoneUuid, url: join(folder.path, "store") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const added = async (name: string, format: "qcow2" | "iso", content: Buffer) => {
    const file = join(folder.path, name);
    writeFileSync(file, content);
    const given = { name, url: `file://${file}`, format, backupStorageUuids: [store.uuid] };
    const task = await done("AddImage", given);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task.resourceUuid ?? "";
  };
  const isos = [await added("one.iso", "iso", isoImage("ONE")), await added("two.iso", "iso", isoImage("TWO"))];
  return { isos, image: await added("debian.qcow2", "qcow2", qcow2Image({ sizeBytes: mebibyte })) };
}

/** Two networks with addresses for machines. */
async function networksOf({ call, zoneUuid, clusterUuid }: MigrationBed): Promise<string[]> {
  const given = { name: "flat", zoneUuid, physicalInterface: "eth0" };
  const l2 = (await call("CreateL2NoVlanNetwork", given)).inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid });
  const uuids: string[] = [];
  for (const n of [0, 1]) {
    const l3 = (await call("CreateL3Network", { name: `net ${n}`, l2NetworkUuid: l2.uuid })).inventory;
    const range = { startIp: `10.${n}.0.10`, endIp: `10.${n}.1.250`, netmask: "255.255.0.0" };
    await call("AddIpRange", { name: "r", l3NetworkUuid: l3.uuid, ...range });
    uuids.push(l3.uuid);
  }
  return uuids;
}

type Bed = Awaited<ReturnType<typeof bedOf>>;

function canAsk(ask: Ask, things: Things): boolean {
  return ask.needs === undefined || things[ask.needs] !== "";
}

/** The refusal of a call that changes nothing. */
async function refused({ call, cloud }: Bed, ask: Ask, things: Things, label: string) {
  const before = allRecords(cloud.mirror);
  const error: unknown = await call(ask.name, ask.input(things)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CloudError, `${label} was not refused: ${String(error)}`);
  assert.equal(allRecords(cloud.mirror), before, `${label} changes nothing`);
  return error.refusal;
}

/** The state that the table says follows. */
function stateAfter(operation: VmOperation, state: VmState): VmState | "gone" {
  const to = routeOf(operation, state)?.to ?? "same";
  // The bed rescues what runs.
  if (to === "beforeRescue") return "Running";
  return to === "same" ? state : to;
}

/** Conditions that no machine of the bed meets: refused with VM.1004, for this reason. */
const lacking: Readonly<Record<string, RegExp>> = { "Running resize": /NUMA/ };

test("every operation is accepted in exactly those states that the table says, and refused in others with the state and what is allowed", async (t) => {
  requireAllAsked();
  const bed = await bedOf(t);
  const lasting = vmStateNames.filter((state) => vmStates[state].settled);
  for (const state of lasting) {
    const way = bed.ways[state];
    assert.ok(way !== undefined, `how does a machine become ${state}?`);
    let things = await way();
    for (const ask of asks) {
      const now = bed.record(things.vm);
      // What was done with the last one has changed it.
      if (now?.state !== state || now.operation !== null) things = await way();
      if (!canAsk(ask, things)) continue;
      const operation = begins(ask, state);
      const label = `${ask.name} in ${state}`;
      const reason = lacking[`${state} ${operation}`];
      if (operation === undefined || reason !== undefined) {
        const { code, details, remedy, values } = await refused(bed, ask, things, label);
        assert.equal(values["state"], state, label);
        if (reason !== undefined) {
          assert.equal(code, "VM.1004", label);
          assert.match(details, reason);
          continue;
        }
        assert.equal(code, "VM.1001", label);
        assert.match(details, new RegExp(`the state is ${state}\\.$`), label);
        const allowed = callsFor(offeredOperations(state)).join(", ");
        assert.ok(remedy.startsWith(allowed === "" ? "Nothing" : `Allowed now: ${allowed}.`), `${label}: ${remedy}`);
        continue;
      }
      things = await bed.ready(operation, things);
      await accepted(bed, ask, things, operation, state);
      // It has one less of what it needs from now on.
      if (bed.record(things.vm)?.state === state && ask.needs !== undefined) things = await way();
      if (ask.name === "AttachDataVolumeToVm") things = await way();
    }
    if (state === "Unknown") await back(bed, things);
  }
});

async function accepted(bed: Bed, ask: Ask, things: Things, operation: VmOperation, state: VmState): Promise<void> {
  const label = `${operation} in ${state}`;
  const answer: unknown = await bed.call(ask.name, ask.input(things));
  if (typeof answer === "object" && answer !== null && "task" in answer) {
    const { uuid } = answer.task as { uuid: string };
    const task = await taskEnd(bed.cloud.mirror, uuid, AbortSignal.timeout(120_000));
    if (state === "Unknown") {
      // Its host is away, and may have it: it is begun, and fails.
      assert.deepEqual([task?.state, bed.record(things.vm)?.state], ["Failed", "Unknown"], label);
      return;
    }
    assert.equal(task?.state, "Succeeded", `${label}: ${JSON.stringify(task?.error)}`);
  }
  const next = bed.record(things.vm);
  assert.equal(next?.state ?? "gone", stateAfter(operation, state), label);
  assert.equal(next?.operation ?? null, null, label);
}

async function back({ hosts, hostUuids, ok, cloud, record }: Bed, { vm }: Things): Promise<void> {
  hosts.cut(third, true);
  await ok("ReconnectHost", { uuid: hostUuids.get(third) ?? "" });
  await seen(cloud.mirror, () => record(vm)?.state === "Running");
}

test("a locked machine refuses every operation in every state, and goes on when it is unlocked", async (t) => {
  const bed = await bedOf(t);
  for (const state of vmStateNames) {
    const way = bed.ways[state];
    if (way === undefined) continue;
    const things = await way();
    await bed.call("LockVmInstance", { uuid: things.vm });
    for (const ask of asks) {
      if (!canAsk(ask, things)) continue;
      const { code } = await refused(bed, ask, things, `${ask.name} in ${state}, locked`);
      assert.equal(code, begins(ask, state) === undefined ? "VM.1001" : "VM.1003", `${ask.name} in ${state}`);
    }
    const unlocked = (await bed.call("UnlockVmInstance", { uuid: things.vm })).inventory;
    assert.deepEqual([unlocked.locked, unlocked.state], [false, state]);
    if (state === "Unknown") await back(bed, things);
  }
});

test("while an operation runs all others are refused, with the state and the operation; only the lock goes on and off", async (t) => {
  const bed = await bedOf(t);
  const { call, hosts, cloud, record, ways } = bed;
  const passed = new Set<VmState>();
  for (const ask of asks)
    for (const state of [
      "Created",
      "Running",
      "Paused",
      "Suspended",
      "Stopped",
      "Rescued",
      "Shelved",
      "Destroyed",
    ] as const) {
      const operation = begins(ask, state);
      if (operation === undefined || lacking[`${state} ${operation}`] !== undefined) continue;
      const found = await ways[state]?.();
      if (found === undefined || !canAsk(ask, found)) continue;
      const label = `${operation} of a machine that is ${state}`;
      const things = await bed.ready(operation, found);
      const held = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      hosts.hold = async () => {
        held.resolve();
        await gate.promise;
      };
      const answer: unknown = await call(ask.name, ask.input(things));
      if (typeof answer !== "object" || answer === null || !("task" in answer)) {
        // Done at once.
        hosts.hold = async () => {};
        continue;
      }
      const { uuid } = answer.task as { uuid: string };
      const ended = taskEnd(cloud.mirror, uuid, AbortSignal.timeout(120_000));
      // A stopped machine may need nothing of a host.
      const hasEnded = await Promise.race([held.promise.then(() => false), ended.then(() => true)]);
      if (hasEnded) {
        hosts.hold = async () => {};
        continue;
      }
      const now = record(things.vm);
      assert.deepEqual([now?.state, now?.operation], [routeOf(operation, state)?.through ?? state, operation], label);
      if (now !== undefined) passed.add(now.state);
      for (const other of asks) {
        if (!canAsk(other, things)) continue;
        const { code, values } = await refused(bed, other, things, `${other.name} during ${label}`);
        // The volume that is worked on says so first.
        if (code === "STORAGE.1040") continue;
        assert.equal(code, "VM.1002", `${other.name} during ${label}`);
        assert.deepEqual([values["state"], values["running"]], [now?.state, operation]);
      }
      assert.equal((await call("LockVmInstance", { uuid: things.vm })).inventory.locked, true, label);
      assert.equal((await call("UnlockVmInstance", { uuid: things.vm })).inventory.locked, false, label);
      hosts.hold = async () => {};
      gate.resolve();
      assert.equal((await ended)?.state, "Succeeded", label);
    }
  const passing = vmStateNames.filter((state) => !vmStates[state].settled);
  assert.deepEqual(
    passing.filter((state) => !passed.has(state)),
    ["VolumeMigrating"],
    "states that no operation of this version passes through",
  );
});
