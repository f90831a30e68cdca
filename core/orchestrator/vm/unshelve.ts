import type { Flow } from "../flow/flow.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import { bytesToCome, standOn } from "../images/base.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import { isKept, moveOn, removeImage } from "../images/delete.ts";
import { hostsCode, type ImageWorld, unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import { pathOf } from "../volume/discard.ts";
import { isTakenBack } from "../volume/hold.ts";
import { storageOf } from "../volume/place.ts";
import type { Round } from "./allocator.ts";
import { clustersOf, networkOf } from "./create.ts";
import { ensureDhcpServer } from "./dhcp-address.ts";
import { noteSeedLeft, takeUpGuestData } from "./guest-data.ts";
import type { RootImage } from "./image.ts";
import { end, endFailed, isHolder, isRunning } from "./life.ts";
import { needsSecond } from "./limits.ts";
import { requireVolumes } from "./local-volumes.ts";
import { marksOf } from "./placement.ts";
import type { VmData } from "./run.ts";
import { dropShelf, emptyRoot, giveUpRoot, replaceRoot, shelfOf } from "./shelf.ts";
import { machineSpec } from "./spec.ts";
import { held, hostOf, look, lostHold, tell, type VmWorld } from "./work.ts";

/*
 * A shelved machine is made of its image again. From the moment at which it runs the image is not needed any more, and
 * nothing is taken back; until then the image is all that counts, and whatever was made of it goes.
 */

/** However long a slow line takes: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;
const overlayAttempts = 3;
const startTitle = "Starting the machine";

/** `hostUuid`: the host that somebody has named. */
export type UnshelveData = VmData & { volumeUuid: string; image: RootImage; placedUuid?: string };

export function unshelveVmFlow(world: VmWorld, images: ImageWorld, carrier: ImageCarrier): Flow<UnshelveData> {
  const steps: Flow<UnshelveData>["steps"] = [
    {
      name: "place",
      title: "Choosing host and storage",
      cancellable: true,
      async run(data) {
        let placedUuid = "";
        await world.allocator.allocate((tx, round) => {
          placedUuid = placeShelved(tx, round, data);
        });
        return { data: { placedUuid } };
      },
    },
    {
      name: "image",
      title: "Bringing the image to the host",
      cancellable: true,
      timeoutMs: longestBringMs,
      async run(data, env) {
        const { host, storage } = placeOf(world, data);
        await unlessCancelled(world, env, (signal) => carrier.bring(host, storage, data.image, env, signal));
        return undefined;
      },
      // Nothing of it is taken back: the copy goes when nothing wants it any more.
    },
    {
      name: "volume",
      title: "Making the root volume",
      cancellable: true,
      async run(data, env) {
        const { host, storage, path, size: sizeBytes } = placeOf(world, data);
        for (let attempt = 1; ; attempt++)
          try {
            const backing = await carrier.bring(host, storage, data.image, env, env.signal);
            const command = { do: "createVolumeFromImage", path, sizeBytes, backing } as const;
            await tell(world, host, command, env, { part: String(attempt) });
            break;
          } catch (error) {
            // It has left the cache since it was brought.
            if (hostsCode(error) !== "HYPERVISOR.IMAGE_ABSENT" || attempt === overlayAttempts) throw error;
          }
        return {
          change: (tx) => {
            if (!isRunning(tx, data.vmUuid, data.holder)) throw lostHold(tx.need("VmInstance", data.vmUuid));
            tx.update("Volume", data.volumeUuid, { status: "Ready", installPath: path });
          },
        };
      },
      async undo(data, env) {
        if (!isOpen(look(world), data)) return undefined;
        const { host, path } = placeOf(world, data);
        // A start that could not be taken back may have the file open: it is not removed under a machine that may run.
        if (!env.isHalfDone)
          await tell(world, host, { do: "removeMachine", uuid: data.vmUuid }, env, { part: "machine" });
        const isGivenUp = await world.records.change((tx) => {
          if (!isOpen(tx, data)) return false;
          giveUpRoot(tx, data.volumeUuid);
          return true;
        });
        if (isGivenUp) await tell(world, host, { do: "deleteVolume", path }, env);
        return undefined;
      },
    },
    {
      name: "start",
      title: startTitle,
      cancellable: true,
      async run(data, env) {
        const machine = machineSpec(look(world), held(world, data));
        await tell(world, placeOf(world, data).host, { do: "startMachine", machine }, env);
        return {
          change: (tx) => {
            if (!isRunning(tx, data.vmUuid, data.holder)) throw lostHold(tx.need("VmInstance", data.vmUuid));
            dropShelf(tx, data.vmUuid);
          },
        };
      },
      async undo(data, env) {
        if (isOpen(look(world), data))
          await tell(world, placeOf(world, data).host, { do: "removeMachine", uuid: data.vmUuid }, env);
        return undefined;
      },
    },
    {
      name: "forget",
      title: "Removing the image",
      async run({ image: { uuid, sha256, storeUuid } }, env) {
        const { mirror } = world.records;
        const store = mirror.get("BackupStorage", storeUuid)?.value;
        if (store === undefined || !(await isToGo(world, uuid))) return undefined;
        try {
          const isUnused = () => !isKept(mirror, { uuid, sha256 }, storeUuid);
          await images.images.remove(store, sha256, isUnused);
        } catch {
          env.signal.throwIfAborted();
          // It is a deleted one, and goes when those are looked at.
          return { change: (tx) => backToDeleted(tx, uuid) };
        }
        return {
          change: (tx) => {
            if (tx.get("Image", uuid) !== undefined) removeImage(tx, uuid);
          },
        };
      },
    },
  ];
  return {
    name: "unshelveVm",
    steps,
    succeeded: (tx, data) => void end(tx, data, "done", { noRestart: false }),
    failed: (tx, data, error, how) => {
      if (!isHolder(tx, data.vmUuid, data.holder)) return;
      if (shelfOf(tx, data.vmUuid) === undefined) {
        backToDeleted(tx, data.image.uuid);
        end(tx, data, "done", { noRestart: false });
        return;
      }
      const machine = tx.get("VmInstance", data.vmUuid);
      const volume = tx.get("Volume", data.volumeUuid);
      // Its volume was given up only after the machine had been removed.
      const mayRun = how.notUndone.includes(startTitle) && volume?.status === "Ready";
      if (machine !== undefined && machine.operation !== null && volume !== undefined && !mayRun) {
        if (isTakenBack(error, how) || volume.primaryStorageUuid === null) emptyRoot(tx, volume.uuid);
        else replaceRoot(tx, machine);
      }
      endFailed(tx, data, { notUndone: mayRun ? [startTitle] : [] });
    },
    result: ({ vmUuid }) => ({ vmInstanceUuid: vmUuid }),
  };
}

/** Whether an image that was dropped is to be removed now: from here on it has no content for others. */
async function isToGo({ records }: VmWorld, imageUuid: string): Promise<boolean> {
  return await records.change((tx) => {
    const status = tx.get("Image", imageUuid)?.status;
    // A manager has ended in the midst of it.
    if (status === "Deleting") return true;
    if (status !== "Deleted") return false;
    moveOn(tx, imageUuid, "expunge");
    return true;
  });
}

function backToDeleted(tx: Tx, imageUuid: string): void {
  if (tx.get("Image", imageUuid)?.status === "Deleting") moveOn(tx, imageUuid, "deleted");
}

/** Whether what was made can be taken back: nobody else works with the machine, and its image is on the shelf. */
function isOpen(tx: Tx, { vmUuid, holder, placedUuid }: UnshelveData): boolean {
  return placedUuid !== undefined && isRunning(tx, vmUuid, holder) && shelfOf(tx, vmUuid) !== undefined;
}

function placeOf(world: VmWorld, data: UnshelveData) {
  const machine = held(world, data);
  const tx = look(world);
  const volume = tx.need("Volume", data.volumeUuid);
  const host = hostOf(world, machine.hostUuid ?? "");
  return { host, storage: storageOf(tx, volume), path: pathOf(tx, volume), size: volume.size };
}

/** Gives the machine a host, and its root volume a storage. */
function placeShelved(
  tx: Tx,
  round: Round,
  { vmUuid, holder, volumeUuid, image, hostUuid: wanted }: UnshelveData,
): string {
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // A manager has ended between this and the note that it is done.
  if (machine.hostUuid !== null) return machine.hostUuid;
  requireAllSeen(tx, machine.name);
  requireVolumes(tx, machine);
  const storages = tx
    .find("Volume", "vmInstanceUuid", vmUuid)
    .flatMap(({ primaryStorageUuid: uuid }) => (uuid === null ? [] : [tx.need("PrimaryStorage", uuid)]));
  const isBound = storages.some(({ type }) => type === "LocalStorage");
  const networks = tx.find("VmNic", "vmInstanceUuid", vmUuid).map(({ l3NetworkUuid }) => l3NetworkUuid);
  const { name, cpuNum, memorySize } = machine;
  const { size: sizeBytes } = tx.need("Volume", volumeUuid);
  const placement = round.place({
    ...{ name, cpuNum, memorySize, wantedHostUuid: wanted, clusterUuid: null, storages },
    ...{
      machine: marksOf(machine, "running"),
      needsSecond: needsSecond(tx, machine, "nextStart"),
      lastHostUuid: machine.lastHostUuid,
    },
    volumesHostUuid: isBound ? machine.lastHostUuid : null,
    networks: networks.map((uuid) => networkOf(tx, uuid)),
    rootVolume: {
      ...{ sizeBytes, storageUuid: null },
      moreBytes: (storage, hostUuid) => bytesToCome(tx, storage, hostUuid, image),
    },
    image: { clusterUuids: clustersOf(tx, image.zoneUuid) },
  });
  const { hostUuid, clusterUuid, storageUuid } = placement;
  if (storageUuid === null) throw new Error(`${vmUuid} has no storage.`);
  for (const uuid of networks) ensureDhcpServer(tx, uuid);
  tx.update("VmInstance", vmUuid, { hostUuid, clusterUuid });
  takeUpGuestData(tx, vmUuid);
  if (machine.lastHostUuid !== hostUuid) noteSeedLeft(tx, vmUuid, machine.lastHostUuid);
  tx.update("Volume", volumeUuid, { primaryStorageUuid: storageUuid, status: "Creating" });
  standOn(tx, volumeUuid, tx.need("PrimaryStorage", storageUuid), hostUuid, image);
  return hostUuid;
}
