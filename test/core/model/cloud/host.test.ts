import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterPing,
  changeHostState,
  changeHostStatus,
  deleteHost,
  endPreMaintenance,
  type HostLife,
  hostPermits,
  hostRefusal,
  hostStateEvents,
  hostStates,
  hostStatuses,
  newHost,
} from "../../../../core/model/cloud/host.ts";
import { Random } from "../../../support/random.ts";
import { freeze, nextOf, readable, refusalOf } from "./support.ts";

function hostIn(state: HostLife["state"], status: HostLife["status"] = "Connected"): HostLife {
  return freeze({ ...newHost, state, status, earlierState: state === "PreMaintenance" ? "Enabled" : null });
}

const wished = {
  Enabled: { enable: null, disable: "Disabled", preMaintain: "PreMaintenance" },
  Disabled: { enable: "Enabled", disable: null, preMaintain: "PreMaintenance" },
  PreMaintenance: { enable: null, disable: null, preMaintain: null },
  Maintenance: { enable: "Enabled", disable: "Disabled", preMaintain: null },
} as const;

test("a host's state follows each event of an administrator, whatever its status is", () => {
  for (const state of hostStates)
    for (const status of hostStatuses)
      for (const event of hostStateEvents) {
        const outcome = changeHostState("node-1", hostIn(state, status), event);
        const next = wished[state][event];
        if (next === null) {
          const refusal = refusalOf(outcome);
          assert.equal(refusal.code, "HOST.1001");
          assert.ok(refusal.details.includes(state) && refusal.where === "Host node-1");
        } else {
          assert.deepEqual([nextOf(outcome).state, nextOf(outcome).status], [next, status]);
        }
      }
});

test("a host that could not be freed goes back to the state before", () => {
  for (const before of ["Enabled", "Disabled"] as const) {
    const freeing = nextOf(changeHostState("node-1", hostIn(before), "preMaintain"));
    const end = (failed: boolean, ignoreErrors: boolean) =>
      nextOf(endPreMaintenance("node-1", freeing, { failed, ignoreErrors }));
    assert.deepEqual(end(true, false), hostIn(before));
    assert.equal(end(true, true).state, "Maintenance");
    assert.equal(end(false, false).state, "Maintenance");
    assert.equal(end(false, false).earlierState, null);
  }
});

test("only a host that is being freed can end that", () => {
  for (const state of hostStates.filter((each) => each !== "PreMaintenance"))
    refusalOf(endPreMaintenance("node-1", hostIn(state), { failed: true, ignoreErrors: false }));
});

test("the command channel goes round, and any other step is refused", () => {
  const steps = {
    Connecting: { connected: "Connected", lost: "Disconnected", reconnect: null },
    Connected: { connected: null, lost: "Disconnected", reconnect: "Connecting" },
    Disconnected: { connected: null, lost: null, reconnect: "Connecting" },
  } as const;
  for (const status of hostStatuses)
    for (const event of ["connected", "lost", "reconnect"] as const) {
      const outcome = changeHostStatus("node-1", hostIn("Disabled", status), event);
      const next = steps[status][event];
      if (next === null) assert.equal(refusalOf(outcome).code, "HOST.1002");
      else assert.deepEqual(nextOf(outcome), hostIn("Disabled", next));
    }
});

test("a host is Disconnected after as many lost pings in a row as the threshold says", () => {
  for (const threshold of [1, 3, 10]) {
    let host = hostIn("Enabled");
    for (let i = 1; i < threshold; i++) host = afterPing(host, false, threshold);
    assert.equal(host.status, "Connected");
    assert.equal(afterPing(host, false, threshold).status, "Disconnected");
    const again = afterPing(host, true, threshold);
    assert.equal(again.failedPings, 0);
    assert.equal(afterPing(again, false, threshold).status, threshold === 1 ? "Disconnected" : "Connected");
  }
  for (const status of ["Connecting", "Disconnected"] as const) {
    const host = hostIn("Enabled", status);
    assert.equal(afterPing(host, true, 3), host);
  }
});

test("what is asked of a host depends on state and status as its table says", () => {
  for (const state of hostStates)
    for (const status of hostStatuses)
      for (const what of ["newMachine", "command"] as const) {
        const refusal = hostRefusal("node-1", hostIn(state, status), what);
        const states: readonly string[] = hostPermits[what].states;
        assert.equal(refusal === undefined, status === "Connected" && states.includes(state));
        if (refusal !== undefined)
          assert.equal(readable(refusal).code, status === "Connected" ? "HOST.1004" : "HOST.1002");
      }
});

test("a host is deleted only in maintenance or disconnected", () => {
  for (const state of hostStates)
    for (const status of hostStatuses) {
      const outcome = deleteHost("node-1", hostIn(state, status));
      assert.equal(outcome.done, state === "Maintenance" || status === "Disconnected");
      if (!outcome.done) assert.equal(refusalOf(outcome).code, "HOST.1003");
    }
});

test("random events: state and status stay in their tables and never touch each other", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    let host = freeze(newHost);
    for (let i = 0; i < 60; i++) {
      const before = structuredClone(host);
      const kind = random.below(4);
      const ended = { failed: random.chance(50), ignoreErrors: random.chance(30) };
      if (kind === 0) {
        const outcome = changeHostState("h", host, random.pick(hostStateEvents));
        if (outcome.done) host = freeze(outcome.next);
        assert.equal(host.status, before.status);
      } else if (kind === 1) {
        const outcome = endPreMaintenance("h", host, ended);
        assert.equal(outcome.done, before.state === "PreMaintenance");
        if (outcome.done) host = freeze(outcome.next);
        assert.equal(host.status, before.status);
      } else {
        const event = random.pick(["connected", "lost", "reconnect"] as const);
        const outcome = kind === 2 ? changeHostStatus("h", host, event) : undefined;
        host = freeze(
          outcome === undefined ? afterPing(host, random.chance(50), 3) : outcome.done ? outcome.next : host,
        );
        assert.equal(host.state, before.state);
      }
      assert.equal(host.earlierState !== null, host.state === "PreMaintenance", `seed ${seed}`);
      assert.ok(host.failedPings < 3 && (host.failedPings === 0 || host.status === "Connected"), `seed ${seed}`);
    }
  }
});
