import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { type Facts, factNames, facts as factsSchema } from "../../../core/model/facts.ts";
import { Secret } from "../../../core/model/secret.ts";
import type { RunOptions, RunResult } from "../../../core/node/command.ts";
import { effects } from "../../../core/node/effects.ts";
import type { Machine } from "../../../core/node/machine.ts";
import { impactOf, powerOf } from "../../../core/node/power.ts";

let home = "";
before(async () => {
  home = await mkdtemp(join(tmpdir(), "power-"));
});
after(() => rm(home, { recursive: true, maxRetries: 5 }));

function machineThat(run: () => Promise<RunResult>) {
  const asked: [string, readonly string[], RunOptions][] = [];
  const nothing = () => {
    throw new Error("not part of this machine");
  };
  const machine: Machine = {
    run: (command, args, options) => {
      asked.push([command, args, options]);
      return run();
    },
    readFile: nothing,
    readDir: nothing,
    readLink: nothing,
    stream: nothing,
    after: nothing,
    now: () => 77,
    monotonicMs: nothing,
  };
  return { asked, machine };
}
const fine = async () => ({ code: 0, stdout: "", stderr: "" });

test("a node is rebooted by systemd, and everybody is told which console asked", async () => {
  const { asked, machine } = machineThat(fine);
  await effects("node", machine, home).power.act("reboot", "ttyS0");
  assert.deepEqual(asked[0]?.slice(0, 2), [
    "systemctl",
    ["reboot", "--message=The machine is being rebooted, as asked for on the console ttyS0."],
  ]);
});

test("a reboot that systemd refuses says why", async () => {
  const stderr = "Operation inhibited by dpkg, reason is installing.\nPlease retry.\n";
  const { machine } = machineThat(async () => ({ code: 1, stdout: "", stderr }));
  await assert.rejects(powerOf(machine.run).act("poweroff", "tty1"), {
    code: "POWER.NOT_DONE",
    message: "The machine was not powered off: Operation inhibited by dpkg, reason is installing.",
  });
});

test("a machine without systemd says so", async () => {
  const { machine } = machineThat(async () => {
    throw new NodeError("RUN.NOT_FOUND", "The command systemctl is not installed.");
  });
  await assert.rejects(powerOf(machine.run).act("reboot", "tty1"), {
    code: "POWER.NOT_DONE",
    message: /systemctl is not installed/,
  });
});

test("a preview runs nothing: it writes down what it would have done, without the input", async () => {
  const { asked, machine } = machineThat(fine);
  const preview = effects("preview", machine, home);
  await preview.power.act("poweroff", "pts/3");
  await preview.change("chronyc", ["makestep"], { timeoutMs: 1, input: "plAnted", reason: "the clock is off" });
  await preview.passwords.choose(new Secret("preview-pass"));
  assert.equal(await preview.passwords.check(new Secret("preview-pass")), true);
  assert.deepEqual(asked, []);
  const text = await readFile(join(home, "preview-changes.jsonl"), "utf8");
  const [first, second] = text.split("\n").map((line) => (line === "" ? undefined : JSON.parse(line)));
  assert.deepEqual([first.at, first.command, first.args[0]], [77, "systemctl", "poweroff"]);
  assert.deepEqual([second.command, second.args, second.reason], ["chronyc", ["makestep"], "the clock is off"]);
  assert.ok(!text.includes("plAnted"));
});

const unknown = { state: "missing", at: 0, why: { code: "notInstalled", detail: "x" } } as const;
const noFacts = factsSchema.parse(Object.fromEntries(factNames.map((name) => [name, unknown])));

test("what is not known of the impact is null, never zero", () => {
  assert.deepEqual(impactOf({ facts: noFacts, jobs: [], consoles: ["tty1"], console: "tty1" }), {
    runningVirtualMachines: null,
    haRole: null,
    storageQuorum: null,
    lastBackupAt: null,
    runningJobs: 0,
    otherConsoles: [],
    uptimeSeconds: null,
  });
});

test("the impact names running machines, jobs, other consoles and the high-availability role", () => {
  const machines = { total: 5, running: 3, stopped: 1, unknown: 1, list: null };
  const management = { service: "running", pid: 1, ui: "running", uiAddress: null, ha: "active" } as const;
  const time = { bootAt: 0, now: 0, uptimeSeconds: 86_400, load: [0, 0, 0], timezone: "UTC" } as const;
  const facts: Facts = {
    ...noFacts,
    virtualMachines: { state: "stale", at: 0, value: machines, why: { code: "timeout", detail: "virsh" } },
    management: { state: "value", at: 0, value: management },
    time: { state: "value", at: 0, value: { ...time, load: [0, 0, 0] } },
  };
  const jobs = [{ state: "running" }, { state: "done" }, { state: "running" }] as const;
  const impact = impactOf({ facts, jobs, consoles: ["ttyS0", "pts/3", "tty1"], console: "tty1" });
  assert.deepEqual(impact, {
    runningVirtualMachines: 3,
    haRole: "active",
    storageQuorum: null,
    lastBackupAt: null,
    runningJobs: 2,
    otherConsoles: ["pts/3", "ttyS0"],
    uptimeSeconds: 86_400,
  });
});
