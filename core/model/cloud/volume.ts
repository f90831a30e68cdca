import * as z from "zod/mini";
import { shown } from "../quote.ts";
import { bytes, count, line, record, say, uuid, uuids } from "./fields.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { onOffMachine, type StateMachine } from "./state-machine.ts";

/* Volumes, their snapshots, and images. Source: ../shared/spec/cloud.md, "Resources" and "Storage rules". */

export const volumeStatuses = ["NotInstantiated", "Creating", "Ready", "Migrating", "Deleting", "Deleted"] as const;
type VolumeStatus = (typeof volumeStatuses)[number];
type VolumeEvent =
  | "instantiate"
  | "created"
  | "createFailed"
  | "migrate"
  | "migrated"
  | "delete"
  | "deleted"
  | "deleteFailed"
  | "recover"
  | "deleteEmpty"
  | "recoverEmpty";

export const volumeStatusMachine = {
  resource: "Volume",
  attribute: "status",
  code: "STORAGE.1007",
  initial: "NotInstantiated",
  states: {
    NotInstantiated: "Recorded only: it gets its place when it is first attached.",
    Creating: "Being made on its storage.",
    Ready: "Holds data and can be used.",
    Migrating: "Being moved to another storage.",
    Deleting: "Being deleted.",
    Deleted: "Kept until it is recovered or expunged.",
  },
  events: {
    instantiate: "It is attached for the first time, or made at once.",
    created: "Its file or image is there.",
    createFailed: "It could not be made; nothing of it is left.",
    migrate: "An administrator moves it.",
    migrated: "It is at the new place, or, after a failure, still at the old one.",
    delete: "Somebody deletes it.",
    deleted: "It is put away.",
    deleteFailed: "It could not be put away and is as before.",
    recover: "Somebody takes the deletion back.",
    deleteEmpty: "Somebody deletes one that was never made on a storage.",
    recoverEmpty: "Somebody takes the deletion of such a one back.",
  },
  table: {
    NotInstantiated: { instantiate: "Creating", deleteEmpty: "Deleted" },
    Creating: { created: "Ready", createFailed: "NotInstantiated" },
    Ready: { migrate: "Migrating", delete: "Deleting" },
    Migrating: { migrated: "Ready" },
    Deleting: { deleted: "Deleted", deleteFailed: "Ready" },
    Deleted: { recover: "Ready", recoverEmpty: "NotInstantiated" },
  },
} as const satisfies StateMachine<VolumeStatus, VolumeEvent>;
export const volumeStateMachine = onOffMachine("Volume", "STORAGE.1007", "It can't be attached.");

/** Why a volume can't be attached; undefined when it can. Codes: STORAGE.1007, VM.1007. */
export function attachRefusal(
  name: string,
  volume: { type: "Root" | "Data"; state: "Enabled" | "Disabled"; status: VolumeStatus; vmInstanceUuid: string | null },
  machine: { dataVolumes: number; most: number },
): Refusal | undefined {
  const where = `Volume ${shown(name)}`;
  const refused = (details: string, remedy: string) =>
    refusalOf("STORAGE.1007", { where, details, remedy, values: { state: volume.state, status: volume.status } });
  if (volume.type === "Root") return refused("It is a root volume.", "Attach a data volume.");
  if (volume.vmInstanceUuid !== null) return refused("It is attached already.", "Detach it first.");
  if (volume.state !== "Enabled") return refused("Its state is Disabled.", "Enable it first.");
  if (volume.status !== "Ready" && volume.status !== "NotInstantiated")
    return refused(`Its status is ${volume.status}.`, "Wait until it is Ready, or recover it.");
  if (machine.dataVolumes < machine.most) return;
  return refusalOf("VM.1007", {
    where,
    details: `The machine has ${machine.dataVolumes} data volumes already.`,
    remedy: "Detach another one, or raise dataVolume.maxNum.",
    values: machine,
  });
}

export const volume = record({
  primaryStorageUuid: say(z.nullable(uuid), "Where it is kept; null until it is made."),
  hostUuid: say(
    z.nullable(uuid),
    "The host on whose own disks it lies; null on shared storage, and while a machine has it, which is there then.",
  ),
  vmInstanceUuid: say(z.nullable(uuid), "The machine that it is attached to, or null."),
  type: say(z.enum(["Root", "Data"]), "Root: a machine starts from it and owns it."),
  format: say(z.enum(["qcow2", "raw", "rbd"]), "How its bytes are kept."),
  size: say(bytes, "Bytes that a guest sees; what capacity is charged with."),
  actualSize: say(bytes, "Bytes that it takes up."),
  installPath: say(z.nullable(line(1024)), "Its file or image; null until it is made."),
  rootImageUuid: say(z.nullable(uuid), "The image that it was made of, or null."),
  diskOfferingUuid: say(z.nullable(uuid), "What its size was taken from, or null."),
  deviceId: say(z.nullable(z.int().check(z.nonnegative(), z.maximum(255))), "Its place in the machine, or null."),
  state: say(z.enum(["Enabled", "Disabled"]), "The administrator's wish."),
  status: say(z.enum(volumeStatuses), "Where it is in its life."),
});

/** Source: ../shared/spec/cloud.md, "Resources". */
export const deepestTree = 128;

export const snapshotStatusMachine = {
  resource: "VolumeSnapshot",
  attribute: "status",
  code: "STORAGE.1007",
  initial: "Creating",
  states: { Creating: "Being taken.", Ready: "A volume can be put back to it.", Deleting: "Being merged and removed." },
  events: { created: "It is taken.", delete: "Somebody deletes it.", deleteFailed: "It could not be removed." },
  table: {
    // One that may or may not have been taken, for its host has not said: its deletion makes sure.
    Creating: { created: "Ready", delete: "Deleting" },
    Ready: { delete: "Deleting" },
    Deleting: { deleteFailed: "Ready" },
  },
} as const satisfies StateMachine<"Creating" | "Ready" | "Deleting", "created" | "delete" | "deleteFailed">;

/** `depth`: of the new snapshot; the first of a tree has 1. Code: STORAGE.1009. */
export function depthRefusal(volumeName: string, depth: number): Refusal | undefined {
  if (depth <= deepestTree) return;
  return refusalOf("STORAGE.1009", {
    where: `Volume ${shown(volumeName)}`,
    details: `Its snapshot tree is ${deepestTree} deep already.`,
    remedy: "Delete a snapshot of the tree first.",
    values: { depth, deepest: deepestTree },
  });
}

export const volumeSnapshot = record({
  volumeUuid: say(uuid, "The volume that it was taken of."),
  primaryStorageUuid: say(uuid, "Where it is kept: with its volume."),
  treeUuid: say(uuid, "The tree that it belongs to; a revert of a tree's volume starts no new one."),
  parentUuid: say(z.nullable(uuid), "The snapshot before it in the tree; null for the first."),
  depth: say(z.int().check(z.minimum(1), z.maximum(deepestTree)), "Its distance from the tree's root, from 1."),
  size: say(bytes, "Bytes that are kept for it besides its volume's size; what capacity is charged with."),
  latest: say(z.boolean(), "The volume goes on from it."),
  status: say(z.enum(["Creating", "Ready", "Deleting"]), "Where it is in its life."),
});

export const imageStatuses = ["Creating", "Downloading", "Ready", "Deleting", "Deleted"] as const;
type ImageStatus = (typeof imageStatuses)[number];
export const imageStatusMachine = {
  resource: "Image",
  attribute: "status",
  code: "STORAGE.1008",
  initial: "Creating",
  states: {
    Creating: "Recorded, or being made of a volume.",
    Downloading: "Being fetched, over a restart of the manager too; failure or cancelling leaves no record.",
    Ready: "Can be used: its checksum is right.",
    Deleting: "Being deleted.",
    Deleted: "Kept until it is recovered or expunged.",
  },
  events: {
    download: "Its address is being asked.",
    ready: "It is all there, and its checksum is right.",
    delete: "Somebody deletes it.",
    deleted: "It is put away.",
    deleteFailed: "It could not be put away and is as before.",
    recover: "Somebody takes the deletion back.",
    expunge: "Somebody, or the end of its time, removes it for good.",
  },
  table: {
    Creating: { download: "Downloading", ready: "Ready" },
    // An image that is not all there has no way to Deleted, for a recovery would make it Ready: its task is cancelled.
    Downloading: { ready: "Ready" },
    Ready: { delete: "Deleting" },
    Deleting: { deleted: "Deleted", deleteFailed: "Ready" },
    Deleted: { recover: "Ready", expunge: "Deleting" },
  },
} as const satisfies StateMachine<
  ImageStatus,
  "download" | "ready" | "delete" | "deleted" | "deleteFailed" | "recover" | "expunge"
>;
export const imageStateMachine = onOffMachine("Image", "STORAGE.1008", "No new machine may take it.");

export const image = record({
  backupStorageUuids: say(uuids.check(z.minLength(1)), "Where it is kept."),
  url: say(line(2048), "Where it came from, without what follows a ? in it."),
  format: say(z.enum(["qcow2", "raw", "iso"]), "How its bytes are kept."),
  mediaType: say(z.enum(["RootVolumeTemplate", "DataVolumeTemplate", "ISO"]), "What it is used for."),
  platform: say(z.enum(["Linux", "Windows", "Other"]), "The guest's family of systems."),
  size: say(bytes, "Bytes that a guest sees."),
  actualSize: say(bytes, "Bytes that it takes up; what capacity is charged with."),
  md5: say(z.nullable(z.string().check(z.regex(/^[\da-f]{32}$/))), "Checksum; null until it is all there."),
  sha256: say(z.nullable(z.string().check(z.regex(/^[\da-f]{64}$/))), "What its content is kept by; null until then."),
  progress: say(count.check(z.maximum(100)), "Percent that has been fetched."),
  state: say(z.enum(["Enabled", "Disabled"]), "The administrator's wish."),
  status: say(z.enum(imageStatuses), "Where it is in its life."),
});
