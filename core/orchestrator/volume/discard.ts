import { noteExpunging } from "../expunging.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { volumePath } from "../vm/folder.ts";
import type { Machine } from "../vm/life.ts";
import { hostToKeep, storageOf } from "./place.ts";

/**
 * A volume of a machine that nobody can want back is a deleted one, which is expunged at the next look, whatever the
 * policy: its file may be in use still, or its host away.
 */
export function discardVolume(tx: Tx, volume: RecordOf<"Volume">, machine: Machine): void {
  noteExpunging(tx, volume.uuid);
  tx.update("Volume", volume.uuid, {
    ...{ type: "Data", status: "Deleted", vmInstanceUuid: null, deviceId: null },
    hostUuid: hostToKeep(tx, volume, machine),
    // One that was being made may have its file, which nobody has noted.
    installPath: volume.installPath ?? pathOf(tx, volume),
  });
}

/** The file of a volume, whether or not it is there. */
export function pathOf(tx: Tx, volume: RecordOf<"Volume">): string {
  return volumePath(storageOf(tx, volume), volume.uuid);
}
