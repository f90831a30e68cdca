import { noteExpunging } from "../expunging.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { bytesToCome, standOn } from "../images/base.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import { hostsCode, unlessCancelled } from "../images/world.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { heldVolume, isTakenBack, releaseVolume, removeVolume, type VolumeHold } from "../volume/hold.ts";
import { hostForVolume, hostToKeep, storageOf } from "../volume/place.ts";
import { takeRoom } from "../volume/room.ts";
import type { Round } from "./allocator.ts";
import type { RootImage } from "./image.ts";
import { end, isHolder } from "./life.ts";
import { volumePath } from "./spec.ts";
import { held, look, lostHold, tell, type VmWorld } from "./work.ts";

/*
 * A machine gets a new root volume of an image. The former one is whole until the new one is on the disk; then it is a
 * deleted data volume, with its snapshots, which can be recovered until it is expunged as all deleted volumes are.
 */

/** However long a slow line takes: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;
const overlayAttempts = 3;

/** `volumeUuid`: of the new root volume, a data volume until it is whole. `expunges`: the former one goes at once. */
export type RebuildData = VolumeHold & {
  vmUuid: string;
  formerUuid: string;
  image: RootImage;
  size: number;
  expunges: boolean;
};

export function rebuildVmFlow(world: VmWorld, carrier: ImageCarrier): Flow<RebuildData> {
  return {
    name: "rebuildVm",
    steps: [
      {
        name: "record",
        title: "Taking room for the new root volume",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => insert(tx, round, data));
          return undefined;
        },
        // The record goes when the flow has failed, after the file has gone.
      },
      {
        name: "image",
        title: "Bringing the image to the host",
        cancellable: true,
        timeoutMs: longestBringMs,
        async run(data, env) {
          await unlessCancelled(world, env, (signal) => bring(world, carrier, data, env, signal));
          return undefined;
        },
      },
      {
        name: "volume",
        title: "Making the new root volume",
        cancellable: true,
        async run(data, env) {
          held(world, data);
          const { host, path } = placeOf(look(world), data);
          for (let attempt = 1; ; attempt++)
            try {
              const backing = await bring(world, carrier, data, env, env.signal);
              const command = { do: "createVolumeFromImage", path, sizeBytes: data.size, backing } as const;
              await tell(world, host, command, env, { part: String(attempt) });
              break;
            } catch (error) {
              // It has left the cache since it was brought.
              if (hostsCode(error) !== "HYPERVISOR.IMAGE_ABSENT" || attempt === overlayAttempts) throw error;
            }
          return { change: (tx) => exchange(tx, data, path) };
        },
        async undo(data, env) {
          const tx = look(world);
          if (isExchanged(tx, data) || heldVolume(tx, data) === undefined) return undefined;
          const { host, path } = placeOf(tx, data);
          await tell(world, host, { do: "deleteVolume", path }, env);
          return undefined;
        },
      },
      {
        name: "begin",
        title: "Noting that the former root volume goes",
        async run(data) {
          const former = data.expunges ? heldVolume(look(world), formerOf(data)) : undefined;
          return former === undefined ? undefined : { change: (tx) => noteExpunging(tx, former.uuid) };
        },
      },
      {
        name: "former",
        title: "Removing the former root volume",
        async run(data, env) {
          if (!data.expunges) return undefined;
          const tx = look(world);
          const former = heldVolume(tx, formerOf(data));
          if (former === undefined || former.installPath === null) return undefined;
          try {
            await tell(world, hostForVolume(tx, former), { do: "deleteVolume", path: former.installPath }, env);
          } catch {
            env.signal.throwIfAborted();
            // It stays a deleted volume, and goes when those are expunged.
            return undefined;
          }
          return { change: (changing) => removeVolume(changing, data.formerUuid) };
        },
      },
    ],
    succeeded: finish,
    failed: (tx, data, error, how) => {
      if (isExchanged(tx, data)) return finish(tx, data);
      const fresh = heldVolume(tx, data);
      if (fresh !== undefined && isTakenBack(error, how)) removeVolume(tx, data.volumeUuid);
      else if (fresh !== undefined) {
        // Its file may be there, or not: it goes with the next look for what is to be expunged.
        noteExpunging(tx, fresh.uuid);
        tx.update("Volume", fresh.uuid, {
          status: "Deleted",
          installPath: volumePath(storageOf(tx, fresh), fresh.uuid),
        });
        releaseVolume(tx, data);
      }
      releaseVolume(tx, formerOf(data));
      // Of the machine nothing was touched.
      end(tx, data, "failed");
    },
    result: ({ vmUuid, volumeUuid }) => ({ vmInstanceUuid: vmUuid, rootVolumeUuid: volumeUuid }),
  };
}

function isExchanged(tx: Tx, { vmUuid, volumeUuid }: RebuildData): boolean {
  return tx.get("VmInstance", vmUuid)?.rootVolumeUuid === volumeUuid;
}

function formerOf({ formerUuid: volumeUuid, holder }: RebuildData): VolumeHold {
  return { volumeUuid, holder };
}

function finish(tx: Tx, data: RebuildData): void {
  releaseVolume(tx, data);
  releaseVolume(tx, formerOf(data));
  end(tx, data, "done");
}

/** Where the new volume is to be: where the former one is. */
function placeOf(tx: Tx, { volumeUuid, formerUuid }: RebuildData) {
  const former = tx.need("Volume", formerUuid);
  const storage = storageOf(tx, former);
  return { storage, host: hostForVolume(tx, former), path: volumePath(storage, volumeUuid) };
}

async function bring(world: VmWorld, carrier: ImageCarrier, data: RebuildData, env: FlowEnv, signal: AbortSignal) {
  const { storage, host } = placeOf(look(world), data);
  return carrier.bring(host, storage, data.image, env, signal);
}

function insert(tx: Tx, round: Round, data: RebuildData): void {
  const { volumeUuid: uuid, formerUuid, vmUuid, holder, image, size } = data;
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // A manager has ended between this and the note that it is done.
  if (tx.get("Volume", uuid) !== undefined) return;
  const former = tx.need("Volume", formerUuid);
  const { storage, host } = placeOf(tx, data);
  const hostUuid = hostToKeep(tx, former, machine);
  takeRoom(round, storage.uuid, hostUuid, { sizeBytes: size });
  takeRoom(round, storage.uuid, hostUuid, { keptBytes: bytesToCome(tx, storage, host.uuid, image) });
  tx.put("VolumeOperation", uuid, { holder, what: "rebuild" });
  tx.insert("Volume", {
    ...{ uuid, size, hostUuid, description: former.description, name: nextName(former) },
    primaryStorageUuid: storage.uuid,
    vmInstanceUuid: null,
    type: "Data",
    format: "qcow2",
    actualSize: 0,
    installPath: null,
    rootImageUuid: image.uuid,
    diskOfferingUuid: null,
    deviceId: null,
    state: "Enabled",
    status: "Creating",
  });
  standOn(tx, uuid, storage, host.uuid, image);
}

/** The one transaction that makes the new volume the machine's. */
function exchange(tx: Tx, { vmUuid, volumeUuid, formerUuid, holder, image }: RebuildData, path: string): void {
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  const former = tx.need("Volume", formerUuid);
  tx.update("Volume", formerUuid, {
    ...{ type: "Data", status: "Deleted", vmInstanceUuid: null, deviceId: null, name: formerName(former) },
    hostUuid: hostToKeep(tx, former, machine),
  });
  tx.update("Volume", volumeUuid, {
    ...{ type: "Root", status: "Ready", vmInstanceUuid: vmUuid, deviceId: 0, hostUuid: null },
    ...{ name: former.name, installPath: path },
  });
  tx.update("VmInstance", vmUuid, { rootVolumeUuid: volumeUuid, imageUuid: image.uuid });
}

type Named = Pick<RecordOf<"Volume">, "name">;
const longestName = 255;

function withEnd(name: string, ending: string): string {
  return `${name.slice(0, longestName - ending.length).trimEnd()}${ending}`;
}
const nextName = ({ name }: Named) => withEnd(name, " (being made)");
const formerName = ({ name }: Named) => withEnd(name, " (before the rebuild)");
