import type { CallInput } from "../../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { diskOfferingState } from "../../model/cloud/vm.ts";
import type { VmOperation } from "../../model/cloud/vm-operations.ts";
import { attachRefusal, volumeStateMachine, volumeStatusMachine } from "../../model/cloud/volume.ts";
import { growRefusal, wholeSectors } from "../../model/cloud/volume-rules.ts";
import { shown } from "../../model/quote.ts";
import type { JsonObject } from "../../store/record.ts";
import { requireWhole } from "../expunging.ts";
import type { Tx } from "../records.ts";
import { begin, type Machine } from "../vm/life.ts";
import type { AttachData, DetachData } from "../volume/attach.ts";
import { holdVolume, requireIdle, type Volume, type VolumeHold } from "../volume/hold.ts";
import type { CreateVolumeData, DeleteVolumeData } from "../volume/life.ts";
import { requireReach } from "../volume/place.ts";
import type { ResizeData } from "../volume/resize.ts";
import type { CallContext, DecidersOf, NewTask } from "./handler.ts";
import { orThrow, patchOf, refuseFor } from "./shared.ts";

/* Volumes. What takes its time is a task; the volume's record refuses other operations until it ends. */

function incomplete(where: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("STORAGE.1046", { where, details, remedy }));
}

export function refused(volume: Volume, details: string, remedy: string): CloudError {
  const { status } = volume;
  const where = `Volume ${shown(volume.name)}`;
  return new CloudError(refusalOf("STORAGE.1007", { where, details, remedy, values: { status } }));
}

/** Of an offering, or as given. */
function sizeOf(tx: Tx, { diskOfferingUuid, diskSize }: CallInput<"CreateDataVolume">): number {
  const remedy = "Give diskOfferingUuid or diskSize.";
  if (diskOfferingUuid === undefined) {
    if (diskSize !== undefined) return diskSize;
    throw incomplete("diskSize", "Neither an offering nor a size is given.", remedy);
  }
  if (diskSize !== undefined) throw incomplete("diskSize", "An offering and a size are given.", remedy);
  const offering = tx.need("DiskOffering", diskOfferingUuid, "diskOfferingUuid");
  if (offering.state === "Enabled") return offering.diskSize;
  // The sentence of the table, with what it takes to enable it.
  const refusal = nextState(diskOfferingState, offering.name, offering.state, "disable");
  throw refusal.done ? new Error("A disabled offering can be disabled.") : new CloudError(refusal.refusal);
}

function checkPlace(tx: Tx, { primaryStorageUuid, hostUuid }: CallInput<"CreateDataVolume">): void {
  if (primaryStorageUuid === undefined) {
    if (hostUuid === undefined) return;
    throw incomplete("primaryStorageUuid", "A host without a storage is given.", "Give the storage, too.");
  }
  const storage = tx.need("PrimaryStorage", primaryStorageUuid, "primaryStorageUuid");
  const name = shown(storage.name);
  if (storage.type !== "LocalStorage") {
    if (hostUuid === undefined) return;
    throw incomplete("hostUuid", `The storage ${name} is not local to a host.`, "Leave hostUuid out.");
  }
  if (hostUuid === undefined)
    throw incomplete("hostUuid", `The storage ${name} is local to each host.`, "Say on which host it is to be.");
  const host = tx.need("Host", hostUuid, "hostUuid");
  if (storage.attachedClusterUuids.includes(host.clusterUuid)) return;
  const details = `The host ${shown(host.name)} does not have the storage ${name}.`;
  throw incomplete("hostUuid", details, "Take a host of a cluster that the storage is attached to.");
}

function created(tx: Tx, input: CallInput<"CreateDataVolume">, context: CallContext) {
  const size = wholeSectors(sizeOf(tx, input));
  checkPlace(tx, input);
  const holder = context.newUuid();
  const data: CreateVolumeData = {
    volumeUuid: context.newUuid(),
    holder,
    name: input.name,
    description: input.description,
    size,
    diskOfferingUuid: input.diskOfferingUuid ?? null,
    storageUuid: input.primaryStorageUuid ?? null,
    hostUuid: input.hostUuid ?? null,
  };
  const what = { call: "CreateDataVolume", flow: "createVolume", verb: "Create volume" } as const;
  return task(tx, context, what, input.name, data, data.volumeUuid);
}

export type Work = { call: NewTask["call"]; flow: string; verb: string };

/** The task that holds the volume, and the machine that has it: it is known by the holder's name. */
export function task<D extends JsonObject>(
  tx: Tx,
  context: CallContext,
  { call, flow, verb }: Work,
  name: string,
  data: D & VolumeHold,
  resourceUuid: string,
) {
  const what = { flow, data, call, name: `${verb} ${shown(name)}`, resourceUuid, uuid: data.holder };
  return { task: context.startTask(tx, what, context) };
}

/** Begins an operation on the machine that has a volume. @throws as {@link begin} */
export function beginMachineOf(tx: Tx, volume: Volume, operation: VmOperation, holder: string): Machine | undefined {
  return volume.vmInstanceUuid === null ? undefined : begin(tx, volume.vmInstanceUuid, operation, holder);
}

function attached(tx: Tx, { uuid, vmInstanceUuid }: CallInput<"AttachDataVolumeToVm">, context: CallContext) {
  const holder = context.newUuid();
  const volume = holdVolume(tx, uuid, "attach", holder);
  tx.need("VmInstance", vmInstanceUuid, "vmInstanceUuid");
  const others = tx.find("Volume", "vmInstanceUuid", vmInstanceUuid);
  const dataVolumes = others.filter(({ type }) => type === "Data").length;
  const most = context.settings.number("kvm.dataVolume.maxNum");
  refuseFor(attachRefusal(volume.name, volume, { dataVolumes, most }));
  const machine = begin(tx, vmInstanceUuid, "attachVolume", holder);
  const isNew = volume.status === "NotInstantiated";
  if (!isNew) requireReach(tx, volume, machine);
  const taken = new Set(others.map(({ deviceId }) => deviceId));
  let deviceId = 1;
  while (taken.has(deviceId)) deviceId++;
  tx.update("Volume", uuid, {
    ...{ vmInstanceUuid, deviceId, hostUuid: null },
    ...(isNew ? { status: orThrow(nextState(volumeStatusMachine, volume.name, volume.status, "instantiate")) } : {}),
  });
  const { hostUuid } = machine;
  const data: AttachData = {
    ...{ volumeUuid: uuid, vmUuid: vmInstanceUuid, holder, hostUuid, isNew },
    keptHostUuid: volume.hostUuid,
  };
  const what = { call: "AttachDataVolumeToVm", flow: "attachVolume", verb: "Attach volume" } as const;
  return task(tx, context, what, volume.name, data, uuid);
}

function resized(call: "ResizeDataVolume" | "ResizeRootVolume", type: Volume["type"]) {
  return (tx: Tx, { uuid, size: asked }: CallInput<typeof call>, context: CallContext) => {
    const holder = context.newUuid();
    const volume = holdVolume(tx, uuid, "resize", holder);
    if (volume.type !== type) throw refused(volume, `It is a ${volume.type} volume.`, "Take the other call.");
    if (volume.status !== "Ready" && volume.status !== "NotInstantiated")
      throw refused(volume, `Its status is ${volume.status}.`, "Wait until it is Ready, or recover it.");
    const size = wholeSectors(asked);
    refuseFor(growRefusal(volume.name, volume.size, size));
    const machine = beginMachineOf(tx, volume, "resizeVolume", holder);
    const vmUuid = machine?.uuid ?? null;
    const data: ResizeData = { volumeUuid: uuid, holder, vmUuid, formerSize: volume.size, size };
    return task(tx, context, { call, flow: "resizeVolume", verb: "Resize volume" }, volume.name, data, uuid);
  };
}

function requireApart(volume: Volume): void {
  if (volume.type === "Root") throw refused(volume, "It is a root volume.", "It goes with its machine: delete that.");
  if (volume.vmInstanceUuid !== null) throw refused(volume, "A machine has it.", "Detach it first.");
}

export const volumeDeciders = {
  CreateDataVolume: created,
  UpdateVolume: (tx, { uuid, ...patch }) => ({ inventory: tx.update("Volume", uuid, patchOf(patch)) }),
  ChangeVolumeState: (tx, { uuid, stateEvent }) => {
    const { name, state } = tx.need("Volume", uuid);
    const next = orThrow(nextState(volumeStateMachine, name, state, stateEvent));
    return { inventory: tx.update("Volume", uuid, { state: next }) };
  },
  AttachDataVolumeToVm: attached,
  DetachDataVolumeFromVm: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const volume = holdVolume(tx, uuid, "detach", holder);
    if (volume.type === "Root") throw refused(volume, "It is a root volume.", "A machine can't do without it.");
    const machine = beginMachineOf(tx, volume, "detachVolume", holder);
    if (machine === undefined) throw refused(volume, "No machine has it.", "Nothing is to be done.");
    const data: DetachData = { volumeUuid: uuid, holder, vmUuid: machine.uuid, hostUuid: machine.hostUuid };
    const what = { call: "DetachDataVolumeFromVm", flow: "detachVolume", verb: "Detach volume" } as const;
    return task(tx, context, what, volume.name, data, uuid);
  },
  DeleteDataVolume: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const volume = holdVolume(tx, uuid, "delete", holder);
    requireApart(volume);
    const event = volume.status === "NotInstantiated" ? "deleteEmpty" : "delete";
    const status = orThrow(nextState(volumeStatusMachine, volume.name, volume.status, event));
    tx.update("Volume", uuid, { status });
    const expunges = context.settings.choice("volume.deletionPolicy") === "Direct";
    const data: DeleteVolumeData = { volumeUuid: uuid, holder, expunges };
    const what = { call: "DeleteDataVolume", flow: "deleteVolume", verb: "Delete volume" } as const;
    return task(tx, context, what, volume.name, data, uuid);
  },
  RecoverDataVolume: (tx, { uuid }) => {
    const volume = tx.need("Volume", uuid);
    requireIdle(tx, volume);
    requireWhole(tx, "Volume", volume, "ExpungeDataVolume");
    const event = volume.installPath === null ? "recoverEmpty" : "recover";
    const status = orThrow(nextState(volumeStatusMachine, volume.name, volume.status, event));
    return { inventory: tx.update("Volume", uuid, { status }) };
  },
  ExpungeDataVolume: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const volume = holdVolume(tx, uuid, "expunge", holder);
    requireApart(volume);
    if (volume.status !== "Deleted")
      throw refused(volume, `Its status is ${volume.status}.`, "Delete it first (DeleteDataVolume).");
    const data: VolumeHold = { volumeUuid: uuid, holder };
    const what = { call: "ExpungeDataVolume", flow: "expungeVolume", verb: "Expunge volume" } as const;
    return task(tx, context, what, volume.name, data, uuid);
  },
  ResizeDataVolume: resized("ResizeDataVolume", "Data"),
  ResizeRootVolume: resized("ResizeRootVolume", "Root"),
} satisfies DecidersOf<
  | "CreateDataVolume"
  | "UpdateVolume"
  | "ChangeVolumeState"
  | "AttachDataVolumeToVm"
  | "DetachDataVolumeFromVm"
  | "DeleteDataVolume"
  | "RecoverDataVolume"
  | "ExpungeDataVolume"
  | "ResizeDataVolume"
  | "ResizeRootVolume"
>;
