import { beginVm, endVm, type Holding, type VmEnd, type VmLife } from "../../model/cloud/vm-life.ts";
import type { VmOperation } from "../../model/cloud/vm-operations.ts";
import { vmStates } from "../../model/cloud/vm-states.ts";
import { leaveGroup } from "../affinity/members.ts";
import { orThrow } from "../calls/shared.ts";
import { forgetDevices } from "../device/forget.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { unreadableError } from "../unreadable.ts";
import { removeVolume } from "../volume/hold.ts";
import { hostToKeep } from "../volume/place.ts";
import { settleParts } from "./follow.ts";
import { forgetMigration, requireSettled } from "./migration-record.ts";
import { isMovable } from "./move-request.ts";
import { dropShelf } from "./shelf.ts";

export type Machine = RecordOf<"VmInstance">;
/** A machine, and who holds it for an operation. */
export type Held = { vmUuid: string; holder: string };

/** What of a machine's record follows from its life. */
export function lifeOf({ state, operation, earlierState, stateBeforeRescue, locked }: Machine): VmLife {
  return { state, operation, earlierState, stateBeforeRescue, locked };
}

/**
 * Begins an operation on a machine, which refuses all others until it ends. `holder` names whoever carries it out: the
 * loss of a host ends operations, and a task that has lost its own must not end, or undo, another one's.
 *
 * @throws VM.1001 to VM.1004, VM.1030; SYS.1060 when its record, or one of its cards or volumes, can't be read
 */
export function begin(tx: Tx, uuid: string, operation: VmOperation, holder: string): Machine {
  const machine = tx.need("VmInstance", uuid);
  const broken = tx.unreadable.partOf(machine);
  if (broken !== undefined) throw unreadableError(broken);
  // What is kept of a suspended machine is on the host that it was on.
  const hostUuid = machine.state === "Suspended" ? machine.lastHostUuid : machine.hostUuid;
  const host = hostUuid === null ? undefined : tx.get("Host", hostUuid);
  if (machine.operation === null) requireSettled(tx, machine);
  const movable = operation === "migrateLive" && isMovable(tx, uuid);
  const holding: Holding = { hostConnected: host?.status === "Connected", movable };
  tx.put("VmOperation", uuid, { holder });
  return tx.update("VmInstance", uuid, orThrow(beginVm(machine.name, lifeOf(machine), operation, holding)));
}

/** Whether nobody else has begun an operation on a machine since this holder did. */
export function isHolder(tx: Tx, uuid: string, holder: string): boolean {
  return tx.get("VmOperation", uuid)?.["holder"] === holder;
}

/**
 * Whether this holder's operation on a machine still runs. With the loss of its host it has ended: what is found of the
 * machine there later is a machine as any other, which nothing may be taken back from.
 */
export function isRunning(tx: Tx, uuid: string, holder: string): boolean {
  return (tx.get("VmInstance", uuid)?.operation ?? null) !== null && isHolder(tx, uuid, holder);
}

/**
 * Ends the operation of a machine. One that is on no host any more gives its host back and remembers it. Nothing is
 * done when something else has ended it, such as the loss of its host.
 *
 * @returns the machine as it is now; undefined when it is gone
 */
export function end(
  tx: Tx,
  { vmUuid: uuid, holder }: Held,
  ending: VmEnd,
  more: Partial<Machine> = {},
): Machine | undefined {
  const machine = tx.get("VmInstance", uuid);
  if (machine === undefined || machine.operation === null || !isHolder(tx, uuid, holder)) return machine;
  const life = orThrow(endVm(machine.name, lifeOf(machine), ending));
  if (life === null) {
    removeMachine(tx, uuid);
    return;
  }
  tx.delete("VmOperation", uuid);
  const ended = tx.update("VmInstance", uuid, { ...settled(machine, life), ...more });
  settleParts(tx, ended);
  return tx.get("VmInstance", uuid);
}

/** What of a record follows from a new life: one that is on no host any more remembers the host that it was on. */
export function settled(machine: Machine, life: VmLife, hostUuid = machine.hostUuid): Partial<Machine> {
  if (vmStates[life.state].onHost) return { ...life, hostUuid };
  return { ...life, hostUuid: null, lastHostUuid: hostUuid ?? machine.lastHostUuid };
}

/** The end of a failed operation: `broken` when it could not be taken back either. */
export function endFailed(tx: Tx, held: Held, how: { notUndone: readonly string[] }): void {
  end(tx, held, how.notUndone.length === 0 ? "failed" : "broken");
}

/** Removes a machine with its cards, their addresses, its root volume; data volumes are let go. */
export function removeMachine(tx: Tx, uuid: string): void {
  for (const nic of tx.find("VmNic", "vmInstanceUuid", uuid))
    if (tx.get("VmNic", nic.uuid) !== undefined) removeNic(tx, nic);
  for (const volume of tx.find("Volume", "vmInstanceUuid", uuid))
    if (tx.get("Volume", volume.uuid) === undefined) continue;
    else if (volume.type === "Root") removeVolume(tx, volume.uuid);
    else letVolumeGo(tx, volume);
  leaveGroup(tx, uuid);
  if (tx.get("VmOperation", uuid) !== undefined) tx.delete("VmOperation", uuid);
  forgetDevices(tx, uuid);
  forgetMigration(tx, uuid);
  if (tx.get("Rescue", uuid) !== undefined) tx.delete("Rescue", uuid);
  dropShelf(tx, uuid);
  tx.remove("VmInstance", uuid);
}

/** Takes data volumes from a machine that is deleted: it runs nowhere. */
export function letVolumesGo(tx: Tx, uuid: string): void {
  for (const { uuid: volumeUuid, type } of tx.find("Volume", "vmInstanceUuid", uuid)) {
    const volume = type === "Data" ? tx.get("Volume", volumeUuid) : undefined;
    if (volume?.vmInstanceUuid === uuid) letVolumeGo(tx, volume);
  }
}

/** Takes a data volume from its machine, which has it open no more. */
export function letVolumeGo(tx: Tx, volume: RecordOf<"Volume">): void {
  const { uuid, vmInstanceUuid } = volume;
  const machine = vmInstanceUuid === null ? undefined : tx.get("VmInstance", vmInstanceUuid);
  const hostUuid = machine === undefined ? volume.hostUuid : hostToKeep(tx, volume, machine);
  tx.update("Volume", uuid, { vmInstanceUuid: null, deviceId: null, hostUuid });
}

export function removeNic(tx: Tx, { uuid, l3NetworkUuid, ip, mac }: RecordOf<"VmNic">): void {
  tx.remove("VmNic", uuid);
  if (ip !== null) tx.delete("AddressUse", addressKey(l3NetworkUuid, ip));
  tx.delete("MacUse", mac);
}

export function addressKey(l3NetworkUuid: string, ip: string): string {
  return `${l3NetworkUuid}:${ip}`;
}
