import { leaveGroup } from "../affinity/members.ts";
import { forgetIsos } from "../device/iso-use.ts";
import { noteExpunging, requireThere } from "../expunging.ts";
import type { Flow, Step, StepResult } from "../flow/flow.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Round } from "./allocator.ts";
import { ensureDhcpServer } from "./dhcp-address.ts";
import { noteSeedLeft, takeUpGuestData } from "./guest-data.ts";
import { end, endFailed, type Held, isHolder, letVolumesGo, type Machine, removeMachine } from "./life.ts";
import { needsSecond } from "./limits.ts";
import { requireVolumes, volumesGone } from "./local-volumes.ts";
import { marksOf, type Storage } from "./placement.ts";
import { machineSpec, volumePath } from "./spec.ts";
import { held, hostOf, look, lostHold, memoryMs, memoryStepMs, tell, tellEnd, type VmWorld } from "./work.ts";

/* Flows of machines that there are: start, stop, reboot, destroy, expunge. */

export type VmData = Held & { hostUuid: string | null };

/** Both ends of a flow that carries out the operation which its call has begun. */
export function ends<D extends VmData>(succeeded: (tx: Tx, data: D) => void): Pick<Flow<D>, "succeeded" | "failed"> {
  return { succeeded, failed: (tx, data, _error, how) => endFailed(tx, data, how) };
}

/** `placedUuid`: the host that was chosen. */
export type StartData = VmData & { placedUuid?: string };

/** The first step of a machine that comes onto a host: its CPU and memory are kept for it there. */
export function placing(world: VmWorld, title: string): Step<StartData> {
  return {
    name: "allocate",
    title,
    cancellable: true,
    async run(data) {
      let placedUuid = "";
      await world.allocator.allocate((tx, round) => {
        placedUuid = placeAgain(tx, round, data);
      });
      return { data: { placedUuid } };
    },
  };
}

export function startVmFlow(world: VmWorld): Flow<StartData> {
  return {
    name: "startVm",
    steps: [
      placing(world, "Choosing a host"),
      {
        name: "start",
        title: "Starting the machine",
        cancellable: true,
        async run(data, env) {
          const machine = held(world, data);
          const spec = machineSpec(look(world), machine);
          await tell(world, hostOf(world, placeOf(data)), { do: "startMachine", machine: spec }, env);
          return undefined;
        },
        async undo(data, env) {
          const { vmUuid, holder } = data;
          const tx = look(world);
          // Another task has the machine by now. On the host that this one chose it must not run, unless it is to.
          const isElsewhere = tx.get("VmInstance", vmUuid)?.hostUuid !== placeOf(data);
          const host = tx.get("Host", placeOf(data));
          if (host !== undefined && (isElsewhere || isHolder(tx, vmUuid, holder)))
            await tell(world, host, { do: "removeMachine", uuid: vmUuid }, env);
          return undefined;
        },
      },
    ],
    ...ends<StartData>((tx, data) => void end(tx, data, "done", { noRestart: false })),
  };
}

export function placeOf({ vmUuid, placedUuid }: StartData): string {
  if (placedUuid === undefined) throw new Error(`${vmUuid} has no place.`);
  return placedUuid;
}

export type StopData = VmData & { graceMs: number; noRestart: boolean };

export function stopVmFlow(world: VmWorld): Flow<StopData> {
  return {
    name: "stopVm",
    steps: [
      {
        name: "stop",
        title: "Stopping the machine",
        async run(data, env) {
          const { vmUuid, graceMs } = data;
          const machine = held(world, data);
          const command = { do: "stopMachine", uuid: vmUuid, graceMs } as const;
          await tellEnd(world, machine, hostOn(world, machine), command, env, { graceMs });
          return undefined;
        },
      },
    ],
    ...ends<StopData>((tx, data) => void end(tx, data, "done", { noRestart: data.noRestart })),
  };
}

/** A flow whose one step is a command to the machine's host. */
function commandFlow(world: VmWorld, step: "reboot" | "pause" | "suspend" | "resume", title: string): Flow<VmData> {
  return {
    name: `${step}Vm`,
    steps: [
      {
        name: step,
        title,
        ...(step === "suspend" ? { timeoutMs: memoryStepMs } : {}),
        async run(data, env) {
          const machine = held(world, data);
          const graceMs = step === "suspend" ? memoryMs(machine) : 0;
          await tell(world, hostOn(world, machine), { do: `${step}Machine`, uuid: data.vmUuid }, env, { graceMs });
          return undefined;
        },
      },
    ],
    ...ends<VmData>((tx, data) => void end(tx, data, "done")),
  };
}

export function rebootVmFlow(world: VmWorld): Flow<VmData> {
  return commandFlow(world, "reboot", "Restarting the machine");
}

export function pauseVmFlow(world: VmWorld): Flow<VmData> {
  return commandFlow(world, "pause", "Pausing the machine");
}

/** What it needs is free again when it has ended: it is on no host then. */
export function suspendVmFlow(world: VmWorld): Flow<VmData> {
  return commandFlow(world, "suspend", "Keeping its memory on the disk");
}

export function resumeVmFlow(world: VmWorld): Flow<VmData> {
  return commandFlow(world, "resume", "Letting the machine go on");
}

/** `isOff`: it is off its host. */
export type DestroyData = VmData & { expunges: boolean; isOff?: boolean };

/**
 * Deletes a machine; with the policy Direct its volume goes in the same flow. When that fails the machine is deleted
 * all the same, and its volume goes when it is expunged.
 */
export function destroyVmFlow(world: VmWorld): Flow<DestroyData> {
  return {
    name: "destroyVm",
    steps: [
      {
        name: "remove",
        title: "Taking the machine off its host",
        async run(data, env) {
          const { vmUuid } = data;
          const machine = held(world, data);
          const { hostUuid, lastHostUuid } = machine;
          const tx = look(world);
          const command = { do: "removeMachine", uuid: vmUuid } as const;
          const host = hostUuid === null ? undefined : tx.get("Host", hostUuid);
          if (host !== undefined) await tellEnd(world, machine, host, command, env);
          else if (lastHostUuid !== null) {
            // One that is stopped is still known there; that it can't be forgotten now keeps nobody from deleting it.
            const last = tx.get("Host", lastHostUuid);
            const telling = last?.status === "Connected" ? tell(world, last, command, env) : undefined;
            await telling?.catch(() => env.signal.throwIfAborted());
          }
          return { data: { isOff: true } };
        },
      },
      {
        name: "begin",
        title: "Noting that its root volume goes",
        async run(data) {
          return data.expunges ? beginning(world, data) : undefined;
        },
      },
      {
        name: "volumes",
        title: "Removing its root volume",
        async run(data, env) {
          if (data.expunges) await removeRootVolume(world, data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      const machine = tx.get("VmInstance", data.vmUuid);
      if (machine?.hostUuid === null) noteSeedLeft(tx, data.vmUuid, machine.lastHostUuid);
      if (!data.expunges) endDeleted(tx, data);
      else if (isHolder(tx, data.vmUuid, data.holder)) removeMachine(tx, data.vmUuid);
    },
    failed: (tx, data, _error, how) => {
      if (data.isOff === true) endDeleted(tx, data);
      else endFailed(tx, data, how);
    },
  };
}

/** Its drives are empty then, and it belongs to no affinity group. Its data volumes stay, and are free for other machines. */
function endDeleted(tx: Tx, data: DestroyData): void {
  if (end(tx, data, "done", { isoUuids: [] })?.state !== "Destroyed") return;
  letVolumesGo(tx, data.vmUuid);
  forgetIsos(tx, data.vmUuid);
  leaveGroup(tx, data.vmUuid);
}

/** Once it has begun the machine can't be recovered any more. */
export function expungeVmFlow(world: VmWorld): Flow<VmData> {
  return {
    name: "expungeVm",
    steps: [
      {
        name: "begin",
        title: "Noting that its root volume goes",
        async run(data) {
          return beginning(world, data);
        },
      },
      {
        name: "volumes",
        title: "Removing its root volume",
        async run(data, env) {
          await removeRootVolume(world, data, env);
          return undefined;
        },
      },
    ],
    ...ends<VmData>((tx, data) => void end(tx, data, "done")),
  };
}

type Env = Parameters<typeof tell>[3];

/** @throws HOST.1010 while nobody can remove its root volume: it can still be recovered then */
function beginning(world: VmWorld, data: VmData): StepResult<never> {
  const goes = rootFiles(world, data);
  for (const { host } of goes) requireThere(host);
  return { change: (tx) => goes.forEach(({ volumeUuid }) => noteExpunging(tx, volumeUuid)) };
}

async function removeRootVolume(world: VmWorld, data: VmData, env: Env): Promise<void> {
  for (const { volumeUuid, host, path } of rootFiles(world, data))
    await tell(world, host, { do: "deleteVolume", path }, env, { part: volumeUuid });
}

/** By the host that it was on last; when that one is gone or away, by any other that reaches the storage. */
function rootFiles(world: VmWorld, data: VmData): { volumeUuid: string; host: RecordOf<"Host">; path: string }[] {
  const tx = look(world);
  const machine = held(world, data);
  const gone = new Set(volumesGone(tx, machine).map(({ uuid }) => uuid));
  return tx.find("Volume", "vmInstanceUuid", machine.uuid).flatMap((volume) => {
    const { uuid: volumeUuid, type, primaryStorageUuid, installPath } = volume;
    if (gone.has(volumeUuid) || type !== "Root" || primaryStorageUuid === null) return [];
    const storage = tx.need("PrimaryStorage", primaryStorageUuid);
    // One that was being made when its host was lost may have its file, which nobody has noted.
    return [{ volumeUuid, host: hostFor(tx, machine, storage), path: installPath ?? volumePath(storage, volumeUuid) }];
  });
}

function hostFor(tx: Tx, { hostUuid, lastHostUuid }: Machine, storage: Storage): RecordOf<"Host"> {
  const last = hostUuid ?? lastHostUuid;
  const own = last === null ? undefined : tx.get("Host", last);
  if (own !== undefined && (storage.type === "LocalStorage" || own.status === "Connected")) return own;
  for (const clusterUuid of storage.attachedClusterUuids)
    for (const host of tx.find("Host", "clusterUuid", clusterUuid)) if (host.status === "Connected") return host;
  if (own !== undefined) return own;
  throw new Error(`No host reaches the storage ${storage.uuid}.`);
}

function hostOn(world: VmWorld, { uuid, hostUuid }: Machine): RecordOf<"Host"> {
  if (hostUuid === null) throw new Error(`${uuid} is on no host.`);
  return hostOf(world, hostUuid);
}

/** Gives a stopped machine a host, whose uuid is the answer: with a volume on local storage its last one, and no other. */
export function placeAgain(tx: Tx, round: Round, { vmUuid, hostUuid: wanted, holder }: StartData): string {
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // A manager has ended between this and the note that it is done.
  if (machine.hostUuid !== null) return machine.hostUuid;
  requireAllSeen(tx, machine.name);
  requireVolumes(tx, machine);
  const storages = tx
    .find("Volume", "vmInstanceUuid", vmUuid)
    .flatMap(({ primaryStorageUuid: uuid }) => (uuid === null ? [] : [tx.need("PrimaryStorage", uuid)]));
  const isLocal = storages.some(({ type }) => type === "LocalStorage");
  const networks = tx.find("VmNic", "vmInstanceUuid", vmUuid).map(({ l3NetworkUuid }) => {
    const { name, l2NetworkUuid } = tx.need("L3Network", l3NetworkUuid);
    return { name, clusterUuids: tx.need("L2Network", l2NetworkUuid).attachedClusterUuids };
  });
  const { name, cpuNum, memorySize, clusterUuid } = machine;
  const placement = round.place({
    name,
    cpuNum,
    memorySize,
    machine: marksOf(machine, "running"),
    lastHostUuid: machine.lastHostUuid,
    wantedHostUuid: wanted,
    volumesHostUuid: isLocal ? machine.lastHostUuid : null,
    needsSecond: needsSecond(tx, machine, machine.operation === "resume" ? "now" : "nextStart"),
    clusterUuid,
    networks,
    storages,
    rootVolume: null,
    image: null,
  });
  for (const { l3NetworkUuid } of tx.find("VmNic", "vmInstanceUuid", vmUuid)) ensureDhcpServer(tx, l3NetworkUuid);
  tx.update("VmInstance", vmUuid, { hostUuid: placement.hostUuid });
  // One that was suspended goes on with what it was started with.
  if (machine.operation !== "resume") takeUpGuestData(tx, vmUuid);
  if (machine.lastHostUuid !== placement.hostUuid) noteSeedLeft(tx, vmUuid, machine.lastHostUuid);
  return placement.hostUuid;
}
