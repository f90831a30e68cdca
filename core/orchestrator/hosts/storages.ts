import type { StorageRoom } from "../../hypervisor/driver.ts";
import { CloudError } from "../../model/cloud/refusal.ts";
import { storageStatus } from "../../model/cloud/storage.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Flow } from "../flow/flow.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "../vm/folder.ts";
import type { Storage } from "../vm/placement.ts";
import { hostStorageKey } from "../vm/room.ts";
import type { Host, HostWorld } from "./world.ts";

/* Primary storages as their hosts see them. */

/** Changes of less than this share of a storage's size are not noted: no store is to be busy with them. */
const noted = 0.001;

/**
 * Asks a host for the room of a storage; of one that it does not reach there is none.
 *
 * @returns whether there was something new
 */
export async function readStorage(
  world: HostWorld,
  host: Host,
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  const { type, url, uuid } = storage;
  const path = folderOf(storage);
  const room = await world.link.storage(host, { type, url, path }, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    // A host that can't be reached has not said that it lost the storage: its pings tell what becomes of it.
    return error instanceof CloudError && error.code === "HOST.1010" ? undefined : null;
  });
  if (room === undefined) return false;
  const key = hostStorageKey(host.uuid, uuid);
  return world.records.change((tx) => {
    const known = tx.get("HostStorage", key);
    if (known === undefined ? room === null : room !== null && isAsNoted(known, room)) return false;
    if (room !== null && tx.get("Host", host.uuid) !== undefined && tx.get("PrimaryStorage", uuid) !== undefined)
      tx.put("HostStorage", key, { hostUuid: host.uuid, storageUuid: uuid, ...room });
    else if (known !== undefined) tx.delete("HostStorage", key);
    return true;
  });
}

function isAsNoted({ totalBytes, availableBytes }: JsonObject, room: StorageRoom): boolean {
  const change = Math.abs(Number(availableBytes) - room.availableBytes);
  return totalBytes === room.totalBytes && change < noted * room.totalBytes;
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
          for (const clusterUuid of storage?.attachedClusterUuids ?? []) {
            const hosts = mirror.find("Host", "clusterUuid", clusterUuid).map(({ value }) => value);
            for (const host of hosts.filter(({ status }) => status === "Connected"))
              if (storage !== undefined) await readStorage(world, host, storage, env.signal);
            await storagesFollow(world, clusterUuid);
          }
          return undefined;
        },
      },
    ],
  };
}
