import { noHypervisorTag } from "../../hypervisor/none.ts";
import { charged, cpuCapacity } from "../../model/cloud/capacity.ts";
import { hostRefusal } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { preferredForRoot, primaryStorageRefusal } from "../../model/cloud/storage.ts";
import { listed, shown } from "../../model/quote.ts";
import { knowsLimits } from "../hosts/protocol.ts";
import type { RecordOf } from "../kinds.ts";
import { everywhere } from "./room.ts";

/*
 * Which host and storage a machine gets. Pure. Source: ../shared/spec/cloud.md, "VM states": when nothing fits, the
 * error says which filter removed which hosts.
 */

export type Host = RecordOf<"Host">;
export type Storage = RecordOf<"PrimaryStorage">;

/** A host with what it has left; `free` shrinks while several machines are placed in one go. */
export type HostOption = {
  host: Host;
  /** Whether its cluster and zone take new machines. */
  isPlaceEnabled: boolean;
  /** A machine that may be there can't be read: what is left on it is not known. */
  isUnclear: boolean;
  /** Whether it has a storage of its cluster. */
  reaches: (storage: Storage) => boolean;
  free: { cpu: number; memoryBytes: number };
};

type HostMarks = Pick<HostOption, "isPlaceEnabled" | "isUnclear"> & Partial<Pick<HostOption, "reaches">>;

/** A storage with what is left of it, as {@link roomsOf} gives it, and where it is full, as {@link fullPlaces} does. */
export type StorageOption = {
  storage: Storage;
  rooms: Map<string, number>;
  full: ReadonlySet<string>;
  /** A volume that may be there can't be read. */
  isUnclear: boolean;
};

export type Ratios = { cpu: number; memory: number; storage: number };

export type PlacementRequest = {
  /** Of the machine, for the error. */
  name: string;
  cpuNum: number;
  memorySize: number;
  /** The host that somebody has named. */
  wantedHostUuid: string | null;
  /** The host that it leaves. */
  exceptHostUuid?: string | null;
  /** A tag that the host must have: the model of the processor that the machine has seen. */
  cpuModelTag?: string | null;
  /** Whether it needs an agent that knows limits of cards and volumes; left out: no. */
  isLimited?: boolean;
  /** The host whose own disks have its volumes. */
  volumesHostUuid: string | null;
  clusterUuid: string | null;
  /** For each network of the machine the clusters that have it. */
  networks: readonly { name: string; clusterUuids: readonly string[] }[];
  /** Storages of the volumes that it has already. */
  storages: readonly Storage[];
  /** The root volume that is to be made; null when it has one. */
  rootVolume: RootVolume | null;
  /** The clusters that the image of the root volume can be brought to; null without one. */
  image: { clusterUuids: readonly string[] } | null;
};

/** `moreBytes`: what else it takes of a storage as a host has it, such as an image that is not there yet. */
export type RootVolume = {
  sizeBytes: number;
  storageUuid: string | null;
  moreBytes: (storage: Storage, hostUuid: string) => number;
};

export type Placement = { hostUuid: string; clusterUuid: string; storageUuid: string | null };

export function hostOption(
  host: Host,
  { isPlaceEnabled, isUnclear, reaches = () => true }: HostMarks,
  ratios: Ratios,
): HostOption {
  return {
    host,
    isPlaceEnabled,
    isUnclear,
    reaches,
    free: {
      cpu: cpuCapacity(host.cpuCores, ratios.cpu) - host.cpuUsed,
      memoryBytes: host.memoryTotal - host.memoryReserved - host.memoryUsed,
    },
  };
}

/** Why a host is out, for all hosts that fell for the same reason. */
type Removed = Map<string, string[]>;

/**
 * The host with the most free memory of those that have everything; its share is taken off `hosts` and `storages`, so
 * that the next one of the same round sees what is left.
 *
 * @throws CloudError VM.1008 with every filter and the hosts that it removed
 */
export function place(
  request: PlacementRequest,
  hosts: readonly HostOption[],
  storages: readonly StorageOption[],
  ratios: Ratios,
): Placement {
  const removed: Removed = new Map();
  const asked = charged(request.memorySize, ratios.memory);
  let best: { option: HostOption; storage: StorageOption | null } | undefined;
  for (const option of hosts) {
    const { host, free } = option;
    const why = reasonAgainst(request, option, asked);
    if (why !== undefined) {
      note(removed, why, host);
      continue;
    }
    const storage = request.rootVolume === null ? null : storageFor(request.rootVolume, option, storages, ratios);
    if (typeof storage === "string") note(removed, storage, host);
    else if (best === undefined || isBetter(free.memoryBytes, host, best.option)) best = { option, storage };
  }
  if (best === undefined) throw nothingFits(request, hosts.length, removed);
  const { option, storage } = best;
  option.free.cpu -= request.cpuNum;
  option.free.memoryBytes -= asked;
  if (storage !== null) {
    const where = placeOf(storage, option.host);
    const { sizeBytes = 0, moreBytes = () => 0 } = request.rootVolume ?? {};
    const bytes = charged(sizeBytes, ratios.storage) + moreBytes(storage.storage, option.host.uuid);
    storage.rooms.set(where, (storage.rooms.get(where) ?? 0) - bytes);
  }
  return {
    hostUuid: option.host.uuid,
    clusterUuid: option.host.clusterUuid,
    storageUuid: storage?.storage.uuid ?? null,
  };
}

function isBetter(memoryBytes: number, { uuid }: Host, than: HostOption): boolean {
  return memoryBytes > than.free.memoryBytes || (memoryBytes === than.free.memoryBytes && uuid < than.host.uuid);
}

function reasonAgainst(request: PlacementRequest, option: HostOption, asked: number): string | undefined {
  const { host, free, isPlaceEnabled, isUnclear } = option;
  const { wantedHostUuid, volumesHostUuid, cpuModelTag = null } = request;
  if (request.exceptHostUuid === host.uuid) return "the machine is on it";
  if (volumesHostUuid !== null && volumesHostUuid !== host.uuid) return "its volumes lie on another host's own disks";
  if (wantedHostUuid !== null && wantedHostUuid !== host.uuid) return "not the host that is wanted";
  if (request.clusterUuid !== null && request.clusterUuid !== host.clusterUuid) return "in another cluster";
  const refusal = hostRefusal(host.name, host, "newMachine");
  if (refusal?.code === "HOST.1002") return `status ${host.status}`;
  if (refusal !== undefined) return `state ${host.state}`;
  if (host.tags.includes(noHypervisorTag)) return "its agent runs no machines";
  if (request.isLimited === true && !knowsLimits(host))
    return "its agent is of a former version that knows no limits of cards and volumes: upgrade it";
  if (!isPlaceEnabled) return "its cluster or zone is Disabled";
  if (isUnclear) return "the record of a machine that may be on it can't be read";
  if (cpuModelTag !== null && !host.tags.includes(cpuModelTag)) return "its processor is another model";
  const network = request.networks.find(({ clusterUuids }) => !clusterUuids.includes(host.clusterUuid));
  if (network !== undefined) return `its cluster has no network ${shown(network.name)}`;
  if (request.image !== null && !request.image.clusterUuids.includes(host.clusterUuid))
    return "its zone has not the store of the image";
  for (const storage of request.storages) {
    if (!storage.attachedClusterUuids.includes(host.clusterUuid))
      return `its cluster has no storage ${shown(storage.name)}`;
    if (!option.reaches(storage)) return `it does not reach the storage ${shown(storage.name)}`;
    if (primaryStorageRefusal(storage.name, storage, "startMachine") !== undefined)
      return `storage ${shown(storage.name)} is ${storage.state} and ${storage.status}`;
  }
  if (request.cpuNum > free.cpu) return `${Math.max(0, free.cpu)} virtual processors free`;
  if (asked > free.memoryBytes) return `${formatSize(Math.max(0, free.memoryBytes))} of memory free`;
  return undefined;
}

/** The storage with the most room for a new root volume; or why none of the host's cluster has any. */
function storageFor(
  { sizeBytes, storageUuid, moreBytes }: RootVolume,
  { host, reaches }: Pick<HostOption, "host" | "reaches">,
  storages: readonly StorageOption[],
  ratios: Ratios,
): StorageOption | string {
  const attached = storages.filter(
    ({ storage }) =>
      storage.attachedClusterUuids.includes(host.clusterUuid) && (storageUuid === null || storage.uuid === storageUuid),
  );
  if (attached.length === 0)
    return storageUuid === null ? "its cluster has no storage" : "its cluster has not the storage that is wanted";
  const reached = attached.filter(({ storage }) => reaches(storage));
  if (reached.length === 0) return "it reaches no storage of its cluster";
  const usable = reached.filter(
    ({ storage }) => primaryStorageRefusal(storage.name, storage, "newVolume") === undefined,
  );
  if (usable.length === 0) return "no storage of its cluster is Enabled and Connected";
  const clear = usable.filter(({ isUnclear }) => !isUnclear);
  if (clear.length === 0) return "the record of a volume that may be on its storage can't be read";
  const isFull = (option: StorageOption) => option.full.has(placeOf(option, host));
  if (clear.every(isFull)) return "its storage is in use above threshold.primaryStorage.physicalCapacity";
  const preferred = new Set(preferredForRoot(clear.map(({ storage }) => storage)).map(({ uuid }) => uuid));
  const wanted = charged(sizeBytes, ratios.storage);
  const room = (option: StorageOption) => option.rooms.get(placeOf(option, host)) ?? 0;
  const roomy = clear.filter(
    (option) =>
      preferred.has(option.storage.uuid) &&
      room(option) >= wanted + moreBytes(option.storage, host.uuid) &&
      !isFull(option),
  );
  const [best] = roomy.toSorted((a, b) => room(b) - room(a) || (a.storage.uuid < b.storage.uuid ? -1 : 1));
  return best ?? `no room for ${formatSize(sizeBytes)} on its storage`;
}

function placeOf({ storage }: StorageOption, { uuid }: Host): string {
  return storage.type === "LocalStorage" ? uuid : everywhere;
}

function note(removed: Removed, why: string, host: Host): void {
  const names = removed.get(why) ?? [];
  names.push(host.name);
  removed.set(why, names);
}

/** An error of 10,000 hosts stays one to read. */
const mostReasons = 12;

function nothingFits({ name, cpuNum, memorySize }: PlacementRequest, hosts: number, removed: Removed): CloudError {
  const reasons = [...removed].sort(([, a], [, b]) => b.length - a.length).slice(0, mostReasons);
  const parts = reasons.map(([why, names]) => `${why} (${listed(names)})`);
  const what =
    cpuNum === 0 ? "its root volume" : `${cpuNum} virtual processors and ${formatSize(memorySize)} of memory`;
  const details = hosts === 0 ? "There are no hosts." : `None of ${hosts} hosts can take ${what}: ${parts.join("; ")}.`;
  const remedy = hosts === 0 ? "Add a host (AddKVMHost)." : "Mend one of these, or ask for less.";
  return new CloudError(
    refusalOf("VM.1008", { where: `VmInstance ${shown(name)}`, details, remedy, values: { hosts } }),
  );
}
