import type { JsonObject } from "../../store/record.ts";
import type { Tx } from "../records.ts";
import type { Storage } from "./placement.ts";

/**
 * Whether a host has a shared storage, as far as it has said; of local storage its room tells. One that was silent when
 * the host looked last gets nothing new there, though the host still counts as having it: see {@link silencesOf}.
 */
export function isReached(tx: Pick<Tx, "peek">, { uuid, type }: Storage, hostUuid: string): boolean {
  if (type === "LocalStorage") return true;
  const known = tx.peek("HostStorage", hostStorageKey(hostUuid, uuid));
  return known !== undefined && silencesOf(known) === 0;
}

/** Looks in a row at which the storage has not answered the host. @param known a record of the kind "HostStorage" */
export function silencesOf({ silences }: JsonObject): number {
  return typeof silences === "number" ? silences : 0;
}

/** The key of a record of the kind "HostStorage". */
export function hostStorageKey(hostUuid: string, storageUuid: string): string {
  return `${hostUuid}:${storageUuid}`;
}
