import { type Backing, cachedImagePath } from "../../hypervisor/driver.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "../vm/folder.ts";
import type { Storage } from "../vm/placement.ts";

/*
 * Copies of images in the caches of primary storages. A record says that a host may have one, from before its first byte
 * is brought until it is removed: so none is forgotten, whatever ends a manager or a host in between.
 */

/** A content as volumes stand on it. */
export type BaseImage = { sha256: string; format: "qcow2" | "raw"; sizeBytes: number };
/** A content as a cache may have it. */
export type CopiedImage = { sha256: string; format: BaseImage["format"] | "iso"; sizeBytes: number };

/** The key of a copy: where it is, and of what. */
export function copyKey({ uuid, type }: Storage, hostUuid: string, { sha256, format }: CopiedImage): string {
  return `${uuid}:${type === "LocalStorage" ? hostUuid : "*"}:${sha256}.${format}`;
}

/** Notes that a volume stands on an image, and that a copy of it will be where the volume is. */
export function standOn(tx: Tx, volumeUuid: string, storage: Storage, hostUuid: string, image: BaseImage): void {
  tx.put("VolumeBase", volumeUuid, { sha256: image.sha256, format: image.format, storageUuid: storage.uuid });
  noteCopy(tx, storage, hostUuid, image);
}

/** Notes that a copy of an image will be in a storage's cache, before its first byte is brought. */
export function noteCopy(tx: Tx, storage: Storage, hostUuid: string, image: CopiedImage): void {
  const { sha256, format, sizeBytes } = image;
  const key = copyKey(storage, hostUuid, image);
  if (tx.get("CachedImage", key) !== undefined) return;
  const place = { storageUuid: storage.uuid, hostUuid: storage.type === "LocalStorage" ? hostUuid : null };
  tx.put("CachedImage", key, { ...place, sha256, format, sizeBytes });
}

/** The image that a volume stands on, as its host has it; undefined for one that stands on nothing. */
export function backingOf(tx: Tx, volumeUuid: string): Backing | undefined {
  const base = tx.get("VolumeBase", volumeUuid);
  if (base === undefined) return;
  const storage = tx.need("PrimaryStorage", String(base["storageUuid"]));
  const format = base["format"] === "raw" ? "raw" : "qcow2";
  return { path: cachedImagePath(folderOf(storage), { sha256: String(base["sha256"]), format }), format };
}

/** The same as the part of a command that tells of it. */
export function standingOf(tx: Tx, volumeUuid: string): { backing?: Backing } {
  const backing = backingOf(tx, volumeUuid);
  return backing === undefined ? {} : { backing };
}

/** Bytes that an image takes on a storage where a copy of it has still to come. */
export function bytesToCome(tx: Pick<Tx, "peek">, storage: Storage, hostUuid: string, image: CopiedImage): number {
  return tx.peek("CachedImage", copyKey(storage, hostUuid, image)) === undefined ? image.sizeBytes : 0;
}
