import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { settings } from "../../model/cloud/settings.ts";
import { vmConditions } from "../../model/cloud/vm-operations.ts";
import { shown } from "../../model/quote.ts";
import type { Tx } from "../records.ts";
import { recordOfSetting } from "../settings.ts";
import { copyWish } from "./copied-volumes.ts";
import { isSeeded } from "./guest-data.ts";
import type { Machine } from "./life.ts";
import { needsSecond } from "./limits.ts";
import { marksOf, type PlacementRequest, type Storage } from "./placement.ts";

/** How a host is tagged with the model of its processor. */
const modelPrefix = "cpu::model::";

export function storagesOf(tx: Tx, vmUuid: string): Storage[] {
  return tx
    .find("Volume", "vmInstanceUuid", vmUuid)
    .flatMap(({ primaryStorageUuid: uuid }) => (uuid === null ? [] : [tx.need("PrimaryStorage", uuid)]));
}

/** Whether no volume of a machine lies on its host's own disks. */
export function isShared(tx: Tx, vmUuid: string): boolean {
  return storagesOf(tx, vmUuid).every(({ type }) => type !== "LocalStorage");
}

/** Whether another host could have the machine's volumes, as it runs. */
export function isMovable(tx: Tx, vmUuid: string): boolean {
  return isShared(tx, vmUuid) || mayCopy(tx);
}

/** localStoragePrimaryStorage.liveMigrationWithStorage.allow */
function mayCopy(tx: Tx): boolean {
  const setting = settings.find(({ name }) => name === "liveMigrationWithStorage.allow");
  return setting !== undefined && recordOfSetting(tx, setting)?.value === "true";
}

/** @throws VM.1004 */
export function requireMovable(tx: Tx, { uuid, name, state }: Machine): void {
  if (isShared(tx, uuid)) return;
  const { details } = vmConditions.movable;
  const remedy =
    "Start it and migrate it while it runs, with localStoragePrimaryStorage.liveMigrationWithStorage.allow=true; or keep " +
    "its volumes on shared storage.";
  const values = { state, operation: "migrateCold", condition: "movable" };
  const why = `migrateCold is not possible: ${details}.`;
  throw new CloudError(refusalOf("VM.1004", { where: `VmInstance ${shown(name)}`, details: why, remedy, values }));
}

type Move = { sourceUuid: string | null; wantedUuid: string | null; isLive: boolean };

/**
 * What a machine needs on another host. A running one has seen its processor, and goes only where there is the same
 * model.
 */
export function moveRequest(tx: Tx, machine: Machine, { sourceUuid, wantedUuid, isLive }: Move): PlacementRequest {
  const { uuid, name, cpuNum, memorySize, clusterUuid } = machine;
  const source = sourceUuid === null ? undefined : tx.get("Host", sourceUuid);
  const networks = tx.find("VmNic", "vmInstanceUuid", uuid).map(({ l3NetworkUuid }) => {
    const l3 = tx.need("L3Network", l3NetworkUuid);
    return { name: l3.name, clusterUuids: tx.need("L2Network", l3.l2NetworkUuid).attachedClusterUuids };
  });
  return {
    name,
    cpuNum,
    memorySize,
    machine: marksOf(machine, isLive ? "running" : "stopped"),
    wantedHostUuid: wantedUuid,
    exceptHostUuid: sourceUuid,
    cpuModelTag: isLive ? (source?.tags.find((tag) => tag.startsWith(modelPrefix)) ?? null) : null,
    volumesHostUuid: null,
    // One that runs keeps the limits that it was started with.
    needsSecond: isLive ? isSeeded(tx, uuid, "now") : needsSecond(tx, machine, "nextStart"),
    clusterUuid,
    networks,
    storages: storagesOf(tx, uuid),
    rootVolume: null,
    copies: isLive && sourceUuid !== null ? copyWish(tx, uuid, sourceUuid) : undefined,
    image: null,
  };
}
