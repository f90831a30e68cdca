import type { CallInput } from "../../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import {
  type PrimaryStorageType,
  primaryStorageStateMachine,
  primaryStorageStatusMachine,
} from "../../model/cloud/storage.ts";
import { placeRefusal } from "../../model/cloud/storage-place.ts";
import { vmStates } from "../../model/cloud/vm-states.ts";
import { shown } from "../../model/quote.ts";
import type { ReleaseData, StoragesData } from "../hosts/storages.ts";
import type { Tx } from "../records.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { orThrow, patchOf, refuseFor } from "./shared.ts";

/* Primary storages. What is on their hosts' side follows their records: see the hosts' reports. */

function added(type: PrimaryStorageType, tx: Tx, input: CallInput<"AddLocalPrimaryStorage">, { newUuid }: CallContext) {
  refuseFor(placeRefusal(type, input.url));
  for (const other of tx.find("PrimaryStorage", "zoneUuid", input.zoneUuid))
    if (other.type === type && other.url === input.url)
      throw new CloudError(
        refusalOf("STORAGE.1006", {
          where: "url",
          details: `The storage ${shown(other.name)} of this zone is there already.`,
          remedy: "Attach that one to the cluster, or give another place.",
          values: { uuid: other.uuid },
        }),
      );
  return {
    inventory: tx.insert("PrimaryStorage", {
      uuid: newUuid(),
      ...input,
      type,
      attachedClusterUuids: [],
      state: primaryStorageStateMachine.initial,
      status: primaryStorageStatusMachine.initial,
      totalCapacity: 0,
      availableCapacity: 0,
      totalPhysicalCapacity: 0,
      availablePhysicalCapacity: 0,
    }),
  };
}

/** Machines of a cluster that are on a host and have a volume on a storage. */
function inUse(tx: Tx, storageUuid: string, clusterUuid: string): number {
  return tx.find("Volume", "primaryStorageUuid", storageUuid).filter(({ vmInstanceUuid }) => {
    if (vmInstanceUuid !== null && tx.unreadable.get("VmInstance", vmInstanceUuid) !== undefined) return true;
    const machine = vmInstanceUuid === null ? undefined : tx.peek("VmInstance", vmInstanceUuid);
    return machine !== undefined && machine.clusterUuid === clusterUuid && vmStates[machine.state].onHost;
  }).length;
}

export const storageDeciders = {
  AddLocalPrimaryStorage: (tx, input, context) => added("LocalStorage", tx, input, context),
  AddNfsPrimaryStorage: (tx, input, context) => added("NFS", tx, input, context),
  AddSharedMountPointPrimaryStorage: (tx, input, context) => added("SharedMountPoint", tx, input, context),
  UpdatePrimaryStorage: (tx, { uuid, ...patch }) => ({ inventory: tx.update("PrimaryStorage", uuid, patchOf(patch)) }),
  ChangePrimaryStorageState: (tx, { uuid, stateEvent }) => {
    const { name, state } = tx.need("PrimaryStorage", uuid);
    const next = orThrow(nextState(primaryStorageStateMachine, name, state, stateEvent));
    return { inventory: tx.update("PrimaryStorage", uuid, { state: next }) };
  },
  AttachPrimaryStorageToCluster: (tx, { uuid, clusterUuid }, context) => {
    const storage = tx.need("PrimaryStorage", uuid);
    const cluster = tx.need("Cluster", clusterUuid, "clusterUuid");
    if (cluster.zoneUuid !== storage.zoneUuid) throw otherZone("PrimaryStorage", storage.name);
    const others = storage.attachedClusterUuids.filter((each) => each !== clusterUuid);
    tx.guard(clusterUuid);
    // The hosts that are there already have to be asked for it; those that come are asked when they connect.
    const data: StoragesData = { storageUuid: uuid };
    const name = `Ask the hosts for storage ${shown(storage.name)}`;
    const what = {
      flow: "reconnectStorage",
      data,
      call: "AttachPrimaryStorageToCluster",
      name,
      resourceUuid: uuid,
    } as const;
    context.startTask(tx, what, context);
    return { inventory: tx.update("PrimaryStorage", uuid, { attachedClusterUuids: [...others, clusterUuid].sort() }) };
  },
  DetachPrimaryStorageFromCluster: (tx, { uuid, clusterUuid }, context) => {
    const storage = tx.need("PrimaryStorage", uuid);
    tx.need("Cluster", clusterUuid, "clusterUuid");
    const machines = inUse(tx, uuid, clusterUuid);
    if (machines > 0)
      throw new CloudError(
        refusalOf("STORAGE.1012", {
          where: `PrimaryStorage ${shown(storage.name)}`,
          details: `${machines} machines of the cluster that are on a host have volumes on it.`,
          remedy: "Stop those machines first.",
          values: { machines },
        }),
      );
    const attachedClusterUuids = storage.attachedClusterUuids.filter((each) => each !== clusterUuid);
    if (storage.type === "NFS") {
      const data: ReleaseData = { clusterUuid };
      const name = `Have the hosts let storage ${shown(storage.name)} go`;
      const call = "DetachPrimaryStorageFromCluster";
      context.startTask(tx, { flow: "releaseStorage", data, call, name, resourceUuid: uuid }, context);
    }
    return { inventory: tx.update("PrimaryStorage", uuid, { attachedClusterUuids }) };
  },
} satisfies DecidersOf<
  | "AddLocalPrimaryStorage"
  | "AddNfsPrimaryStorage"
  | "AddSharedMountPointPrimaryStorage"
  | "UpdatePrimaryStorage"
  | "ChangePrimaryStorageState"
  | "AttachPrimaryStorageToCluster"
  | "DetachPrimaryStorageFromCluster"
>;

/** A resource can only be given to clusters of its own zone. */
export function otherZone(kind: string, name: string): CloudError {
  const details = "The cluster is in another zone.";
  return new CloudError(
    refusalOf("SYS.1007", { where: `${kind} ${shown(name)}`, details, remedy: "Choose a cluster of its own zone." }),
  );
}
