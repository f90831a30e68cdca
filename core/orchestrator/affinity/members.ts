import { type AffineMachine, breachOf, breachRefusal, isHard, mostAffineMachines } from "../../model/cloud/affinity.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { readMigration } from "../vm/migration-record.ts";

/*
 * Which machines belong to an affinity group. The group's record lists them and each names its group; both are written
 * by one transaction. Whoever decides by a group reads its record, so that a change of its machines or its rule makes
 * that decision anew.
 */

export type AffinityGroup = RecordOf<"AffinityGroup">;
type Machine = RecordOf<"VmInstance">;

/** The hosts that a machine counts on: where it is or may be, and where it goes. */
export function hostsOf({ hostUuid }: Pick<Machine, "hostUuid">, migration: unknown): string[] {
  const here = hostUuid === null ? [] : [hostUuid];
  const destination = readMigration(migration)?.destinationUuid;
  return destination === undefined || here.includes(destination) ? here : [...here, destination];
}

/** A machine that is made, or is there already, belongs to a group from now on. @throws SYS.1005, VM.1071 */
export function joinGroup(tx: Tx, groupUuid: string, vm: { uuid: string; name: string }, where: string): void {
  const { name, vmInstanceUuids } = tx.need("AffinityGroup", groupUuid, where);
  if (vmInstanceUuids.includes(vm.uuid)) return;
  if (vmInstanceUuids.length >= mostAffineMachines)
    throw notJoined(
      vm.name,
      `The group ${shown(name)} has ${mostAffineMachines} machines already.`,
      "Make another group.",
    );
  tx.update("AffinityGroup", groupUuid, { vmInstanceUuids: [...vmInstanceUuids, vm.uuid] });
}

/** A machine that is deleted belongs to no group any more; gives the group that it has belonged to. */
export function leaveGroup(tx: Tx, vmUuid: string): void {
  for (const { uuid } of tx.find("AffinityGroup", "vmInstanceUuids", vmUuid)) takeOut(tx, uuid, vmUuid);
  const own = tx.get("VmInstance", vmUuid)?.affinityGroupUuid ?? null;
  if (own === null) return;
  takeOut(tx, own, vmUuid);
  tx.update("VmInstance", vmUuid, { affinityGroupUuid: null });
}

function takeOut(tx: Tx, groupUuid: string, vmUuid: string): void {
  if (tx.unreadable.get("AffinityGroup", groupUuid) !== undefined) return;
  const group = tx.get("AffinityGroup", groupUuid);
  if (group === undefined) return;
  tx.update("AffinityGroup", groupUuid, { vmInstanceUuids: group.vmInstanceUuids.filter((each) => each !== vmUuid) });
}

/** @throws SYS.1005, VM.1071 */
export function addToGroup(tx: Tx, groupUuid: string, vmUuid: string): void {
  const machine = tx.need("VmInstance", vmUuid, "vmInstanceUuids");
  const { affinityGroupUuid: own, name, state } = machine;
  if (own !== null && own !== groupUuid && tx.get("AffinityGroup", own) !== undefined)
    throw notJoined(
      name,
      `It belongs to the affinity group ${shown(tx.get("AffinityGroup", own)?.name ?? own)}.`,
      "Take it out of that one first: RemoveVmFromAffinityGroup.",
    );
  if (state === "Destroyed" || state === "Expunging")
    throw notJoined(name, "It is deleted.", "Recover it first: RecoverVmInstance.");
  joinGroup(tx, groupUuid, machine, "uuid");
  tx.update("VmInstance", vmUuid, { affinityGroupUuid: groupUuid });
}

/**
 * Refuses what would leave a hard rule broken that is looked at. Reads each machine of the group, so that none comes
 * onto a host meanwhile. @param concerns only breaches with one of these; all when left out
 * @throws VM.1070, SYS.1060 for a machine whose place can't be read
 */
export function requireKept(tx: Tx, groupUuid: string, where: string, concerns?: ReadonlySet<string>): void {
  const group = tx.need("AffinityGroup", groupUuid);
  if (group.state !== "Enabled" || !isHard(group.policy)) return;
  const machines = group.vmInstanceUuids.flatMap((uuid): AffineMachine[] => {
    const machine = tx.get("VmInstance", uuid);
    return machine === undefined
      ? []
      : [{ uuid, name: machine.name, hosts: hostsOf(machine, tx.get("Migration", uuid)) }];
  });
  const breach = breachOf(group.policy, machines, concerns);
  if (breach === undefined) return;
  throw new CloudError(breachRefusal(where, group, breach, (uuid) => tx.peek("Host", uuid)?.name ?? uuid));
}

function notJoined(name: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("VM.1071", { where: `VmInstance ${shown(name)}`, details, remedy }));
}
