import * as z from "zod";
import { parseJson, runText } from "../../../core/node/facts/source.ts";
import type { Machine } from "../../../core/node/machine.ts";

/** A block device and what lies on it. One that lies on several, such as a RAID, appears below each. */
export type BlockNode = {
  /** Kernel name, or the name of the device mapper: `sda`, `nvme0n1p2`, `mpatha`, `md127`. */
  name: string;
  path: string;
  /** `disk`, `part`, `lvm`, `raid1`, `crypt`, `mpath`, `rom`, `loop` … */
  type: string;
  sizeBytes: number;
  sectorBytes: number;
  model: string | null;
  serial: string | null;
  bus: string | null;
  rotational: boolean | null;
  removable: boolean;
  readOnly: boolean;
  /** Signature: `ext4`, `LVM2_member` … */
  content: string | null;
  label: string | null;
  uuid: string | null;
  partitionTable: string | null;
  /** Where it is mounted; `[SWAP]` for a swap that is on. */
  mounts: string[];
  children: BlockNode[];
};

const columns = "NAME,PATH,TYPE,SIZE,LOG-SEC,MODEL,SERIAL,TRAN,ROTA,RM,RO,FSTYPE,LABEL,UUID,PTTYPE,MOUNTPOINTS";
export const lsblkArgs = ["--json", "--bytes", "--tree", "--output", columns];

const text = z.string().nullable().default(null);
const device = z.object({
  name: z.string(),
  path: z.string(),
  type: z.string(),
  size: z.coerce.number(),
  "log-sec": z.coerce.number().default(512),
  model: text,
  serial: text,
  tran: text,
  rota: z.boolean().nullable().default(null),
  rm: z.boolean().nullable().default(null),
  ro: z.boolean().nullable().default(null),
  fstype: text,
  label: text,
  uuid: text,
  pttype: text,
  mountpoints: z.array(z.string().nullable()).default([]),
  get children() {
    return z.array(device).default([]);
  },
});
type Device = z.infer<typeof device>;
const lsblk = z.object({ blockdevices: z.array(device) });

/** All block devices. lsblk asks the kernel and udev only: a disk that hangs does not hang it. */
export async function diskTree(machine: Machine, signal: AbortSignal): Promise<BlockNode[]> {
  return parseTree(await runText(machine, "lsblk", lsblkArgs, { timeoutMs: 15_000, signal }));
}

/** Source: lsblk(8) of util-linux 2.38 and 2.41. */
export function parseTree(json: string): BlockNode[] {
  return parseJson(lsblk, json, "lsblk").blockdevices.map(nodeOf);
}

function nodeOf(found: Device): BlockNode {
  const bus = found.tran ?? (/^vd[a-z]/.test(found.name) ? "virtio" : null);
  return {
    name: found.name,
    path: found.path,
    type: found.type,
    sizeBytes: found.size,
    sectorBytes: found["log-sec"],
    model: trimmed(found.model),
    serial: trimmed(found.serial),
    bus,
    // The kernel says that virtio disks rotate when it has no idea.
    rotational: bus === "virtio" ? null : found.rota,
    removable: found.rm ?? false,
    readOnly: found.ro ?? false,
    content: trimmed(found.fstype),
    label: trimmed(found.label),
    uuid: trimmed(found.uuid),
    partitionTable: trimmed(found.pttype),
    mounts: found.mountpoints.filter((place) => place !== null),
    children: found.children.map(nodeOf),
  };
}

/** A device and everything that lies on it, from the bottom up. */
export function walk(node: BlockNode): BlockNode[] {
  return [node, ...node.children.flatMap(walk)];
}

function trimmed(given: string | null): string | null {
  const bare = given?.trim() ?? "";
  return bare === "" ? null : bare;
}
