import * as z from "zod/mini";
import { line, uuid } from "../model/cloud/fields.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { escaped } from "../model/quote.ts";

/* What a host is asked for storage that other hosts have, too. Part of the contract in driver.ts. */

/** Below it agents mount network storages, each in a folder that is named by its uuid. */
export const networkStorageFolder = "/var/lib/binnacle/storage";

/**
 * How a network storage is known for what it is: a file in it with its uuid. `isNew`: no host has ever reached it, and
 * whoever finds none makes it; later one without it is another folder, as of a server that lacks a disk.
 */
export const storageMark = z.strictObject({ uuid, isNew: z.boolean() });
export type StorageMark = z.infer<typeof storageMark>;

/**
 * A try whether hosts see each other's locks. `hold`: takes a lock as QEMU does for the disk of a machine, for half a
 * minute at most; `look`: whether another one holds it; `release`: it is free, and nothing is left of it.
 */
export const lockSteps = ["hold", "look", "release"] as const;
/** `path`: the storage's folder; `probe`: what tells this try from others at the same time. */
export const lockProbe = z.strictObject({ path: line(1024), probe: uuid, step: z.enum(lockSteps) });
export type LockProbe = z.infer<typeof lockProbe>;
/** `absent`: there is no such try in the folder, which so is another one than that of the host which holds it. */
export const lockStates = ["held", "free", "absent"] as const;
export type LockState = (typeof lockStates)[number];

/** Each may be asked for twice, as commands. */
export interface SharedStorages {
  /** How the lock is after the step. @throws HYPERVISOR.FAILED, STORAGE.1052, STORAGE.1055 */
  lock(probe: LockProbe, signal: AbortSignal): Promise<LockState>;
  /** Network storages that are not among these are let go of, as soon as nothing uses them. */
  keepOnly(uuids: readonly string[], signal: AbortSignal): Promise<void>;
}

/* Why a host does not have a storage. `place`: its url, or its folder where that is all that is known. */

/** Whole, for a path is of no use without its end. */
const told = (place: string) => escaped(place.slice(0, 200));
const lookRemedy = "Look at the storage's server and at the network to it; then reconnect the storage.";

export function notMountable(place: string, why: string, cause?: unknown): CloudError {
  const details = `${told(place)} can't be mounted on this host: ${why}.`;
  const remedy =
    "Look whether the server runs, exports this folder to this host, and lets NFS 4 through (TCP 2049); then reconnect the storage.";
  return new CloudError(refusalOf("STORAGE.1051", { where: "PrimaryStorage", details, remedy }), cause);
}

export function notMounted(folder: string): CloudError {
  const details = `Nothing is mounted at ${folder} on this host, and a folder of its own disk is not the storage.`;
  const remedy = "Reconnect the storage (ReconnectPrimaryStorage); a shared mount point has to be mounted before.";
  return new CloudError(refusalOf("STORAGE.1052", { where: "PrimaryStorage", details, remedy }));
}

export function notWritable(place: string, why: string, cause?: unknown): CloudError {
  const details = `${told(place)}: ${why}.`;
  const remedy =
    "Export the folder with rw and no_root_squash to all hosts, and let others pass through it (chmod o+x); then reconnect the storage.";
  return new CloudError(refusalOf("STORAGE.1053", { where: "PrimaryStorage", details, remedy }), cause);
}

export function notTheStorage(place: string, why: string): CloudError {
  const details = `${told(place)} ${why}.`;
  const remedy =
    "See that the server has all of its disks and exports the folder that it did before, and that each host has the same one.";
  return new CloudError(refusalOf("STORAGE.1054", { where: "PrimaryStorage", details, remedy }));
}

export function silent(place: string, cause?: unknown): CloudError {
  const details = `${told(place)} did not answer in time. Machines on it wait, and go on when it is back.`;
  return new CloudError(refusalOf("STORAGE.1055", { where: "PrimaryStorage", details, remedy: lookRemedy }), cause);
}
