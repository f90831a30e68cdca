import { noteExpunging, requireThere } from "../expunging.ts";
import type { Flow, StepResult } from "../flow/flow.ts";
import type { Tx } from "../records.ts";
import type { Round } from "../vm/allocator.ts";
import { volumePath } from "../vm/spec.ts";
import { look, tell, type VmWorld } from "../vm/work.ts";
import { needHeld } from "./attach.ts";
import { heldVolume, isTakenBack, releaseVolume, removeVolume, type VolumeHold } from "./hold.ts";
import { hostFor, hostForVolume, isGone } from "./place.ts";
import { takeRoom } from "./room.ts";

/* A data volume is made, deleted, expunged. */

/** `storageUuid` null: only its record is made. `hostUuid`: on local storage the host on whose disks it is made. */
export type CreateVolumeData = VolumeHold & {
  name: string;
  description: string | null;
  size: number;
  diskOfferingUuid: string | null;
  storageUuid: string | null;
  hostUuid: string | null;
};

export function createVolumeFlow(world: VmWorld): Flow<CreateVolumeData> {
  return {
    name: "createVolume",
    steps: [
      {
        name: "record",
        title: "Making the record",
        cancellable: true,
        async run(data) {
          if (data.storageUuid === null) await world.records.change((tx) => insert(tx, data));
          else await world.allocator.allocate((tx, round) => insert(tx, data, round));
          return undefined;
        },
        // The record goes when the flow has failed, after the file has gone.
      },
      {
        name: "create",
        title: "Making the volume",
        cancellable: true,
        async run(data, env) {
          if (data.storageUuid === null) return undefined;
          const { host, path } = fileOf(look(world), data, data.storageUuid);
          const command = { do: "createVolume", path, sizeBytes: data.size, format: "qcow2" } as const;
          await tell(world, host, command, env);
          return { change: (tx) => void tx.update("Volume", data.volumeUuid, { installPath: path }) };
        },
        async undo(data, env) {
          if (data.storageUuid === null) return undefined;
          const { host, path } = fileOf(look(world), data, data.storageUuid);
          await tell(world, host, { do: "deleteVolume", path }, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      if (releaseVolume(tx, data) !== undefined && data.storageUuid !== null)
        tx.update("Volume", data.volumeUuid, { status: "Ready" });
    },
    failed: (tx, data, error, how) => {
      const volume = heldVolume(tx, data);
      if (volume === undefined) return;
      // Of a file that is there and could not be removed the record stays: it can be deleted again.
      if (volume.installPath === null || isTakenBack(error, how)) removeVolume(tx, data.volumeUuid);
      else {
        releaseVolume(tx, data);
        tx.update("Volume", data.volumeUuid, { status: "Ready" });
      }
    },
    result: ({ volumeUuid }) => ({ volumeUuid }),
  };
}

function insert(tx: Tx, data: CreateVolumeData, round?: Round): void {
  const { volumeUuid: uuid, name, description, size, diskOfferingUuid, storageUuid, hostUuid, holder } = data;
  // A manager has ended between this and the note that it is done.
  if (tx.get("Volume", uuid) !== undefined) return;
  if (storageUuid !== null && round !== undefined) {
    if (hostUuid !== null) {
      tx.need("Host", hostUuid, "hostUuid");
      tx.guard(hostUuid);
    }
    takeRoom(round, storageUuid, hostUuid, { sizeBytes: size });
  }
  tx.put("VolumeOperation", uuid, { holder, what: "create" });
  tx.insert("Volume", {
    ...{ uuid, name, description, size, diskOfferingUuid, hostUuid },
    primaryStorageUuid: storageUuid,
    vmInstanceUuid: null,
    type: "Data",
    format: "qcow2",
    actualSize: 0,
    installPath: null,
    rootImageUuid: null,
    deviceId: null,
    state: "Enabled",
    status: storageUuid === null ? "NotInstantiated" : "Creating",
  });
}

function fileOf(tx: Tx, { volumeUuid, name, hostUuid }: CreateVolumeData, storageUuid: string) {
  const storage = tx.need("PrimaryStorage", storageUuid);
  return { host: hostFor(tx, { name }, storage, hostUuid), path: volumePath(storage, volumeUuid) };
}

/** `expunges`: with the policy Direct its file goes at once. */
export type DeleteVolumeData = VolumeHold & { expunges: boolean };

/** One whose file could not be removed at once is deleted all the same, and goes when it is expunged. */
export function deleteVolumeFlow(world: VmWorld): Flow<DeleteVolumeData> {
  return {
    name: "deleteVolume",
    steps: [
      {
        name: "begin",
        title: "Noting that it goes",
        async run(data) {
          return data.expunges ? beginning(world, data) : undefined;
        },
      },
      {
        name: "remove",
        title: "Removing the volume",
        async run(data, env) {
          if (data.expunges) await removeFile(world, data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      if (heldVolume(tx, data) === undefined) return;
      if (data.expunges) removeVolume(tx, data.volumeUuid);
      else deleted(tx, data);
    },
    failed: deleted,
  };
}

function deleted(tx: Tx, data: VolumeHold): void {
  if (releaseVolume(tx, data) !== undefined) tx.update("Volume", data.volumeUuid, { status: "Deleted" });
}

/** Removes a deleted volume for good; once that has begun it can't be recovered any more. */
export function expungeVolumeFlow(world: VmWorld): Flow<VolumeHold> {
  return {
    name: "expungeVolume",
    steps: [
      {
        name: "begin",
        title: "Noting that it goes",
        async run(data) {
          return beginning(world, data);
        },
      },
      {
        name: "remove",
        title: "Removing the volume",
        async run(data, env) {
          await removeFile(world, data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      if (heldVolume(tx, data) !== undefined) removeVolume(tx, data.volumeUuid);
    },
    failed: (tx, data) => void releaseVolume(tx, data),
  };
}

/** @throws HOST.1010, STORAGE.1002 while nobody can remove it: it can still be recovered then */
function beginning(world: VmWorld, data: VolumeHold): StepResult<never> {
  const tx = look(world);
  const volume = needHeld(tx, data);
  if (volume.installPath === null || isGone(tx, volume)) return undefined;
  requireThere(hostForVolume(tx, volume));
  return { change: (changing) => noteExpunging(changing, data.volumeUuid) };
}

async function removeFile(world: VmWorld, data: VolumeHold, env: Parameters<typeof tell>[3]): Promise<void> {
  const tx = look(world);
  const volume = needHeld(tx, data);
  if (volume.installPath === null || isGone(tx, volume)) return;
  await tell(world, hostForVolume(tx, volume), { do: "deleteVolume", path: volume.installPath }, env);
}
