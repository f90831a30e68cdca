import assert from "node:assert/strict";
import type { InstallRole } from "../../../core/model/installation/draft.ts";
import type { Firmware, VmDisk } from "../../support/vm/options.ts";
import type { Vm } from "../../support/vm/vm.ts";
import { bootTimeoutMs, emptyDisk, installTimeoutMs, isHome, rootPasswordHash, signIn, withAnswers } from "./bed.ts";
import { failures, type Machines } from "./machines.ts";

export const roleNames: Record<InstallRole, string> = {
  management: "Management Node",
  compute: "Compute Node",
  storage: "OCFS2 Storage Node",
  expert: "Expert Node",
};

/** How a disk is divided: vdb as its mirror, and the answers of `disk` besides, as in `lvm: true`. */
export type Layout = { mirror?: boolean; more?: string };

/** An answer file for the disk vda that ends with the machine switched off. */
export function answersFor(role: InstallRole, { mirror = false, more }: Layout = {}): string {
  const hash = rootPasswordHash();
  const admin = role === "management" ? `, admin: "${hash}"` : "";
  return `binnacle: 1
role: ${role}
disk: { system: { name: vda }${mirror ? ", mirror: { name: vdb }" : ""}${more === undefined ? "" : `, ${more}`} }
network: { hostname: node07 }
passwords: { root: "${hash}"${admin} }
afterwards: poweroff
`;
}

/** What an installation needs; a benchmark has no tests around it. */
export type Bench = Pick<Machines, "iso" | "folder" | "start">;
export type Installed = { disks: readonly VmDisk[]; seconds: number };

/** Installs a role by an answer file on an empty disk, or on two as a RAID. The machine has switched itself off. */
export async function installUnattended(
  machines: Bench,
  role: InstallRole,
  firmware: Firmware,
  layout: Layout = {},
): Promise<Installed> {
  const names = layout.mirror === true ? ["disk", "mirror"] : ["disk"];
  const disks = names.map((name): VmDisk => ({ file: emptyDisk(machines.folder, name), format: "qcow2" }));
  const startedAt = performance.now();
  const cdrom = withAnswers(machines.iso, answersFor(role, layout), machines.folder);
  const vm = await machines.start({ firmware, cdrom, disks, startFrom: "medium" });
  await switchedOff(vm);
  return { disks, seconds: (performance.now() - startedAt) / 1000 };
}

/** Waits for the end of an installation; says what the serial line shows when there is none. */
export async function switchedOff(vm: Vm): Promise<void> {
  try {
    await vm.qmp.event("SHUTDOWN", installTimeoutMs);
  } catch (error) {
    throw new Error(`the machine never switched itself off:\n${vm.serial.text()}`, { cause: error });
  }
}

/** Waits until a node called node07 is what the role promises, on its screen and on its serial line. */
export async function comesUp(vm: Vm, role: InstallRole): Promise<void> {
  if (role === "expert") {
    await vm.serial.until((_, raw) => raw.includes("Agent stopped: ... PASS"), bootTimeoutMs);
    await vm.serial.until(/node07 login:/, bootTimeoutMs);
    await vm.screen.until(/node07 login:/, bootTimeoutMs);
  } else {
    const header = new RegExp(`node07 +${roleNames[role]}`);
    await vm.serial.until((text) => isHome(text, roleNames[role]) && header.test(text), bootTimeoutMs);
    await vm.serial.until(/10\.0\.2\.15/, bootTimeoutMs);
    await vm.screen.until(header, bootTimeoutMs);
  }
  assert.deepEqual(failures(vm), []);
}

/** Listeners of other hosts' packets. Source: management.md, "Ports"; expert nodes have SSH alone. */
const ofAgent = ["tcp *:7070", "tcp 0.0.0.0:22", "tcp [::]:22"];
const listeners: Record<InstallRole, readonly string[]> = {
  management: [
    "tcp *:4900",
    "tcp *:7070",
    "tcp *:8080",
    "tcp *:9100",
    ...ofAgent.slice(1),
    "udp 0.0.0.0:123",
    "udp [::]:123",
  ],
  compute: ofAgent,
  storage: ofAgent,
  expert: ["tcp 0.0.0.0:22", "tcp [::]:22"],
};

/** No unit of systemd has failed; whichever has says why in the error. */
export async function assertNoUnitFailed(vm: Vm): Promise<void> {
  const failed = await vm.shell.run("systemctl --failed --no-legend --plain | cut -d' ' -f1", 120_000);
  const why =
    failed === "" ? "" : await vm.shell.run(`systemctl status -l -n 50 ${failed.replaceAll("\n", " ")} || :`, 120_000);
  assert.equal(failed, "", why);
}

/** What holds on every node after its first boot; leaves a root shell open. */
export async function assertSound(vm: Vm, role: InstallRole): Promise<void> {
  await signIn(vm, role === "expert" ? "f3" : "f2");
  const run = (command: string) => vm.shell.run(command, 180_000);
  // What is still being started is waited for.
  await vm.shell.try("systemctl is-system-running --wait", 300_000);
  await assertNoUnitFailed(vm);
  assert.match(await run("cat /etc/binnacle/role.json"), /"state": "ready"/);
  assert.equal((await vm.shell.try("touch /usr/x")).status, role === "expert" ? 0 : 1);
  const open = await run("ss -Htuln | awk '{ print $1, $5 }' | grep -v -e 127.0.0 -e '\\[::1\\]' | sort -u");
  assert.deepEqual(open.split("\n"), [...listeners[role]]);
  for (const guess of ["", "root", "admin", "password", "binnacle", "zstack"])
    assert.notEqual((await vm.shell.try(`printf '%s\\0' '${guess}' | unix_chkpwd root nonull`)).status, 0, guess);
  assert.match(await run("cut -d: -f1,2 /etc/shadow | grep -vE ':(\\*|!\\*?|!!?)$'"), /^root:\$[^\n]*$/);
  assert.equal(await run("stat -c '%U:%G' /var /etc /run/binnacle-image/disk/state | sort -u"), "root:root");
  // Every file system of the node's own is in use, and what the node says is kept.
  assert.equal(await run("awk '!/^#/ && $3 == \"swap\"' /etc/fstab | wc -l"), await run("swapon --noheadings | wc -l"));
  assert.equal(await run("ls -d /var/log/journal/$(cat /etc/machine-id)/system.journal | wc -l"), "1");
  assert.match(await identityOf(vm), /^[0-9a-f]{32}\n[^\n]+\n[0-9a-f-]{36}\n/);
}

/** The manager of a management node is there for its administrator, who has chosen this password at the installation. */
export async function assertCloudAnswers(vm: Vm, password: string): Promise<void> {
  const run = (command: string) => vm.shell.run(`cd /root && ${command}`, 120_000);
  for (const line of ["Store: ... PASS", "Manager: ... PASS", "Management API answers: ... PASS"])
    assert.ok(vm.serial.raw.includes(line), line);
  await run(
    `umask 077; echo '${password}' >admin.password; zstack-cli LogInByAccount accountName=admin -P admin.password`,
  );
  assert.equal(await run("zstack-cli -s QueryUser fields=name,state"), "name   state\n-----  -------\nadmin  Enabled");
  await run("zstack-cli CreateZone name=kept");
  await vm.screen.press("ctrl", "alt", "f3");
  await vm.screen.until(/^- >/m, bootTimeoutMs);
}

/** What a node made for itself at its first boot, and keeps. */
export function identityOf(vm: Vm): Promise<string> {
  return vm.shell.run("cat /etc/machine-id /etc/hostname /etc/binnacle/host-uuid /etc/ssh/ssh_host_*_key.pub", 120_000);
}
