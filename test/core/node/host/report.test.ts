import assert from "node:assert/strict";
import { test } from "node:test";
import type { HypervisorDriver } from "../../../../core/hypervisor/driver.ts";
import { SimulatedDriver } from "../../../../core/hypervisor/simulated.ts";
import { type Facts, missingFacts } from "../../../../core/model/facts.ts";
import { FactBoard } from "../../../../core/node/facts/board.ts";
import { allSources } from "../../../../core/node/facts/sources.ts";
import { fixtureMachine, type Recording } from "../../../../core/node/fixture.ts";
import { HostChanges } from "../../../../core/node/host/changes.ts";
import { HostCommands } from "../../../../core/node/host/commands.ts";
import { hostReport } from "../../../../core/node/host/report.ts";
import { hostWork } from "../../../../core/node/host/work.ts";
import { readRecording } from "../../../support/machines.ts";
import { refuses, uuidOf } from "../../hypervisor/conformance.ts";

/** Nobody asks for any. */
const notAsked = () => Promise.reject(new Error("Nobody asks for logs here."));
const noLogs = { collect: () => "", state: notAsked, piece: notAsked };
const nothingYet = () => missingFacts({ code: "pending", detail: "" }, 0);
const boot = { "/proc/sys/kernel/random/boot_id": "0b0c7d9e-1111-4222-8333-444455556666\n" };
const os = { "/etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n' };

function machineOf(more: Partial<Pick<Recording, "files" | "dirs" | "commands">>) {
  const recorded = readRecording("bonded-server");
  return fixtureMachine({
    ...recorded,
    files: { ...recorded.files, ...boot, ...os, ...more.files },
    dirs: { ...recorded.dirs, ...more.dirs },
    commands: { ...recorded.commands, ...more.commands },
  });
}

const says = (stdout: string) => ({ code: 0, stdout, stderr: "", delayMs: 0 });
const libvirt: HypervisorDriver = {
  name: "libvirt",
  tags: async () => ["libvirt::version::11.3.0", "not a tag"],
  machines: async () => [],
  watch: () => undefined,
  storage: async () => ({ totalBytes: 0, availableBytes: 0 }),
  volume: async () => ({ sizeBytes: 0, actualBytes: 0 }),
  carryOut: async () => {},
  openConsole: async () => {
    throw new Error("Nobody asks for a console here.");
  },
};
const noChanges = new HostChanges({ driver: libvirt, after: () => () => {} });
const told = { version: "1.2.3", protocol: 1 };

test("a host with KVM and libvirt describes itself in the reference's tags; the driver knows its version best", async () => {
  const machine = machineOf({
    files: {
      "/proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6338\nflags\t\t: fpu vmx ssse3\n",
      "/proc/stat": "cpu  1 0 1 1\ncpu0 1 0 0 1\ncpu1 1 0 0 1\nintr 5\n",
      "/proc/meminfo": "MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 600 kB\n",
      "/proc/sys/kernel/hostname": "server-7\n",
    },
    dirs: { "/sys/class/misc": ["kvm", "loop-control"] },
    commands: {
      "virsh --version": says("10.0.0\n"),
      "qemu-img --version": says("qemu-img version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright (c) 2003-2025\n"),
    },
  });
  assert.deepEqual(await hostReport({ machine, facts: nothingYet, driver: libvirt, ...told }), {
    hostname: "server-7",
    bootId: "0b0c7d9e-1111-4222-8333-444455556666",
    version: "1.2.3",
    protocol: 1,
    driver: "libvirt",
    cpuCores: 2,
    cpuModel: "Intel Xeon Gold 6338",
    memoryTotalBytes: 1_024_000,
    tags: [
      "capability:liveSnapshot",
      "hvm::vmx",
      "libvirt::version::11.3.0",
      "os::distribution::debian",
      "os::version::13",
      "qemu-img::version::10.0.2",
    ],
  });
});

test("what the board has measured is not read again, and the report has it", async () => {
  const recorded = machineOf({});
  const board = new FactBoard(recorded, allSources());
  board.start();
  await Promise.all((["identity", "cpu", "memory"] as const).map((name) => board.refresh(name)));
  const facts: Facts = board.facts();
  board.stop();
  const report = await hostReport({ machine: recorded, facts: () => facts, driver: libvirt, ...told });
  assert.ok(facts.identity.state === "value" && facts.cpu.state === "value" && facts.memory.state === "value");
  assert.equal(report.hostname, facts.identity.value.hostname);
  assert.equal(report.cpuCores, facts.cpu.value.cores.length);
  assert.equal(report.memoryTotalBytes, facts.memory.value.totalBytes);
});

test("tags that can't be found out are left out, and KVM that the firmware switched off is none", async () => {
  const machine = machineOf({
    files: { "/etc/os-release": { error: "denied" }, "/proc/cpuinfo": "flags\t: vmx\n" },
    dirs: { "/sys/class/misc": ["loop-control"] },
    commands: { "virsh --version": { error: "timeout" }, "qemu-img --version": says("garbage") },
  });
  const silent = { ...libvirt, tags: () => Promise.reject(new Error("libvirt is down")) };
  const report = await hostReport({ machine, facts: nothingYet, driver: silent, ...told });
  assert.deepEqual(report.tags, []);
  assert.equal(report.cpuModel, "");
});

test("a simulated host says so, has what it is said to have, and boasts of nothing that the computer could do", async () => {
  const capacity = { cpuThreads: 128, memoryBytes: 2 ** 40 };
  const driver = await SimulatedDriver.open({ bootId: "one", capacity, latencyMs: () => 0, announce: () => {} });
  const machine = machineOf({ dirs: { "/sys/class/misc": ["kvm"] }, commands: { "virsh --version": says("10.0.0") } });
  const commands = await HostCommands.open({ driver, now: () => 0 });
  const work = hostWork({ machine, facts: nothingYet, driver, ...told }, commands, noLogs, noChanges);
  const report = await work.report();
  assert.deepEqual([report.driver, report.cpuCores, report.memoryTotalBytes], ["simulated", 128, 2 ** 40]);
  assert.deepEqual(report.tags, ["hypervisor::simulated", "os::distribution::debian", "os::version::13"]);
  const spec = { uuid: uuidOf(1), name: "m", cpuNum: 1, memorySize: 1024, disks: [], nics: [] };
  const command = { do: "startMachine", machine: spec } as const;
  await work.carryOut({ id: "a", flow: "f", epoch: 1, command, timeoutMs: 1000 });
  assert.deepEqual(await work.machines(), [{ uuid: uuidOf(1), state: "running" }]);
});

test("a hypervisor that hangs and hears nothing costs the machines' list an error, not the agent its answer", async () => {
  const driver = await SimulatedDriver.open({ bootId: "one", after: () => () => {}, announce: () => {} });
  driver.simulate({ hangs: "deaf" });
  const timers: (() => void)[] = [];
  const after = (_: number, action: () => void) => {
    timers.push(action);
    return () => {};
  };
  const commands = await HostCommands.open({ driver, now: () => 0, after });
  const asked = commands.machines();
  for (const timer of timers) timer();
  await refuses(asked, "HYPERVISOR.HANGS");
});
