import { charged } from "../../model/cloud/capacity.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { primaryStorageRefusal } from "../../model/cloud/storage.ts";
import { shown } from "../../model/quote.ts";
import type { CopiedVolume } from "./copied-volume.ts";
import type { Host, Ratios, Storage, StorageOption } from "./placement.ts";

/* Room on a host's own disks for volumes that come with their machine. Pure. */

/** What a host's own disks have to take. */
export type CopyWish = {
  volumes: readonly CopiedVolume[];
  /** Bytes of images that are not there yet. */
  moreBytes: (storage: Storage, hostUuid: string) => number;
  /** Why a host can't have them, whatever room it has. */
  against: (hostUuid: string) => string | undefined;
};

/** Why a host can't take the volumes; undefined when it can. */
export function whyNoCopies(
  wish: CopyWish,
  { uuid }: Pick<Host, "uuid">,
  storages: readonly StorageOption[],
  ratios: Ratios,
): string | undefined {
  const why = wish.against(uuid);
  if (why !== undefined) return why;
  for (const option of storages) {
    const { storage, rooms, full, isUnclear } = option;
    const bytes = bytesOf(wish, option, uuid, ratios);
    if (bytes === 0) continue;
    const name = `its storage ${shown(storage.name)}`;
    if (isUnclear) return `the record of a volume that may be on ${name} can't be read`;
    const room = rooms.get(uuid);
    if (room === undefined) return `it has not said what it has of ${name}`;
    if (full.has(uuid)) return `${name} is in use above threshold.primaryStorage.physicalCapacity`;
    if (primaryStorageRefusal(storage.name, storage, "newVolume") !== undefined) return `${name} takes nothing new`;
    if (bytes > room) return `no room for ${formatSize(bytes)} on ${name}`;
  }
  return undefined;
}

/** Takes their room off what the host has left. @returns what gives it back */
export function takeCopies(
  wish: CopyWish,
  { uuid }: Pick<Host, "uuid">,
  storages: readonly StorageOption[],
  ratios: Ratios,
): () => void {
  const taken = storages.flatMap(({ rooms, ...option }) => {
    const bytes = bytesOf(wish, { ...option, rooms }, uuid, ratios);
    return bytes > 0 ? [{ rooms, bytes }] : [];
  });
  const take = (factor: 1 | -1) => {
    for (const { rooms, bytes } of taken) rooms.set(uuid, (rooms.get(uuid) ?? 0) - factor * bytes);
  };
  take(1);
  return () => take(-1);
}

function bytesOf(
  { volumes, moreBytes }: CopyWish,
  { storage }: StorageOption,
  hostUuid: string,
  ratios: Ratios,
): number {
  if (storage.type !== "LocalStorage") return 0;
  const own = volumes.filter(({ storageUuid }) => storageUuid === storage.uuid);
  return own.reduce((bytes, { size }) => bytes + charged(size, ratios.storage), 0) + moreBytes(storage, hostUuid);
}
