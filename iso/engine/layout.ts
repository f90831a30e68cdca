import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import { gptEntries, volumeGroup } from "../../core/model/installation/partitions.ts";
import type { Partition } from "../../core/model/installation/protocol.ts";

/*
 * From the partitions that a draft leads to, what to make of the disks: tables, arrays, volumes and file systems.
 * Pure; new UUIDs come in as a function.
 */

export type Purpose = Exclude<Partition["purpose"], "bios">;

/** A partition as it goes into the table. `lvm` holds swap, root and data as logical volumes. */
export type Slice = {
  number: number;
  type: Partition["purpose"] | "lvm";
  startBytes: number;
  sizeBytes: number;
  /** The partition's own UUID, by which its device is found. */
  uuid: string;
};

export type TargetDisk = { name: string; path: string; sectorBytes: number; slices: Slice[] };

/** What is formatted: on a partition, or on a RAID 1 of two, or on a logical volume. */
export type Volume = {
  purpose: Purpose;
  /** UUID of the file system; of a FAT its serial number, as blkid shows it: `1A2B-3C4D`. */
  uuid: string;
  label: string;
  device: Device;
};
export type Device =
  | { kind: "slices"; array: string | null; slices: string[] }
  | { kind: "logical"; group: string; name: string; sizeBytes: number };

export type Layout = {
  disks: TargetDisk[];
  volumes: Volume[];
  /** The volume group, when there is one: it lies on one slice, or on a RAID 1 of two. */
  group: { name: string; array: string | null; slices: string[] } | null;
};

const labels = {
  efi: "BINNACLEEFI",
  boot: "binnacle-boot",
  swap: "binnacle-swap",
  root: "binnacle-root",
  data: "binnacle-data",
} as const satisfies Record<Purpose, string>;
/**
 * What to make of the disks for `plan`. It lists the partitions of the chosen disk; its mirror gets the same ones, where
 * the plan names none of its own.
 */
export function layoutOf(plan: readonly Partition[], draft: Draft, hardware: Hardware, newUuid: () => string): Layout {
  const { disk, mirror } = draft.disk;
  const first = plan.filter((part) => part.disk === disk);
  const disks = [disk, mirror].flatMap((name): TargetDisk[] => {
    const found = hardware.disks.find((one) => one.name === name);
    if (name === null || found === undefined) return [];
    const own = plan.filter((part) => part.disk === name);
    const slices = gptEntries(own.length > 0 ? own : first).map((entry) => sliceOf(entry, newUuid));
    return [{ name, path: found.path, sectorBytes: found.sectorBytes, slices }];
  });
  const volumes = first.flatMap(({ purpose, sizeBytes, volume }): Volume[] => {
    if (purpose === "bios") return [];
    if (purpose === "efi") return disks.map(({ slices }) => fat(slices, newUuid));
    const device: Device =
      volume === undefined
        ? { kind: "slices", ...onSlices(disks, purpose) }
        : { kind: "logical", group: volumeGroup, name: volume, sizeBytes };
    return [{ purpose, uuid: newUuid(), label: labels[purpose], device }];
  });
  const grouped = first.some(({ volume }) => volume !== undefined);
  return { disks, volumes, group: grouped ? { name: volumeGroup, ...onSlices(disks, "lvm") } : null };
}

function sliceOf(entry: ReturnType<typeof gptEntries>[number], newUuid: () => string): Slice {
  const { number, purpose, startBytes, sizeBytes } = entry;
  return { number, type: purpose, startBytes, sizeBytes, uuid: newUuid() };
}

/** Firmware reads no RAID: each disk has an EFI system partition of its own, with the same files. */
function fat(slices: readonly Slice[], newUuid: () => string): Volume {
  const serial = newUuid().replaceAll("-", "").slice(0, 8).toUpperCase();
  const own = slices.filter(({ type }) => type === "efi").map(({ uuid }) => uuid);
  return {
    purpose: "efi",
    uuid: `${serial.slice(0, 4)}-${serial.slice(4)}`,
    label: labels.efi,
    device: { kind: "slices", array: null, slices: own },
  };
}

function onSlices(disks: readonly TargetDisk[], type: Slice["type"]): { array: string | null; slices: string[] } {
  const slices = disks.flatMap((disk) => disk.slices.filter((slice) => slice.type === type).map(({ uuid }) => uuid));
  return { array: slices.length > 1 ? `binnacle-${type}` : null, slices };
}

/** Where a slice's device appears. Made by udev's rules for every block device, multipath included. */
export function slicePath(uuid: string): string {
  return `/dev/disk/by-partuuid/${uuid}`;
}

/** The device that a volume is formatted on. */
export function devicePath(device: Device): string {
  if (device.kind === "logical") return `/dev/${device.group}/${device.name}`;
  return device.array === null ? slicePath(device.slices[0] ?? "") : arrayPath(device.array);
}

export function arrayPath(array: string): string {
  return `/dev/md/${array}`;
}

/** Types of partitions. Source: UEFI specification; the Discoverable Partitions Specification for the others. */
const types = {
  bios: "21686148-6449-6E6F-744E-656564454649",
  efi: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  boot: "BC13C2FF-59E6-4262-A352-B275FD6F7172",
  swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
  // Not the type for a root: systemd would mount what it takes for the root of this processor by itself.
  root: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  data: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  lvm: "E6D6D379-F507-44C2-A23C-238F2A3DF928",
} as const satisfies Record<Slice["type"], string>;
const raidType = "A19D880F-05FC-4D3B-A006-743F0F84911E";

/** What sfdisk(8) reads for one disk. */
export function sfdiskScript({ slices, sectorBytes }: TargetDisk, mirrored: boolean): string {
  const sectors = (bytes: number) => Math.floor(bytes / sectorBytes);
  const lines = slices.map(({ number, type, startBytes, sizeBytes, uuid }) => {
    const inArray = mirrored && type !== "bios" && type !== "efi";
    const name = `binnacle-${type}`;
    return `${number} : start=${sectors(startBytes)}, size=${sectors(sizeBytes)}, type=${inArray ? raidType : types[type]}, uuid=${uuid}, name="${name}"`;
  });
  return ["label: gpt", "unit: sectors", `sector-size: ${sectorBytes}`, "", ...lines, ""].join("\n");
}
