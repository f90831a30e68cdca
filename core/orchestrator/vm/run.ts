import type { Flow } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Round } from "./allocator.ts";
import { end, endFailed, type Machine, removeMachine } from "./life.ts";
import type { Storage } from "./placement.ts";
import { machineSpec } from "./spec.ts";
import { hostOf, look, tell, type VmWorld } from "./work.ts";

/* Flows of machines that there are: start, stop, reboot, destroy, expunge. */

export type VmData = { vmUuid: string; hostUuid: string | null };

/** Both ends of a flow that carries out the operation which its call has begun. */
function ends<D extends VmData>(succeeded: (tx: Tx, data: D) => void): Pick<Flow<D>, "succeeded" | "failed"> {
  return { succeeded, failed: (tx, { vmUuid }, _error, how) => endFailed(tx, vmUuid, how) };
}

export function startVmFlow(world: VmWorld): Flow<VmData> {
  return {
    name: "startVm",
    steps: [
      {
        name: "allocate",
        title: "Choosing a host",
        cancellable: true,
        async run({ vmUuid, hostUuid }) {
          await world.allocator.allocate((tx, round) => placeAgain(tx, round, vmUuid, hostUuid));
          return undefined;
        },
      },
      {
        name: "start",
        title: "Starting the machine",
        cancellable: true,
        async run({ vmUuid }, env) {
          const tx = look(world);
          const machine = tx.need("VmInstance", vmUuid);
          await tell(world, hostOn(world, machine), { do: "startMachine", machine: machineSpec(tx, machine) }, env);
          return undefined;
        },
        async undo({ vmUuid }, env) {
          const machine = look(world).need("VmInstance", vmUuid);
          await tell(world, hostOn(world, machine), { do: "removeMachine", uuid: vmUuid }, env);
          return undefined;
        },
      },
    ],
    ...ends<VmData>((tx, { vmUuid }) => void end(tx, vmUuid, "done", { noRestart: false })),
  };
}

export type StopData = VmData & { graceMs: number; noRestart: boolean };

export function stopVmFlow(world: VmWorld): Flow<StopData> {
  return {
    name: "stopVm",
    steps: [
      {
        name: "stop",
        title: "Stopping the machine",
        async run({ vmUuid, graceMs }, env) {
          const host = hostOn(world, look(world).need("VmInstance", vmUuid));
          await tell(world, host, { do: "stopMachine", uuid: vmUuid, graceMs }, env, { graceMs });
          return undefined;
        },
      },
    ],
    ...ends<StopData>((tx, { vmUuid, noRestart }) => void end(tx, vmUuid, "done", { noRestart })),
  };
}

export function rebootVmFlow(world: VmWorld): Flow<VmData> {
  return {
    name: "rebootVm",
    steps: [
      {
        name: "reboot",
        title: "Restarting the machine",
        async run({ vmUuid }, env) {
          const host = hostOn(world, look(world).need("VmInstance", vmUuid));
          await tell(world, host, { do: "rebootMachine", uuid: vmUuid }, env);
          return undefined;
        },
      },
    ],
    ...ends<VmData>((tx, { vmUuid }) => void end(tx, vmUuid, "done")),
  };
}

export type DestroyData = VmData & { expunges: boolean };

/** Deletes a machine; with the policy Direct its volume goes in the same flow. */
export function destroyVmFlow(world: VmWorld): Flow<DestroyData> {
  return {
    name: "destroyVm",
    steps: [
      {
        name: "remove",
        title: "Taking the machine off its host",
        async run({ vmUuid }, env) {
          const tx = look(world);
          const { hostUuid, lastHostUuid } = tx.need("VmInstance", vmUuid);
          const command = { do: "removeMachine", uuid: vmUuid } as const;
          const host = hostUuid === null ? undefined : tx.get("Host", hostUuid);
          if (host !== undefined) await tell(world, host, command, env);
          else if (lastHostUuid !== null) {
            // One that is stopped is still known there; that it can't be forgotten now keeps nobody from deleting it.
            const last = tx.get("Host", lastHostUuid);
            const telling = last?.status === "Connected" ? tell(world, last, command, env) : undefined;
            await telling?.catch(() => env.signal.throwIfAborted());
          }
          return undefined;
        },
      },
      {
        name: "volumes",
        title: "Removing its root volume",
        async run({ vmUuid, expunges }, env) {
          if (expunges) await removeRootVolume(world, vmUuid, env);
          return undefined;
        },
      },
    ],
    ...ends<DestroyData>((tx, { vmUuid, expunges }) => {
      if (expunges) removeMachine(tx, vmUuid);
      else end(tx, vmUuid, "done");
    }),
  };
}

export function expungeVmFlow(world: VmWorld): Flow<VmData> {
  return {
    name: "expungeVm",
    steps: [
      {
        name: "volumes",
        title: "Removing its root volume",
        async run({ vmUuid }, env) {
          await removeRootVolume(world, vmUuid, env);
          return undefined;
        },
      },
    ],
    ...ends<VmData>((tx, { vmUuid }) => void end(tx, vmUuid, "done")),
  };
}

type Env = Parameters<typeof tell>[3];

/** By the host that it was on last; when that one is gone or away, by any other that reaches the storage. */
async function removeRootVolume(world: VmWorld, vmUuid: string, env: Env): Promise<void> {
  const tx = look(world);
  const machine = tx.need("VmInstance", vmUuid);
  for (const volume of tx.find("Volume", "vmInstanceUuid", vmUuid)) {
    if (volume.type !== "Root" || volume.installPath === null || volume.primaryStorageUuid === null) continue;
    const storage = tx.need("PrimaryStorage", volume.primaryStorageUuid);
    const host = hostFor(tx, machine, storage);
    await tell(world, host, { do: "deleteVolume", path: volume.installPath }, env, { part: volume.uuid });
  }
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

/** Gives a stopped machine a host: with a volume on local storage its last one, and no other. */
function placeAgain(tx: Tx, round: Round, vmUuid: string, wanted: string | null): void {
  const machine = tx.need("VmInstance", vmUuid);
  // A manager has ended between this and the note that it is done.
  if (machine.hostUuid !== null) return;
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
    wantedHostUuid: wanted,
    volumesHostUuid: isLocal ? machine.lastHostUuid : null,
    clusterUuid,
    networks,
    storages,
    rootVolume: null,
  });
  tx.update("VmInstance", vmUuid, { hostUuid: placement.hostUuid });
}
