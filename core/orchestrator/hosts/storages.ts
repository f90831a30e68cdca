import { storageStatus } from "../../model/cloud/storage.ts";
import type { Flow } from "../flow/flow.ts";
import type { Tx } from "../records.ts";
import type { Storage } from "../vm/placement.ts";
import { hostStorageKey } from "../vm/room.ts";
import { folderOf } from "../vm/spec.ts";
import type { Host, HostWorld } from "./world.ts";

/* Primary storages as their hosts see them. */

/** Asks a host for the room of a storage; of one that it does not reach there is none. */
export async function readStorage(world: HostWorld, host: Host, storage: Storage, signal: AbortSignal): Promise<void> {
  const { type, url, uuid } = storage;
  const path = folderOf(storage);
  const room = await world.link.storage(host, { type, url, path }, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return null;
  });
  const key = hostStorageKey(host.uuid, uuid);
  await world.records.change((tx) => {
    const known = tx.get("HostStorage", key);
    if (room !== null && tx.get("Host", host.uuid) !== undefined && tx.get("PrimaryStorage", uuid) !== undefined)
      tx.put("HostStorage", key, { hostUuid: host.uuid, storageUuid: uuid, ...room });
    else if (known !== undefined) tx.delete("HostStorage", key);
  });
}

/** Storages that the hosts of a cluster use follow them: Connected while one of them is and reaches it. */
export async function storagesFollow({ records }: HostWorld, clusterUuid: string): Promise<void> {
  await records.change((tx) => {
    for (const storage of tx.find("PrimaryStorage", "attachedClusterUuids", clusterUuid))
      tx.update("PrimaryStorage", storage.uuid, storageNow(tx, storage));
  });
}

function storageNow(tx: Tx, { uuid, type, attachedClusterUuids }: Storage): Partial<Storage> {
  const rooms = new Map(tx.find("HostStorage", "storageUuid", uuid).map((room) => [String(room["hostUuid"]), room]));
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
