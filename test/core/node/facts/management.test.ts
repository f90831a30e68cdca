import assert from "node:assert/strict";
import { test } from "node:test";
import type { FactValue } from "../../../../core/model/facts.ts";
import type { CloudFeed, CloudView } from "../../../../core/node/cloud/feed.ts";
import { FactBoard } from "../../../../core/node/facts/board.ts";
import { cloudOf, cloudSource, hostsOf, hostsSource } from "../../../../core/node/facts/cloud.ts";
import { managementOf, managementSource } from "../../../../core/node/facts/management.ts";
import type { Service } from "../../../../core/node/facts/services.ts";
import { busLabel } from "../../../../core/node/facts/unit-signals.ts";
import type { Machine } from "../../../../core/node/machine.ts";
import { handMachine } from "./hand-machine.ts";

const summary = {
  hosts: {
    total: 7,
    byState: { Enabled: 3, Disabled: 1, PreMaintenance: 1, Maintenance: 2 },
    byStatus: { Connected: 4, Connecting: 1, Disconnected: 2 },
  },
  virtualMachines: {
    total: 21,
    byState: {
      Running: 10,
      Stopped: 3,
      Unknown: 1,
      Error: 1,
      Paused: 1,
      Suspended: 1,
      Starting: 1,
      Migrating: 1,
      Destroyed: 1,
      Shelved: 1,
    },
  },
  tasks: { running: 2, waiting: 1 },
};
const answering: CloudView = { state: "answering", summary };

function unit(active: Service["active"], sub = "running", pid: number | null = 1412): Service {
  return { unit: "binnacle-manager.service", description: "", active, sub, pid, since: null, restarts: 0 };
}

type State = Pick<FactValue<"management">, "service" | "why">;
const meanings: [Service | null, CloudView["state"], State][] = [
  [unit("active"), "answering", { service: "running" }],
  [unit("active"), "silent", { service: "unknown", why: "silent" }],
  [unit("active"), "absent", { service: "unknown", why: "silent" }],
  [unit("active"), "failed", { service: "unknown", why: "silent" }],
  [unit("active"), "pending", { service: "running" }],
  [unit("activating", "start"), "absent", { service: "unknown", why: "starting" }],
  [unit("activating", "start"), "answering", { service: "running" }],
  [unit("activating", "auto-restart", null), "absent", { service: "stopped", why: "restarting" }],
  [unit("deactivating", "stop-sigterm"), "answering", { service: "unknown", why: "stopping" }],
  [unit("inactive", "dead", null), "absent", { service: "stopped" }],
  [unit("failed", "failed", null), "absent", { service: "stopped", why: "failed" }],
  [unit("inactive", "dead", null), "answering", { service: "running" }],
  [null, "answering", { service: "running" }],
  [null, "silent", { service: "unknown", why: "silent" }],
  [null, "absent", { service: "stopped" }],
];
for (const [service, state, expected] of meanings)
  test(`a unit that is ${service?.active ?? "unknown to systemd"} (${service?.sub}) and a manager that is ${state}`, () => {
    const view: CloudView =
      state === "answering"
        ? answering
        : state === "failed"
          ? { state, why: { code: "nonsense", detail: "" } }
          : { state };
    const { service: shown, why } = managementOf(service === null ? null : [service], null, view);
    assert.deepEqual({ service: shown, ...(why === undefined ? {} : { why }) }, expected);
  });

test("hosts are counted by state and by status, those on their way to maintenance with those in it", () => {
  assert.deepEqual(hostsOf(summary), {
    total: 7,
    enabled: 3,
    disabled: 1,
    maintenance: 3,
    connected: 4,
    connecting: 1,
    disconnected: 2,
  });
});

test("every machine of the cloud is counted once, whatever its state", () => {
  const { machines, tasks } = cloudOf(summary);
  assert.deepEqual(tasks, { running: 2, waiting: 1 });
  const { total, ...counted } = machines;
  assert.deepEqual(counted, {
    running: 10,
    stopped: 3,
    unknown: 1,
    failed: 1,
    paused: 2,
    changing: 2,
    deleted: 1,
    others: 1,
  });
  assert.equal(total, 21);
});

/** A management node in which units and manager are what the test says, and a board that watches them. */
function node(role = "management") {
  const hand = handMachine({ files: { "/etc/binnacle/node.json": JSON.stringify({ role }) } });
  let view: CloudView = { state: "absent" };
  let active: Service["active"] = "inactive";
  let reads = 0;
  let released = 0;
  const listeners = new Set<() => void>();
  const signals: { command: string; args: readonly string[]; say: (line: string) => void }[] = [];
  const machine: Machine = {
    ...hand.machine,
    async run() {
      reads += 1;
      const text = `Id=binnacle-manager.service\nLoadState=loaded\nActiveState=${active}\nSubState=\nMainPID=77\n`;
      return { code: 0, stdout: text, stderr: "" };
    },
    stream(command, args, onLine) {
      signals.push({ command, args, say: (line) => onLine(line, "stdout") });
      return { stop() {}, done: new Promise(() => {}) };
    },
  };
  const feed: CloudFeed = {
    look: async () => view,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    release() {
      released += 1;
    },
  };
  const board = new FactBoard(machine, {
    management: managementSource(feed),
    hosts: hostsSource(feed),
    cloud: cloudSource(feed),
  });
  board.start();
  return {
    board,
    pass: hand.pass,
    signals,
    get reads() {
      return reads;
    },
    get released() {
      return released;
    },
    unit(state: Service["active"]) {
      active = state;
    },
    manager(next: CloudView) {
      view = next;
      for (const changed of listeners) changed();
    },
    service() {
      const { management } = board.facts();
      return management.state === "value" ? management.value.service : management.state;
    },
  };
}

test("that the manager comes, hangs and goes is shown within half a second, whatever the pace of reading", async () => {
  const bed = node();
  await bed.pass(2_000);
  assert.equal(bed.service(), "stopped");
  bed.manager(answering);
  await bed.pass(500);
  assert.equal(bed.service(), "running");
  assert.equal(bed.board.facts().hosts.state, "value");
  bed.unit("active");
  bed.manager({ state: "silent" });
  await bed.pass(500);
  assert.equal(bed.service(), "unknown");
  const { hosts, cloud } = bed.board.facts();
  assert.deepEqual([hosts.state, cloud.state], ["stale", "stale"]);
  bed.unit("failed");
  bed.manager({ state: "absent" });
  await bed.pass(500);
  assert.equal(bed.service(), "stopped");
  bed.board.stop();
});

test("while systemd has not yet noticed what has become of the manager, it is asked again within a second", async () => {
  const bed = node();
  bed.unit("active");
  bed.manager(answering);
  await bed.pass(2_000);
  bed.manager({ state: "absent" });
  await bed.pass(300);
  assert.equal(bed.service(), "unknown");
  bed.unit("failed");
  await bed.pass(1_000);
  assert.equal(bed.service(), "stopped");
  bed.board.stop();
});

test("a manager that hangs for long does not keep systemd busy", async () => {
  const bed = node();
  bed.unit("active");
  bed.manager({ state: "silent" });
  await bed.pass(60_000);
  const before = bed.reads;
  await bed.pass(60_000);
  assert.ok(bed.reads - before <= 4, `${bed.reads - before} reads in a minute`);
  bed.board.stop();
});

test("what systemd announces of the units is looked at at once", async () => {
  const bed = node();
  await bed.pass(2_000);
  const [{ command, args, say } = { command: "", args: [""], say: () => {} }] = bed.signals;
  assert.equal(command, "busctl");
  assert.match(args.join(" "), /path='\/org\/freedesktop\/systemd1\/unit\/binnacle_2dmanager_2eservice'/);
  bed.unit("activating");
  say('{"type":"signal"}');
  await bed.pass(300);
  assert.equal(bed.service(), "unknown");
  bed.board.stop();
});

test("a node of another role follows no manager and listens to no unit", async () => {
  const bed = node("compute");
  await bed.pass(2_000);
  assert.equal(bed.signals.length, 0);
  assert.ok(bed.released > 0);
  const { hosts } = bed.board.facts();
  assert.deepEqual(hosts.state === "missing" && hosts.why, { code: "notConfigured", detail: "binnacle-manager" });
  bed.board.stop();
});

test("a unit's name as D-Bus writes it", () => {
  assert.equal(busLabel("binnacle-console@tty1.service"), "binnacle_2dconsole_40tty1_2eservice");
});
