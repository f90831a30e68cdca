import { forgetIso } from "../device/iso-use.ts";
import type { Tx } from "../records.ts";
import { discardVolume } from "../volume/discard.ts";
import { removeVolume } from "../volume/hold.ts";
import type { Machine } from "./life.ts";

/*
 * The disk of a rescue is a root volume of the machine that is not its own: it goes with the machine, takes its room as any
 * volume, and no start but that of the rescue gives it to the machine.
 */

/**
 * `volumeUuid`: of its disk; null when the image is an ISO image, which is in the first drive then. `process`: what a process
 * of the machine that its host has was started from.
 */
export type Rescue = { imageUuid: string; volumeUuid: string | null; process: "own" | "rescue" };

export function noteRescue(tx: Tx, vmUuid: string, rescue: Rescue): void {
  tx.put("Rescue", vmUuid, rescue);
}

export function rescueOf(tx: Tx, vmUuid: string): Rescue | undefined {
  const record = tx.get("Rescue", vmUuid);
  if (record === undefined) return;
  const { imageUuid, volumeUuid, process } = record;
  return {
    imageUuid: String(imageUuid),
    volumeUuid: typeof volumeUuid === "string" ? volumeUuid : null,
    process: process === "own" ? "own" : "rescue",
  };
}

/** To be written while no process of the machine is there, before one is started. */
export function noteProcess(tx: Tx, vmUuid: string, process: Rescue["process"]): void {
  const rescue = rescueOf(tx, vmUuid);
  if (rescue !== undefined) tx.put("Rescue", vmUuid, { ...rescue, process });
}

/** One whose host was lost before its rescue had begun, or after it had ended, runs from its own disk. */
function settled(tx: Tx, machine: Machine): Machine {
  const { uuid, state, operation } = machine;
  if (state !== "Rescued" || operation !== null || rescueOf(tx, uuid)?.process === "rescue") return machine;
  return tx.update("VmInstance", uuid, { state: "Running", stateBeforeRescue: null });
}

/** Whether a process of a machine may be one that was started from the disk of a rescue. */
function isInRescue({ operation, stateBeforeRescue }: Machine): boolean {
  return operation === "rescue" || stateBeforeRescue !== null;
}

/** A rescue is over, and its disk is gone. */
export function forgetRescue(tx: Tx, vmUuid: string): void {
  const rescue = takeRescue(tx, vmUuid);
  if (rescue === undefined || rescue.volumeUuid === null) return;
  if (tx.get("Volume", rescue.volumeUuid) !== undefined) removeVolume(tx, rescue.volumeUuid);
}

/**
 * To be called with each change of a machine's state. A rescue that ended otherwise than by being ended, as by the death
 * of its process, leaves its disk: it is a deleted volume then, which is expunged at the next look.
 */
export function settleRescue(tx: Tx, changed: Machine): void {
  if (tx.get("Rescue", changed.uuid) === undefined) return;
  const machine = settled(tx, changed);
  if (isInRescue(machine)) return;
  const rescue = takeRescue(tx, machine.uuid);
  const volume = rescue === undefined || rescue.volumeUuid === null ? undefined : tx.get("Volume", rescue.volumeUuid);
  if (volume === undefined) return;
  discardVolume(tx, volume, machine);
}

function takeRescue(tx: Tx, vmUuid: string): Rescue | undefined {
  const rescue = rescueOf(tx, vmUuid);
  if (rescue === undefined) return;
  tx.delete("Rescue", vmUuid);
  const isOwn = tx.get("VmInstance", vmUuid)?.isoUuids.includes(rescue.imageUuid) ?? false;
  if (!isOwn) forgetIso(tx, vmUuid, rescue.imageUuid);
  return rescue;
}
