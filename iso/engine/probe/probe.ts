import type { Hardware, InstallDisk } from "../../../core/model/installation/hardware.ts";
import { type Machine, readOrNothing } from "../../../core/node/machine.ts";
import { diskTree, walk } from "./block-devices.ts";
import { candidates, disksOf, type Look } from "./disks.ts";
import { healthOf, lastingPaths, linksOf, lookInto, mediumDevice, signaturesOn, volumeGroups } from "./tools.ts";

export type ProbeOptions = {
  machine: Machine;
  /** Where the medium is mounted. */
  medium: string;
  /** The engine's folder of mounts. */
  work: string;
  /** Command that looks into a file system; it gets device and type. */
  peek: readonly string[];
  signal: AbortSignal;
  log(line: string): void;
};

/** The image is younger than this: a clock that says otherwise is wrong. */
const leastPlausible = Date.UTC(2025, 0, 1);
const mostPlausible = Date.UTC(2100, 0, 1);

/**
 * What this machine is made of. What can't be read is null or missing from its list; a tool that hangs costs its own
 * time limit, and never the answers about other disks.
 */
export async function probe(options: ProbeOptions): Promise<Hardware> {
  const { machine, signal, log } = options;
  const [disks, links, cpuinfo, meminfo, efi, secure, kvm, vendor, model] = await Promise.all([
    disksOr(options),
    linksOf(machine, signal).catch((error: unknown) => {
      log(`network interfaces: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }),
    readOrNothing(machine, "/proc/cpuinfo"),
    readOrNothing(machine, "/proc/meminfo"),
    machine.readDir("/sys/firmware/efi").then(
      () => true,
      () => false,
    ),
    secureBoot(machine),
    hasKvm(machine),
    readOrNothing(machine, "/sys/class/dmi/id/sys_vendor"),
    readOrNothing(machine, "/sys/class/dmi/id/product_name"),
  ]);
  const now = machine.now();
  return {
    ...processorOf(cpuinfo ?? "", kvm),
    memoryBytes: Number(/^MemTotal:\s+(\d+) kB/m.exec(meminfo ?? "")?.[1] ?? 0) * 1024,
    firmware: efi ? "uefi" : "bios",
    secureBoot: efi && secure,
    clock: { now, plausible: now >= leastPlausible && now < mostPlausible },
    vendor: vendor ?? null,
    model: model ?? null,
    disks,
    links,
  };
}

/** Processors, and whether they can run virtual machines: Linux has no other source for either than this text. */
export function processorOf(cpuinfo: string, kvm: boolean): Pick<Hardware, "cpus" | "virtualization"> {
  const cpus = [...cpuinfo.matchAll(/^processor\s*:/gm)].length;
  const flags = new Set((/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "").split(" "));
  // The kernel drops vmx from the flags when the firmware has locked it off.
  const can = flags.has("vmx") || flags.has("svm");
  const intelOrAmd = /^vendor_id\s*:\s*(GenuineIntel|AuthenticAMD|HygonGenuine)$/m.test(cpuinfo);
  const bare = !flags.has("hypervisor");
  if (can) return { cpus, virtualization: kvm ? "on" : "off" };
  return { cpus, virtualization: intelOrAmd && bare ? "off" : "absent" };
}

/** /dev/kvm is a device of the kernel's own file system: listing the folder never waits for a disk. */
async function hasKvm(machine: Machine): Promise<boolean> {
  return (await machine.readDir("/dev").catch((): string[] => [])).includes("kvm");
}

/** Four bytes of attributes, then the value. Source: UEFI specification, "Globally Defined Variables". */
async function secureBoot(machine: Machine): Promise<boolean> {
  const file = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const text = await machine.readFile(file).catch(() => "");
  return text.charCodeAt(4) === 1;
}

async function disksOr(options: ProbeOptions): Promise<InstallDisk[]> {
  try {
    return await probeDisks(options);
  } catch (error) {
    options.log(`disks: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

async function probeDisks({ machine, medium, work, peek, signal, log }: ProbeOptions): Promise<InstallDisk[]> {
  const tree = await diskTree(machine, signal);
  const disks = candidates(tree);
  const [source, groups, paths, looks] = await Promise.all([
    mediumDevice(machine, medium, signal),
    volumeGroups(machine, signal),
    lastingPaths(machine, tree),
    Promise.all(disks.map((disk) => looksInto(disk))),
  ]);
  const found = await Promise.all(
    disks.map(async (disk) => ({
      name: disk.name,
      signatures: await signaturesOn(machine, disk.path, signal),
      health: await healthOf(machine, disk, signal),
    })),
  );
  for (const { name, signatures } of found) if (signatures === undefined) log(`disk ${name} could not be read`);
  return disksOf({
    tree,
    medium: source,
    work,
    looks: new Map(looks.flat()),
    groups,
    paths,
    signatures: new Map(
      found.flatMap(({ name, signatures }) => (signatures === undefined ? [] : [[name, signatures]])),
    ),
    health: new Map(found.map(({ name, health }) => [name, health])),
  });

  /** One after the other on a disk, so that a dead one costs one process; disks side by side. */
  async function looksInto(disk: (typeof disks)[number]): Promise<[string, Look][]> {
    const result: [string, Look][] = [];
    for (const node of walk(disk)) {
      const saw = await lookInto(machine, peek, node, signal);
      if (saw !== undefined) result.push([node.path, saw]);
    }
    return result;
  }
}
