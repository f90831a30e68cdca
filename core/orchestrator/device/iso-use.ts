import { cachedImagePath } from "../../hypervisor/driver.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { JsonObject } from "../../store/record.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "../vm/folder.ts";

/*
 * Which machine has, or is just getting, which ISO image: all that a host needs of it, whatever becomes of the record of
 * the image. While it is there, the image is not deleted, and its copy in the cache of that storage stays.
 */

type Machine = RecordOf<"VmInstance">;

/** `storageUuid`: whose cache has the copy that the drive reads: the storage of the machine's root volume. */
export type IsoUse = { vmUuid: string; imageUuid: string; sha256: string; storageUuid: string };

function keyOf(vmUuid: string, imageUuid: string): string {
  return `${vmUuid}:${imageUuid}`;
}

export function noteIso(tx: Tx, use: IsoUse): void {
  tx.put("IsoUse", keyOf(use.vmUuid, use.imageUuid), use);
}

export function forgetIso(tx: Tx, vmUuid: string, imageUuid: string): void {
  const key = keyOf(vmUuid, imageUuid);
  if (tx.get("IsoUse", key) !== undefined) tx.delete("IsoUse", key);
}

/** Takes all images from a machine that is deleted: it runs nowhere. */
export function forgetIsos(tx: Tx, vmUuid: string): void {
  for (const use of tx.find("IsoUse", "vmUuid", vmUuid)) forgetIso(tx, vmUuid, String(use["imageUuid"]));
}

/** The image as the host of its machine has it; undefined when the machine has it not. */
export function isoPath(tx: Tx, vmUuid: string, imageUuid: string): string | undefined {
  const use = readUse(tx.get("IsoUse", keyOf(vmUuid, imageUuid)));
  if (use === undefined) return;
  const storage = tx.need("PrimaryStorage", use.storageUuid);
  return cachedImagePath(folderOf(storage), { sha256: use.sha256, format: "iso" });
}

/** What a host is told of a machine's drives, in their order; nothing for one without images. */
export function isosOf(tx: Tx, { uuid, isoUuids }: Machine): { isos?: string[] } {
  const isos = isoUuids.flatMap((imageUuid) => isoPath(tx, uuid, imageUuid) ?? []);
  return isos.length === 0 ? {} : { isos };
}

/** Copies of images that its drives read. */
export function isosOnStorage(tx: Tx, vmUuid: string): Pick<IsoUse, "storageUuid" | "sha256">[] {
  return tx.find("IsoUse", "vmUuid", vmUuid).flatMap((use) => readUse(use) ?? []);
}

/** @throws VM.1042 for an image that a machine has, or is just getting */
export function requireInNoDrive(tx: Tx, { uuid, name }: RecordOf<"Image">): void {
  const [use] = tx.find("IsoUse", "imageUuid", uuid);
  if (use === undefined) return;
  const vmUuid = String(use["vmUuid"]);
  const machine = shown(tx.peek("VmInstance", vmUuid)?.name ?? vmUuid);
  const details = `The virtual machine ${machine} has it in a drive.`;
  const remedy = "Take it out first (DetachIsoFromVmInstance), or delete the virtual machine.";
  throw new CloudError(
    refusalOf("VM.1042", { where: `Image ${shown(name)}`, details, remedy, values: { vmInstanceUuid: vmUuid } }),
  );
}

/** Copies that drives read, as the caches of storages name them: `STORAGE:CONTENT.iso`. */
export function isosInUse(mirror: Mirror): string[] {
  return [...mirror.entries("IsoUse")].flatMap(([, { value }]) => {
    const use = readUse(value);
    return use === undefined ? [] : [`${use.storageUuid}:${use.sha256}.iso`];
  });
}

function readUse(value: JsonObject | undefined): IsoUse | undefined {
  if (value === undefined) return;
  const { vmUuid, imageUuid, sha256, storageUuid } = value;
  if (typeof vmUuid !== "string" || typeof imageUuid !== "string") return;
  if (typeof sha256 !== "string" || typeof storageUuid !== "string") return;
  return { vmUuid, imageUuid, sha256, storageUuid };
}
