import assert from "node:assert/strict";
import type { CallInput, CloudCallName } from "../../../../core/model/cloud/calls/index.ts";
import type { VmState } from "../../../../core/model/cloud/vm-states.ts";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import type { Cluster, Place } from "./cluster.ts";

/* What is done to a machine while something dies. */

const mebibyte = 1024 ** 2;

export type Asked = { name: CloudCallName; input: object };

/** What one run finds before it. */
export type Scene = {
  cluster: Cluster;
  place: Place;
  machine: RecordOf<"VmInstance">;
  volume: RecordOf<"Volume">;
  snapshot: RecordOf<"VolumeSnapshot"> | undefined;
};

type Deed = {
  /** The state that the machine is brought into before. */
  from: VmState;
  /** Whether its data volume is its own before. */
  isAttached: boolean;
  /** Without a snapshot of its root volume. */
  isBare?: true;
  ask: (scene: Scene) => Asked;
  /** How long it takes by itself, in milliseconds on a quiet machine: faults come within it, or soon after. */
  takesMs: number;
};

const ofMachine =
  (name: CloudCallName, more: object = {}) =>
  ({ machine }: Scene): Asked => ({ name, input: { uuid: machine.uuid, ...more } });

export const deeds = {
  start: { from: "Stopped", isAttached: true, ask: ofMachine("StartVmInstance"), takesMs: 1200 },
  stop: { from: "Running", isAttached: true, ask: ofMachine("StopVmInstance", { type: "cold" }), takesMs: 600 },
  pause: { from: "Running", isAttached: true, ask: ofMachine("PauseVmInstance"), takesMs: 200 },
  resume: { from: "Paused", isAttached: true, ask: ofMachine("ResumeVmInstance"), takesMs: 200 },
  suspend: { from: "Running", isAttached: true, ask: ofMachine("SuspendVmInstance"), takesMs: 1500 },
  restore: { from: "Suspended", isAttached: true, ask: ofMachine("ResumeVmInstance"), takesMs: 1200 },
  migrate: { from: "Running", isAttached: true, ask: ofMachine("MigrateVm"), takesMs: 2500 },
  moveCold: { from: "Stopped", isAttached: true, ask: ofMachine("MigrateVm"), takesMs: 300 },
  destroy: { from: "Running", isAttached: false, ask: ofMachine("DestroyVmInstance"), takesMs: 800 },
  expunge: { from: "Destroyed", isAttached: false, ask: ofMachine("ExpungeVmInstance"), takesMs: 500 },
  create: {
    from: "Running",
    isAttached: false,
    ask: ({ place }) => ({ name: "CreateVmInstance", input: size("more", place) }),
    takesMs: 1800,
  },
  attach: {
    from: "Running",
    isAttached: false,
    ask: ({ volume, machine }) => ({
      name: "AttachDataVolumeToVm",
      input: { uuid: volume.uuid, vmInstanceUuid: machine.uuid },
    }),
    takesMs: 500,
  },
  detach: {
    from: "Stopped",
    isAttached: true,
    ask: ({ volume }) => ({ name: "DetachDataVolumeFromVm", input: { uuid: volume.uuid } }),
    takesMs: 200,
  },
  grow: {
    from: "Running",
    isAttached: true,
    ask: ({ volume }) => ({ name: "ResizeDataVolume", input: { uuid: volume.uuid, size: volume.size + mebibyte } }),
    takesMs: 400,
  },
  snapshot: {
    from: "Running",
    isAttached: true,
    ask: ({ machine }) => ({
      name: "CreateVolumeSnapshot",
      input: { name: "then", volumeUuid: machine.rootVolumeUuid },
    }),
    takesMs: 500,
  },
  revert: {
    from: "Stopped",
    isAttached: true,
    ask: ({ snapshot }) => ({ name: "RevertVolumeFromSnapshot", input: { uuid: snapshot?.uuid ?? "" } }),
    takesMs: 400,
  },
  rescue: {
    from: "Running",
    isAttached: true,
    ask: ({ machine, place }) => ({
      name: "RescueVmInstance",
      input: { uuid: machine.uuid, imageUuid: place.imageUuid },
    }),
    takesMs: 3500,
  },
  unrescue: { from: "Rescued", isAttached: true, ask: ofMachine("UnrescueVmInstance"), takesMs: 3000 },
  shelve: { from: "Running", isAttached: false, isBare: true, ask: ofMachine("ShelveVmInstance"), takesMs: 3000 },
  unshelve: { from: "Shelved", isAttached: false, isBare: true, ask: ofMachine("UnshelveVmInstance"), takesMs: 2000 },
} as const satisfies Record<string, Deed>;

export type DeedName = keyof typeof deeds;
export const deedNames = Object.keys(deeds) as DeedName[];

function size(name: string, { l3NetworkUuid }: Place): Partial<CallInput<"CreateVmInstance">> {
  return { name, cpuNum: 1, memorySize: 64 * mebibyte, rootDiskSize: 4 * mebibyte, l3NetworkUuids: [l3NetworkUuid] };
}

/** Brings about what a deed begins with: one machine in its state, with its volume or without, and a snapshot of its root volume. */
export async function sceneOf(cluster: Cluster, place: Place, name: DeedName): Promise<Scene> {
  const { from, isAttached, isBare }: Deed = deeds[name];
  const { door } = cluster;
  const must = async (call: CloudCallName, input: object) => {
    const task = await door.done(call, input);
    assert.equal(task.state, "Succeeded", `${call}: ${JSON.stringify(task.error)}`);
    return task.resourceUuid ?? "";
  };
  const machines = (await door.call("QueryVmInstance", {})).inventories as RecordOf<"VmInstance">[];
  for (const { uuid, name: called, state } of machines) {
    if (called === "web" && state !== "Destroyed") continue;
    if (state !== "Destroyed") await must("DestroyVmInstance", { uuid });
    await must("ExpungeVmInstance", { uuid });
  }
  let uuid = machines.find((each) => each.name === "web" && each.state !== "Destroyed")?.uuid;
  uuid ??= await must("CreateVmInstance", size("web", place));
  const machine = async () => (await door.call("GetVmInstance", { uuid })).inventory;
  const state = (await machine()).state;
  if (state === "Paused" || state === "Suspended") await must("ResumeVmInstance", { uuid });
  if (state === "Rescued") await must("UnrescueVmInstance", { uuid });
  if (state === "Shelved") await must("UnshelveVmInstance", { uuid });
  if ((await machine()).state === "Running") await must("StopVmInstance", { uuid, type: "cold" });

  const volumes = (await door.call("QueryVolume", { q: ["type=Data", "name=data"] }))
    .inventories as RecordOf<"Volume">[];
  const [known] = volumes;
  const volumeUuid =
    known?.uuid ??
    (await must("CreateDataVolume", { name: "data", diskSize: 4 * mebibyte, primaryStorageUuid: place.storageUuid }));
  const volume = async () => (await door.call("GetVolume", { uuid: volumeUuid })).inventory;
  const owner = (await volume()).vmInstanceUuid;
  // The machine that had it may be gone.
  if (owner !== null && !isAttached) await must("DetachDataVolumeFromVm", { uuid: volumeUuid });
  if (owner === null && isAttached) await must("AttachDataVolumeToVm", { uuid: volumeUuid, vmInstanceUuid: uuid });

  const rootUuid = (await machine()).rootVolumeUuid ?? "";
  const query = { q: [`volumeUuid=${rootUuid}`] };
  const snapshots = (await door.call("QueryVolumeSnapshot", query)).inventories as RecordOf<"VolumeSnapshot">[];
  const [old] = snapshots;
  const took = () => must("CreateVolumeSnapshot", { name: "before", volumeUuid: rootUuid });
  const snapshotUuid = isBare ? undefined : (old?.uuid ?? (await took()));
  for (const each of isBare ? snapshots : snapshots.slice(1)) await must("DeleteVolumeSnapshot", { uuid: each.uuid });

  if (from !== "Stopped" && from !== "Destroyed") await must("StartVmInstance", { uuid });
  if (from === "Paused") await must("PauseVmInstance", { uuid });
  if (from === "Suspended") await must("SuspendVmInstance", { uuid });
  if (from === "Destroyed") await must("DestroyVmInstance", { uuid });
  if (from === "Rescued") await must("RescueVmInstance", { uuid, imageUuid: place.imageUuid });
  if (from === "Shelved") await must("ShelveVmInstance", { uuid });
  const snapshot =
    snapshotUuid === undefined ? undefined : (await door.call("GetVolumeSnapshot", { uuid: snapshotUuid })).inventory;
  return { cluster, place, machine: await machine(), volume: await volume(), snapshot };
}
