import assert from "node:assert/strict";
import { test } from "node:test";
import { cloudCallNames } from "../../../../core/model/cloud/calls/index.ts";
import { resources } from "../../../../core/model/cloud/resources.ts";
import {
  allowedOperations,
  beginVm,
  endVm,
  guardVm,
  type Holding,
  hostLost,
  isVmLife,
  observeVm,
  offeredOperations,
  routeOf,
  type VmEnd,
  type VmLife,
  vmEnds,
} from "../../../../core/model/cloud/vm-life.ts";
import { callsFor, vmOperationCalls } from "../../../../core/model/cloud/vm-operation-calls.ts";
import {
  type VmCondition,
  type VmOperation,
  vmConditions,
  vmGuards,
  vmOperationNames,
  vmOperations,
} from "../../../../core/model/cloud/vm-operations.ts";
import {
  observations,
  observationTable,
  type VmState,
  vmStateNames,
  vmStates,
} from "../../../../core/model/cloud/vm-states.ts";
import { Random } from "../../../support/random.ts";
import { samples } from "./samples.ts";
import { freeze, nextOf, refusalOf } from "./support.ts";

const conditions = Object.keys(vmConditions) as VmCondition[];
const all: Holding = Object.fromEntries(conditions.map((condition) => [condition, true]));
const settled = vmStateNames.filter((state) => vmStates[state].settled);

function vmIn(state: VmState): VmLife {
  const stateBeforeRescue = state === "Rescued" ? "Running" : null;
  return freeze({ state, operation: null, earlierState: null, stateBeforeRescue, locked: false });
}

/** The table of cloud.md, "VM states", typed in a second time: state > operation > through > next. */
const specification = `
  none create Starting Running
  Stopped start Starting Running
  Running stop Stopping Stopped
  Unknown stop Stopping Stopped
  Running powerOff Stopping Stopped
  Unknown powerOff Stopping Stopped
  Running reboot Rebooting Running
  Running pause Pausing Paused
  Paused resume Resuming Running
  Running suspend Suspending Suspended
  Suspended resume Resuming Running
  Running migrateLive Migrating Running
  Stopped migrateCold Migrating Stopped
  Stopped resize Stopped Stopped
  Running resize Running Running
  Running snapshot Running Running
  Stopped snapshot Stopped Stopped
  Stopped revert Stopped Stopped
  Running shelve Shelving Shelved
  Stopped shelve Shelving Shelved
  Shelved unshelve Starting Running
  Running rescue Running Rescued
  Stopped rescue Starting Rescued
  Running clone Running Running
  Stopped clone Stopped Stopped
  Stopped rebuild Stopped Stopped
  Unknown evacuate Starting Running
  Running evacuate Starting Running
  Running delete Destroying Destroyed
  Stopped delete Destroying Destroyed
  Paused delete Destroying Destroyed
  Suspended delete Destroying Destroyed
  Shelved delete Destroying Destroyed
  Rescued delete Destroying Destroyed
  Unknown delete Destroying Destroyed
  Error delete Destroying Destroyed
  Destroyed recover Destroyed Stopped
  Destroyed expunge Expunging gone
  Created launch Starting Running
  Created delete Destroying Destroyed
  Rescued unrescue Rescued Running
  none define Created Created
  Stopped migrateVolumes VolumeMigrating Stopped
  Running attachVolume Running Running
  Stopped attachVolume Stopped Stopped
  Running detachVolume Running Running
  Stopped detachVolume Stopped Stopped
  Running resizeVolume Running Running
  Stopped resizeVolume Stopped Stopped
  Running deleteSnapshot Running Running
  Stopped deleteSnapshot Stopped Stopped
  Running attachNic Running Running
  Stopped attachNic Stopped Stopped
  Running detachNic Running Running
  Stopped detachNic Stopped Stopped
  Running attachIso Running Running
  Stopped attachIso Stopped Stopped
  Running detachIso Running Running
  Stopped detachIso Stopped Stopped
  Running setBootOrder Running Running
  Stopped setBootOrder Stopped Stopped
  Running setConsolePassword Running Running
  Stopped setConsolePassword Stopped Stopped
  Running setUserData Running Running
  Stopped setUserData Stopped Stopped
  Created setUserData Created Created
  Running setSshKey Running Running
  Stopped setSshKey Stopped Stopped
  Created setSshKey Created Created
  Running setHostname Running Running
  Stopped setHostname Stopped Stopped
  Created setHostname Created Created
  Stopped setStaticIp Stopped Stopped
  Stopped setMac Stopped Stopped
  Created attachNic Created Created
  Created detachNic Created Created
  Created attachIso Created Created
  Created detachIso Created Created
  Created setBootOrder Created Created
  Created setConsolePassword Created Created
  Created setStaticIp Created Created
  Created setMac Created Created`;
const rows = specification
  .trim()
  .split("\n")
  .map((row) => row.trim().split(" ")) as [string, VmOperation, VmState, string][];

test("every state and operation goes as the specification's table says, and nothing else is possible", () => {
  let refused = 0;
  for (const state of ["none", ...vmStateNames] as const)
    for (const operation of vmOperationNames) {
      const life = state === "none" ? null : vmIn(state);
      const row = rows.find(([from, what]) => from === state && what === operation);
      const outcome = beginVm("web-1", life, operation, all);
      if (row === undefined) {
        const { code, details, remedy } = refusalOf(outcome);
        assert.equal(code, "VM.1001");
        assert.match(details, new RegExp(`^${operation} is not possible: the state is ${state}\\.$`));
        const calls = callsFor(offeredOperations(state)).join(", ");
        assert.ok(remedy.startsWith(calls === "" ? "Nothing can be asked" : `Allowed now: ${calls}.`), remedy);
        refused++;
        continue;
      }
      const running = freeze(nextOf(outcome));
      assert.deepEqual([running.state, running.operation], [row[2], operation], `${state} ${operation}`);
      assert.equal(nextOf(endVm("web-1", running, "done"))?.state ?? "gone", row[3], `${state} ${operation}`);
    }
  assert.ok(refused > 400, `${refused} refused`);
});

test("a refusal offers the calls that there are, each once, and no operation that nobody can ask for yet", () => {
  const remedyIn = (state: VmState) => refusalOf(beginVm("web-1", vmIn(state), "start", all)).remedy;
  assert.equal(
    remedyIn("Running"),
    "Allowed now: StopVmInstance, RebootVmInstance, PauseVmInstance, SuspendVmInstance, MigrateVm, " +
      "CreateVolumeSnapshot, ShelveVmInstance, RescueVmInstance, CloneVmInstance, DestroyVmInstance, AttachDataVolumeToVm, DetachDataVolumeFromVm, ResizeDataVolume, DeleteVolumeSnapshot, " +
      "AttachL3NetworkToVm, DetachL3NetworkFromVm, AttachIsoToVmInstance, DetachIsoFromVmInstance, SetVmBootOrder, " +
      "SetVmConsolePassword, SetVmUserData, SetVmSshKey, SetVmHostname.",
  );
  assert.equal(remedyIn("Destroyed"), "Allowed now: RecoverVmInstance, ExpungeVmInstance.");
  assert.match(
    remedyIn("Unknown"),
    /^Allowed now: StopVmInstance, DestroyVmInstance\. When its host is connected again/,
  );
  const [calls, operations] = [new Set<string>(cloudCallNames), new Set<string>(vmOperationNames)];
  for (const [operation, call] of Object.entries(vmOperationCalls))
    assert.ok(operations.has(operation) && calls.has(call), operation);
  // Whoever adds a call for an operation has to name it there.
  const named = new Set<string>(Object.values(vmOperationCalls));
  const withoutOperation = ["UpdateVmInstance", "LockVmInstance", "UnlockVmInstance"];
  const unnamed = cloudCallNames.filter((name) => /^(?!Query|Get).*VmInstance$/.test(name) && !named.has(name));
  assert.deepEqual(unnamed.sort(), withoutOperation.sort());
});

test("what waits for a stop or the next start says so", () => {
  const effects = (effect: string) => vmOperationNames.filter((each) => vmOperations[each].effect === effect);
  assert.deepEqual(effects("nextStart"), ["setBootOrder", "setUserData", "setSshKey", "setHostname"]);
  for (const operation of effects("whenStopped"))
    assert.deepEqual(
      // One that was never started is off, too.
      settled.filter((state) => state !== "Created" && routeOf(operation, state) !== undefined),
      ["Stopped"],
    );
});

test("every way of every operation ends in a settled state, or in none, however it ends", () => {
  for (const operation of vmOperationNames)
    for (const state of ["none", ...settled] as const) {
      const route = routeOf(operation, state);
      if (route === undefined) continue;
      const running = freeze(nextOf(beginVm("vm", state === "none" ? null : vmIn(state), operation, all)));
      for (const end of vmEnds) {
        const after = nextOf(endVm("vm", running, end));
        const where = `${state} ${operation} ${end}`;
        if (after === null) {
          assert.ok(end === "done" ? route.to === "gone" : state === "none", where);
          continue;
        }
        assert.ok(vmStates[after.state].settled && after.operation === null && after.earlierState === null, where);
        if (end === "failed") assert.equal(after.state, route.failed === "same" ? state : route.failed, where);
        if (end === "broken") assert.equal(after.state, "Error", where);
      }
    }
});

test("what may still run on a lost host is Unknown, and what can't is as before", () => {
  const endOf = (state: VmState, operation: VmOperation, end: VmEnd) =>
    nextOf(endVm("vm", nextOf(beginVm("vm", vmIn(state), operation, all)), end))?.state;
  assert.equal(endOf("Stopped", "start", "lost"), "Unknown");
  assert.equal(endOf("Running", "stop", "lost"), "Unknown");
  assert.equal(endOf("Running", "snapshot", "lost"), "Unknown");
  assert.equal(endOf("Stopped", "rescue", "lost"), "Unknown");
  assert.equal(endOf("Stopped", "migrateCold", "lost"), "Stopped");
  assert.equal(endOf("Shelved", "delete", "lost"), "Shelved");
});

test("each condition of a way is asked for, and says why and what to do", () => {
  const asked = new Set<string>();
  for (const operation of vmOperationNames)
    for (const state of settled)
      for (const condition of routeOf(operation, state)?.needs ?? []) {
        const refusal = refusalOf(beginVm("vm", vmIn(state), operation, { ...all, [condition]: false }));
        assert.equal(refusal.code, "VM.1004");
        assert.equal(refusal.values["condition"], condition);
        assert.ok(refusal.details.includes(vmConditions[condition].details) && refusal.remedy !== "");
        asked.add(condition);
      }
  assert.deepEqual([...asked].sort(), [...conditions].sort());
});

test("a running resize is refused unless it grows and NUMA is on; a stopped one is not asked", () => {
  assert.equal(refusalOf(beginVm("vm", vmIn("Running"), "resize", { hostConnected: true })).code, "VM.1004");
  assert.ok(beginVm("vm", vmIn("Stopped"), "resize", {}).done);
});

test("a locked machine refuses every operation of people; the manager's recovery goes on", () => {
  for (const state of settled)
    for (const operation of allowedOperations(state)) {
      const locked = freeze(guardVm(vmIn(state), "lock"));
      assert.equal(refusalOf(beginVm("vm", locked, operation, all)).code, "VM.1003");
      assert.ok(beginVm("vm", locked, operation, all, "manager").done);
      assert.ok(beginVm("vm", guardVm(locked, "unlock"), operation, all).done);
    }
});

test("the lock can be set while an operation runs, and does not end it", () => {
  const running = nextOf(beginVm("vm", vmIn("Running"), "reboot", all));
  assert.deepEqual(guardVm(running, "lock"), { ...running, locked: true });
});

test("a second operation waits until the first has ended", () => {
  for (const first of allowedOperations("Running")) {
    const busy = freeze(nextOf(beginVm("vm", vmIn("Running"), first, all)));
    for (const second of vmOperationNames) assert.equal(refusalOf(beginVm("vm", busy, second, all)).code, "VM.1002");
  }
});

test("an operation that has ended can't end again", () => {
  for (const end of vmEnds) assert.equal(refusalOf(endVm("vm", vmIn("Running"), end)).code, "VM.1005");
});

test("unrescue leads back to the state before the rescue, over the loss of the host too", () => {
  for (const before of ["Running", "Stopped"] as const) {
    const rescued = nextOf(endVm("vm", nextOf(beginVm("vm", vmIn(before), "rescue", all)), "done"));
    assert.equal(rescued?.state, "Rescued");
    assert.ok(rescued !== null);
    const lost = hostLost("vm", rescued);
    assert.equal(lost?.state, "Unknown");
    assert.ok(lost !== null);
    const back = nextOf(observeVm("vm", lost, "running"));
    assert.equal(back.state, "Rescued");
    assert.equal(nextOf(endVm("vm", nextOf(beginVm("vm", back, "unrescue", all)), "done"))?.state, before);
    assert.deepEqual(nextOf(observeVm("vm", lost, "stopped")), vmIn("Stopped"));
  }
});

test("a rescue is remembered as long as it may go on, and no longer", () => {
  const after = (operation: VmOperation, end: VmEnd) =>
    nextOf(endVm("vm", nextOf(beginVm("vm", vmIn("Rescued"), operation, all)), end));
  const kept: [VmOperation, VmEnd, VmState][] = [
    ["unrescue", "failed", "Rescued"],
    ["unrescue", "lost", "Unknown"],
    ["delete", "failed", "Rescued"],
    ["delete", "lost", "Unknown"],
  ];
  for (const [operation, end, state] of kept) {
    const life = after(operation, end);
    assert.deepEqual([life?.state, life?.stateBeforeRescue], [state, "Running"], `${operation} ${end}`);
  }
  for (const before of ["Running", "Stopped"] as const) {
    const lost = nextOf(endVm("vm", nextOf(beginVm("vm", vmIn(before), "rescue", all)), "lost"));
    assert.ok(lost !== null);
    assert.deepEqual([lost.state, lost.stateBeforeRescue], ["Unknown", before], "it may have begun");
    assert.equal(nextOf(observeVm("vm", lost, "running")).state, "Rescued");
  }
  for (const [operation, end] of [
    ["unrescue", "done"],
    ["unrescue", "broken"],
    ["delete", "done"],
  ] as const)
    assert.equal(after(operation, end)?.stateBeforeRescue, null, `${operation} ${end}`);
});

test("a host's word settles every state as its table says", () => {
  for (const state of settled)
    for (const seen of observations) {
      const table: Partial<Record<VmState, Record<string, string>>> = observationTable;
      const expected = table[state]?.[seen];
      assert.ok(expected !== undefined, `${state} ${seen}`);
      const outcome = observeVm("vm", vmIn(state), seen);
      if (expected === "stray") assert.equal(refusalOf(outcome).code, "VM.1006");
      else assert.equal(nextOf(outcome).state, expected === "same" ? state : expected);
    }
});

test("a lost host makes everything Unknown that may have been on it, and nothing else", () => {
  for (const state of settled) {
    const expected = vmStates[state].onHost && state !== "Error" ? "Unknown" : state;
    assert.equal(hostLost("vm", vmIn(state))?.state, expected);
  }
});

test("random lives stay in the table; whatever is refused changes nothing", () => {
  let refused = 0;
  const reached = new Set<VmState>();
  for (let seed = 0; seed < 400; seed++) {
    const random = new Random(seed);
    let life: VmLife | null = null;
    for (let i = 0; i < 60; i++) {
      const holding = Object.fromEntries(conditions.map((condition) => [condition, random.chance(80)]));
      const before: VmLife | null = freeze(life);
      const copy: VmLife | null = structuredClone(before);
      const move = random.below(10);
      if (before === null || move < 5) {
        const outcome = beginVm(`vm ${seed}`, before, random.pick(vmOperationNames), holding);
        if (outcome.done) life = outcome.next;
        else refused++;
      } else if (move < 8) {
        const outcome = endVm("vm", before, random.chance(70) ? "done" : random.pick(vmEnds));
        if (outcome.done) life = outcome.next;
      } else if (move === 8)
        life = random.chance(20)
          ? hostLost("vm", before)
          : guardVm(before, random.pick(["lock", "unlock", "unlock"] as const));
      else {
        const outcome = observeVm("vm", before, random.pick(observations));
        if (outcome.done) life = outcome.next;
      }
      assert.deepEqual(before, copy);
      if (life === null) continue;
      assert.ok(isVmLife(life), `seed ${seed}: ${JSON.stringify(life)}`);
      assert.ok(resources.VmInstance.schema.safeParse({ ...samples.VmInstance, ...life }).success, `seed ${seed}`);
      reached.add(life.state);
      const facts = vmStates[life.state];
      assert.ok(facts !== undefined, `seed ${seed}`);
      assert.ok(facts.settled || life.operation !== null, `seed ${seed}: ${life.state} with no operation`);
      assert.ok(life.earlierState === null || vmStates[life.earlierState].settled, `seed ${seed}`);
      if (life.state === "Rescued") assert.ok(life.stateBeforeRescue !== null, `seed ${seed}`);
    }
  }
  assert.deepEqual([...reached].sort(), [...vmStateNames].sort());
  assert.ok(refused > 1000);
});

test("every state and operation is described by a sentence", () => {
  for (const { description } of [
    ...Object.values(vmStates),
    ...Object.values(vmOperations),
    ...Object.values(vmGuards),
  ])
    assert.match(description, /^[A-Z].*\.$/);
});

test("a record that no life leads to is refused", () => {
  const wrong: Partial<VmLife>[] = [
    { state: "Starting" },
    { state: "Running", earlierState: "Stopped" },
    { state: "Rescued" },
    { state: "Starting", operation: "start" },
    { state: "Running", operation: "start", earlierState: "Stopped" },
    { state: "Starting", operation: "start", earlierState: "Paused" },
    { state: "Stopped", operation: "snapshot", earlierState: "Running" },
  ];
  for (const change of wrong) {
    assert.equal(isVmLife({ ...vmIn("Running"), ...change }), false, JSON.stringify(change));
    assert.equal(resources.VmInstance.schema.safeParse({ ...samples.VmInstance, ...change }).success, false);
  }
});
