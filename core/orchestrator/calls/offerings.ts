import { hostTagRefusal } from "../../model/cloud/host-tags.ts";
import { diskOfferingState, instanceOfferingState } from "../../model/cloud/vm.ts";
import type { DecidersOf } from "./handler.ts";
import { patchOf, refuseFor, switched } from "./shared.ts";

/* Sizes of machines and volumes. What was made of one keeps its size, whatever becomes of it. */

export const offeringDeciders = {
  CreateInstanceOffering: (tx, input, { newUuid }) => {
    refuseFor(hostTagRefusal(input.tags));
    const given = { uuid: newUuid(), ...input, state: instanceOfferingState.initial };
    return { inventory: tx.insert("InstanceOffering", given) };
  },
  UpdateInstanceOffering: (tx, { uuid, ...patch }) => {
    refuseFor(hostTagRefusal(patch.tags));
    return { inventory: tx.update("InstanceOffering", uuid, patchOf(patch)) };
  },
  ChangeInstanceOfferingState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "InstanceOffering", instanceOfferingState, uuid, stateEvent),
  }),
  DeleteInstanceOffering: (tx, { uuid }) => {
    tx.remove("InstanceOffering", uuid);
    return {};
  },
  CreateDiskOffering: (tx, input, { newUuid }) => ({
    inventory: tx.insert("DiskOffering", { uuid: newUuid(), ...input, state: diskOfferingState.initial }),
  }),
  UpdateDiskOffering: (tx, { uuid, ...patch }) => ({ inventory: tx.update("DiskOffering", uuid, patchOf(patch)) }),
  ChangeDiskOfferingState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "DiskOffering", diskOfferingState, uuid, stateEvent),
  }),
  DeleteDiskOffering: (tx, { uuid }) => {
    tx.remove("DiskOffering", uuid);
    return {};
  },
} satisfies DecidersOf<
  | "CreateInstanceOffering"
  | "UpdateInstanceOffering"
  | "ChangeInstanceOfferingState"
  | "DeleteInstanceOffering"
  | "CreateDiskOffering"
  | "UpdateDiskOffering"
  | "ChangeDiskOfferingState"
  | "DeleteDiskOffering"
>;
