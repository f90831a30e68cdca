import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { primaryStorageRefusal } from "../../model/cloud/storage.ts";
import { shown } from "../../model/quote.ts";
import { refuseFor } from "../calls/shared.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "../vm/life.ts";
import type { Storage } from "../vm/placement.ts";
import { isReached } from "../vm/reached.ts";
import type { Volume } from "./hold.ts";

/* Where a volume lies, and which host can reach it. */

type Host = RecordOf<"Host">;

/** The host that a machine is on, or was on last: there its volumes on local storage lie. */
export function placeOfMachine({ hostUuid, lastHostUuid }: Pick<Machine, "hostUuid" | "lastHostUuid">): string | null {
  return hostUuid ?? lastHostUuid;
}

/** The host on whose own disks a volume lies, if it is on local storage; for sums over many. */
export function hostOfVolume(tx: Pick<Tx, "peek">, { vmInstanceUuid, hostUuid }: Volume): string | null {
  const machine = vmInstanceUuid === null ? undefined : tx.peek("VmInstance", vmInstanceUuid);
  return machine === undefined ? hostUuid : placeOfMachine(machine);
}

/** What a volume that leaves its machine has to know of where it lies. */
export function hostToKeep(tx: Tx, volume: Volume, machine: Machine): string | null {
  const { primaryStorageUuid } = volume;
  const storage = primaryStorageUuid === null ? undefined : tx.get("PrimaryStorage", primaryStorageUuid);
  return storage?.type === "LocalStorage" ? placeOfMachine(machine) : null;
}

export function storageOf(tx: Tx, { uuid, primaryStorageUuid }: Volume): Storage {
  if (primaryStorageUuid === null) throw new Error(`The volume ${uuid} has no storage.`);
  return tx.need("PrimaryStorage", primaryStorageUuid);
}

/** Whether a volume went with its host, which was deleted: nobody reaches its file any more. */
export function isGone(tx: Tx, volume: Volume): boolean {
  if (volume.installPath === null || storageOf(tx, volume).type !== "LocalStorage") return false;
  const host = hostOfVolume(tx, volume);
  return host !== null && tx.get("Host", host) === undefined;
}

/**
 * The host that does something with a volume's file: the one that has it, or on shared storage the machine's, or any
 * that is connected. @throws STORAGE.1002, STORAGE.1042
 */
export function hostForVolume(tx: Tx, volume: Volume): Host {
  return hostFor(tx, volume, storageOf(tx, volume), hostOfVolume(tx, volume));
}

/** @param own the host to take if it can be; on local storage the only one that can */
export function hostFor(tx: Tx, { name }: Pick<Volume, "name">, storage: Storage, own: string | null): Host {
  const host = own === null ? undefined : tx.get("Host", own);
  if (storage.type === "LocalStorage") {
    if (host !== undefined) return host;
    const details = `It lies on the own disks of the host ${own ?? "that is not known"}, which is not in the cloud any more.`;
    const remedy = "Delete and expunge the volume (DeleteDataVolume, ExpungeDataVolume); its data went with the host.";
    throw new CloudError(refusalOf("STORAGE.1042", { where: `Volume ${shown(name)}`, details, remedy }));
  }
  const canDoIt = (each: Host) => each.status === "Connected" && isReached(tx, storage, each.uuid);
  if (host !== undefined && canDoIt(host)) return host;
  for (const clusterUuid of storage.attachedClusterUuids)
    for (const each of tx.find("Host", "clusterUuid", clusterUuid)) if (canDoIt(each)) return each;
  const details = "No host that reaches it is Connected.";
  const remedy = "Connect a host of its clusters, then try again.";
  throw new CloudError(refusalOf("STORAGE.1002", { where: `PrimaryStorage ${shown(storage.name)}`, details, remedy }));
}

/** Refuses for a volume that has its file where the machine can't reach it. @throws STORAGE.1042, STORAGE.1002, STORAGE.1003 */
export function requireReach(tx: Tx, volume: Volume, machine: Machine): void {
  const storage = storageOf(tx, volume);
  const refuse = (details: string, remedy: string) => {
    const where = `Volume ${shown(volume.name)}`;
    throw new CloudError(refusalOf("STORAGE.1042", { where, details, remedy, values: { machine: machine.uuid } }));
  };
  if (!storage.attachedClusterUuids.includes(machine.clusterUuid))
    refuse(
      `The storage ${shown(storage.name)} is not attached to the cluster of the machine ${shown(machine.name)}.`,
      "Attach the storage to that cluster, or take a machine of another one.",
    );
  if (storage.type === "LocalStorage") {
    const [own, its] = [volume.hostUuid, placeOfMachine(machine)];
    if (own === null || own !== its)
      refuse(
        `It lies on the own disks of ${hostNamed(tx, own)}; the machine ${shown(machine.name)} is on ${hostNamed(tx, its)}.`,
        "A volume on local storage serves the machines of its own host only: take one of those.",
      );
  }
  refuseFor(primaryStorageRefusal(storage.name, storage, "startMachine"));
}

function hostNamed(tx: Tx, uuid: string | null): string {
  if (uuid === null) return "no host";
  const host = tx.peek("Host", uuid);
  return host === undefined ? `the host ${uuid}, which was deleted` : `the host ${shown(host.name)}`;
}
