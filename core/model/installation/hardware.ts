import * as z from "zod/mini";

/*
 * What the installer found on the machine. Sizes are bytes. `null` stands for "the machine does not tell".
 */

/** What is on a disk, or on a part of it, now: what a technician would lose. */
const content = z.object({
  /** Kernel name of the part, such as `sda2`; that of the disk when it holds this itself. */
  device: z.string(),
  sizeBytes: z.number(),
  /** As blkid names it: `ext4`, `ntfs`, `LVM2_member`, `linux_raid_member`, `zfs_member`, `crypto_LUKS`, `swap` …; null: unknown, or nothing. */
  type: z.nullable(z.string()),
  label: z.nullable(z.string()),
  /** Volume group, array or pool that it belongs to. */
  memberOf: z.nullable(z.string()),
  /** An installed system, such as `Debian GNU/Linux 12 (bookworm)` or `Binnacle 0.1.0`. */
  system: z.nullable(z.string()),
  usedBytes: z.nullable(z.number()),
});
export type DiskContent = z.infer<typeof content>;

const installDisk = z.object({
  /** Kernel name without /dev/: `sda`, `nvme0n1`, `mpatha`. It is what the technician types. */
  name: z.string(),
  /** Path that stays when disks are added: /dev/disk/by-id/…, else /dev/NAME. */
  path: z.string(),
  sizeBytes: z.number(),
  sectorBytes: z.number(),
  model: z.nullable(z.string()),
  serial: z.nullable(z.string()),
  /** sata, sas, nvme, virtio, usb …, as the kernel names it. */
  bus: z.nullable(z.string()),
  rotational: z.nullable(z.boolean()),
  health: z.enum(["healthy", "failing", "unknown"]),
  healthWhy: z.nullable(z.string()),
  /** `gpt`, `dos`, …; null when there is none. */
  partitionTable: z.nullable(z.string()),
  contents: z.array(content),
  /** Nothing is on it: no partition table, no signature. */
  empty: z.boolean(),
  /** Why it can't hold the system, as a stable word; null when it can. */
  unusable: z.nullable(z.enum(["medium", "too-small", "read-only", "in-use", "removable"])),
});
export type InstallDisk = z.infer<typeof installDisk>;

const installLink = z.object({
  name: z.string(),
  mac: z.nullable(z.string()),
  driver: z.nullable(z.string()),
  /** null: unknown. */
  carrier: z.nullable(z.boolean()),
  speedMbps: z.nullable(z.number()),
  /** Addresses that it has now, as address/prefix. */
  addresses: z.array(z.string()),
});
export type InstallLink = z.infer<typeof installLink>;

export const hardware = z.object({
  cpus: z.number(),
  memoryBytes: z.number(),
  /** `on`: vmx or svm and /dev/kvm; `off`: the processor can, the firmware says no; `absent`: the processor can't. */
  virtualization: z.enum(["on", "off", "absent"]),
  firmware: z.enum(["bios", "uefi"]),
  secureBoot: z.boolean(),
  /** The machine's clock in milliseconds since the epoch, and whether it can be right at all. */
  clock: z.object({ now: z.number(), plausible: z.boolean() }),
  vendor: z.nullable(z.string()),
  model: z.nullable(z.string()),
  disks: z.array(installDisk),
  links: z.array(installLink),
});
export type Hardware = z.infer<typeof hardware>;
