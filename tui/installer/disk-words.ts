import type { DiskContent, InstallDisk } from "../../core/model/installation/hardware.ts";
import { formatBytes } from "../widgets/format.ts";
import type { InstallerTranslate } from "./texts.ts";

/** A disk that could hold the system, in the order in which they are offered: empty ones first, then as the kernel has them. */
export function offeredDisks(disks: readonly InstallDisk[]): readonly InstallDisk[] {
  const usable = disks.filter(({ unusable }) => unusable === null);
  return [...usable.filter(({ empty }) => empty), ...usable.filter(({ empty }) => !empty)];
}

/** `Samsung SSD 870  S5Y1NG0R  500 G`: what tells one disk from another. */
export function diskWords(disk: InstallDisk): string {
  return [disk.model, disk.serial, formatBytes(disk.sizeBytes)].filter((part) => part !== null).join("  ");
}

/** What would be lost, in a few words: installed systems, groups, file systems, and how much is used. */
export function contentWords(t: InstallerTranslate, disk: InstallDisk): string {
  if (disk.empty) return t("install.disk.empty");
  const systems = unique(disk.contents.map(({ system }) => system));
  const kinds = unique(disk.contents.filter(({ system }) => system === null).map(kindWords));
  const used = disk.contents.reduce((sum, { usedBytes }) => sum + (usedBytes ?? 0), 0);
  const parts = [...systems, ...kinds];
  if (used > 0) parts.push(t("install.disk.used", { size: formatBytes(used) }));
  if (parts.length > 0) return parts.join(", ");
  return disk.partitionTable === null
    ? t("install.disk.unknown")
    : t("install.disk.table", { kind: disk.partitionTable });
}

/** One part of a disk: `sda2  ntfs "Data"  400 G, 120 G used  Windows 10`. */
export function partWords(t: InstallerTranslate, content: DiskContent): string {
  const { device, sizeBytes, usedBytes, system } = content;
  const used = usedBytes === null ? "" : `, ${t("install.disk.used", { size: formatBytes(usedBytes) })}`;
  return [device, kindWords(content) ?? t("install.disk.unknownPart"), `${formatBytes(sizeBytes)}${used}`, system]
    .filter((part) => part !== null)
    .join("  ");
}

/** What blkid's words mean to a technician; others stay as they are. */
const kinds: Readonly<Record<string, string>> = {
  LVM2_member: "LVM",
  linux_raid_member: "RAID",
  zfs_member: "ZFS",
  crypto_LUKS: "LUKS",
  vfat: "FAT",
};

function kindWords({ type, label, memberOf }: DiskContent): string | null {
  if (type === null) return null;
  const name = memberOf ?? (label === null || label === "" ? null : `"${label}"`);
  return [kinds[type] ?? type, name].filter((part) => part !== null).join(" ");
}

function unique(words: readonly (string | null)[]): string[] {
  return [...new Set(words.filter((word) => word !== null && word !== ""))].flatMap((word) =>
    word === null ? [] : [word],
  );
}
