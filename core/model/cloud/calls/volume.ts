import * as z from "zod/mini";
import { bytes, say, uuid } from "../fields.ts";
import { volumeSnapshot } from "../volume.ts";
import { action, asTask, creation, deletion, get, named, onOff, query, renamed, update } from "./call.ts";

/** Nobody has so much storage; QEMU's own limit for a volume of its format is far above. */
const largestBytes = 1024 ** 5;
const size = bytes.check(z.minimum(1024 ** 2), z.maximum(largestBytes));
const grown = { size: say(size, "Bytes that it is to have; it can only grow.") };

export const volumeCalls = {
  CreateDataVolume: asTask({
    ...creation("Volume", "Makes a data volume: its record only, or with a storage its file too.", {
      ...named("Volume"),
      diskOfferingUuid: z.optional(say(uuid, "Its size; or diskSize.")),
      diskSize: z.optional(say(size, "Bytes that a guest sees.")),
      primaryStorageUuid: z.optional(
        say(uuid, "Where it is made at once; else it is made where it fits when it is first attached."),
      ),
      hostUuid: z.optional(say(uuid, "On local storage: the host on whose disks it is made.")),
    }),
    path: "/v1/volumes/data",
  }),
  QueryVolume: query("Volume"),
  GetVolume: get("Volume"),
  UpdateVolume: update("Volume", "Changes a volume's name or description.", renamed("Volume")),
  ChangeVolumeState: onOff("Volume", "Enables or disables it for being attached."),
  AttachDataVolumeToVm: asTask(
    action("Volume", "attach", "Gives a data volume to a machine: at once where it runs, else with its next start.", {
      vmInstanceUuid: say(uuid, "The machine that gets it."),
    }),
  ),
  DetachDataVolumeFromVm: asTask(
    action(
      "Volume",
      "detach",
      "Takes a data volume from its machine; where that runs, its guest has to let it go.",
      {},
    ),
  ),
  DeleteDataVolume: asTask(deletion("Volume", "Deletes a data volume; the policy says when its file goes.")),
  RecoverDataVolume: action("Volume", "recover", "Takes the deletion of a data volume back.", {}),
  ExpungeDataVolume: asTask(
    action("Volume", "expunge", "Removes a deleted data volume for good, with its snapshots.", {}),
  ),
  ResizeDataVolume: asTask(action("Volume", "resize", "Lets a data volume grow.", grown)),
  ResizeRootVolume: asTask(action("Volume", "resize-root", "Lets a root volume grow.", grown)),
  CreateVolumeSnapshot: asTask(
    creation("VolumeSnapshot", "Keeps what a volume holds now; its machine goes on.", {
      ...named("VolumeSnapshot"),
      volumeUuid: volumeSnapshot.shape.volumeUuid,
    }),
  ),
  QueryVolumeSnapshot: query("VolumeSnapshot"),
  GetVolumeSnapshot: get("VolumeSnapshot"),
  UpdateVolumeSnapshot: update("VolumeSnapshot", "Changes its name or description.", renamed("VolumeSnapshot")),
  RevertVolumeFromSnapshot: asTask(
    action(
      "VolumeSnapshot",
      "revert",
      "Puts the volume back to it; what was written since the last snapshot is lost.",
      {},
    ),
  ),
  DeleteVolumeSnapshot: asTask(deletion("VolumeSnapshot", "Deletes it; volume and other snapshots stay whole.")),
} as const;
