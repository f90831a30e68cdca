import type { Tx } from "../records.ts";
import type { Storage } from "./placement.ts";

/** Whether a host has a shared storage, as far as it has said; of local storage its room tells. */
export function isReached(tx: Pick<Tx, "peek">, { uuid, type }: Storage, hostUuid: string): boolean {
  return type === "LocalStorage" || tx.peek("HostStorage", hostStorageKey(hostUuid, uuid)) !== undefined;
}

/** The key of a record of the kind "HostStorage". */
export function hostStorageKey(hostUuid: string, storageUuid: string): string {
  return `${hostUuid}:${storageUuid}`;
}
