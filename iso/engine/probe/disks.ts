import type { DiskContent, InstallDisk } from "../../../core/model/installation/hardware.ts";
import { smallestDiskBytes } from "../../../core/model/installation/partitions.ts";
import { type BlockNode, walk } from "./block-devices.ts";

/** What was found out about a device by reading it. */
export type Look = { system: string | null; usedBytes: number | null };

export type DiskFacts = {
  tree: readonly BlockNode[];
  /** Device of the medium that the machine was started from, as a path; null when it was started over the network. */
  medium: string | null;
  /** Mounts below here are the engine's own. */
  work: string;
  /** By path of the device. */
  looks: ReadonlyMap<string, Look>;
  /** Volume group of each physical volume, by its path. */
  groups: ReadonlyMap<string, string>;
  /** Signatures of a whole disk by name; a disk that could not be read has none here. */
  signatures: ReadonlyMap<string, readonly string[]>;
  health: ReadonlyMap<string, Pick<InstallDisk, "health" | "healthWhy">>;
  /** Lasting path of each disk, by name. */
  paths: ReadonlyMap<string, string>;
};

/** Devices that are no disks: in memory, over the network, in files, parts of an eMMC chip, floppies. */
const notADisk = /^(loop|ram|zram|fd|nbd|mtdblock)\d|^mmcblk\d+(boot\d|rpmb)/;

/** The disks among all devices: those of a multipath appear once, as the multipath. */
export function candidates(tree: readonly BlockNode[]): BlockNode[] {
  const found = new Map<string, BlockNode>();
  for (const node of tree) {
    if (node.type !== "disk" || node.sizeBytes === 0 || notADisk.test(node.name)) continue;
    const multipath = node.children.find(({ type }) => type === "mpath");
    if (multipath === undefined) found.set(node.name, node);
    else if (!found.has(multipath.name)) found.set(multipath.name, ofItsPath(multipath, node));
  }
  return [...found.values()];
}

/** The device mapper knows neither model nor bus: those of a path are those of the disk. */
function ofItsPath(multipath: BlockNode, { model, serial, bus, rotational, removable }: BlockNode): BlockNode {
  return { ...multipath, model, serial, bus, rotational, removable };
}

/** The disks as the technician sees them. Pure: everything that was read comes in. */
export function disksOf(facts: DiskFacts): InstallDisk[] {
  return candidates(facts.tree).map((node) => {
    const contents = contentsOf(node, facts);
    const signatures = facts.signatures.get(node.name);
    // A disk that could not be read is never called empty.
    const empty = contents.length === 0 && node.partitionTable === null && signatures?.length === 0;
    return {
      name: node.name,
      path: facts.paths.get(node.name) ?? node.path,
      sizeBytes: node.sizeBytes,
      sectorBytes: node.sectorBytes,
      model: node.model,
      serial: node.serial,
      bus: node.bus,
      rotational: node.rotational,
      ...(facts.health.get(node.name) ?? { health: "unknown", healthWhy: null }),
      partitionTable: node.partitionTable,
      contents,
      empty,
      unusable: unusable(node, facts),
    };
  });
}

function unusable(node: BlockNode, { medium, work }: DiskFacts): InstallDisk["unusable"] {
  const all = walk(node);
  if (medium !== null && all.some(({ path }) => path === medium)) return "medium";
  if (node.readOnly) return "read-only";
  const mounts = all.flatMap((one) => one.mounts);
  if (mounts.some((place) => place !== "[SWAP]" && !place.startsWith(`${work}/`))) return "in-use";
  if (node.removable) return "removable";
  if (node.sizeBytes < smallestDiskBytes) return "too-small";
  return null;
}

function contentsOf(node: BlockNode, facts: DiskFacts): DiskContent[] {
  const parts = node.children.filter(({ type }) => type === "part");
  if (parts.length > 0) return parts.map((part) => contentOf(part, facts));
  const [signature] = facts.signatures.get(node.name) ?? [];
  if (node.partitionTable !== null) return [];
  if (node.content === null && signature === undefined) return [];
  return [{ ...contentOf(node, facts), type: node.content ?? signature ?? null }];
}

function contentOf(part: BlockNode, facts: DiskFacts): DiskContent {
  const looks = walk(part).flatMap(({ path }) => facts.looks.get(path) ?? []);
  const used = looks.flatMap(({ usedBytes }) => usedBytes ?? []);
  return {
    device: part.name,
    sizeBytes: part.sizeBytes,
    type: part.content,
    label: part.label,
    memberOf: memberOf(part, facts),
    system: looks.find(({ system }) => system !== null)?.system ?? null,
    usedBytes: used.length === 0 ? null : used.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function memberOf(part: BlockNode, { groups }: DiskFacts): string | null {
  switch (part.content) {
    case "LVM2_member":
      return groups.get(part.path) ?? null;
    case "linux_raid_member":
      return part.children.find(({ type }) => type.startsWith("raid") || type === "md")?.name ?? part.label;
    case "zfs_member":
      return part.label;
    default:
      return null;
  }
}
