import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { listed, shown } from "../../model/quote.ts";
import { isosOnStorage } from "../device/iso-use.ts";
import { bytesToCome, type CopiedImage, copyKey, noteCopy } from "../images/base.ts";
import type { Tx } from "../records.ts";
import { unreadableError } from "../unreadable.ts";
import type { CopiedVolume } from "./copied-volume.ts";
import type { CopyWish } from "./copy-wish.ts";
import type { Machine } from "./life.ts";
import type { Storage } from "./placement.ts";
import { hasRest } from "./volume-rests.ts";

/* Which volumes go along with a machine that moves, and what they need where it goes. */

export function copiedVolumes(tx: Tx, vmUuid: string): CopiedVolume[] {
  return tx.find("Volume", "vmInstanceUuid", vmUuid).flatMap(({ uuid, primaryStorageUuid, installPath, size }) => {
    if (primaryStorageUuid === null || installPath === null) return [];
    if (tx.need("PrimaryStorage", primaryStorageUuid).type !== "LocalStorage") return [];
    return [{ volumeUuid: uuid, storageUuid: primaryStorageUuid, path: installPath, size }];
  });
}

/** Snapshots are in the file of a volume, and the hypervisors carry over only what a guest sees. @throws VM.1090, SYS.1060 */
export function requireNoSnapshots(tx: Tx, { uuid, name }: Machine): void {
  const volumes = copiedVolumes(tx, uuid);
  const broken = volumes.map(({ volumeUuid }) => tx.unreadable.naming(volumeUuid, "VolumeSnapshot")).find(Boolean);
  if (broken !== undefined) throw unreadableError(broken);
  const found = volumes.flatMap(({ volumeUuid }) => tx.find("VolumeSnapshot", "volumeUuid", volumeUuid));
  if (found.length === 0) return;
  const names = listed(
    found.map((snapshot) => snapshot.name),
    12,
  );
  const details = `Its volumes on local storage have snapshots, which would stay behind: ${names}.`;
  const remedy = "Delete these snapshots (DeleteVolumeSnapshot), then migrate it again.";
  throw new CloudError(
    refusalOf("VM.1090", { where: `VmInstance ${shown(name)}`, details, remedy, values: { snapshots: found.length } }),
  );
}

/** An image that the other host has to have. `storageUuid`: in whose cache. */
export type NeededImage = { storage: Storage; image: CopiedImage; storeUuid: string | undefined };

/** Images that volumes stand on, and those in drives, as far as they are on the host's own disks; each once. */
export function neededImages(
  tx: Tx,
  vmUuid: string,
  copies: readonly CopiedVolume[],
  sourceUuid: string,
): NeededImage[] {
  const found = new Map<string, NeededImage>();
  const add = (storageUuid: string, sha256: string, format: CopiedImage["format"]) => {
    const storage = tx.need("PrimaryStorage", storageUuid);
    if (storage.type !== "LocalStorage") return;
    const key = copyKey(storage, sourceUuid, { sha256, format, sizeBytes: 0 });
    const record = tx.all("Image").find((each) => each.sha256 === sha256 && each.format === format);
    const sizeBytes = Number(tx.get("CachedImage", key)?.["sizeBytes"] ?? record?.actualSize ?? 0);
    found.set(key, { storage, image: { sha256, format, sizeBytes }, storeUuid: record?.backupStorageUuids[0] });
  };
  for (const { volumeUuid, storageUuid } of copies) {
    const base = tx.get("VolumeBase", volumeUuid);
    if (base !== undefined) add(storageUuid, String(base["sha256"]), base["format"] === "raw" ? "raw" : "qcow2");
  }
  for (const { storageUuid, sha256 } of isosOnStorage(tx, vmUuid)) add(storageUuid, sha256, "iso");
  return [...found.values()];
}

export function copyWish(tx: Tx, vmUuid: string, sourceUuid: string): CopyWish | undefined {
  const volumes = copiedVolumes(tx, vmUuid);
  const images = neededImages(tx, vmUuid, volumes, sourceUuid);
  if (volumes.length === 0 && images.length === 0) return;
  const isThere = ({ storage, image }: NeededImage, hostUuid: string) =>
    tx.peek("CachedImage", copyKey(storage, hostUuid, image)) !== undefined;
  return {
    volumes,
    moreBytes: (of, hostUuid) =>
      images
        .filter(({ storage }) => storage.uuid === of.uuid)
        .reduce((bytes, { storage, image }) => bytes + bytesToCome(tx, storage, hostUuid, image), 0),
    against: (hostUuid) => {
      if (volumes.some(({ volumeUuid }) => hasRest(tx, hostUuid, volumeUuid)))
        return "files of its volumes are still to be removed there since it was there, or was to come";
      if (images.some((each) => each.storeUuid === undefined && !isThere(each, hostUuid)))
        return "an image that it needs is in no image store any more, and not there";
      return undefined;
    },
  };
}

/** Notes that copies of the images will be on the other host, before the first byte is brought. */
export function noteImages(tx: Tx, vmUuid: string, copies: readonly CopiedVolume[], between: Between): void {
  for (const { storage, image } of neededImages(tx, vmUuid, copies, between.sourceUuid))
    noteCopy(tx, storage, between.destinationUuid, image);
}

type Between = { sourceUuid: string; destinationUuid: string };
