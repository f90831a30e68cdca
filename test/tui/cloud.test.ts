import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ManagerDoor } from "../../core/api/manager-door.ts";
import { runDiagnostics } from "../../core/node/diagnostics/diagnose.ts";
import { hostsCheck } from "../../core/node/diagnostics/hosts.ts";
import { sessionsCheck } from "../../core/node/diagnostics/sessions.ts";
import { recording } from "../../core/node/fixture.ts";
import { realMachine } from "../../core/node/machine.ts";
import { ManagerDaemon } from "../support/cloud/daemon.ts";
import { consoleRoom } from "../support/console-room.ts";
import { readRecording, recordedNow } from "../support/machines.ts";
import { ownAddress } from "../support/ports.ts";
import { startAgent } from "../support/programs.ts";
import { goodPassword } from "../support/steps.ts";
import { undoAfter } from "../support/undo.ts";

/*
 * The console of a management node beside a manager that comes, works, hangs and goes: the real programs of all three,
 * and a second agent as a host of the cloud. The machine is a recorded one on which systemd does not run.
 */

/** Far more than it takes, for a machine that is busy with other things. */
const patienceMs = 60_000;
const room = consoleRoom();

/** A manager that nobody has started yet. */
async function managerOf(t: TestContext): Promise<ManagerDaemon> {
  const settings = {
    "api.address": ownAddress,
    "api.port": "8080",
    "metrics.address": ownAddress,
    "metrics.port": "9100",
  };
  const manager = await ManagerDaemon.prepare({ folder: join(room.path, "m"), hostPort: 7070, settings });
  undoAfter(t, () => manager.kill());
  return manager;
}

/** A management node that has no systemd, and its console. */
async function managementNode(managerSocket: string) {
  const recorded = readRecording("laptop-vm");
  const file = join(room.path, "machine.json");
  const stderr = "System has not been booted with systemd as init system (PID 1). Can't operate.\n";
  const units = Object.keys(readRecording("bonded-server").commands).filter((line) => /^systemctl show/.test(line));
  const machine = recording.parse({
    ...recorded,
    files: { ...recorded.files, "/etc/binnacle/node.json": '{ "role": "management" }' },
    commands: { ...recorded.commands, ...Object.fromEntries(units.map((line) => [line, { code: 1, stderr }])) },
  });
  writeFileSync(file, JSON.stringify(machine));
  const args = ["--fixture", file, "--manager-socket", managerSocket];
  const agent = await startAgent({ home: join(room.path, "node"), args });
  const console = await room.open(agent.socketPath, {
    args: ["--console", "tty1", "--no-quit", "--frozen-clock", recordedNow("laptop-vm")],
  });
  return { agent, console };
}

/** Says how long something took, for whoever reads the run; nothing depends on it. */
async function timed(t: TestContext, what: string, wait: Promise<void>): Promise<void> {
  const before = performance.now();
  await wait;
  t.diagnostic(`${what}: ${Math.round(performance.now() - before)} ms`);
}

test("the home screen follows the manager: stopped, running, hanging, killed, and running again", async (t) => {
  const manager = await managerOf(t);
  const { console } = await managementNode(manager.socketPath);
  await console.until(/Service +Stopped/, patienceMs);
  await console.until(/HOST INFO +VM INFO\n - {2}binnacle-manager not running/, patienceMs);

  manager.spawn();
  await timed(t, "a start is shown, with the start itself", console.until(/Service +Running/, patienceMs));
  await console.until(/0 total +0 enabled +0 connected/, patienceMs);

  process.kill(manager.pid, "SIGSTOP");
  await timed(t, "that it hangs is shown after", console.until(/Service +Unknown +no answer/, patienceMs));
  await console.until(/HOST INFO +\d+ s old/, patienceMs);
  process.kill(manager.pid, "SIGCONT");
  await timed(t, "that it goes on is shown after", console.until(/Service +Running/, patienceMs));
  await console.until(/HOST INFO +VM INFO/, patienceMs);

  const killed = manager.kill();
  await timed(t, "a kill is shown after", console.until(/Service +Stopped/, patienceMs));
  await console.until(/HOST INFO +\d+ s old/, patienceMs);
  await killed;
  manager.spawn();
  await console.until(/Service +Running/, patienceMs);
  await console.until(/HOST INFO +VM INFO/, patienceMs);
  await manager.stop();
  await console.until(/Service +Stopped/, patienceMs);
  assert.deepEqual(manager.errors, []);
});

test("a host that joins, is disabled and goes is counted on the home screen", async (t) => {
  const manager = await managerOf(t);
  const { agent, console } = await managementNode(manager.socketPath);
  const hostArgs = ["--host-port", "7070", "--host-address", ownAddress, "--hypervisor", "simulated"];
  const host = await startAgent({ home: join(room.path, "host"), args: hostArgs });
  await host.client().call("choosePassword", { body: { password: goodPassword } });
  manager.spawn();
  await console.until(/Service +Running/, patienceMs);

  const door = new ManagerDoor(manager.socketPath);
  const zone = (await door.ask("CreateZone", { name: "z" })).inventory;
  const cluster = (await door.ask("CreateCluster", { name: "c", zoneUuid: zone.uuid })).inventory;
  await door.ask("AddKVMHost", {
    name: "h",
    clusterUuid: cluster.uuid,
    managementIp: ownAddress,
    password: goodPassword,
  });
  await console.until(/1 total +1 enabled +1 connected/, patienceMs);
  const uuid = String((await door.ask("QueryHost", {})).inventories[0]?.["uuid"]);
  await door.ask("ChangeHostState", { uuid, stateEvent: "disable" });
  await timed(t, "a change of state is shown after", console.until(/1 total +0 enabled +1 connected/, patienceMs));
  await console.until(/1 disabled/, patienceMs);

  await host.kill();
  await door.ask("ReconnectHost", { uuid });
  await console.until(/1 disconnected/, patienceMs);

  // What the node's diagnostics ask the manager for is what it understands.
  const { findings } = await runDiagnostics({
    machine: realMachine(),
    facts: await agent.client().call("facts", {}),
    resolver: null,
    manager: (name, input) => door.ask(name, input),
    checks: [hostsCheck, sessionsCheck],
    timeoutMs: patienceMs,
  });
  const codes = findings.map(({ id, code }) => `${id} ${code}`);
  assert.ok(codes.includes(`hosts:${uuid} HOSTS.NO_AGENT`), codes.join());
  assert.ok(codes.includes("sessions SESSIONS.OK"), codes.join());
});
