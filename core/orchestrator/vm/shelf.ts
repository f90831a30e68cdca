import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import { noteExpunging } from "../expunging.ts";
import { moveOn } from "../images/delete.ts";
import type { Image } from "../images/world.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import { Tx } from "../records.ts";
import { discardVolume } from "../volume/discard.ts";
import { placeOfMachine, storageOf } from "../volume/place.ts";
import type { Machine } from "./life.ts";

/*
 * The image that a machine was put away as. While the machine is Shelved it is what there is of the machine's root
 * volume, whose record says no more than its size then. It stays until the machine has been seen to run with the volume that
 * was made of it: a Stopped one whose unshelving was cut off has both.
 */

/** `spareUuid`: the name of its next root volume, should what is being made of it not come to run. */
export type Shelf = { vmUuid: string; imageUuid: string; spareUuid: string };

export function shelfOf(tx: Tx, vmUuid: string): Shelf | undefined {
  const record = tx.get("Shelf", vmUuid);
  if (record === undefined) return;
  return { vmUuid, imageUuid: String(record["imageUuid"]), spareUuid: String(record["spareUuid"]) };
}

export function noteShelf(tx: Tx, shelf: Shelf): void {
  tx.put("Shelf", shelf.vmUuid, shelf);
}

/** The machine has its root volume again, or is gone: its image is a deleted one, which is expunged at the next look. */
export function dropShelf(tx: Tx, vmUuid: string): void {
  const shelf = shelfOf(tx, vmUuid);
  if (shelf === undefined) return;
  tx.delete("Shelf", vmUuid);
  if (tx.get("Image", shelf.imageUuid)?.status !== "Ready") return;
  moveOn(tx, shelf.imageUuid, "delete");
  moveOn(tx, shelf.imageUuid, "deleted");
  noteExpunging(tx, shelf.imageUuid);
}

/** A root volume of which there is nothing but its size. `former`: the one that it follows. */
export function insertEmptyRoot(tx: Tx, vmUuid: string, uuid: string, former: RecordOf<"Volume">): void {
  const { name, description, size, rootImageUuid, state } = former;
  tx.insert("Volume", {
    ...{ uuid, name, description, size, rootImageUuid, state, vmInstanceUuid: vmUuid },
    ...{ primaryStorageUuid: null, hostUuid: null, installPath: null, diskOfferingUuid: null, actualSize: 0 },
    ...{ type: "Root", format: "qcow2", deviceId: 0, status: "NotInstantiated" },
  });
  tx.update("VmInstance", vmUuid, { rootVolumeUuid: uuid });
}

/** Nothing was made of a root volume. */
export function emptyRoot(tx: Tx, volumeUuid: string): void {
  if (tx.get("VolumeBase", volumeUuid) !== undefined) tx.delete("VolumeBase", volumeUuid);
  tx.update("Volume", volumeUuid, { primaryStorageUuid: null, status: "NotInstantiated", installPath: null });
}

/** What was begun of a root volume may be there: it goes, and another record is the machine's. */
export function replaceRoot(tx: Tx, machine: Machine): void {
  const spareUuid = shelfOf(tx, machine.uuid)?.spareUuid;
  if (spareUuid === undefined) throw new Error(`${machine.uuid} is on no shelf.`);
  const former = tx.need("Volume", machine.rootVolumeUuid ?? "");
  discardVolume(tx, former, machine);
  insertEmptyRoot(tx, machine.uuid, spareUuid, former);
}

/** What was begun of its root volume may go: from now on nobody takes that volume for a whole one. */
export function giveUpRoot(tx: Tx, volumeUuid: string): void {
  tx.update("Volume", volumeUuid, { status: "Creating", installPath: null });
}

/** The file of a root volume was on the own disks of a host that is not in the cloud any more. */
function wentWithHost(tx: Tx, root: RecordOf<"Volume">, machine: Machine): boolean {
  const place = placeOfMachine(machine);
  if (root.installPath === null || place === null || tx.get("Host", place) !== undefined) return false;
  return storageOf(tx, root).type === "LocalStorage";
}

/**
 * To be called with each change of a machine's state. The image goes when the machine is seen with its root volume, or
 * starts with it. One whose host was lost while it was taken from its shelf may have run and written to that volume, or not
 * have it whole: while it does not run it keeps both. With nothing that could have run it is Shelved as before.
 */
export function settleShelf(tx: Tx, machine: Machine): void {
  const { uuid, state, operation, rootVolumeUuid } = machine;
  if (operation !== null || tx.get("Shelf", uuid) === undefined) return;
  const root = tx.get("Volume", rootVolumeUuid ?? "");
  if (root?.status === "Ready" && (state === "Running" || state === "Paused")) dropShelf(tx, uuid);
  if (state !== "Stopped" || root === undefined) return;
  if (root.status === "Ready" && !wentWithHost(tx, root, machine)) return;
  // Its file may be there, and is never the machine's: the next one has a name of its own.
  if (root.status !== "NotInstantiated") replaceRoot(tx, machine);
  tx.update("VmInstance", uuid, { state: "Shelved" });
}

/** A host is gone: of machines that were on it last, and had both root volume and image, the image is what is left. */
export function settleShelvesWithout(tx: Tx, hostUuid: string): void {
  const here = [...tx.find("VmInstance", "hostUuid", hostUuid), ...tx.find("VmInstance", "lastHostUuid", hostUuid)];
  for (const { uuid } of here) {
    const machine = tx.peek("Shelf", uuid) === undefined ? undefined : tx.get("VmInstance", uuid);
    if (machine !== undefined) settleShelf(tx, machine);
  }
}

/** @throws VM.1081 for the image that a machine was put away as */
export function requireOnNoShelf(tx: Tx, { uuid, name }: Image): void {
  for (const shelf of tx.find("Shelf", "imageUuid", uuid)) {
    const vmUuid = String(shelf["vmUuid"]);
    const machine = tx.peek("VmInstance", vmUuid);
    const vmName = shown(machine?.name ?? vmUuid);
    const isOnShelf = machine?.state !== "Stopped" && machine?.state !== "Rescued";
    const details = isOnShelf
      ? `It is all that there is of the machine ${vmName}.`
      : `It is kept until the machine ${vmName} has run with the root volume that was made of it.`;
    const start = isOnShelf ? "Unshelve the machine (UnshelveVmInstance)" : "Start the machine (StartVmInstance)";
    const remedy = `${start}, or delete and expunge it: the image goes then.`;
    throw new CloudError(
      refusalOf("VM.1081", { where: `Image ${shown(name)}`, details, remedy, values: { vmInstanceUuid: vmUuid } }),
    );
  }
}

/** A store that is deleted for itself takes no machine along, in no mode: a zone takes both. @throws VM.1081 */
export function checkShelves(mirror: Mirror, root: string, doomed: readonly { kind: string; uuid: string }[]): void {
  if (root !== "BackupStorage") return;
  for (const { kind, uuid } of doomed) {
    const image = kind === "Image" ? mirror.get("Image", uuid)?.value : undefined;
    if (image !== undefined) requireOnNoShelf(new Tx(mirror, 0), image);
  }
}
