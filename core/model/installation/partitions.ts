import type { DraftProblem, PartitionSizes } from "./draft.ts";
import type { Hardware, InstallDisk } from "./hardware.ts";
import { error, formatBinary, formatBytes, sizes } from "./problem.ts";
import type { Partition } from "./protocol.ts";

/*
 * Where the partitions of the system go. The specification's MB and GB of partitions are MiB and GiB here: that is what
 * partitioning programs mean by them, and everything starts and ends on a whole MiB. Sizes of disks are powers of ten,
 * as they are sold: "300 GB" is 300,000,000,000 bytes.
 */

const { mib, gib } = sizes;

/** Every start and size is a multiple; it is one of 512 and of 4096 byte sectors, and of the blocks of flash memory. */
const alignment = mib;
/** Room at the front for the protective MBR, GPT's header and its entries. */
const front = alignment;
const biosBytes = mib;
const efiBytes = 500 * mib;
const bootBytes = gib;
const fullSwapBytes = 32 * gib;
const leastSwapBytes = 2 * gib;
/** `/` holds two versions of the system and what the node keeps. */
export const leastRootBytes = 20 * gib;
/** From this size on a disk gets the full swap. */
const fullSchemeDiskBytes = 300e9;
/** LVM's metadata at the front of its partition, and the unit that it gives away. */
const lvmFront = mib;
const extent = 4 * mib;

/** A disk below this can't hold the system, whatever the firmware: 25.2 GB. */
export const smallestDiskBytes = front + efiBytes + bootBytes + leastSwapBytes + leastRootBytes + alignment;

/** Name of the volume group; its volumes are named by their purpose. */
export const volumeGroup = "binnacle";

/** Smallest sizes that a person may choose. Swap and data may be absent (0) altogether. */
export const leastSizes = {
  /** FAT32 has at least 65,525 clusters, which are one sector each at least. */
  efiBytes: (sectorBytes: number) => (sectorBytes >= 4096 ? 260 * mib : 100 * mib),
  bootBytes: 512 * mib,
  swapBytes: 64 * mib,
  rootBytes: leastRootBytes,
  dataBytes: gib,
} as const;

type PlannedDisk = Pick<InstallDisk, "name" | "sizeBytes" | "sectorBytes">;
type Custom = { sizes: PartitionSizes; lvm: boolean };
type Purpose = Partition["purpose"];
type Planned = { purpose: Purpose; sizeBytes: number };

/** The bytes of a disk that partitions may fill: whole MiB, before GPT's backup at its end. */
function usableEnd(disk: PlannedDisk): number {
  const entryBytes = Math.ceil((128 * 128) / disk.sectorBytes) * disk.sectorBytes;
  const backup = entryBytes + disk.sectorBytes;
  return Math.floor((disk.sizeBytes - backup) / alignment) * alignment;
}

/** Sizes of the automatic scheme for a disk: ../shared/spec/image.md, "Automatic". Swap gives way to `/`. */
export function automaticSizes(disk: PlannedDisk, firmware: Hardware["firmware"]): PartitionSizes {
  const tenth = Math.floor(disk.sizeBytes / 10 / alignment) * alignment;
  const wanted = disk.sizeBytes >= fullSchemeDiskBytes ? fullSwapBytes : Math.min(fullSwapBytes, tenth);
  const efi = firmware === "uefi" ? efiBytes : 0;
  const besides = usableEnd(disk) - front - (firmware === "uefi" ? efi : biosBytes) - bootBytes;
  const swapBytes = Math.max(leastSwapBytes, Math.min(wanted, besides - leastRootBytes));
  return { efiBytes: efi, bootBytes, swapBytes, rootBytes: null, dataBytes: 0 };
}

/**
 * The partitions of a disk, in the order in which they lie on it, or why they can't be made. `custom` null stands for
 * the automatic scheme. Volumes of an LVM layout share the number of the partition that they lie in (`gptEntries`).
 */
export function planPartitions(
  disk: PlannedDisk,
  firmware: Hardware["firmware"],
  custom: Custom | null,
): { plan: Partition[]; problems: DraftProblem[] } {
  if (disk.sizeBytes < smallestDiskBytes) return { plan: [], problems: [tooSmall(disk)] };
  const chosen = roundedDown(custom?.sizes ?? automaticSizes(disk, firmware));
  const problems = custom === null ? [] : sizeProblems(chosen, firmware, disk.sectorBytes);
  if (problems.length > 0) return { plan: [], problems };

  const plain: Planned[] = [
    firmware === "uefi" ? { purpose: "efi", sizeBytes: chosen.efiBytes } : { purpose: "bios", sizeBytes: biosBytes },
    { purpose: "boot", sizeBytes: chosen.bootBytes },
  ];
  const lvm = custom?.lvm ?? false;
  const unit = lvm ? extent : alignment;
  const down = (bytes: number) => Math.floor(bytes / unit) * unit;
  const start = front + sum(plain) + (lvm ? lvmFront : 0);
  const room = down(usableEnd(disk) - start);
  const taken = [chosen.swapBytes, chosen.rootBytes, chosen.dataBytes].map((bytes) => down(bytes ?? 0));
  const left = room - taken.reduce((total, bytes) => total + bytes, 0);
  // What takes the rest must still reach its own minimum.
  const least =
    (chosen.rootBytes === null ? leastSizes.rootBytes : 0) + (chosen.dataBytes === null ? leastSizes.dataBytes : 0);
  if (left < least) return { plan: [], problems: [tooMuch(disk, least - left)] };
  const share = (bytes: number | null) => (bytes === null ? left : down(bytes));
  const flexible: Planned[] = [
    { purpose: "swap", sizeBytes: share(chosen.swapBytes) },
    { purpose: "root", sizeBytes: share(chosen.rootBytes) },
    { purpose: "data", sizeBytes: share(chosen.dataBytes) },
  ];
  const wanted = flexible.filter(({ sizeBytes }) => sizeBytes > 0);
  return { plan: placed(disk.name, plain, wanted, lvm), problems: [] };
}

function placed(disk: string, plain: readonly Planned[], flexible: readonly Planned[], lvm: boolean): Partition[] {
  const plan: Partition[] = [];
  let at = front;
  for (const { purpose, sizeBytes } of plain) {
    plan.push({ disk, number: plan.length + 1, purpose, startBytes: at, sizeBytes });
    at += sizeBytes;
  }
  if (lvm) at += lvmFront;
  for (const { purpose, sizeBytes } of flexible) {
    const number = lvm ? plain.length + 1 : plan.length + 1;
    plan.push({ disk, number, purpose, startBytes: at, sizeBytes, ...(lvm ? { volume: purpose } : {}) });
    at += sizeBytes;
  }
  return plan;
}

/**
 * What goes into the partition table: the plan itself, or for an LVM layout its plain partitions and one partition with
 * the purpose `lvm` around all volumes, whose size is that of its metadata and a whole number of extents.
 */
export function gptEntries(plan: readonly Partition[]): (Omit<Partition, "purpose"> & { purpose: Purpose | "lvm" })[] {
  const volumes = plan.filter((partition) => partition.volume !== undefined);
  const [first] = volumes;
  const plain = plan.filter((partition) => partition.volume === undefined);
  if (first === undefined) return plain;
  const { disk, number, startBytes } = first;
  const around = {
    disk,
    number,
    purpose: "lvm",
    startBytes: startBytes - lvmFront,
    sizeBytes: sum(volumes) + lvmFront,
  } as const;
  return [...plain, around];
}

function sum(parts: readonly { sizeBytes: number }[]): number {
  return parts.reduce((total, part) => total + part.sizeBytes, 0);
}

function roundedDown(given: PartitionSizes): PartitionSizes {
  const whole = (bytes: number) => Math.floor(bytes / alignment) * alignment;
  return {
    efiBytes: whole(given.efiBytes),
    bootBytes: whole(given.bootBytes),
    swapBytes: whole(given.swapBytes),
    rootBytes: given.rootBytes === null ? null : whole(given.rootBytes),
    dataBytes: given.dataBytes === null ? null : whole(given.dataBytes),
  };
}

const names = {
  efiBytes: "/boot/efi",
  bootBytes: "/boot",
  swapBytes: "swap",
  rootBytes: "/",
  dataBytes: "/var/lib/binnacle",
} as const satisfies Record<keyof PartitionSizes, string>;

/** What is wrong with sizes that a person chose, whatever the disk. */
export function sizeProblems(
  given: PartitionSizes,
  firmware: Hardware["firmware"],
  sectorBytes: number,
): DraftProblem[] {
  const least: Record<keyof PartitionSizes, number> = { ...leastSizes, efiBytes: leastSizes.efiBytes(sectorBytes) };
  const problems: DraftProblem[] = [];
  const keys = ["efiBytes", "bootBytes", "swapBytes", "rootBytes", "dataBytes"] as const;
  for (const key of keys) {
    const bytes = given[key];
    const field = `disk.custom.sizes.${key}`;
    const mayBeAbsent = key === "swapBytes" || key === "dataBytes" || (key === "efiBytes" && firmware === "bios");
    if (bytes === null || (bytes === 0 && mayBeAbsent)) continue;
    if (!Number.isFinite(bytes) || bytes < 0) {
      problems.push(
        error("PARTITION.SIZE", field, {
          description: `The size of ${names[key]} is no size.`,
          remedy: "Give a number of bytes that is not negative.",
          values: { partition: names[key] },
        }),
      );
    } else if (bytes < least[key] && !(key === "efiBytes" && firmware === "bios")) {
      problems.push(
        error("PARTITION.TOO_SMALL", field, {
          description: `${formatBinary(bytes)} are too few for ${names[key]}.`,
          remedy: `Give ${names[key]} at least ${formatBinary(least[key])}${mayBeAbsent ? ", or nothing" : ""}.`,
          values: { partition: names[key], leastBytes: least[key] },
        }),
      );
    }
  }
  if (given.rootBytes === null && given.dataBytes === null) {
    problems.push(
      error("PARTITION.TWO_RESTS", "disk.custom.sizes.dataBytes", {
        description: "/ and /var/lib/binnacle can't both take all that is left.",
        remedy: "Give one of them a size.",
      }),
    );
  }
  return problems;
}

function tooSmall(disk: PlannedDisk): DraftProblem {
  return error("DISK.TOO_SMALL", "disk.disk", {
    description: `${disk.name} has ${formatBytes(disk.sizeBytes)}, too little for the system.`,
    remedy: `Choose a disk of at least ${formatBytes(smallestDiskBytes)}.`,
    values: { disk: disk.name, sizeBytes: disk.sizeBytes, leastBytes: smallestDiskBytes },
  });
}

function tooMuch(disk: PlannedDisk, missingBytes: number): DraftProblem {
  return error("PARTITION.TOO_MUCH", "disk.custom.sizes.rootBytes", {
    description: `The partitions need ${formatBinary(missingBytes)} more than ${disk.name} (${formatBytes(disk.sizeBytes)}) has.`,
    remedy: "Make some of them smaller, or choose a larger disk.",
    values: { disk: disk.name, missingBytes },
  });
}
