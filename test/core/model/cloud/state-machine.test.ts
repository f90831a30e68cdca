import assert from "node:assert/strict";
import { test } from "node:test";
import { cloudErrors } from "../../../../core/model/cloud/error-codes.ts";
import { type ResourceKind, resources } from "../../../../core/model/cloud/resources.ts";
import { nextState, type StateMachine } from "../../../../core/model/cloud/state-machine.ts";
import { Random } from "../../../support/random.ts";
import { nextOf, refusalOf } from "./support.ts";

const kinds = Object.keys(resources) as ResourceKind[];
const machines = kinds.flatMap((kind) => {
  const { machines }: { machines: readonly StateMachine[] } = resources[kind];
  return machines.map((machine) => ({ kind, machine, id: `${kind}.${machine.attribute}` }));
});

/** All tables once more, as a person would say them: a changed table has to be meant. */
const expected = `
Zone.state Enabled:disable>Disabled Disabled:enable>Enabled
Cluster.state Enabled:disable>Disabled Disabled:enable>Enabled
Host.state Enabled:disable>Disabled Enabled:preMaintain>PreMaintenance Disabled:enable>Enabled Disabled:preMaintain>PreMaintenance PreMaintenance:maintained>Maintenance PreMaintenance:restoreEnabled>Enabled PreMaintenance:restoreDisabled>Disabled Maintenance:enable>Enabled Maintenance:disable>Disabled
Host.status Connecting:connected>Connected Connecting:lost>Disconnected Connected:lost>Disconnected Connected:reconnect>Connecting Disconnected:reconnect>Connecting
PrimaryStorage.state Enabled:disable>Disabled Enabled:maintain>Maintenance Disabled:enable>Enabled Disabled:maintain>Maintenance Maintenance:enable>Enabled Maintenance:disable>Disabled
PrimaryStorage.status Connecting:connected>Connected Connecting:lost>Disconnected Connected:lost>Disconnected Connected:reconnect>Connecting Disconnected:reconnect>Connecting
BackupStorage.state Enabled:disable>Disabled Disabled:enable>Enabled
BackupStorage.status Connecting:connected>Connected Connecting:lost>Disconnected Connected:lost>Disconnected Connected:reconnect>Connecting Disconnected:reconnect>Connecting
Image.state Enabled:disable>Disabled Disabled:enable>Enabled
Image.status Creating:download>Downloading Creating:ready>Ready Downloading:ready>Ready Ready:delete>Deleting Deleting:deleted>Deleted Deleting:deleteFailed>Ready Deleted:recover>Ready Deleted:expunge>Deleting
InstanceOffering.state Enabled:disable>Disabled Disabled:enable>Enabled
DiskOffering.state Enabled:disable>Disabled Disabled:enable>Enabled
Volume.state Enabled:disable>Disabled Disabled:enable>Enabled
Volume.status NotInstantiated:instantiate>Creating NotInstantiated:deleteEmpty>Deleted Creating:created>Ready Creating:createFailed>NotInstantiated Ready:migrate>Migrating Ready:delete>Deleting Migrating:migrated>Ready Deleting:deleted>Deleted Deleting:deleteFailed>Ready Deleted:recover>Ready Deleted:recoverEmpty>NotInstantiated
VolumeSnapshot.status Creating:created>Ready Creating:delete>Deleting Ready:delete>Deleting Deleting:deleteFailed>Ready
L3Network.state Enabled:disable>Disabled Disabled:enable>Enabled
SecurityGroup.state Enabled:disable>Disabled Disabled:enable>Enabled
AffinityGroup.state Enabled:disable>Disabled Disabled:enable>Enabled
Task.state Waiting:start>Running Waiting:cancel>Cancelled Running:succeed>Succeeded Running:fail>Failed Running:cancel>Cancelling Cancelling:cancelled>Cancelled Cancelling:succeed>Succeeded Cancelling:fail>Failed
Alarm.state Enabled:disable>Disabled Disabled:enable>Enabled
Alarm.status InsufficientData:clear>OK InsufficientData:raise>Alarm OK:raise>Alarm OK:miss>InsufficientData Alarm:clear>OK Alarm:miss>InsufficientData
User.state Enabled:disable>Disabled Disabled:enable>Enabled`;
const tables = new Map(
  expected
    .trim()
    .split("\n")
    .map((line) => {
      const [id = "", ...steps] = line.split(" ");
      return [id, new Map(steps.map((step) => step.split(">") as [string, string]))] as const;
    }),
);

test("every state and event of every resource goes as it is meant, and anything else is refused", () => {
  assert.deepEqual(
    machines.map(({ id }) => id),
    [...tables.keys()],
  );
  for (const { id, kind, machine } of machines)
    for (const state of Object.keys(machine.states))
      for (const event of [...Object.keys(machine.events), "toString", "__proto__", "constructor", ""]) {
        const outcome = nextState(machine, "thing-1", state, event);
        const next = tables.get(id)?.get(`${state}:${event}`);
        if (next !== undefined) {
          assert.equal(nextOf(outcome), next, `${id} ${state} ${event}`);
          continue;
        }
        const refusal = refusalOf(outcome);
        assert.equal(refusal.code, machine.code);
        assert.equal(refusal.where, `${kind} thing-1`);
        assert.ok(refusal.details.includes(state));
        const possible = Object.keys(machine.table[state] ?? {}).join(", ");
        const remedy = possible === "" ? `${state} is an end: nothing follows it.` : `Possible now: ${possible}.`;
        assert.equal(refusal.remedy, remedy);
      }
});

test("every state can be reached, every event leads somewhere, and each has a sentence", () => {
  for (const { id, machine } of machines) {
    const reached = new Set([machine.initial]);
    // A set that grows while it is gone through is gone through to its end.
    for (const state of reached) for (const next of Object.values(machine.table[state] ?? {})) reached.add(next ?? "");
    assert.deepEqual([...reached].sort(), Object.keys(machine.states).sort(), id);
    const events = new Set(Object.values(machine.table).flatMap((row) => Object.keys(row)));
    assert.deepEqual([...events].sort(), Object.keys(machine.events).sort(), id);
    for (const text of [...Object.values(machine.states), ...Object.values(machine.events)])
      assert.match(text, /^[A-Z].*\.$/, id);
    assert.ok(Object.hasOwn(cloudErrors, machine.code));
  }
});

test("random events never lead out of a table", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed);
    for (const { id, machine } of machines) {
      let state = machine.initial;
      for (let i = 0; i < 40; i++) {
        const outcome = nextState(machine, "x\u001b[2J", state, random.pick(Object.keys(machine.events)));
        if (outcome.done) state = outcome.next;
        else refusalOf(outcome);
        assert.ok(Object.hasOwn(machine.states, state), `${id} seed ${seed}`);
      }
    }
  }
});
