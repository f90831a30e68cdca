import * as z from "zod/mini";
import { shown } from "../quote.ts";
import { bytes, cidr, line, record, say, uuid, uuids } from "./fields.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { connectionMachine, onOffMachine, type StateMachine } from "./state-machine.ts";

/* Primary storage holds volumes; backup storage holds images. Source: ../shared/spec/cloud.md, "Storage rules". */

export const primaryStorageTypes = ["LocalStorage", "NFS", "SharedMountPoint", "Ceph"] as const;
export type PrimaryStorageType = (typeof primaryStorageTypes)[number];
export const backupStorageTypes = ["ImageStore", "SFTP", "Ceph"] as const;
export type BackupStorageType = (typeof backupStorageTypes)[number];

export const primaryStorageStates = ["Enabled", "Disabled", "Maintenance"] as const;
export type PrimaryStorageState = (typeof primaryStorageStates)[number];

export const primaryStorageStateMachine = {
  resource: "PrimaryStorage",
  attribute: "state",
  code: "STORAGE.1001",
  initial: "Enabled",
  states: {
    Enabled: "Takes new volumes.",
    Disabled: "Gives nothing new; machines that run go on.",
    Maintenance: "Machines with a volume on it are stopped, and can't start.",
  },
  events: {
    enable: "An administrator puts it into use.",
    disable: "An administrator keeps new volumes off it.",
    maintain: "An administrator wants it free; its machines are stopped.",
  },
  table: {
    Enabled: { disable: "Disabled", maintain: "Maintenance" },
    Disabled: { enable: "Enabled", maintain: "Maintenance" },
    Maintenance: { enable: "Enabled", disable: "Disabled" },
  },
} as const satisfies StateMachine<PrimaryStorageState, "enable" | "disable" | "maintain">;

export const primaryStorageStatusMachine = connectionMachine("PrimaryStorage", "STORAGE.1002", {
  connected: "At least one host reaches it.",
  lost: "No host reaches it.",
});
export const backupStorageStateMachine = onOffMachine("BackupStorage", "STORAGE.1001", "It takes and gives no images.");
export const backupStorageStatusMachine = connectionMachine("BackupStorage", "STORAGE.1002", {
  connected: "The manager reaches it.",
  lost: "The manager does not reach it.",
});
const statuses = z.enum(["Connecting", "Connected", "Disconnected"]);
type Status = z.infer<typeof statuses>;

/** What a primary storage allows in each state. It must be Connected for all of it. */
export const primaryStoragePermits = {
  newVolume: ["Enabled"],
  startMachine: ["Enabled", "Disabled"],
} as const satisfies Record<string, readonly PrimaryStorageState[]>;

/** Why a storage can't be asked for something; undefined when it can. Codes: STORAGE.1002, STORAGE.1003. */
export function primaryStorageRefusal(
  name: string,
  { state, status }: { state: PrimaryStorageState; status: Status },
  what: keyof typeof primaryStoragePermits,
): Refusal | undefined {
  const where = `PrimaryStorage ${shown(name)}`;
  const values = { state, status };
  if (status !== "Connected") {
    const remedy = "Look at the hosts of its clusters and at the storage itself, then reconnect it.";
    return refusalOf("STORAGE.1002", { where, details: `Its status is ${status}.`, remedy, values });
  }
  const states: readonly PrimaryStorageState[] = primaryStoragePermits[what];
  if (states.includes(state)) return;
  const details = `Its state is ${state}; it must be ${states.join(" or ")}.`;
  return refusalOf("STORAGE.1003", { where, details, remedy: "Enable it, or choose another storage.", values });
}

/** A storage is Connected while at least one host reaches it; nobody has been asked: Connecting. */
export function storageStatus(hosts: readonly (boolean | "pending")[]): Status {
  if (hosts.includes(true)) return "Connected";
  return hosts.length === 0 || hosts.includes("pending") ? "Connecting" : "Disconnected";
}

/** Which image store fits which primary storage. */
export const fittingStores: Readonly<Record<BackupStorageType, readonly PrimaryStorageType[]>> = {
  ImageStore: ["LocalStorage", "NFS", "SharedMountPoint", "Ceph"],
  SFTP: ["LocalStorage", "NFS", "SharedMountPoint"],
  Ceph: ["Ceph"],
};

/** Code: STORAGE.1010. `isSameCeph`: both are of one Ceph cluster. */
export function fittingRefusal(
  backup: BackupStorageType,
  primary: PrimaryStorageType,
  isSameCeph: boolean,
): Refusal | undefined {
  const fits = fittingStores[backup].includes(primary) && (backup !== "Ceph" || isSameCeph);
  if (fits) return;
  return refusalOf("STORAGE.1010", {
    where: "BackupStorage",
    details: `Images of ${backup} can't be brought to ${primary}${backup === "Ceph" ? " unless both are the same Ceph" : ""}.`,
    remedy: `Choose a primary storage of type ${fittingStores[backup].join(", ")}, or another image store.`,
    values: { backup, primary },
  });
}

/** With local and shared storage in a cluster, and none named, root volumes go to local storage. */
export function preferredForRoot<T extends { type: PrimaryStorageType }>(storages: readonly T[]): T[] {
  const local = storages.filter(({ type }) => type === "LocalStorage");
  return local.length > 0 ? local : [...storages];
}

export const primaryStorage = record({
  zoneUuid: say(uuid, "The zone that it belongs to."),
  attachedClusterUuids: say(uuids, "Clusters whose hosts use it."),
  type: say(z.enum(primaryStorageTypes), "How its volumes are kept."),
  url: say(line(1024), "A folder, host:/folder, or a Ceph pool."),
  storageNetworkCidr: say(z.nullable(cidr), "Network that it is reached over; host health is judged on it too."),
  state: say(z.enum(primaryStorageStates), "The administrator's wish."),
  status: say(statuses, "Whether a host reaches it."),
  totalCapacity: say(bytes, "Bytes that it can promise to volumes."),
  availableCapacity: say(bytes, "Bytes of that which are not promised yet."),
  totalPhysicalCapacity: say(bytes, "Bytes of the file system or pool."),
  availablePhysicalCapacity: say(bytes, "Bytes of it that are free."),
});

export const backupStorage = record({
  zoneUuid: say(uuid, "The zone that it belongs to."),
  type: say(z.enum(backupStorageTypes), "How its images are kept."),
  url: say(line(1024), "A folder, host:/folder, or a Ceph pool."),
  state: say(z.enum(["Enabled", "Disabled"]), "The administrator's wish."),
  status: say(statuses, "Whether the manager reaches it."),
  totalCapacity: say(bytes, "Bytes of the file system or pool."),
  availableCapacity: say(bytes, "Bytes of it that are free."),
});
