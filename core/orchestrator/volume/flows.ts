import type { Flow } from "../flow/flow.ts";
import type { VmWorld } from "../vm/work.ts";
import { attachVolumeFlow, detachVolumeFlow } from "./attach.ts";
import { createVolumeFlow, deleteVolumeFlow, expungeVolumeFlow } from "./life.ts";
import { resizeVolumeFlow } from "./resize.ts";
import { deleteSnapshotFlow, revertVolumeFlow, takeSnapshotFlow } from "./snapshots.ts";

/** All that is done with volumes. */
export function volumeFlows(world: VmWorld): readonly Flow[] {
  return [
    createVolumeFlow(world),
    attachVolumeFlow(world),
    detachVolumeFlow(world),
    deleteVolumeFlow(world),
    expungeVolumeFlow(world),
    resizeVolumeFlow(world),
    takeSnapshotFlow(world),
    deleteSnapshotFlow(world),
    revertVolumeFlow(world),
  ] as readonly Flow[];
}
