import { clusterState, zoneState } from "../../model/cloud/place.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { parseSize } from "../../model/cloud/size.ts";
import type { DecidersOf } from "./handler.ts";
import { patchOf, switched } from "./shared.ts";

/* Zones and clusters. */

const reservedMemoryTag = "reservedMemory::";

/**
 * A tag that holds a size is read when memory is counted: one that can't be read would count as none.
 * @throws SYS.1001
 */
export function checkTags(tags: readonly string[] | undefined): void {
  for (const tag of tags ?? []) {
    if (!tag.startsWith(reservedMemoryTag) || parseSize(tag.slice(reservedMemoryTag.length)) !== undefined) continue;
    const details = "The tag reservedMemory holds no size.";
    throw new CloudError(
      refusalOf("SYS.1001", { where: "tags", details, remedy: "Give one such as reservedMemory::2G." }),
    );
  }
}

export const placeDeciders = {
  CreateZone: (tx, input, { newUuid }) => {
    checkTags(input.tags);
    return { inventory: tx.insert("Zone", { uuid: newUuid(), ...input, state: zoneState.initial }) };
  },
  UpdateZone: (tx, { uuid, ...patch }) => {
    checkTags(patch.tags);
    return { inventory: tx.update("Zone", uuid, patchOf(patch)) };
  },
  ChangeZoneState: (tx, { uuid, stateEvent }) => ({ inventory: switched(tx, "Zone", zoneState, uuid, stateEvent) }),
  CreateCluster: (tx, input, { newUuid }) => {
    checkTags(input.tags);
    return { inventory: tx.insert("Cluster", { uuid: newUuid(), ...input, state: clusterState.initial }) };
  },
  UpdateCluster: (tx, { uuid, ...patch }) => {
    checkTags(patch.tags);
    return { inventory: tx.update("Cluster", uuid, patchOf(patch)) };
  },
  ChangeClusterState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "Cluster", clusterState, uuid, stateEvent),
  }),
} satisfies DecidersOf<
  "CreateZone" | "UpdateZone" | "ChangeZoneState" | "CreateCluster" | "UpdateCluster" | "ChangeClusterState"
>;
