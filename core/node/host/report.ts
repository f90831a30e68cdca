import type { HypervisorDriver } from "../../hypervisor/driver.ts";
import { tag } from "../../model/cloud/fields.ts";
import type { Facts } from "../../model/facts.ts";
import { valueOf } from "../../model/reading.ts";
import type { HostReport } from "../../orchestrator/host-link.ts";
import { parseStat, readModel } from "../facts/cpu.ts";
import { parseMeminfo } from "../facts/memory.ts";
import { type Machine, readOrNothing } from "../machine.ts";
import { withinTime } from "./in-time.ts";

export type ReportSources = {
  machine: Machine;
  /** As the board has them now; what is not there yet is read. */
  facts: () => Facts;
  driver: HypervisorDriver;
  /** Of the agent. */
  version: string;
  /** Of the calls between manager and agent. */
  protocol: number;
};

const commandMs = 5000;
const driverMs = 8000;

/**
 * This host as the manager wants to know it. Tags that can't be found out are left out, and the model of the processor
 * is empty then.
 * @throws FILE.ABSENT, FILE.DENIED, FILE.FAILED, FactMissing when even the kernel does not tell the rest
 */
export async function hostReport({ machine, facts, driver, version, protocol }: ReportSources): Promise<HostReport> {
  const known = facts();
  const cpu = valueOf(known.cpu);
  const { capacity } = driver;
  const [hostname, bootId, cpuModel, cores, memory, tags] = await Promise.all([
    valueOf(known.identity)?.hostname ?? machine.readFile("/proc/sys/kernel/hostname"),
    machine.readFile("/proc/sys/kernel/random/boot_id"),
    cpu?.model ?? readModel(machine),
    capacity?.cpuThreads ?? cpu?.cores.length ?? coresOf(machine),
    capacity?.memoryBytes ?? valueOf(known.memory)?.totalBytes ?? memoryOf(machine),
    tagsOf(machine, driver),
  ]);
  return {
    hostname: hostname.trim(),
    bootId: bootId.trim(),
    version,
    protocol,
    driver: driver.name,
    cpuCores: cores,
    cpuModel,
    memoryTotalBytes: memory,
    tags,
  };
}

async function coresOf(machine: Machine): Promise<number> {
  return parseStat(await machine.readFile("/proc/stat")).size - 1;
}

async function memoryOf(machine: Machine): Promise<number> {
  return parseMeminfo(await machine.readFile("/proc/meminfo"), null).totalBytes;
}

/** The driver's own go before ours of the same name. What the computer could do says nothing of a simulated host. */
async function tagsOf(machine: Machine, driver: HypervisorDriver): Promise<string[]> {
  const own = withinTime(machine.after, driverMs, "its tags", (signal) => driver.tags(signal)).catch(() => []);
  const sources = [
    own,
    osTags(machine),
    ...(driver.name === "libvirt" ? [kvmTags(machine), versionTags(machine)] : []),
  ];
  const found = new Map<string, string>();
  for (const one of (await Promise.all(sources)).flat()) {
    const name = one.startsWith("capability:") ? one : one.slice(0, one.lastIndexOf("::"));
    if (!found.has(name) && tag.safeParse(one).success) found.set(name, one);
  }
  return [...found.values()].sort();
}

/** Source: os-release(5). */
async function osTags(machine: Machine): Promise<string[]> {
  const text =
    (await readOrNothing(machine, "/etc/os-release")) ?? (await readOrNothing(machine, "/usr/lib/os-release")) ?? "";
  const of = (name: string) => new RegExp(`^${name}=["']?([^"'\n]*)["']?$`, "m").exec(text)?.[1] ?? "";
  return [`os::distribution::${of("ID")}`, `os::version::${of("VERSION_ID")}`];
}

/** The processor's flag says nothing when the firmware has it switched off: there is no /dev/kvm then. */
async function kvmTags(machine: Machine): Promise<string[]> {
  const devices = await machine.readDir("/sys/class/misc").catch((): string[] => []);
  if (!devices.includes("kvm")) return [];
  const flags =
    /^flags\s*:\s*(.*)$/m.exec((await readOrNothing(machine, "/proc/cpuinfo")) ?? "")?.[1]?.split(" ") ?? [];
  return ["vmx", "svm"].filter((flag) => flags.includes(flag)).map((flag) => `hvm::${flag}`);
}

/** Snapshots of running machines need nothing beyond libvirt 1 with QEMU's own tools. */
async function versionTags(machine: Machine): Promise<string[]> {
  const [libvirt, qemu] = await Promise.all([
    versionOf(machine, "virsh", ["--version"]),
    versionOf(machine, "qemu-img", ["--version"]),
  ]);
  const canSnapshot = libvirt !== undefined && qemu !== undefined && !libvirt.startsWith("0.");
  return [
    ...(libvirt === undefined ? [] : [`libvirt::version::${libvirt}`]),
    ...(qemu === undefined ? [] : [`qemu-img::version::${qemu}`]),
    ...(canSnapshot ? ["capability:liveSnapshot"] : []),
  ];
}

async function versionOf(machine: Machine, command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout } = await machine.run(command, args, { timeoutMs: commandMs, reason: "Report of the host" });
    return code === 0 ? /\d+(\.\d+)+/.exec(stdout)?.[0] : undefined;
  } catch {
    return undefined;
  }
}
