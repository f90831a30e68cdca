import type { HostCommand } from "../../hypervisor/driver.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { standingOf } from "../images/base.ts";
import { unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import { heldVolume, isTakenBack, releaseVolume, type Volume } from "../volume/hold.ts";
import { hostForVolume, storageOf } from "../volume/place.ts";
import { type CloneData, dropClones, endClones, insertClones, type NewClone } from "./clone-records.ts";
import { end, isHolder } from "./life.ts";
import { filePlace, machineSpec, volumePath } from "./spec.ts";
import { held, hostOf, look, tell, type VmWorld } from "./work.ts";

/*
 * Copies of a machine with its volumes, on the storages that these are on, with addresses of their own. Of one that runs
 * each volume is copied at a snapshot, which goes afterwards: what was on its disk at that moment, as after a power cut.
 * All copies are made, or none.
 */

/** Both take and delete of a snapshot go through the whole map of a volume's clusters. */
const mapMs = 900_000;
const longestCopyMs = 24 * 3_600_000;
/** What a slow disk copies in a second. */
const slowestCopy = 20 * 1024 ** 2;

const [keepTitle, copyTitle, startTitle] = ["Keeping what is copied", "Copying volumes", "Starting the copies"];

export function cloneVmFlow(world: VmWorld): Flow<CloneData> {
  return {
    name: "cloneVm",
    steps: [
      {
        name: "look",
        title: "Looking at the volumes",
        cancellable: true,
        async run(data, env) {
          const fileBytes: number[] = [];
          for (const { volumeUuid } of data.snapshots) {
            const tx = look(world);
            const volume = sourceVolume(tx, volumeUuid, data.holder);
            const figures = await world.link.volume(hostForVolume(tx, volume), filePlace(tx, volume), env.signal);
            fileBytes.push(figures.actualBytes);
          }
          return { data: { fileBytes } };
        },
      },
      {
        name: "record",
        title: "Choosing hosts and addresses, taking room",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => insertClones(tx, round, data));
          return undefined;
        },
        // The records go when the flow has failed, after everything outside of the store has gone.
      },
      {
        name: "keep",
        title: keepTitle,
        cancellable: true,
        async run(data, env) {
          if (data.snapshots.length > 0) held(world, data);
          for (const snapshot of data.snapshots) await onSnapshot(world, "snapshotVolume", data, snapshot, env);
          return undefined;
        },
        async undo(data, env) {
          for (const snapshot of data.snapshots)
            if (heldVolume(look(world), { volumeUuid: snapshot.volumeUuid, holder: data.holder }) !== undefined)
              await onSnapshot(world, "deleteSnapshot", data, snapshot, env);
          return undefined;
        },
      },
      {
        name: "copy",
        title: copyTitle,
        cancellable: true,
        timeoutMs: 7 * longestCopyMs,
        async run(data, env) {
          await unlessCancelled(world, env, async (signal) => {
            await eachVolume(data, (clone, volume) => copy(world, data, clone, volume, { ...env, signal }));
          });
          return { change: (tx) => becomeReady(tx, data) };
        },
        async undo(data, env) {
          await eachVolume(data, async ({ vmUuid }, { uuid, fromUuid }) => {
            const tx = look(world);
            const from = tx.get("Volume", fromUuid);
            if (!isHolder(tx, vmUuid, data.holder) || from === undefined) return;
            const command = { do: "deleteVolume", path: volumePath(storageOf(tx, from), uuid) } as const;
            await tell(world, hostForVolume(tx, from), command, env, { part: uuid });
          });
          return undefined;
        },
      },
      {
        name: "forget",
        title: "Removing what was kept for copying",
        cancellable: true,
        async run(data, env) {
          const gone: string[] = [];
          for (const snapshot of data.snapshots)
            try {
              await onSnapshot(world, "deleteSnapshot", data, snapshot, env);
              gone.push(snapshot.uuid);
            } catch {
              // Its record stays, by which anybody can delete it: no reason to give the copies up.
              env.signal.throwIfAborted();
            }
          return { change: (tx) => removeSnapshots(tx, gone) };
        },
      },
      {
        name: "start",
        title: startTitle,
        cancellable: true,
        async run(data, env) {
          if (!data.isStarted) return undefined;
          for (const { vmUuid } of data.clones) {
            const machine = held(world, { vmUuid, holder: data.holder });
            const command = { do: "startMachine", machine: machineSpec(look(world), machine) } as const;
            await tell(world, hostOf(world, machine.hostUuid ?? ""), command, env, { part: vmUuid });
          }
          return undefined;
        },
        async undo(data, env) {
          if (!data.isStarted) return undefined;
          for (const { vmUuid } of data.clones) {
            const tx = look(world);
            const hostUuid = tx.get("VmInstance", vmUuid)?.hostUuid ?? null;
            if (!isHolder(tx, vmUuid, data.holder) || hostUuid === null) continue;
            await tell(world, hostOf(world, hostUuid), { do: "removeMachine", uuid: vmUuid }, env, { part: vmUuid });
          }
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      endClones(tx, data);
      endSource(tx, data, "done");
    },
    failed: (tx, data, error, how) => {
      const isLeft = how.notUndone.some((title) => title === copyTitle || title === startTitle);
      const isKnown = isTakenBack(error, { ...how, notUndone: [] });
      dropClones(tx, data, isLeft || !isKnown);
      // Of one that may be there the record stays.
      if (isKnown && !how.notUndone.includes(keepTitle))
        removeSnapshots(
          tx,
          data.snapshots.map(({ uuid }) => uuid),
        );
      // Whatever became of the copies, the machine goes on as it was.
      endSource(tx, data, "failed");
    },
    result: ({ clones }) => ({ vmInstanceUuids: clones.map(({ vmUuid }) => vmUuid) }),
  };
}

type OwnVolume = NewClone["volumes"][number];

async function eachVolume(
  { clones }: CloneData,
  action: (clone: NewClone, volume: OwnVolume) => Promise<void>,
): Promise<void> {
  for (const clone of clones) for (const volume of clone.volumes) await action(clone, volume);
}

/** A volume that is copied, which the task must still hold. */
function sourceVolume(tx: Tx, volumeUuid: string, holder: string): Volume {
  const volume = heldVolume(tx, { volumeUuid, holder });
  if (volume === undefined) throw new Error(`The task ${holder} has lost the volume ${volumeUuid}.`);
  return volume;
}

async function onSnapshot(
  world: VmWorld,
  what: "snapshotVolume" | "deleteSnapshot",
  data: CloneData,
  { uuid, volumeUuid }: CloneData["snapshots"][number],
  env: FlowEnv,
): Promise<void> {
  const tx = look(world);
  const volume = sourceVolume(tx, volumeUuid, data.holder);
  const { path } = filePlace(tx, volume);
  const of = { uuid: data.vmUuid, path, ...standingOf(tx, volumeUuid), snapshotUuid: uuid };
  const command: HostCommand = { do: what, ...of };
  await tell(world, hostForVolume(tx, volume), command, env, { part: volumeUuid, graceMs: mapMs });
}

async function copy(world: VmWorld, data: CloneData, clone: NewClone, own: OwnVolume, env: FlowEnv): Promise<void> {
  held(world, { vmUuid: clone.vmUuid, holder: data.holder });
  // Without a snapshot nobody may have started it meanwhile.
  if (data.snapshots.length === 0) held(world, data);
  const tx = look(world);
  const from = sourceVolume(tx, own.fromUuid, data.holder);
  const snapshot = data.snapshots.find(({ volumeUuid }) => volumeUuid === from.uuid);
  const command = {
    do: "copyVolume",
    path: volumePath(storageOf(tx, from), own.uuid),
    from: filePlace(tx, from).path,
    sizeBytes: from.size,
    ...standingOf(tx, from.uuid),
    ...(snapshot === undefined ? {} : { snapshotUuid: snapshot.uuid }),
  } as const;
  const graceMs = Math.min(longestCopyMs - mapMs, Math.ceil((from.size / slowestCopy) * 1000));
  await tell(world, hostForVolume(tx, from), command, env, { part: own.uuid, graceMs });
}

function becomeReady(tx: Tx, { clones }: CloneData): void {
  for (const { volumes } of clones)
    for (const { uuid } of volumes) {
      const volume = tx.need("Volume", uuid);
      tx.update("Volume", uuid, { status: "Ready", installPath: volumePath(storageOf(tx, volume), uuid) });
    }
}

function removeSnapshots(tx: Tx, uuids: readonly string[]): void {
  for (const uuid of uuids) if (tx.get("VolumeSnapshot", uuid) !== undefined) tx.remove("VolumeSnapshot", uuid);
}

function endSource(tx: Tx, data: CloneData, ending: "done" | "failed"): void {
  for (const { fromUuid } of data.clones[0]?.volumes ?? [])
    releaseVolume(tx, { volumeUuid: fromUuid, holder: data.holder });
  end(tx, data, ending);
}
