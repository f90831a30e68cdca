import type * as z from "zod/mini";
import { type ResourceKind, resources } from "../model/cloud/resources.ts";
import type { JsonObject } from "../store/record.ts";

/*
 * What the manager keeps in the store: the resources of the cloud, and records of its own that no call of the API
 * shows. Of its own kinds each room that writes one describes it; here stand their names, so that none is used twice.
 */

/** The manager's own kinds. */
export const ownKinds = [
  /** Rewritten whenever something with this owner is made: a deletion that depends on it can't miss a new child. */
  "Guard",
  /** An address in use, by `L3NETWORK:ADDRESS`. Its existence is what makes the address taken. */
  "AddressUse",
  /** A MAC address in use. */
  "MacUse",
  /** What a task has still to do, by the task's uuid. */
  "Flow",
  /** The record of the audit of the call that has begun a task, by the task's uuid, until it ends. */
  "TaskAudit",
  /** A manager that runs, with a lease: it goes when the manager does. */
  "ManagementNode",
  /** Hash of a user's password, by the user's uuid. */
  "Credential",
  /** Hash of a session's token, by the session's uuid. */
  "SessionToken",
  /** The certificate that a host has to show, by the host's uuid. */
  "HostCertificate",
  /** The address of a host, or of one that is being added, by the address: its existence is what makes it taken. */
  "HostAddress",
  /** Which task holds a machine for its operation, by the machine's uuid: none other may end it. */
  "VmOperation",
  /** Which task works on a volume, by the volume's uuid; it counts as long as that task has something to do. */
  "VolumeOperation",
  /** A machine that is being moved, or of which it is not known where it has come to: see `vm/migration-record.ts`. */
  "Migration",
  /** What a move may have left of a machine on a host that did not answer, by `HOST:MACHINE`. */
  "MigrationRest",
  /** The file of a volume on a host that it has left, or has not come to, by `HOST:VOLUME`: see `vm/volume-rests.ts`. */
  "VolumeRest",
  /** A host that was told of security groups, by its uuid: it is told too when it has nothing to know any more. */
  "HostFirewall",
  /** What a host has of a primary storage, by `HOST:STORAGE`. */
  "HostStorage",
  /** That a host has reached a network storage once, by the storage's uuid: from then on it has its mark. */
  "StorageMark",
  /** A copy of an image in the cache of a storage, by `STORAGE:HOST:CONTENT`; HOST is `*` where all hosts have the same. */
  "CachedImage",
  /** The image that a volume stands on, by the volume's uuid. */
  "VolumeBase",
  /** That the content of a volume or an image is being removed for good, by its uuid: see `expunging.ts`. */
  "Expunging",
  /** An ISO image that a machine has in a drive, or is just getting, by `MACHINE:IMAGE`: see `device/iso-use.ts`. */
  "IsoUse",
  /** What a machine in a rescue is started from, by the machine's uuid: see `vm/rescue-disk.ts`. */
  "Rescue",
  /** The image that a machine was put away as, by the machine's uuid: see `vm/shelf.ts`. */
  "Shelf",
  /** Hash of the password of a machine's consoles, by the machine's uuid: see `core/console/passwords.ts`. */
  "ConsolePassword",
  /** What cloud-init in a machine's guest is told, by the machine's uuid: see `vm/guest-data.ts`. It may hold passwords. */
  "GuestData",
  /** A note in records that were restored from a backup, until a manager has taken them in: see `restored.ts`. */
  "Restored",
  /** A host that has not said since what runs on it, by the host's uuid. */
  "UnseenHost",
  /** What may be opened with a token of the console proxy, by the token's hash: see `core/console/tokens.ts`. */
  "ConsoleToken",
  /** The answer that a call with this idempotency key was given. */
  "IdempotencyKey",
] as const;
export type OwnKind = (typeof ownKinds)[number];
export type Kind = ResourceKind | OwnKind;

/** A record of a kind. Nobody changes one: several readers hold it. */
export type RecordOf<K extends Kind> = K extends ResourceKind
  ? Readonly<z.infer<(typeof resources)[K]["schema"]>>
  : JsonObject;

export const resourceKinds = Object.keys(resources) as ResourceKind[];

export function isResourceKind(kind: string): kind is ResourceKind {
  return Object.hasOwn(resources, kind);
}

/** What is read from the store alone, for it grows without end: the mirror leaves it out. */
export const unmirroredKinds: ReadonlySet<Kind> = new Set<Kind>(["AuditRecord", "IdempotencyKey"]);
export const mirroredKinds: readonly Kind[] = [...resourceKinds, ...ownKinds].filter(
  (kind) => !unmirroredKinds.has(kind),
);

/** Fields by which the mirror finds records without looking at all of them: whatever names another record, and these. */
const moreFields: Partial<Record<Kind, readonly string[]>> = {
  Host: ["managementIp"],
  VmNic: ["ip", "mac"],
  User: ["name"],
  SessionToken: ["hash"],
  GlobalConfig: ["name"],
  Task: ["state"],
  Flow: ["managerUuid"],
  HostStorage: ["hostUuid", "storageUuid"],
  CachedImage: ["hostUuid", "storageUuid"],
  VolumeBase: ["sha256"],
  IsoUse: ["vmUuid", "imageUuid"],
  Shelf: ["imageUuid"],
  Migration: ["sourceUuid", "destinationUuid"],
  MigrationRest: ["hostUuid"],
  VolumeRest: ["hostUuid", "storageUuid", "volumeUuid"],
};

export function mirrorIndexes(kind: Kind): readonly string[] {
  const fields = isResourceKind(kind) ? Object.keys(resources[kind].schema.shape) : [];
  return [...fields.filter((field) => /.Uuids?$/.test(field)), ...(moreFields[kind] ?? [])];
}

/** Fields of which the mirror knows how many records have each value: counting machines anew would take its time. */
const countedFields: Partial<Record<Kind, readonly string[]>> = {
  Host: ["state", "status"],
  VmInstance: ["state"],
  Task: ["state"],
};

export function mirrorCounts(kind: Kind): readonly string[] {
  return countedFields[kind] ?? [];
}
