import { XMLBuilder } from "fast-xml-parser";
import type { Backing, MachineSpec } from "../driver.ts";
import type { MachineDisk } from "../volume-commands.ts";
import { serialLine } from "./consoles.ts";
import { bootOf, bootOrders, drivesOf, nicOf } from "./device-xml.ts";
import type { MachineLock } from "./machine-locks.ts";
import { seedDisks } from "./seeds.ts";

export type DomainOptions = {
  /** Whether the host's processor does the work; without it QEMU translates, for tests and nested hosts. */
  hasKvm: boolean;
  /** The bridges of its cards by their device ids. */
  bridges: ReadonlyMap<number, string>;
  /** What it holds while it runs, where QEMU's own locks are not enough. */
  lock?: MachineLock | undefined;
};

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: "@", suppressEmptyNode: true });

/**
 * A machine as libvirt wants it. Source: libvirt's "Domain XML format". It is known by its uuid, in libvirt's form with
 * hyphens and, as its name, in ours; the name that people gave it is a title, for nobody to find it by.
 */
export function domainXml(spec: MachineSpec, { hasKvm, bridges, lock }: DomainOptions): string {
  const { uuid, name, cpuNum, memorySize, disks, nics } = spec;
  const kibibytes = Math.floor(memorySize / 1024);
  const boots = bootOrders(spec);
  return builder.build({
    domain: {
      "@type": hasKvm ? "kvm" : "qemu",
      name: uuid,
      uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      title: printable(name),
      memory: { "@unit": "KiB", "#text": kibibytes },
      currentMemory: { "@unit": "KiB", "#text": kibibytes },
      vcpu: { "@placement": "static", "#text": cpuNum },
      os: { type: { "@arch": "x86_64", "@machine": "q35", "#text": "hvm" } },
      features: { acpi: "", apic: "" },
      ...(hasKvm ? { cpu: { "@mode": "host-model" } } : {}),
      clock: { "@offset": "utc" },
      on_poweroff: "destroy",
      on_reboot: "restart",
      // What becomes of it then is for the manager to say, which knows of all hosts.
      on_crash: "destroy",
      devices: {
        ...(lock === undefined ? {} : { emulator: lock.emulator }),
        controller: rootPorts(disks.length + nics.length + seedDisks(spec).length),
        disk: [
          ...disks.map((disk, nth) => ({ ...diskOf({ deviceId: nth, ...disk }), ...bootOf(boots.HardDisk[nth]) })),
          ...seedDisks(spec),
          ...drivesOf(spec, boots.CdRom),
        ],
        interface: nics.map((nic, nth) => nicOf(nic, bridges.get(nic.deviceId) ?? "", boots.Network[nth])),
        serial: serialLine(uuid),
        channel: { "@type": "unix", target: { "@type": "virtio", "@name": "org.qemu.guest_agent.0" } },
        input: { "@type": "tablet", "@bus": "usb" },
        // A socket in the file system, in the folder that libvirt makes for the machine: the network has nothing to reach.
        graphics: { "@type": "vnc", "@sharePolicy": "force-shared", listen: { "@type": "socket" } },
        video: { model: { "@type": "vga" } },
        memballoon: { "@model": "virtio" },
        rng: { "@model": "virtio", backend: { "@model": "random", "#text": "/dev/urandom" } },
      },
      ...(lock === undefined ? {} : environment(variablesOf(lock, uuid))),
    },
  });
}

/** As the script that is the emulator then wants them. */
function variablesOf({ files: [file = "", second] }: MachineLock, uuid: string): Record<string, string> {
  return {
    BINNACLE_MACHINE: uuid,
    BINNACLE_LOCK: file,
    ...(second === undefined ? {} : { BINNACLE_SECOND_LOCK: second }),
  };
}

/** Variables of the emulator's process. Source: libvirt's "QEMU/KVM hypervisor driver", pass-through of arguments. */
function environment(variables: Record<string, string>) {
  const env = Object.entries(variables).map(([name, value]) => ({ "@name": name, "@value": value }));
  return { "@xmlns:qemu": "http://libvirt.org/schemas/domain/qemu/1.0", "qemu:commandline": { "qemu:env": env } };
}

/** One disk, as it is given to a machine that runs. It is what it would be had the machine been started with it. */
export function diskXml(disk: MachineDisk): string {
  return builder.build({ disk: diskOf(disk) });
}

/** A guest finds it by its place, and under /dev/disk/by-id by the first 20 digits of the volume's uuid. */
function diskOf({ volumeUuid, path, format, backing, deviceId, limits }: MachineDisk) {
  return {
    "@type": "file",
    "@device": "disk",
    // Without the host's cache: what a guest has flushed is on the storage, where another host reads it after a move.
    driver: { "@name": "qemu", "@type": format, "@cache": "none", "@discard": "unmap" },
    source: { "@file": path },
    // Said, so that libvirt does not ask the file: a guest may write there what it wants.
    backingStore: backing === undefined ? "" : backingStore(backing),
    target: { "@dev": targetOf(deviceId), "@bus": "virtio" },
    serial: volumeUuid,
    ...(limits === undefined ? {} : { iotune: iotune(limits) }),
  };
}

function iotune({ bytesPerSecond, operationsPerSecond }: NonNullable<MachineDisk["limits"]>) {
  return {
    ...(bytesPerSecond === undefined ? {} : { total_bytes_sec: bytesPerSecond }),
    ...(operationsPerSecond === undefined ? {} : { total_iops_sec: operationsPerSecond }),
  };
}

/** `vda` for 0. */
export function targetOf(deviceId = 0): string {
  return `vd${letterOf(deviceId)}`;
}

/** What q35 needs besides disks and cards: USB, serial lines, balloon and chance. */
const otherDevices = 4;
/** For what comes while the machine runs: libvirt itself leaves one, and none can be added then. */
const [fewestPorts, sparePorts] = [32, 8];

/** Each device on PCI Express needs a port of its own. */
function rootPorts(devices: number): object[] {
  const count = Math.max(fewestPorts, devices + otherDevices + sparePorts);
  const port = { "@type": "pci", "@model": "pcie-root-port" };
  return [{ "@type": "pci", "@index": 0, "@model": "pcie-root" }, ...Array.from({ length: count }, () => port)];
}

/** The image that a volume stands on, which stands on nothing. */
function backingStore({ path, format }: Backing) {
  // It stays root's: a QEMU that owned it could let itself write to it, and other machines stand on it, too.
  const seclabel = { "@model": "dac", "@relabel": "no" };
  return { "@type": "file", format: { "@type": format }, source: { "@file": path, seclabel }, backingStore: "" };
}

/** `a` to `z`, then `aa`. */
function letterOf(nth: number): string {
  const letter = String.fromCharCode(97 + (nth % 26));
  return nth < 26 ? letter : `${letterOf(Math.floor(nth / 26) - 1)}${letter}`;
}

/** XML 1.0 has no control characters, not even escaped ones. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, " ");
}
