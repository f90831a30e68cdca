import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import type { VirtualMachine } from "../../../../core/model/facts.ts";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { libvirtCheck } from "../../../../core/node/diagnostics/libvirt.ts";
import { parseComplaint } from "../../../../core/node/diagnostics/libvirt-lock.ts";
import { healthy, journal, machineIn, now, type Situation, timeout } from "./machine.ts";

const complaint = (name: string, owners: string, times: string) =>
  `Cannot start job (query, none, none) in API remoteDispatchDomainGetInfo for domain ${name}; current job is (modify, none, none) owned by (${owners} (flags=0x0)) for (${times})`;

const complaints: [what: string, message: string, expected: ReturnType<typeof parseComplaint>][] = [
  [
    "an ordinary job",
    complaint("a", "4711 remoteDispatchDomainSuspend, 0 <null>, 0 <null>", "512s, 0s, 0s"),
    [["a", { call: "remoteDispatchDomainSuspend", thread: "4711", since: now - 512_000 }]],
  ],
  [
    "a job of the guest agent",
    complaint("a", "0 <null>, 12 remoteDispatchDomainFsfreeze, 0 <null>", "0s, 31s, 0s"),
    [["a", { call: "remoteDispatchDomainFsfreeze", thread: "12", since: now - 31_000 }]],
  ],
  [
    "a job in the background, and a name with blanks",
    complaint("my web server", "0 <null>, 0 <null>, 9 remoteDispatchDomainSave", "0s, 0s, 7s"),
    [["my web server", { call: "remoteDispatchDomainSave", thread: "9", since: now - 7000 }]],
  ],
  [
    "an older libvirt, which does not name its own call",
    complaint("a", "9 remoteDispatchDomainSave, 0 <null>, 0 <null>", "7s, 0s, 0s").replace(/ in API \w+/, ""),
    [["a", { call: "remoteDispatchDomainSave", thread: "9", since: now - 7000 }]],
  ],
  ["a job whose owner is gone", complaint("a", "0 <null>, 0 <null>, 0 <null>", "0s, 0s, 0s"), []],
  ["a time that is none", complaint("a", "9 remoteDispatchDomainSave, 0 <null>, 0 <null>", "x, 0s, 0s"), []],
  ["another message", "Domain id=3 name='a' is tainted: custom-argv", []],
];
for (const [what, message, expected] of complaints)
  test(`libvirt's complaint is read: ${what}`, () => {
    assert.deepEqual(parseComplaint({ message, at: now }), expected);
  });

const [a, b, off] = [guest("1", "a"), guest("2", "b"), guest("3", "off", "stopped")];
const everyone = /^virsh -c qemu:\/\/\/system -r domstats --raw --balloon$/;

test("of several virtual machines only the one that hangs is named", async () => {
  const { findings } = await diagnose([
    [everyone, timeout],
    [new RegExp(`^virsh .* ${b.uuid}$`), timeout],
    [/^virsh/, ""],
  ]);
  assert.deepEqual(
    findings.map(({ id, code, values }) => [id, code, values["name"]]),
    [[`libvirt:${b.uuid}`, "LIBVIRT.LOCKED", "b"]],
  );
});

test("when all answer at once, none is asked by itself", async () => {
  const { findings } = await diagnose([
    [everyone, ""],
    [/^virsh/, timeout],
  ]);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["LIBVIRT.OK"],
  );
});

test("when something hangs and each by itself answers, nothing is passed and nobody is blamed", async () => {
  const { findings } = await diagnose([
    [everyone, timeout],
    [/^virsh/, ""],
  ]);
  assert.deepEqual(
    findings.map(({ outcome, unable }) => [outcome, unable?.code]),
    [["unable", "timeout"]],
  );
});

test("a machine of which libvirt complains is asked before those that come earlier in the list", async () => {
  const many = Array.from({ length: 30 }, (_, i) => guest(String(i + 10), `vm${i}`));
  const last = guest("99", "last");
  const { findings } = await diagnose(
    [
      [everyone, timeout],
      [new RegExp(`^virsh .* ${last.uuid}$`), timeout],
      [/^virsh/, ""],
      [
        /^journalctl .*--grep=Cannot start job/,
        journal({ message: complaint("last", "9 remoteDispatchDomainSave, 0 <null>, 0 <null>", "7s, 0s, 0s") }),
      ],
    ],
    [...many, last],
  );
  assert.deepEqual(
    findings.map(({ code, values }) => [code, values["name"], values["holder"]]),
    [["LIBVIRT.LOCKED", "last", "remoteDispatchDomainSave (thread 9)"]],
  );
});

test("a virsh that fails for another reason does not hide that libvirt answers", async () => {
  const { findings } = await diagnose([[/^virsh/, new NodeError("RUN.DENIED", "The command virsh may not be run.")]]);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["LIBVIRT.OK"],
  );
});

test("machines that are off are not asked", async () => {
  const { findings } = await diagnose([[/^virsh/, timeout]], [off]);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["LIBVIRT.OK"],
  );
});

function guest(digit: string, name: string, state: VirtualMachine["state"] = "running"): VirtualMachine {
  return { uuid: `0b1f2c3d-0000-4000-8000-${digit.padStart(12, "0")}`, name, cpus: 1, memoryBytes: 1, state };
}

function diagnose(commands: Situation["commands"] & {}, list: VirtualMachine[] = [a, b, off]) {
  const virtualMachines = { ...healthy.virtualMachines, total: list.length, list };
  return runDiagnostics({ ...machineIn({ facts: { virtualMachines }, commands }), checks: [libvirtCheck] });
}
