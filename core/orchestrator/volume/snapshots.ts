import {
  afterDeletion,
  afterTurnTo,
  nextPlace,
  sizeOfNext,
  type TreePatches,
} from "../../model/cloud/snapshot-tree.ts";
import type { Flow } from "../flow/flow.ts";
import { standingOf } from "../images/base.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { end } from "../vm/life.ts";
import { look, tell, type VmWorld } from "../vm/work.ts";
import { needHeld } from "./attach.ts";
import { heldVolume, isTakenBack, releaseVolume, type VolumeHold } from "./hold.ts";
import { hostForVolume, hostOfVolume } from "./place.ts";
import { takeRoom } from "./room.ts";

/* Snapshots are kept in the volume's own file; their trees are records only. */

/** `vmUuid`: the machine that has the volume, or null. `path`: of the volume's file. */
export type SnapshotData = VolumeHold & {
  snapshotUuid: string;
  vmUuid: string | null;
  path: string;
  /** Bytes of the file before. */
  fileBytes?: number;
  freedBytes?: number;
};
export type TakeData = SnapshotData & { name: string; description: string | null };

/** Both take and delete go through the whole map of a volume's clusters. */
const graceMs = 900_000;

export function takeSnapshotFlow(world: VmWorld): Flow<TakeData> {
  return {
    name: "takeSnapshot",
    steps: [
      measured(world),
      {
        name: "record",
        title: "Taking room for it",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => {
            // A manager has ended between this and the note that it is done.
            if (tx.get("VolumeSnapshot", data.snapshotUuid) !== undefined) return;
            const volume = tx.need("Volume", data.volumeUuid);
            const { primaryStorageUuid } = volume;
            if (primaryStorageUuid === null) throw new Error(`The volume ${volume.uuid} has no storage.`);
            const all = snapshotsOf(tx, volume.uuid);
            const { parentUuid, treeUuid, depth } = nextPlace(all);
            const size = sizeOfNext(all, data.fileBytes ?? 0);
            takeRoom(round, primaryStorageUuid, hostOfVolume(tx, volume), { keptBytes: size });
            tx.insert("VolumeSnapshot", {
              ...{ uuid: data.snapshotUuid, name: data.name, description: data.description },
              ...{ volumeUuid: volume.uuid, primaryStorageUuid, parentUuid, depth, size },
              treeUuid: treeUuid ?? data.snapshotUuid,
              latest: false,
              status: "Creating",
            });
          });
          return undefined;
        },
        // The record goes when the flow has failed, after the snapshot has gone.
      },
      {
        name: "take",
        title: "Taking the snapshot",
        cancellable: true,
        run: async (data, env) => {
          await snapshotCommand(world, "snapshotVolume", data, env);
          return undefined;
        },
        undo: async (data, env) => {
          await snapshotCommand(world, "deleteSnapshot", data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      const { snapshotUuid } = data;
      if (endAll(tx, data, "done") && tx.get("VolumeSnapshot", snapshotUuid) !== undefined) {
        tx.update("VolumeSnapshot", snapshotUuid, { status: "Ready" });
        write(tx, afterTurnTo(snapshotsOf(tx, data.volumeUuid), snapshotUuid));
      }
    },
    failed: (tx, data, error, how) => {
      const isHeld = endAll(tx, data, "failed");
      // One that may have been taken stays on record, as Creating: deleting it makes sure.
      if (isHeld && isTakenBack(error, how) && tx.get("VolumeSnapshot", data.snapshotUuid) !== undefined)
        tx.remove("VolumeSnapshot", data.snapshotUuid);
    },
    result: ({ snapshotUuid }) => ({ snapshotUuid }),
  };
}

export function deleteSnapshotFlow(world: VmWorld): Flow<SnapshotData> {
  return {
    name: "deleteSnapshot",
    steps: [
      measured(world),
      {
        name: "delete",
        title: "Removing the snapshot",
        async run(data, env) {
          await snapshotCommand(world, "deleteSnapshot", data, env);
          const after = await fileBytes(world, data, env.signal);
          return { data: { freedBytes: Math.max(0, (data.fileBytes ?? 0) - after) } };
        },
      },
    ],
    succeeded: (tx, data) => {
      const { snapshotUuid, freedBytes = 0 } = data;
      if (!endAll(tx, data, "done") || tx.get("VolumeSnapshot", snapshotUuid) === undefined) return;
      write(tx, afterDeletion(snapshotsOf(tx, data.volumeUuid), snapshotUuid, freedBytes));
      tx.remove("VolumeSnapshot", snapshotUuid);
    },
    failed: (tx, data) => {
      if (endAll(tx, data, "failed") && tx.get("VolumeSnapshot", data.snapshotUuid) !== undefined)
        tx.update("VolumeSnapshot", data.snapshotUuid, { status: "Ready" });
    },
  };
}

/** Puts a volume back. A failure leaves it as it was, or put back already: to ask again makes sure. */
export function revertVolumeFlow(world: VmWorld): Flow<SnapshotData> {
  return {
    name: "revertVolume",
    steps: [
      {
        name: "revert",
        title: "Putting the volume back",
        async run(data, env) {
          const tx = look(world);
          const volume = needHeld(tx, data);
          const { path, snapshotUuid } = data;
          const file = { path, ...standingOf(tx, volume.uuid) };
          const command = { do: "revertVolume", ...file, snapshotUuid, sizeBytes: volume.size } as const;
          await tell(world, hostForVolume(tx, volume), command, env, { graceMs });
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      if (endAll(tx, data, "done")) write(tx, afterTurnTo(snapshotsOf(tx, data.volumeUuid), data.snapshotUuid));
    },
    failed: (tx, data) => void endAll(tx, data, "failed"),
  };
}

/** The first step: how large the file is before anything is done. */
function measured<D extends SnapshotData>(world: VmWorld): Flow<D>["steps"][number] {
  return {
    name: "look",
    title: "Looking at the volume",
    cancellable: true,
    async run(data, env) {
      const bytes = await fileBytes(world, data, env.signal);
      const patch: Partial<SnapshotData> = { fileBytes: bytes };
      return {
        data: patch as Partial<D>,
        change: (tx) => void tx.update("Volume", data.volumeUuid, { actualSize: bytes }),
      };
    },
  };
}

async function fileBytes(world: VmWorld, data: SnapshotData, signal: AbortSignal): Promise<number> {
  const tx = look(world);
  const host = hostForVolume(tx, needHeld(tx, data));
  const file = { path: data.path, format: "qcow2", ...standingOf(tx, data.volumeUuid) } as const;
  return (await world.link.volume(host, file, signal)).actualBytes;
}

async function snapshotCommand(
  world: VmWorld,
  what: "snapshotVolume" | "deleteSnapshot",
  data: SnapshotData,
  env: Parameters<typeof tell>[3],
): Promise<void> {
  const tx = look(world);
  const { vmUuid: uuid, path, snapshotUuid } = data;
  const command = { do: what, uuid, path, ...standingOf(tx, data.volumeUuid), snapshotUuid } as const;
  await tell(world, hostForVolume(tx, needHeld(tx, data)), command, env, { graceMs });
}

export function snapshotsOf(tx: Tx, volumeUuid: string): RecordOf<"VolumeSnapshot">[] {
  return tx
    .find("VolumeSnapshot", "volumeUuid", volumeUuid)
    .toSorted((a, b) => a.createDate - b.createDate || (a.uuid < b.uuid ? -1 : 1));
}

function write(tx: Tx, patches: TreePatches): void {
  for (const [uuid, patch] of patches) tx.update("VolumeSnapshot", uuid, patch);
}

/** Ends the operation on the machine and on the volume; whether the task still held the volume. */
function endAll(tx: Tx, data: SnapshotData, ending: "done" | "failed"): boolean {
  const { vmUuid, holder } = data;
  if (vmUuid !== null) end(tx, { vmUuid, holder }, ending);
  const isHeld = heldVolume(tx, data) !== undefined;
  releaseVolume(tx, data);
  return isHeld;
}
