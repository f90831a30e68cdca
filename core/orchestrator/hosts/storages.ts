import type { StoragePlace, StorageRoom } from "../../hypervisor/driver.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { storageStatus } from "../../model/cloud/storage.ts";
import { NodeError } from "../../model/error.ts";
import { listed, shown } from "../../model/quote.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Flow } from "../flow/flow.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "../vm/folder.ts";
import type { Storage } from "../vm/placement.ts";
import { hostStorageKey, silencesOf } from "../vm/reached.ts";
import { tryLocks } from "./storage-locks.ts";
import type { Host, HostWorld } from "./world.ts";

/* Primary storages as their hosts see them. */

/** Changes of less than this share of a storage's size are not noted: no store is to be busy with them. */
const noted = 0.001;

/**
 * `why` it does not have the storage: left out when it has it, or could not be asked. `isAlone`: it has it, and there was
 * no other host whose lock it could have been shown.
 */
export type Asked = { isNews: boolean; why?: unknown; isAlone?: boolean };

/**
 * Asks a host for the room of a storage; of one that it does not reach there is none. One that does not answer the host
 * is doubtful, and lost to it after as many looks in a row as the setting says, as a host is after so many pings. A host that comes to a shared
 * storage has to see the locks of the others. `start`: of the host, in which it is to have seen them.
 */
export async function readStorage(
  world: HostWorld,
  host: Host,
  storage: Storage,
  signal: AbortSignal,
  start?: string,
): Promise<Asked> {
  const { mirror } = world.records;
  const key = hostStorageKey(host.uuid, storage.uuid);
  let room: StorageRoom | null;
  let seen: string | undefined;
  let why: unknown;
  let isAlone = false;
  try {
    room = await world.link.storage(host, placeOf(mirror, storage), signal);
    const before = mirror.get("HostStorage", key)?.value["locksSeenIn"];
    const wanted = start ?? (typeof before === "string" ? before : "");
    const isTried = storage.type === "LocalStorage" || before === wanted;
    if (!isTried && (await tryLocks(world, host, storage, folderOf(storage), signal))) seen = wanted;
    isAlone = !isTried && seen === undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    // A host that can't be reached has not said that it lost the storage: its pings tell what becomes of it.
    if (error instanceof CloudError && error.code === "HOST.1010") return { isNews: false };
    [room, why] = [null, error];
  }
  const isNews = await world.records.change((tx) => {
    const known = tx.get("HostStorage", key);
    if (known !== undefined && isSilent(why)) {
      const silences = silencesOf(known) + 1;
      if (silences < world.settings.number("primaryStorage.check.maxFailure")) {
        tx.put("HostStorage", key, { ...known, silences });
        return false;
      }
    }
    const isAsBefore = seen === undefined || seen === known?.["locksSeenIn"];
    if (known === undefined ? room === null : room !== null && isAsNoted(known, room) && isAsBefore) return false;
    if (
      room !== null &&
      tx.get("Host", host.uuid) !== undefined &&
      tx.get("PrimaryStorage", storage.uuid) !== undefined
    ) {
      const locks = seen ?? known?.["locksSeenIn"];
      const noted = { hostUuid: host.uuid, storageUuid: storage.uuid, ...room };
      tx.put("HostStorage", key, locks === undefined ? noted : { ...noted, locksSeenIn: locks });
      if (storage.type === "NFS" && tx.get("StorageMark", storage.uuid) === undefined)
        tx.put("StorageMark", storage.uuid, { at: tx.now });
    } else if (known !== undefined) tx.delete("HostStorage", key);
    return true;
  });
  return why === undefined ? { isNews, isAlone } : { isNews, why };
}

function placeOf(mirror: Mirror, storage: Storage): StoragePlace {
  const { uuid, type, url } = storage;
  const place = { type, url, path: folderOf(storage) };
  if (type !== "NFS") return place;
  return { ...place, mark: { uuid, isNew: mirror.get("StorageMark", uuid) === undefined } };
}

/**
 * Has a host let go of network storages that are not among these: those of its cluster unless told. An agent that knows
 * of no such call has none.
 */
export async function letStoragesGo(
  world: HostWorld,
  host: Host,
  signal: AbortSignal,
  uuids = networkStorages(world.records.mirror, host.clusterUuid),
): Promise<void> {
  await world.link.keepStorages(host, uuids, signal).catch(() => signal.throwIfAborted());
}

function networkStorages(mirror: Mirror, clusterUuid: string): string[] {
  const all = mirror.find("PrimaryStorage", "attachedClusterUuids", clusterUuid).map(({ value }) => value);
  return all.filter(({ type }) => type === "NFS").map(({ uuid }) => uuid);
}

/** The same for all hosts of a cluster that are there; the others are told when they connect. */
export async function releaseStorages(world: HostWorld, clusterUuid: string, signal: AbortSignal): Promise<void> {
  for (const { value } of world.records.mirror.find("Host", "clusterUuid", clusterUuid))
    if (value.status === "Connected") await letStoragesGo(world, value, signal);
}

/** Not one that is not there, or is another one: of that the host is sure at once. */
function isSilent(why: unknown): boolean {
  return why instanceof CloudError && why.cause instanceof NodeError && why.cause.code === "STORAGE.1055";
}

function isAsNoted(known: JsonObject, room: StorageRoom): boolean {
  const { totalBytes, availableBytes } = known;
  const change = Math.abs(Number(availableBytes) - room.availableBytes);
  return silencesOf(known) === 0 && totalBytes === room.totalBytes && change < noted * room.totalBytes;
}

/** Storages that the hosts of a cluster use follow them: Connected while one of them is and reaches it. */
export async function storagesFollow({ records }: HostWorld, clusterUuid: string): Promise<void> {
  await records.change((tx) => {
    for (const storage of tx.find("PrimaryStorage", "attachedClusterUuids", clusterUuid))
      tx.update("PrimaryStorage", storage.uuid, storageNow(tx, storage));
  });
}

function storageNow(tx: Tx, { uuid, type, attachedClusterUuids }: Storage): Partial<Storage> {
  // What can't be read counts as none, until its host has said it anew.
  const whole = tx
    .find("HostStorage", "storageUuid", uuid)
    .filter(({ totalBytes, availableBytes }) => Number.isFinite(totalBytes) && Number.isFinite(availableBytes));
  const rooms = new Map(whole.map((room) => [String(room["hostUuid"]), room]));
  const hosts = attachedClusterUuids.flatMap((each) => tx.find("Host", "clusterUuid", each));
  const reached: (boolean | "pending")[] = hosts.map(({ uuid: host, status }) =>
    status === "Connecting" ? "pending" : status === "Connected" && rooms.has(host),
  );
  const own = hosts.map((host) => rooms.get(host.uuid)).filter((room) => room !== undefined);
  // Each host has a local storage of its own; of a shared one all see the same.
  const all = type === "LocalStorage" ? own : own.slice(0, 1);
  const sum = (field: "totalBytes" | "availableBytes") => all.reduce((bytes, room) => bytes + Number(room[field]), 0);
  const [total, available] = [sum("totalBytes"), sum("availableBytes")];
  return {
    status: storageStatus(reached),
    totalCapacity: total,
    totalPhysicalCapacity: total,
    availablePhysicalCapacity: available,
  };
}

export type StoragesData = { storageUuid: string };

/** Asks every Connected host of a storage's clusters for it; after it was given to a cluster, too. */
export function reconnectStorageFlow(world: HostWorld): Flow<StoragesData> {
  return {
    name: "reconnectStorage",
    steps: [
      {
        name: "hosts",
        title: "Asking the hosts for the storage",
        async run({ storageUuid }, env) {
          const { mirror } = world.records;
          const storage = mirror.get("PrimaryStorage", storageUuid)?.value;
          const without: { host: Host; why: unknown }[] = [];
          for (const clusterUuid of storage?.attachedClusterUuids ?? []) {
            const hosts = mirror.find("Host", "clusterUuid", clusterUuid).map(({ value }) => value);
            for (const host of hosts.filter(({ status }) => status === "Connected")) {
              if (storage === undefined) continue;
              const { why } = await readStorage(world, host, storage, env.signal);
              if (why !== undefined) without.push({ host, why });
            }
            await storagesFollow(world, clusterUuid);
          }
          const [first] = without;
          if (first === undefined || storage === undefined) return undefined;
          throw notReached(
            storage,
            without.map(({ host }) => host),
            first.why,
          );
        },
      },
    ],
  };
}

/** What is wrong with the first of them stands in the cause. */
function notReached({ name }: Storage, hosts: readonly Host[], why: unknown): CloudError {
  const said = why instanceof Error ? `: ${why.message}` : ".";
  const remedy = why instanceof CloudError ? why.refusal.remedy : "Look at the hosts' agents.";
  const details = `Of ${listed(hosts.map((each) => each.name))}, the first one says${said}`;
  const where = `PrimaryStorage ${shown(name)}`;
  return new CloudError(refusalOf("STORAGE.1050", { where, details, remedy, values: { hosts: hosts.length } }), why);
}

export type ReleaseData = { clusterUuid: string };

/** After a network storage was taken from a cluster. */
export function releaseStorageFlow(world: HostWorld): Flow<ReleaseData> {
  return {
    name: "releaseStorage",
    steps: [
      {
        name: "hosts",
        title: "Having the hosts let the storage go",
        async run({ clusterUuid }, env) {
          await releaseStorages(world, clusterUuid, env.signal);
          return undefined;
        },
      },
    ],
  };
}
