import assert from "node:assert/strict";
import { test } from "node:test";
import type { AskManager } from "../../../../core/node/diagnostics/check.ts";
import { applyFix } from "../../../../core/node/diagnostics/fixes.ts";
import { diagnosisEn } from "../../../../tui/i18n/diagnosis.ts";
import { diagnosisZh } from "../../../../tui/i18n/diagnosis-zh.ts";
import { machineIn } from "./machine.ts";

const state = (unit: string, active: string, sub: string, restarts = 0) =>
  `Id=${unit}\nLoadState=loaded\nActiveState=${active}\nSubState=${sub}\nMainPID=0\nStateChangeTimestamp=@5\nNRestarts=${restarts}\nDescription=x\n`;

const fixes: [id: string, show: string, commands: string[]][] = [
  ["vacuum-journal", "", ["journalctl --vacuum-size=200M"]],
  ["step-clock", "", ["chronyc makestep"]],
  [
    "restart-unit:chrony.service",
    state("chrony.service", "failed", "failed"),
    ["systemctl reset-failed -- chrony.service", "systemctl restart -- chrony.service"],
  ],
  [
    "restart-unit:binnacle-console@ttyS0.service",
    state("binnacle-console@ttyS0.service", "active", "running", 9),
    ["systemctl reset-failed -- binnacle-console@ttyS0.service", "systemctl restart -- binnacle-console@ttyS0.service"],
  ],
  [
    "restart-libvirt",
    `Id=virtqemud.service\nLoadState=not-found\nActiveState=inactive\n\n${state("libvirtd.service", "active", "running")}`,
    ["systemctl restart -- systemd-machined.service", "systemctl restart -- libvirtd.service"],
  ],
];

for (const [id, show, commands] of fixes) {
  test(`${id} runs its commands`, async () => {
    const { machine, ran } = watched(show);
    await applyFix(id, { machine, allowChanges: true });
    assert.deepEqual(
      ran.filter((line) => !line.startsWith("systemctl show ")),
      commands,
    );
  });

  test(`${id} is refused in a preview, and nothing runs`, async () => {
    const { machine, ran } = watched(show);
    await assert.rejects(applyFix(id, { machine, allowChanges: false }), { code: "FIX.PREVIEW" });
    assert.deepEqual(ran, []);
  });
}

test("a command that fails is told with its own words", async () => {
  const { machine } = watched("", { code: 1, stderr: "506 Cannot talk to daemon\n" });
  await assert.rejects(applyFix("step-clock", { machine, allowChanges: true }), {
    code: "FIX.FAILED",
    message: /506 Cannot talk/,
  });
});

test("a host is reconnected by the manager, and what the manager says against it is told", async () => {
  const { machine, ran } = watched("");
  const asked: unknown[] = [];
  const manager = (async (name: string, input: object) => void asked.push(name, input)) as AskManager;
  await applyFix("reconnect-host:0b1f", { machine, manager, allowChanges: true });
  assert.deepEqual([asked, ran], [["ReconnectHost", { uuid: "0b1f" }], []]);
  const refusing: AskManager = () => Promise.reject(new Error("It is gone."));
  const refused = { code: "FIX.FAILED", message: /It is gone/ };
  await assert.rejects(applyFix("reconnect-host:0b1f", { machine, manager: refusing, allowChanges: true }), refused);
  await assert.rejects(applyFix("reconnect-host:0b1f", { machine, allowChanges: true }), { code: "FIX.FAILED" });
});

test("a unit that runs by now is not restarted", async () => {
  const { machine, ran } = watched(state("ssh.service", "active", "running"));
  await assert.rejects(applyFix("restart-unit:ssh.service", { machine, allowChanges: true }), {
    code: "FIX.NOT_NEEDED",
  });
  assert.equal(
    ran.some((line) => line.includes("restart")),
    false,
  );
});

for (const id of [
  "",
  "reboot",
  "constructor",
  "restart-unit",
  "restart-unit:",
  "restart-unit:-a.service",
  "restart-unit:a b.service",
  "restart-unit:x",
  "restart-unit:--force.service;reboot",
  "restart-unit:gone.service",
])
  test(`${JSON.stringify(id)} is no fix`, async () => {
    const { machine, ran } = watched("");
    await assert.rejects(applyFix(id, { machine, allowChanges: true }), { code: "FIX.UNKNOWN" });
    assert.equal(
      ran.some((line) => line.includes("restart --")),
      false,
    );
  });

const sshdFile = "/etc/ssh/sshd_config.d/00-binnacle-names.conf";

test("ssh-without-names writes its file, sees that sshd follows it, and lets sshd read it", async () => {
  const { machine, ran } = withSshd(["usedns yes", "usedns no"]);
  await applyFix("ssh-without-names", { machine, allowChanges: true });
  assert.deepEqual(ran, [
    "sshd -T",
    `install -D -m 644 -- /dev/stdin ${sshdFile} < UseDNS no\n`,
    "sshd -T",
    "systemctl try-reload-or-restart -- ssh.service",
  ]);
});

test("ssh-without-names takes its file back when sshd follows another one", async () => {
  const { machine, ran } = withSshd(["usedns yes", "usedns yes"]);
  await assert.rejects(applyFix("ssh-without-names", { machine, allowChanges: true }), { code: "FIX.FAILED" });
  assert.equal(ran.at(-1), `rm -f -- ${sshdFile}`);
});

test("ssh-without-names has nothing to do where sshd looks up no names", async () => {
  const { machine, ran } = withSshd(["usedns no"]);
  await assert.rejects(applyFix("ssh-without-names", { machine, allowChanges: true }), { code: "FIX.NOT_NEEDED" });
  assert.deepEqual(ran, ["sshd -T"]);
});

test("ssh-without-names is refused in a preview, and nothing runs", async () => {
  const { machine, ran } = withSshd(["usedns yes"]);
  await assert.rejects(applyFix("ssh-without-names", { machine, allowChanges: false }), { code: "FIX.PREVIEW" });
  assert.deepEqual(ran, []);
});

test("every fix has its name in both languages", () => {
  for (const texts of [diagnosisEn, diagnosisZh]) {
    const names = Object.keys(texts).filter((key) => key.startsWith("diagnosis.fix."));
    assert.deepEqual(
      names.map((key) => key.replace("diagnosis.fix.", "")).sort(),
      [...new Set([...fixes.map(([id]) => id.replace(/:.*/, "")), "ssh-without-names", "reconnect-host"])].sort(),
    );
  }
});

/** A machine whose sshd tells one thing after the other. */
function withSshd(told: string[]) {
  const { machine } = machineIn({});
  const ran: string[] = [];
  const watching: typeof machine = {
    ...machine,
    async run(command, args, { input }) {
      ran.push([command, ...args].join(" ") + (input === undefined ? "" : ` < ${input}`));
      return { code: 0, stdout: command === "sshd" ? `port 22\n${told.shift()}\n` : "", stderr: "" };
    },
  };
  return { machine: watching, ran };
}

function watched(show: string, result: { code: number; stderr: string } = { code: 0, stderr: "" }) {
  const { machine } = machineIn({});
  const ran: string[] = [];
  const watching: typeof machine = {
    ...machine,
    async run(command, args) {
      const line = [command, ...args].join(" ");
      ran.push(line);
      return line.startsWith("systemctl show ") ? { code: 0, stdout: show, stderr: "" } : { stdout: "", ...result };
    },
  };
  return { machine: watching, ran };
}
