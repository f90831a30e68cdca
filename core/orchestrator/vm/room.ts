import { charged, isAboveThreshold } from "../../model/cloud/capacity.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { hostOfVolume } from "../volume/place.ts";
import { readMigration } from "./migration-record.ts";
import type { Storage } from "./placement.ts";

/** Where the room of a storage is counted: on each host for itself, or at one place for all. */
export const everywhere = "*";

/**
 * Bytes of a storage that are promised to no volume yet: of local storage by host, of others {@link everywhere}.
 * @param ratio how often each byte may be promised
 */
export function roomsOf(tx: Pick<Tx, "find" | "peek">, storage: Storage, ratio: number): Map<string, number> {
  const { uuid, type, availableCapacity } = storage;
  if (type !== "LocalStorage") return new Map([[everywhere, availableCapacity]]);
  const rooms = new Map<string, number>();
  for (const { hostUuid, totalBytes } of tx.find("HostStorage", "storageUuid", uuid))
    rooms.set(String(hostUuid), Number(totalBytes));
  const take = (volume: RecordOf<"Volume">, bytes: number) => {
    const host = hostOfVolume(tx, volume) ?? "";
    const room = rooms.get(host);
    if (room !== undefined) rooms.set(host, room - bytes);
  };
  for (const volume of tx.find("Volume", "primaryStorageUuid", uuid)) take(volume, charged(volume.size, ratio));
  for (const { volumeUuid, size } of tx.find("VolumeSnapshot", "primaryStorageUuid", uuid)) {
    const volume = tx.peek("Volume", volumeUuid);
    if (volume !== undefined) take(volume, size);
  }
  const takeAt = (hostUuid: string, size: number) => {
    const room = rooms.get(hostUuid);
    if (room !== undefined) rooms.set(hostUuid, room - charged(size, ratio));
  };
  // Of machines that come with their volumes, and of those that have left files behind.
  for (const host of [...rooms.keys()])
    for (const found of tx.find("Migration", "destinationUuid", host))
      for (const { storageUuid, size } of readMigration(found)?.copies ?? [])
        if (storageUuid === uuid) takeAt(host, size);
  for (const { hostUuid, size } of tx.find("VolumeRest", "storageUuid", uuid)) takeAt(String(hostUuid), Number(size));
  for (const { hostUuid, sizeBytes } of tx.find("CachedImage", "storageUuid", uuid)) {
    const room = rooms.get(String(hostUuid));
    if (room !== undefined) rooms.set(String(hostUuid), room - Number(sizeBytes));
  }
  return rooms;
}

/**
 * Where so much of a storage is in use that it takes nothing new: the hosts whose local storage it is, or
 * {@link everywhere}. @param threshold share of the physical size
 */
export function fullPlaces(tx: Pick<Tx, "find">, storage: Storage, threshold: number): Set<string> {
  const { uuid, type, totalPhysicalCapacity, availablePhysicalCapacity } = storage;
  if (type !== "LocalStorage") {
    const room = { totalBytes: totalPhysicalCapacity, availableBytes: availablePhysicalCapacity };
    return new Set(isAboveThreshold(room, threshold) ? [everywhere] : []);
  }
  const full = new Set<string>();
  for (const { hostUuid, totalBytes, availableBytes } of tx.find("HostStorage", "storageUuid", uuid)) {
    const room = { totalBytes: Number(totalBytes), availableBytes: Number(availableBytes) };
    if (isAboveThreshold(room, threshold)) full.add(String(hostUuid));
  }
  return full;
}
