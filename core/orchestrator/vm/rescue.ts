import type { HostCommand, MachineSpec } from "../../hypervisor/driver.ts";
import { requireIso } from "../device/iso-image.ts";
import { noteIso } from "../device/iso-use.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { bytesToCome, copyKey, noteCopy, standOn } from "../images/base.ts";
import type { CarriedIso, ImageCarrier } from "../images/carrier.ts";
import { hostsCode, unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import { pathOf } from "../volume/discard.ts";
import { isTakenBack } from "../volume/hold.ts";
import { hostToKeep, storageOf } from "../volume/place.ts";
import { takeRoom } from "../volume/room.ts";
import type { Round } from "./allocator.ts";
import type { RootImage } from "./image.ts";
import { end, endFailed, isRunning, type Machine } from "./life.ts";
import { forgetRescue, noteProcess, noteRescue, type Rescue, rescueOf } from "./rescue-disk.ts";
import { rescueSpec } from "./rescue-spec.ts";
import { placeAgain, type StartData, type VmData } from "./run.ts";
import { machineSpec } from "./spec.ts";
import { held, hostOf, look, tell, tellEnd, type VmWorld } from "./work.ts";

/*
 * A machine is started from the disk of a rescue, and from its own again. Its own root volume is only a disk more
 * meanwhile. Whatever ends a rescue otherwise, the machine never has the disk of a rescue afterwards: see rescue-disk.ts.
 */

/** However long a slow line takes: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;
const overlayAttempts = 3;

const [diskTitle, stopTitle, startTitle] = [
  "Making the disk of the rescue",
  "Stopping the machine",
  "Starting the machine for its rescue",
];

/** `image`: what the disk of the rescue is made of, `volumeUuid`; else `iso`. `ran`: it ran before. */
export type RescueData = StartData & {
  imageUuid: string;
  image: RootImage | null;
  iso: CarriedIso | null;
  volumeUuid: string | null;
  sizeBytes: number;
  ran: boolean;
  graceMs: number;
};

export function rescueVmFlow(world: VmWorld, carrier: ImageCarrier): Flow<RescueData> {
  return {
    name: "rescueVm",
    steps: [
      {
        name: "place",
        title: "Keeping room for the rescue",
        cancellable: true,
        async run(data) {
          let placedUuid = "";
          await world.allocator.allocate((tx, round) => {
            placedUuid = placeRescue(tx, round, data);
          });
          return { data: { placedUuid } };
        },
        // The records go when the flow has failed, after the file has gone.
      },
      {
        name: "image",
        title: "Bringing the image to the host",
        cancellable: true,
        timeoutMs: longestBringMs,
        async run(data, env) {
          const { host, storage } = placeOf(world, data);
          const { image, iso } = data;
          await unlessCancelled(world, env, async (signal) => {
            if (iso !== null) await carrier.bringIso(host, storage, iso, env, signal);
            if (image !== null) await carrier.bring(host, storage, image, env, signal);
          });
          return undefined;
        },
      },
      {
        name: "disk",
        title: diskTitle,
        cancellable: true,
        async run(data, env) {
          const { image, volumeUuid, sizeBytes } = data;
          if (image === null || volumeUuid === null) return undefined;
          const { host, storage } = placeOf(world, data);
          const tx = look(world);
          const path = pathOf(tx, tx.need("Volume", volumeUuid));
          for (let attempt = 1; ; attempt++)
            try {
              const backing = await carrier.bring(host, storage, image, env, env.signal);
              const command = { do: "createVolumeFromImage", path, sizeBytes, backing } as const;
              await tell(world, host, command, env, { part: String(attempt) });
              break;
            } catch (error) {
              // It has left the cache since it was brought.
              if (hostsCode(error) !== "HYPERVISOR.IMAGE_ABSENT" || attempt === overlayAttempts) throw error;
            }
          return {
            change: (changing) => void changing.update("Volume", volumeUuid, { status: "Ready", installPath: path }),
          };
        },
        async undo(data, env) {
          if (isRunning(look(world), data.vmUuid, data.holder)) await deleteDisk(world, data, env);
          return undefined;
        },
      },
      {
        name: "stop",
        title: stopTitle,
        cancellable: true,
        async run(data, env) {
          if (data.ran) await stop(world, data, data.graceMs, env);
          return { change: (tx) => noteProcess(tx, data.vmUuid, "rescue") };
        },
        async undo(data, env) {
          if (data.ran) await undoWith(world, data, env, (tx, machine) => startOf(machineSpec(tx, machine)));
          return undefined;
        },
      },
      {
        name: "start",
        title: startTitle,
        async run(data, env) {
          const machine = held(world, data);
          const command = startOf(specOf(look(world), machine));
          await tell(world, hostHolding(world, machine), command, env);
          return undefined;
        },
        async undo({ ran, ...data }, env) {
          const off = { do: "stopMachine", uuid: data.vmUuid, graceMs: 0 } as const;
          await undoWith(world, data, env, () => (ran ? off : { do: "removeMachine", uuid: data.vmUuid }));
          return { change: (tx) => noteProcessIfOwn(tx, data, "own") };
        },
      },
    ],
    succeeded: (tx, data) => void end(tx, data, "done", { noRestart: false }),
    failed: (tx, data, error, how) => {
      // Lost in the midst of it: the disk stays until it is known that nothing runs from it.
      if (!isRunning(tx, data.vmUuid, data.holder)) return;
      if (isTakenBack(error, how)) forgetRescue(tx, data.vmUuid);
      endFailed(tx, data, { notUndone: how.notUndone.filter((title) => title !== diskTitle) });
    },
  };
}

/** `ran`: it ran before its rescue, and is to run again. */
export type UnrescueData = VmData & { ran: boolean; graceMs: number };

export function unrescueVmFlow(world: VmWorld): Flow<UnrescueData> {
  return {
    name: "unrescueVm",
    steps: [
      {
        name: "stop",
        title: "Stopping the rescue",
        async run(data, env) {
          await stop(world, data, data.graceMs, env);
          const { vmUuid: uuid, ran } = data;
          // The host forgets the disk of the rescue with it.
          if (!ran)
            await tell(world, hostHolding(world, held(world, data)), { do: "removeMachine", uuid }, env, {
              part: "remove",
            });
          return { change: (tx) => noteProcess(tx, uuid, "own") };
        },
        async undo(data, env) {
          await undoWith(world, data, env, (tx, machine) => startOf(specOf(tx, machine)));
          return undefined;
        },
      },
      {
        name: "start",
        title: "Starting the machine from its own disk",
        async run(data, env) {
          const machine = held(world, data);
          if (data.ran) await tell(world, hostHolding(world, machine), startOf(machineSpec(look(world), machine)), env);
          return undefined;
        },
        async undo(data, env) {
          const off = { do: "stopMachine", uuid: data.vmUuid, graceMs: 0 } as const;
          if (data.ran) await undoWith(world, data, env, () => off);
          return { change: (tx) => noteProcessIfOwn(tx, data, "rescue") };
        },
      },
      {
        name: "disk",
        title: "Removing the disk of the rescue",
        async run(data, env) {
          held(world, data);
          try {
            await deleteDisk(world, data, env);
          } catch {
            env.signal.throwIfAborted();
            // It is a deleted volume then, and goes when those are looked at.
            return undefined;
          }
          return {
            change: (tx) => {
              if (isRunning(tx, data.vmUuid, data.holder)) forgetRescue(tx, data.vmUuid);
            },
          };
        },
      },
    ],
    succeeded: (tx, data) => void end(tx, data, "done"),
    failed: (tx, data, _error, how) => endFailed(tx, data, how),
  };
}

/** What is started next, when that is this task's to say still. */
function noteProcessIfOwn(tx: Tx, { vmUuid, holder }: VmData, process: Rescue["process"]): void {
  if (isRunning(tx, vmUuid, holder)) noteProcess(tx, vmUuid, process);
}

/** What a rescued machine runs with; its own disks when nothing is known of a rescue any more. */
function specOf(tx: Tx, machine: Machine): MachineSpec {
  const rescue = rescueOf(tx, machine.uuid);
  return rescue === undefined ? machineSpec(tx, machine) : rescueSpec(tx, machine, rescue);
}

function startOf(machine: MachineSpec): HostCommand {
  return { do: "startMachine", machine };
}

function hostHolding(world: VmWorld, { uuid, hostUuid }: Machine) {
  if (hostUuid === null) throw new Error(`${uuid} is on no host.`);
  return hostOf(world, hostUuid);
}

async function stop(world: VmWorld, data: VmData, graceMs: number, env: FlowEnv): Promise<void> {
  const machine = held(world, data);
  const command = { do: "stopMachine", uuid: data.vmUuid, graceMs } as const;
  await tellEnd(world, machine, hostHolding(world, machine), command, env, { graceMs });
}

/** Tells the machine's host, unless its loss has ended the operation: somebody else works with the machine then. */
async function undoWith(
  world: VmWorld,
  { vmUuid, holder }: VmData,
  env: FlowEnv,
  commandOf: (tx: Tx, machine: Machine) => HostCommand,
): Promise<void> {
  const tx = look(world);
  const machine = isRunning(tx, vmUuid, holder) ? tx.get("VmInstance", vmUuid) : undefined;
  if (machine?.hostUuid == null) return;
  await tell(world, hostHolding(world, machine), commandOf(tx, machine), env);
}

async function deleteDisk(world: VmWorld, { vmUuid }: VmData, env: FlowEnv): Promise<void> {
  const tx = look(world);
  const { volumeUuid = null } = rescueOf(tx, vmUuid) ?? {};
  const volume = volumeUuid === null ? undefined : tx.get("Volume", volumeUuid);
  if (volume === undefined) return;
  const host = hostHolding(world, tx.need("VmInstance", vmUuid));
  await tell(world, host, { do: "deleteVolume", path: pathOf(tx, volume) }, env);
}

/** Where the machine is to be rescued, and what its root volume is on. @throws VM.1011 */
function placeOf(world: VmWorld, data: RescueData) {
  const machine = held(world, data);
  const tx = look(world);
  return { host: hostHolding(world, machine), storage: storageOf(tx, rootOf(tx, machine)) };
}

function rootOf(tx: Tx, { uuid, rootVolumeUuid }: Machine) {
  if (rootVolumeUuid === null) throw new Error(`${uuid} has no root volume.`);
  return tx.need("Volume", rootVolumeUuid);
}

/** Where its root volume is, there is room for the rescue; a stopped machine gets a host. Gives the host. */
function placeRescue(tx: Tx, round: Round, data: RescueData): string {
  const { vmUuid, imageUuid, image, iso, volumeUuid, sizeBytes: size } = data;
  const hostUuid = placeAgain(tx, round, data);
  // A manager has ended between this and the note that it is done.
  if (rescueOf(tx, vmUuid) !== undefined) return hostUuid;
  const machine = tx.need("VmInstance", vmUuid);
  const root = rootOf(tx, machine);
  const storage = storageOf(tx, root);
  const keptUuid = hostToKeep(tx, root, machine);
  noteRescue(tx, vmUuid, { imageUuid, volumeUuid, process: "own" });
  if (iso !== null) {
    // It may have been deleted since it was asked for; from here on it can't be.
    requireIso(tx, imageUuid, machine);
    if (tx.get("CachedImage", copyKey(storage, hostUuid, iso)) === undefined)
      takeRoom(round, storage.uuid, keptUuid, { keptBytes: iso.sizeBytes });
    noteCopy(tx, storage, hostUuid, iso);
    noteIso(tx, { vmUuid, imageUuid, sha256: iso.sha256, storageUuid: storage.uuid });
  }
  if (image === null || volumeUuid === null) return hostUuid;
  takeRoom(round, storage.uuid, keptUuid, { sizeBytes: size });
  takeRoom(round, storage.uuid, keptUuid, { keptBytes: bytesToCome(tx, storage, hostUuid, image) });
  tx.insert("Volume", {
    ...{ uuid: volumeUuid, size, description: null, name: `RESCUE-for-${machine.name}`.slice(0, 255).trimEnd() },
    ...{ primaryStorageUuid: storage.uuid, hostUuid: null, vmInstanceUuid: vmUuid, type: "Root", format: "qcow2" },
    ...{ actualSize: 0, installPath: null, rootImageUuid: imageUuid, diskOfferingUuid: null, deviceId: null },
    ...{ state: "Enabled", status: "Creating" },
  });
  standOn(tx, volumeUuid, storage, hostUuid, image);
  return hostUuid;
}
