import { charged } from "../../model/cloud/capacity.ts";
import type { Tx } from "../records.ts";
import type { Storage } from "./placement.ts";

/** Bytes of a storage that are promised to no volume yet. @param ratio how often each byte may be promised */
export function roomOf(tx: Pick<Tx, "find">, { uuid, totalCapacity }: Storage, ratio: number): number {
  const volumes = tx.find("Volume", "primaryStorageUuid", uuid);
  return totalCapacity - volumes.reduce((sum, { size }) => sum + charged(size, ratio), 0);
}
