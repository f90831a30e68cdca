import { shown } from "../quote.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { formatSize } from "./size.ts";

/* What can't be done with a volume, whoever asks. Source: ../shared/spec/cloud.md, "Storage rules". */

/** Snapshots of one volume, whatever their trees look like: its deletion removes them in one transaction. */
export const mostSnapshots = 256;

/** The size that a volume has when somebody asks for this one: disks have whole sectors. */
export function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / 512) * 512;
}

/** Code: STORAGE.1041. To ask for the size that it has is fine: what a failed attempt has left is made right. */
export function growRefusal(name: string, from: number, to: number): Refusal | undefined {
  if (to >= from) return;
  return refusalOf("STORAGE.1041", {
    where: `Volume ${shown(name)}`,
    details: `It has ${formatSize(from)} and can only grow: what lies behind ${formatSize(to)} would be lost.`,
    remedy: "Make a smaller volume and copy what is needed, in a machine that has both.",
    values: { size: from, asked: to },
  });
}

type Kept = { type: "Root" | "Data"; format: "qcow2" | "raw" | "rbd"; status: string; installPath: string | null };

/** Why no snapshot can be taken or gone back to. Codes: STORAGE.1007, STORAGE.1045, STORAGE.1047. */
export function snapshotRefusal(name: string, volume: Kept, snapshots: number): Refusal | undefined {
  const where = `Volume ${shown(name)}`;
  const { status, format } = volume;
  if (status !== "Ready" || volume.installPath === null)
    return refusalOf("STORAGE.1007", {
      where,
      details: `Its status is ${status}.`,
      remedy: "Snapshots are of volumes that are Ready.",
      values: { status },
    });
  if (format !== "qcow2")
    return refusalOf("STORAGE.1047", {
      where,
      details: `Its format is ${format}, which keeps no snapshots.`,
      remedy: "Copy what it holds to a volume of the format qcow2.",
      values: { format },
    });
  if (snapshots < mostSnapshots) return;
  return refusalOf("STORAGE.1045", {
    where,
    details: `It has ${snapshots} snapshots.`,
    remedy: "Delete one that nobody needs.",
    values: { snapshots, most: mostSnapshots },
  });
}
