import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import { shown } from "../../model/quote.ts";
import type { Flow } from "../flow/flow.ts";
import type { Tx } from "../records.ts";
import type { Round } from "../vm/allocator.ts";
import { end, isHolder, letVolumeGo } from "../vm/life.ts";
import { diskSpec, volumePath } from "../vm/spec.ts";
import { hostOf, look, tell, type VmWorld } from "../vm/work.ts";
import { heldVolume, isTakenBack, releaseVolume, type VolumeHold } from "./hold.ts";
import { hostFor, hostToKeep, placeOfMachine, storageOf } from "./place.ts";
import { takeRoomFor } from "./room.ts";

/*
 * A data volume comes to a machine and leaves it. On the record it is the machine's from the call on: what is not known
 * to be undone is counted as attached, for a guest may have it open.
 */

/**
 * `hostUuid`: the host that the machine runs on; null when it is off. `isNew`: its file is still to be made.
 * `keptHostUuid`: where a volume on local storage lay.
 */
export type AttachData = VolumeHold & {
  vmUuid: string;
  hostUuid: string | null;
  isNew: boolean;
  keptHostUuid: string | null;
};

const attachTitle = "Giving it to the machine";

export function attachVolumeFlow(world: VmWorld): Flow<AttachData> {
  return {
    name: "attachVolume",
    steps: [
      {
        name: "place",
        title: "Choosing a storage",
        cancellable: true,
        async run(data) {
          if (data.isNew) await world.allocator.allocate((tx, round) => choosePlace(tx, round, data));
          return undefined;
        },
      },
      {
        name: "create",
        title: "Making the volume",
        cancellable: true,
        async run(data, env) {
          if (!data.isNew) return undefined;
          const volume = needHeld(look(world), data);
          const { host, path } = fileOf(world, data);
          const { size: sizeBytes } = volume;
          await tell(world, host, { do: "createVolume", path, sizeBytes, format: "qcow2" }, env);
          return {
            change: (tx) => void tx.update("Volume", data.volumeUuid, { installPath: path, actualSize: 0 }),
          };
        },
        async undo(data, env) {
          const tx = look(world);
          // With its machine somebody else works by now, or it was started elsewhere: the volume stays with it.
          if (!data.isNew || !isHolder(tx, data.vmUuid, data.holder)) return undefined;
          if (heldVolume(tx, data)?.primaryStorageUuid == null) return undefined;
          const { host, path } = fileOf(world, data);
          await tell(world, host, { do: "deleteVolume", path }, env);
          return undefined;
        },
      },
      {
        name: "attach",
        title: attachTitle,
        cancellable: true,
        async run(data, env) {
          if (data.hostUuid === null) return undefined;
          const tx = look(world);
          const disk = diskSpec(tx, needHeld(tx, data));
          await tell(world, hostOf(world, data.hostUuid), { do: "attachVolume", uuid: data.vmUuid, disk }, env);
          return undefined;
        },
        async undo(data, env) {
          const tx = look(world);
          if (data.hostUuid === null || !isHolder(tx, data.vmUuid, data.holder)) return undefined;
          const path = heldVolume(tx, data)?.installPath;
          const host = tx.get("Host", data.hostUuid);
          if (typeof path !== "string" || host === undefined) return undefined;
          const command = { do: "detachVolume", uuid: data.vmUuid, path, waitMs: releaseMs } as const;
          await tell(world, host, command, env, { graceMs: releaseMs });
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      if (releaseVolume(tx, data) !== undefined) tx.update("Volume", data.volumeUuid, { status: "Ready" });
      end(tx, data, "done");
    },
    failed: (tx, data, error, how) => {
      const volume = releaseVolume(tx, data);
      const isHeld = isHolder(tx, data.vmUuid, data.holder);
      const isUndone = isTakenBack(error, how) && isHeld;
      const isApart = isUndone || (isHeld && how.notUndone.length > 0 && !how.notUndone.includes(attachTitle));
      const machine = tx.get("VmInstance", data.vmUuid);
      // That a volume could not be taken back is no fault of its machine, which goes on as it was.
      end(tx, data, "failed");
      if (volume === undefined) return;
      const apart = { vmInstanceUuid: null, deviceId: null };
      if (!data.isNew) {
        if (isApart) tx.update("Volume", volume.uuid, { ...apart, hostUuid: data.keptHostUuid });
      } else if (isUndone || volume.installPath === null)
        tx.update("Volume", volume.uuid, {
          ...apart,
          ...{ status: "NotInstantiated", primaryStorageUuid: null, installPath: null, hostUuid: null },
        });
      else {
        const hostUuid = isApart && machine !== undefined ? hostToKeep(tx, volume, machine) : volume.hostUuid;
        tx.update("Volume", volume.uuid, { status: "Ready", ...(isApart ? { ...apart, hostUuid } : {}) });
      }
    },
  };
}

/** How long a guest has to let go of a disk. */
export const releaseMs = 60_000;

export type DetachData = VolumeHold & { vmUuid: string; hostUuid: string | null };

export function detachVolumeFlow(world: VmWorld): Flow<DetachData> {
  return {
    name: "detachVolume",
    steps: [
      {
        name: "detach",
        title: "Waiting until the guest lets it go",
        async run(data, env) {
          const { installPath: path } = needHeld(look(world), data);
          if (data.hostUuid === null || path === null) return undefined;
          const command = { do: "detachVolume", uuid: data.vmUuid, path, waitMs: releaseMs } as const;
          await tell(world, hostOf(world, data.hostUuid), command, env, { graceMs: releaseMs }).catch(
            (error: unknown) => {
              throw isKept(error) ? notReleased(look(world), data, error) : error;
            },
          );
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      const volume = releaseVolume(tx, data);
      // Started anew meanwhile, after its host was lost, the machine has it again.
      if (volume?.vmInstanceUuid === data.vmUuid && isHolder(tx, data.vmUuid, data.holder)) letVolumeGo(tx, volume);
      end(tx, data, "done");
    },
    failed: (tx, data) => {
      releaseVolume(tx, data);
      end(tx, data, "failed");
    },
  };
}

/** The volume, which the task must still hold. */
export function needHeld(tx: Tx, hold: VolumeHold) {
  const volume = heldVolume(tx, hold);
  if (volume === undefined) throw new Error(`The task ${hold.holder} has lost the volume ${hold.volumeUuid}.`);
  return volume;
}

function choosePlace(tx: Tx, round: Round, data: AttachData): void {
  const volume = tx.need("Volume", data.volumeUuid);
  // A manager has ended between this and the note that it is done.
  if (volume.primaryStorageUuid !== null) return;
  const machine = tx.need("VmInstance", data.vmUuid);
  const others = tx.find("Volume", "vmInstanceUuid", machine.uuid).filter(({ uuid }) => uuid !== volume.uuid);
  const { uuid: storageUuid } = takeRoomFor(round, {
    name: volume.name,
    sizeBytes: volume.size,
    clusterUuid: machine.clusterUuid,
    hostUuid: placeOfMachine(machine),
    rootStorageUuid: others.find(({ type }) => type === "Root")?.primaryStorageUuid ?? null,
    isBound: others.some((each) => each.primaryStorageUuid !== null && storageOf(tx, each).type === "LocalStorage"),
  });
  tx.guard(storageUuid);
  tx.update("Volume", volume.uuid, { primaryStorageUuid: storageUuid });
}

/** Where the file of a new volume is to be, and who makes it. */
function fileOf(world: VmWorld, data: AttachData) {
  const tx = look(world);
  const volume = tx.need("Volume", data.volumeUuid);
  const storage = storageOf(tx, volume);
  const own = data.hostUuid ?? placeOfMachine(tx.need("VmInstance", data.vmUuid));
  return { host: hostFor(tx, volume, storage, own), path: volumePath(storage, volume.uuid) };
}

function isKept(error: unknown): boolean {
  for (let at = error; at instanceof NodeError; at = at.cause)
    if (at.code === "HYPERVISOR.VOLUME_NOT_RELEASED") return true;
  return false;
}

function notReleased(tx: Tx, { volumeUuid, vmUuid }: DetachData, cause: unknown): CloudError {
  const details = `The guest of ${shown(tx.peek("VmInstance", vmUuid)?.name ?? vmUuid)} was asked, and has it still after ${releaseMs / 1000} s.`;
  const remedy =
    "Unmount it in the guest, then ask again. A guest that is still starting, hangs or knows no hot-plug does not let go: " +
    "stop the machine first.";
  const where = `Volume ${shown(tx.peek("Volume", volumeUuid)?.name ?? volumeUuid)}`;
  return new CloudError(refusalOf("STORAGE.1043", { where, details, remedy }), cause);
}
