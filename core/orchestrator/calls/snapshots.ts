import { nextPlace } from "../../model/cloud/snapshot-tree.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import type { VmOperation } from "../../model/cloud/vm-operations.ts";
import { depthRefusal, snapshotStatusMachine } from "../../model/cloud/volume.ts";
import { snapshotRefusal } from "../../model/cloud/volume-rules.ts";
import type { Tx } from "../records.ts";
import { holdVolume, isBusy, type Volume } from "../volume/hold.ts";
import { type SnapshotData, snapshotsOf, type TakeData } from "../volume/snapshots.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { orThrow, patchOf, refuseFor } from "./shared.ts";
import { beginMachineOf, refused, task } from "./volumes.ts";

/* Snapshots of volumes, of root volumes too. */

/** Begins an operation on the volume of a snapshot and on the machine that has it. */
function begun(tx: Tx, volumeUuid: string, snapshotUuid: string, operation: VmOperation, context: CallContext) {
  const holder = context.newUuid();
  const volume = holdVolume(tx, volumeUuid, operation, holder, "volumeUuid");
  const vmUuid = beginMachineOf(tx, volume, operation, holder)?.uuid ?? null;
  // Also that one more would be too many is said only where one is to be made.
  refuseFor(snapshotRefusal(volume.name, volume, 0));
  const data: SnapshotData = { volumeUuid, snapshotUuid, holder, vmUuid, path: pathOf(volume) };
  return { volume, data };
}

function pathOf(volume: Volume): string {
  if (volume.installPath !== null) return volume.installPath;
  throw refused(volume, "It was never made.", "Attach it to a machine first.");
}

export const snapshotDeciders = {
  CreateVolumeSnapshot: (tx, { volumeUuid, name, description }, context) => {
    const snapshotUuid = context.newUuid();
    const { volume, data } = begun(tx, volumeUuid, snapshotUuid, "snapshot", context);
    const all = snapshotsOf(tx, volumeUuid);
    refuseFor(snapshotRefusal(volume.name, volume, all.length) ?? depthRefusal(volume.name, nextPlace(all).depth));
    const take: TakeData = { ...data, name, description };
    const what = { call: "CreateVolumeSnapshot", flow: "takeSnapshot", verb: "Take a snapshot of volume" } as const;
    return task(tx, context, what, volume.name, take, snapshotUuid);
  },
  UpdateVolumeSnapshot: (tx, { uuid, ...patch }) => ({
    inventory: tx.update("VolumeSnapshot", uuid, patchOf(patch)),
  }),
  RevertVolumeFromSnapshot: (tx, { uuid }, context) => {
    const { volumeUuid, status } = tx.need("VolumeSnapshot", uuid);
    const { volume, data } = begun(tx, volumeUuid, uuid, "revert", context);
    if (status !== "Ready")
      throw refused(volume, `The status of the snapshot is ${status}.`, "Take another snapshot, or delete this one.");
    const what = { call: "RevertVolumeFromSnapshot", flow: "revertVolume", verb: "Put back volume" } as const;
    return task(tx, context, what, volume.name, data, uuid);
  },
  DeleteVolumeSnapshot: (tx, { uuid }, context) => {
    const { volumeUuid, name, status } = tx.need("VolumeSnapshot", uuid);
    // Of one that is being deleted still, by a task that could not say how it ended, it is asked again.
    const from = status === "Deleting" && !isBusy(tx, volumeUuid) ? "Ready" : status;
    const { volume, data } = begun(tx, volumeUuid, uuid, "deleteSnapshot", context);
    tx.update("VolumeSnapshot", uuid, { status: orThrow(nextState(snapshotStatusMachine, name, from, "delete")) });
    const what = { call: "DeleteVolumeSnapshot", flow: "deleteSnapshot", verb: "Delete a snapshot of volume" } as const;
    return task(tx, context, what, volume.name, data, uuid);
  },
} satisfies DecidersOf<
  "CreateVolumeSnapshot" | "UpdateVolumeSnapshot" | "RevertVolumeFromSnapshot" | "DeleteVolumeSnapshot"
>;
