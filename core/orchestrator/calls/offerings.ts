import { diskOfferingState, instanceOfferingState } from "../../model/cloud/vm.ts";
import type { DecidersOf } from "./handler.ts";
import { patchOf, switched } from "./shared.ts";

/* Sizes of machines and volumes. What was made of one keeps its size, whatever becomes of it. */

export const offeringDeciders = {
  CreateInstanceOffering: (tx, input, { newUuid }) => ({
    inventory: tx.insert("InstanceOffering", { uuid: newUuid(), ...input, state: instanceOfferingState.initial }),
  }),
  UpdateInstanceOffering: (tx, { uuid, ...patch }) => ({
    inventory: tx.update("InstanceOffering", uuid, patchOf(patch)),
  }),
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
