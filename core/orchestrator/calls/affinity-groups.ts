import { affinityGroupState } from "../../model/cloud/vm.ts";
import { shown } from "../../model/quote.ts";
import { addToGroup, leaveGroup, requireKept } from "../affinity/members.ts";
import type { Tx } from "../records.ts";
import type { DecidersOf } from "./handler.ts";
import { patchOf, switched } from "./shared.ts";

/* Affinity groups. What changes here moves no machine: it holds from the next time that one is placed. */

const whereOf = ({ name }: { name: string }) => `AffinityGroup ${shown(name)}`;

function groupOf(tx: Tx, uuid: string) {
  return tx.need("AffinityGroup", uuid);
}

export const affinityGroupDeciders = {
  CreateAffinityGroup: (tx, input, { newUuid }) => ({
    inventory: tx.insert("AffinityGroup", {
      uuid: newUuid(),
      ...input,
      vmInstanceUuids: [],
      state: affinityGroupState.initial,
    }),
  }),
  UpdateAffinityGroup: (tx, { uuid, ...patch }) => {
    const before = groupOf(tx, uuid);
    const inventory = tx.update("AffinityGroup", uuid, patchOf(patch));
    if (inventory.policy !== before.policy) requireKept(tx, uuid, whereOf(before));
    return { inventory };
  },
  ChangeAffinityGroupState: (tx, { uuid, stateEvent }) => {
    const inventory = switched(tx, "AffinityGroup", affinityGroupState, uuid, stateEvent);
    requireKept(tx, uuid, whereOf(inventory));
    return { inventory };
  },
  AddVmToAffinityGroup: (tx, { uuid, vmInstanceUuids }) => {
    const group = groupOf(tx, uuid);
    for (const vmInstanceUuid of vmInstanceUuids) addToGroup(tx, uuid, vmInstanceUuid);
    requireKept(tx, uuid, whereOf(group), new Set(vmInstanceUuids));
    return { inventory: groupOf(tx, uuid) };
  },
  RemoveVmFromAffinityGroup: (tx, { uuid, vmInstanceUuids }) => {
    groupOf(tx, uuid);
    for (const vmInstanceUuid of vmInstanceUuids)
      if (tx.need("VmInstance", vmInstanceUuid, "vmInstanceUuids").affinityGroupUuid === uuid)
        leaveGroup(tx, vmInstanceUuid);
    return { inventory: groupOf(tx, uuid) };
  },
  DeleteAffinityGroup: (tx, { uuid }) => {
    groupOf(tx, uuid);
    for (const { uuid: vmInstanceUuid } of tx.find("VmInstance", "affinityGroupUuid", uuid))
      if (tx.get("VmInstance", vmInstanceUuid)?.affinityGroupUuid === uuid)
        tx.update("VmInstance", vmInstanceUuid, { affinityGroupUuid: null });
    tx.remove("AffinityGroup", uuid);
    return {};
  },
} satisfies DecidersOf<
  | "CreateAffinityGroup"
  | "UpdateAffinityGroup"
  | "ChangeAffinityGroupState"
  | "DeleteAffinityGroup"
  | "AddVmToAffinityGroup"
  | "RemoveVmFromAffinityGroup"
>;
