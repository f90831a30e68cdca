import { CloudError, type CloudErrorContent, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import { forgetExpunging } from "../expunging.ts";
import type { FlowFailure } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { unreadableError } from "../unreadable.ts";

/* One task at a time works on a volume. The task itself is the holder: when it is over, so is its hold. */

export type Volume = RecordOf<"Volume">;
/** `holder`: the uuid of the task, which holds the volume's machine, too, where it has one. */
export type VolumeHold = { volumeUuid: string; holder: string };

/** Whether a task works on a volume. */
export function isBusy(tx: Tx, volumeUuid: string): boolean {
  const holder = tx.get("VolumeOperation", volumeUuid)?.["holder"];
  return typeof holder === "string" && tx.get("Flow", holder) !== undefined;
}

/** @throws STORAGE.1040 */
export function requireIdle(tx: Tx, { uuid, name }: Pick<Volume, "uuid" | "name">): void {
  if (!isBusy(tx, uuid)) return;
  const details = `${String(tx.get("VolumeOperation", uuid)?.["what"])} has not ended.`;
  const remedy = "Try again when its task has ended (QueryTask).";
  throw new CloudError(refusalOf("STORAGE.1040", { where: `Volume ${shown(name)}`, details, remedy }));
}

/**
 * Begins an operation on a volume, which refuses all others until its task ends.
 * @throws STORAGE.1040; SYS.1060 when a snapshot of it can't be read
 */
export function holdVolume(tx: Tx, uuid: string, what: string, holder: string, where = "uuid"): Volume {
  const volume = tx.need("Volume", uuid, where);
  requireIdle(tx, volume);
  const broken = tx.unreadable.naming(uuid, "VolumeSnapshot");
  if (broken !== undefined) throw unreadableError(broken);
  tx.put("VolumeOperation", uuid, { holder, what });
  return whole(tx, volume);
}

/** A volume whose task could not say how it ended, as nobody could read what it had to do. */
function whole(tx: Tx, volume: Volume): Volume {
  if (volume.status !== "Creating" && volume.status !== "Deleting") return volume;
  if (volume.installPath !== null) return tx.update("Volume", volume.uuid, { status: "Ready" });
  return tx.update("Volume", volume.uuid, { status: "NotInstantiated", primaryStorageUuid: null });
}

/** The volume, if the task still holds it. */
export function heldVolume(tx: Tx, { volumeUuid, holder }: VolumeHold): Volume | undefined {
  return tx.get("VolumeOperation", volumeUuid)?.["holder"] === holder ? tx.get("Volume", volumeUuid) : undefined;
}

/** Ends the hold of a task; of another one nothing is touched. @returns the volume, if the task held it */
export function releaseVolume(tx: Tx, hold: VolumeHold): Volume | undefined {
  const volume = heldVolume(tx, hold);
  if (volume !== undefined) tx.delete("VolumeOperation", hold.volumeUuid);
  return volume;
}

/**
 * Whether a failed task has left nothing. One that a backup was made in the midst of was never taken back: since then it
 * has ended, one way or the other.
 */
export function isTakenBack(error: CloudErrorContent, { notUndone }: FlowFailure): boolean {
  return notUndone.length === 0 && error.code !== "SYS.1081";
}

/** Removes the records of a volume: its snapshots go with it. */
export function removeVolume(tx: Tx, uuid: string): void {
  for (const snapshot of tx.find("VolumeSnapshot", "volumeUuid", uuid))
    if (tx.get("VolumeSnapshot", snapshot.uuid) !== undefined) tx.remove("VolumeSnapshot", snapshot.uuid);
  if (tx.get("VolumeOperation", uuid) !== undefined) tx.delete("VolumeOperation", uuid);
  if (tx.get("VolumeBase", uuid) !== undefined) tx.delete("VolumeBase", uuid);
  forgetExpunging(tx, uuid);
  tx.remove("Volume", uuid);
}
