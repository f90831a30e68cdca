import type { RecordOf } from "../kinds.ts";
import { cloudUuidHash } from "./share.ts";
import { pinged } from "./status.ts";
import { storagesFollow } from "./storages.ts";
import type { HostWorld } from "./world.ts";

type Host = RecordOf<"Host">;

export type KeeperOptions = {
  world: HostWorld;
  /** Of this manager. */
  managerUuid: string;
  /** Starts the task that connects to a host anew. @throws what refuses it */
  reconnect: (hostUuid: string) => Promise<void>;
  onTrouble: (what: string, error: unknown) => void;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
};

/** How often it is looked which hosts are due. */
const tickMs = 250;
/** Pings may take no longer: a host that answers later is as good as silent. */
const pingMs = 10_000;
/** Pauses before a lost host is tried again: 5 s, doubling up to 5 minutes. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

type Watched = { dueAt: number; isBusy: boolean; failures: number };

/**
 * Asks every host of the cloud from time to time whether it is there, spread evenly over the interval; notes those that
 * are lost, and has them connected to again. Of several managers each keeps its own share of the hosts.
 */
export class HostKeeper {
  readonly #options: KeeperOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #ending = new AbortController();
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await Promise.all(this.#pending);
  }

  #tick(): void {
    const { world, monotonicMs } = this.#options;
    const now = monotonicMs();
    const most = world.settings.number("host.ping.parallelismDegree");
    const { mirror } = world.records;
    const managers = [...mirror.entries("ManagementNode")].map(([uuid]) => uuid);
    for (const { value: host } of mirror.all("Host")) {
      if (this.#busy >= most) return;
      const watched = this.#watchedOf(host.uuid, now);
      // A shorter interval holds at once, too.
      if (host.status === "Connected" && watched.dueAt - now > this.#intervalMs())
        watched.dueAt = now + cloudUuidHash(host.uuid, "") * this.#intervalMs();
      if (watched.isBusy || watched.dueAt > now) continue;
      if (!this.#isMine(host.uuid, managers)) watched.dueAt = now + this.#intervalMs();
      else this.#work(host, watched);
    }
    if (this.#watched.size > mirror.count("Host"))
      for (const uuid of this.#watched.keys()) if (mirror.get("Host", uuid) === undefined) this.#watched.delete(uuid);
  }

  /** The first ping comes at a moment of its own within the interval, so that 10,000 hosts are not asked at once. */
  #watchedOf(uuid: string, now: number): Watched {
    let watched = this.#watched.get(uuid);
    if (watched === undefined) {
      watched = { dueAt: now + cloudUuidHash(uuid, "") * this.#intervalMs(), isBusy: false, failures: 0 };
      this.#watched.set(uuid, watched);
    }
    return watched;
  }

  /** The manager with the highest score for this host: when one goes, only its own hosts move. */
  #isMine(hostUuid: string, managers: readonly string[]): boolean {
    const { managerUuid } = this.#options;
    const mine = cloudUuidHash(hostUuid, managerUuid);
    return managers.every((other) => other === managerUuid || cloudUuidHash(hostUuid, other) < mine);
  }

  #work(host: Host, watched: Watched): void {
    watched.isBusy = true;
    this.#busy += 1;
    const work: Promise<void> = this.#look(host, watched)
      .catch((error: unknown) => this.#options.onTrouble(`host ${host.name} could not be looked after`, error))
      .finally(() => {
        watched.isBusy = false;
        this.#busy -= 1;
        this.#pending.delete(work);
      });
    this.#pending.add(work);
  }

  async #look(host: Host, watched: Watched): Promise<void> {
    const { world, monotonicMs } = this.#options;
    if (host.status === "Connecting") {
      watched.dueAt = monotonicMs() + this.#intervalMs();
      return;
    }
    if (host.status === "Disconnected") {
      await this.#again(host, watched);
      return;
    }
    const signal = AbortSignal.any([AbortSignal.timeout(pingMs), this.#ending.signal]);
    const answered = await world.link.ping(host, signal).then(
      () => true,
      () => false,
    );
    if (this.#ending.signal.aborted) return;
    watched.failures = 0;
    // One that missed a ping is asked again sooner: what is lost shall be known soon.
    watched.dueAt = monotonicMs() + (answered ? this.#intervalMs() : Math.min(this.#intervalMs(), firstPauseMs));
    if (answered && host.failedPings === 0) return;
    if (await pinged(world, host.uuid, answered)) {
      watched.dueAt = monotonicMs() + firstPauseMs;
      await storagesFollow(world, host.clusterUuid);
    }
  }

  async #again({ uuid, state }: Host, watched: Watched): Promise<void> {
    const { world, monotonicMs, reconnect } = this.#options;
    const pauseMs = Math.min(firstPauseMs * 2 ** watched.failures, longestPauseMs);
    watched.failures += 1;
    watched.dueAt = monotonicMs() + pauseMs;
    const isWanted = world.settings.flag("host.connection.autoReconnectOnError");
    if (isWanted && state !== "PreMaintenance") await reconnect(uuid);
  }

  #intervalMs(): number {
    return this.#options.world.settings.number("host.ping.interval") * 1000;
  }
}
