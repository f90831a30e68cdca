import { noHypervisorTag } from "../../hypervisor/none.ts";
import { charged, cpuCapacity } from "../../model/cloud/capacity.ts";
import { hostRefusal } from "../../model/cloud/host.ts";
import { preferredHostTags, requiredHostTags } from "../../model/cloud/host-tags.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { preferredForRoot, primaryStorageRefusal } from "../../model/cloud/storage.ts";
import { listed, shown } from "../../model/quote.ts";
import type { Placed } from "../affinity/places.ts";
import { type AffinityView, affinityReason, affinityWeights } from "../affinity/view.ts";
import { isOfSecond } from "../hosts/protocol.ts";
import type { RecordOf } from "../kinds.ts";
import { type CopyWish, takeCopies, whyNoCopies } from "./copy-wish.ts";
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
  /** Its own, its cluster's and its zone's, as far as they count. Asked only for machines that ask for some. */
  tags: () => ReadonlySet<string>;
  /** Whether it has a storage of its cluster. */
  reaches: (storage: Storage) => boolean;
  free: { cpu: number; memoryBytes: number };
};

type HostMarks = Pick<HostOption, "isPlaceEnabled" | "isUnclear"> & Partial<Pick<HostOption, "reaches" | "tags">>;

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
  /** Who it is: its affinity group and its tags have a say. */
  machine: Placed & { tags: readonly string[] };
  /** The host that it was on last, which it gets again when that fits. */
  lastHostUuid?: string | null;
  /** The host that somebody has named. */
  wantedHostUuid: string | null;
  /** The host that it leaves. */
  exceptHostUuid?: string | null;
  /** A tag that the host must have: the model of the processor that the machine has seen. */
  cpuModelTag?: string | null;
  /** Whether it needs an agent that knows limits, and data for cloud-init; left out: no. */
  needsSecond?: boolean;
  /** The host whose own disks have its volumes. */
  volumesHostUuid: string | null;
  clusterUuid: string | null;
  /** For each network of the machine the clusters that have it. */
  networks: readonly { name: string; clusterUuids: readonly string[] }[];
  /** Storages of the volumes that it has already. */
  storages: readonly Storage[];
  /** The root volume that is to be made; null when it has one. */
  rootVolume: RootVolume | null;
  /** What the host's own disks have to take of a machine that comes. */
  copies?: CopyWish | undefined;
  /** The clusters that the image of the root volume can be brought to; null without one. */
  image: { clusterUuids: readonly string[] } | null;
};

/** `moreBytes`: what else it takes of a storage as a host has it, such as an image that is not there yet. */
export type RootVolume = {
  sizeBytes: number;
  storageUuid: string | null;
  moreBytes: (storage: Storage, hostUuid: string) => number;
};

/** What of a machine that there is has a say in where it is placed. */
export function marksOf(
  { uuid, affinityGroupUuid, cpuNum, memorySize, tags }: RecordOf<"VmInstance">,
  comes: Placed["comes"],
): PlacementRequest["machine"] {
  return { uuid, affinityGroupUuid, cpuNum, memorySize, tags, comes };
}

export type Placement = { hostUuid: string; clusterUuid: string; storageUuid: string | null };

export function hostOption(
  host: Host,
  { isPlaceEnabled, isUnclear, tags = () => new Set(host.tags), reaches = () => true }: HostMarks,
  ratios: Ratios,
): HostOption {
  return {
    host,
    isPlaceEnabled,
    isUnclear,
    tags,
    reaches,
    free: {
      cpu: cpuCapacity(host.cpuCores, ratios.cpu) - host.cpuUsed,
      memoryBytes: host.memoryTotal - host.memoryReserved - host.memoryUsed,
    },
  };
}

const notWanted = "not the host that is wanted";

/** Why a host is out, for all hosts that fell for the same reason. */
type Removed = Map<string, string[]>;

/**
 * Of the hosts that have everything the one that weighs most: by the machine's affinity group, then by the tags that it
 * prefers, then the host that it was on, then by free memory. Its share is taken off `hosts` and `storages`, so that the
 * next one of the same round sees what is left; `takeBack` gives it back.
 *
 * @throws CloudError VM.1008 with every filter and the hosts that it removed
 */
export function place(
  request: PlacementRequest,
  hosts: readonly HostOption[],
  storages: readonly StorageOption[],
  ratios: Ratios,
  affinity: AffinityView | null = null,
): Placement & { takeBack: () => void } {
  const removed: Removed = new Map();
  const asked = charged(request.memorySize, ratios.memory);
  const names = new Map(affinity === null ? [] : hosts.map(({ host }) => [host.uuid, host.name]));
  const wishes = {
    required: requiredHostTags(request.machine.tags),
    preferred: preferredHostTags(request.machine.tags),
  };
  const group =
    affinity === null || request.machine.comes === "defined"
      ? null
      : { view: affinity, nameOf: (uuid: string) => names.get(uuid) ?? uuid };
  let best: { option: HostOption; storage: StorageOption | null; weights: readonly number[] } | undefined;
  for (const option of hosts) {
    const { host } = option;
    const why =
      reasonAgainst(request, option, asked, { group, required: wishes.required }) ??
      (request.copies && whyNoCopies(request.copies, host, storages, ratios));
    if (why !== undefined) {
      note(removed, why, host);
      continue;
    }
    const storage = request.rootVolume === null ? null : storageFor(request.rootVolume, option, storages, ratios);
    if (typeof storage === "string") {
      note(removed, storage, host);
      continue;
    }
    const weights = weightsOf(request, option, asked, { affinity, preferred: wishes.preferred }, ratios);
    if (best === undefined || isBetter(weights, host, best)) best = { option, storage, weights };
  }
  if (best === undefined) throw nothingFits(request, hosts.length, removed);
  const { option, storage } = best;
  option.free.cpu -= request.cpuNum;
  option.free.memoryBytes -= asked;
  const returnCopies = request.copies && takeCopies(request.copies, option.host, storages, ratios);
  const { sizeBytes = 0, moreBytes = () => 0 } = request.rootVolume ?? {};
  const bytes =
    storage === null ? 0 : charged(sizeBytes, ratios.storage) + moreBytes(storage.storage, option.host.uuid);
  const take = (taken: number) => {
    if (storage === null) return;
    const where = placeOf(storage, option.host);
    storage.rooms.set(where, (storage.rooms.get(where) ?? 0) - taken);
  };
  take(bytes);
  return {
    hostUuid: option.host.uuid,
    clusterUuid: option.host.clusterUuid,
    storageUuid: storage?.storage.uuid ?? null,
    takeBack: () => {
      option.free.cpu += request.cpuNum;
      option.free.memoryBytes += asked;
      take(-bytes);
      returnCopies?.();
    },
  };
}

type Weighed = { option: HostOption; weights: readonly number[] };

function isBetter(weights: readonly number[], { uuid }: Host, than: Weighed): boolean {
  for (let nth = 0; nth < weights.length; nth++) {
    const [weight = 0, other = 0] = [weights[nth], than.weights[nth]];
    if (weight !== other) return weight > other;
  }
  return uuid < than.option.host.uuid;
}

type Wishes = { affinity: AffinityView | null; preferred: readonly string[] };

/** The first number counts most; in one placement always as many. */
function weightsOf(
  request: PlacementRequest,
  option: HostOption,
  asked: number,
  { affinity, preferred }: Wishes,
  ratios: Ratios,
): readonly number[] {
  const { host, free, tags } = option;
  const isLast = Number(host.uuid === request.lastHostUuid);
  const tagged = preferred.length === 0 ? 0 : preferred.filter((tag) => tags().has(tag)).length;
  if (affinity === null) return [tagged, isLast, free.memoryBytes];
  const hasRoomForAll = () => hasRoomFor(affinity, request.cpuNum, asked, free, ratios);
  return [...affinityWeights(affinity, host.uuid, hasRoomForAll), tagged, isLast, free.memoryBytes];
}

/** Whether a host has room for a machine and for what is to come to it of its group. */
function hasRoomFor(
  { toCome: { cpuNum: moreCpu, memorySizes } }: AffinityView,
  cpuNum: number,
  asked: number,
  free: HostOption["free"],
  ratios: Ratios,
): boolean {
  const moreBytes = memorySizes.reduce((sum, size) => sum + charged(size, ratios.memory), 0);
  return free.cpu >= cpuNum + moreCpu && free.memoryBytes >= asked + moreBytes;
}

type Group = { view: AffinityView; nameOf: (uuid: string) => string };

function reasonAgainst(
  request: PlacementRequest,
  option: HostOption,
  asked: number,
  { group, required }: { group: Group | null; required: readonly string[] },
): string | undefined {
  const { host, free, isPlaceEnabled, isUnclear } = option;
  const { wantedHostUuid, volumesHostUuid, cpuModelTag = null } = request;
  if (request.exceptHostUuid === host.uuid) return "the machine is on it";
  if (volumesHostUuid !== null && volumesHostUuid !== host.uuid) return "its volumes lie on another host's own disks";
  if (wantedHostUuid !== null && wantedHostUuid !== host.uuid) return notWanted;
  if (request.clusterUuid !== null && request.clusterUuid !== host.clusterUuid) return "in another cluster";
  const refusal = hostRefusal(host.name, host, "newMachine");
  if (refusal?.code === "HOST.1002") return `status ${host.status}`;
  if (refusal !== undefined) return `state ${host.state}`;
  if (host.tags.includes(noHypervisorTag)) return "its agent runs no machines";
  if ((request.needsSecond === true || (request.copies?.volumes.length ?? 0) > 0) && !isOfSecond(host))
    return "its agent is of a former version that knows no limits, no data for cloud-init, no moves with disks: upgrade it";
  if (!isPlaceEnabled) return "its cluster or zone is Disabled";
  if (isUnclear) return "the record of a machine that may be on it can't be read";
  if (cpuModelTag !== null && !host.tags.includes(cpuModelTag)) return "its processor is another model";
  const lacking = required.length === 0 ? undefined : required.find((tag) => !option.tags().has(tag));
  if (lacking !== undefined) return `it has not the tag ${shown(lacking)}`;
  const apart = group === null ? undefined : affinityReason(group.view, host.uuid, group.nameOf);
  if (apart !== undefined) return apart;
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
    return storageUuid === null
      ? "its cluster has no storage"
      : `its cluster has not ${named(storages.filter(({ storage }) => storage.uuid === storageUuid))}`;
  const reached = attached.filter(({ storage }) => reaches(storage));
  if (reached.length === 0) return `it does not reach ${named(attached)}`;
  const usable = reached.filter(
    ({ storage }) => primaryStorageRefusal(storage.name, storage, "newVolume") === undefined,
  );
  if (usable.length === 0) return `${named(reached)} is not Enabled and Connected`;
  const clear = usable.filter(({ isUnclear }) => !isUnclear);
  if (clear.length === 0) return `the record of a volume that may be on ${named(usable)} can't be read`;
  const isFull = (option: StorageOption) => option.full.has(placeOf(option, host));
  if (clear.every(isFull)) return `${named(clear)} is in use above threshold.primaryStorage.physicalCapacity`;
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
  return (
    best ??
    `no room for ${formatSize(sizeBytes)} on ${named(clear.filter(({ storage }) => preferred.has(storage.uuid)))}`
  );
}

function named(options: readonly StorageOption[]): string {
  return `storage ${listed(options.map(({ storage }) => storage.name))}`;
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

function nothingFits(request: PlacementRequest, hosts: number, removed: Removed): CloudError {
  const { name, cpuNum, memorySize, wantedHostUuid } = request;
  // Why the host that is wanted is out comes before all those that are not wanted.
  const isMeant = ([why]: [string, string[]]) => Number(wantedHostUuid !== null && why !== notWanted);
  const reasons = [...removed]
    .sort((a, b) => isMeant(b) - isMeant(a) || b[1].length - a[1].length)
    .slice(0, mostReasons);
  const parts = reasons.map(([why, names]) => `${why} (${listed(names)})`);
  const what =
    cpuNum === 0 ? "its root volume" : `${cpuNum} virtual processors and ${formatSize(memorySize)} of memory`;
  const details = hosts === 0 ? "There are no hosts." : `None of ${hosts} hosts can take ${what}: ${parts.join("; ")}.`;
  const remedy = hosts === 0 ? "Add a host (AddKVMHost)." : "Mend one of these, or ask for less.";
  return new CloudError(
    refusalOf("VM.1008", { where: `VmInstance ${shown(name)}`, details, remedy, values: { hosts } }),
  );
}
