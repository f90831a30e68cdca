import type { Storage } from "../vm/placement.ts";
import { cloudUuidHash } from "./share.ts";
import { readStorage, storagesFollow } from "./storages.ts";
import type { Host, HostWorld } from "./world.ts";

/** Between two looks at the storages of a host, whose disks fill by other things than the cloud's, too. */
const everyMs = 300_000;
/** The same for a host that does not reach one of them. */
const lostMs = 30_000;

export type StorageWatchOptions = {
  world: HostWorld;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
};

/** Keeps the figures of primary storages as their hosts see them. */
export class StorageWatch {
  readonly #options: StorageWatchOptions;
  readonly #dueAt = new Map<string, number>();
  /** Clusters with hosts that have said something new of a storage. */
  readonly #changed = new Set<string>();

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  /** Asks a host that answers for the room of its cluster's storages when that is due. @throws the signal's reason */
  async look(host: Host, signal: AbortSignal): Promise<void> {
    const { world, monotonicMs } = this.#options;
    const now = monotonicMs();
    // Connecting has asked for them already, and 10,000 hosts are not asked at once.
    const dueAt = this.#dueAt.get(host.uuid) ?? now + cloudUuidHash(host.uuid, "storage") * everyMs;
    this.#dueAt.set(host.uuid, dueAt > now ? dueAt : now + everyMs);
    if (dueAt > now) return;
    // Together: one that does not answer takes its whole time.
    const found = world.records.mirror.find("PrimaryStorage", "attachedClusterUuids", host.clusterUuid);
    await Promise.all(found.map(({ value }) => this.#read(host, value, signal)));
  }

  async #read(host: Host, storage: Storage, signal: AbortSignal): Promise<void> {
    const { world, monotonicMs } = this.#options;
    const { isNews, why } = await readStorage(world, host, storage, signal);
    if (isNews) this.#changed.add(host.clusterUuid);
    // One that is lost is looked for again soon.
    if (why !== undefined) this.#dueAt.set(host.uuid, monotonicMs() + lostMs);
  }

  /** Puts what hosts have said into the records of the storages: a sum over many hosts, so not after each of them. */
  async sumUp(): Promise<void> {
    const { world } = this.#options;
    for (const clusterUuid of [...this.#changed]) {
      this.#changed.delete(clusterUuid);
      await storagesFollow(world, clusterUuid);
    }
    const { mirror } = world.records;
    if (this.#dueAt.size > mirror.count("Host"))
      for (const uuid of this.#dueAt.keys()) if (mirror.get("Host", uuid) === undefined) this.#dueAt.delete(uuid);
  }
}
