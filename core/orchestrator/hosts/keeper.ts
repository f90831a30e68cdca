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
  /** Takes in what runs on a host that counts as connected. */
  observe: (host: Host, signal: AbortSignal) => Promise<void>;
  /** Looks at the storages of a host that has answered. */
  storages: (host: Host, signal: AbortSignal) => Promise<void>;
  onTrouble: (what: string, error: unknown) => void;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
};

/** How often it is looked which hosts are due. */
const tickMs = 250;
/** Pings may take no longer: a host that answers later is as good as silent. */
const pingMs = 10_000;
/** One on a network file system may hang. */
const storagesMs = 30_000;
/** Pauses before a lost host is tried again: 5 s, doubling up to 5 minutes. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

type Watched = { dueAt: number; isBusy: boolean; failures: number; bootId?: string };

/**
 * Asks every host of the cloud from time to time whether it is there, spread evenly over the interval; notes those that
 * are lost, and has them connected to again. Of several managers each keeps its own share of the hosts.
 */
export class HostKeeper {
  readonly #options: KeeperOptions;
  readonly #watched = new Map<string, Watched>();
  /** Connected when this manager began, and not asked since what runs there: another manager, or a backup, has said so. */
  readonly #unseen = new Set<string>();
  readonly #ending = new AbortController();
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { mirror } = this.#options.world.records;
    if (this.#options.world.settings.flag("host.load.all"))
      for (const { value } of mirror.all("Host")) if (value.status === "Connected") this.#unseen.add(value.uuid);
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.settled();
  }

  /** Resolves when no host is being looked after. */
  async settled(): Promise<void> {
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
    const pong = await world.link.ping(host, signal).catch(() => undefined);
    const answered = pong !== undefined;
    if (this.#ending.signal.aborted) return;
    watched.failures = 0;
    // One that missed a ping is asked again sooner: what is lost shall be known soon.
    watched.dueAt = monotonicMs() + (answered ? this.#intervalMs() : Math.min(this.#intervalMs(), firstPauseMs));
    const isNews = !answered || host.failedPings > 0;
    if (isNews && (await pinged(world, host.uuid, answered))) {
      watched.dueAt = monotonicMs() + firstPauseMs;
      await storagesFollow(world, host.clusterUuid);
    }
    if (pong === undefined) return;
    await this.#heard(host, watched, pong.bootId);
    await this.#options.storages(host, AbortSignal.any([AbortSignal.timeout(storagesMs), this.#ending.signal]));
  }

  /** A host that was restarted has none of its machines any more, though it answers as before. */
  async #heard(host: Host, watched: Watched, bootId: string): Promise<void> {
    const isRestarted = watched.bootId !== undefined && watched.bootId !== bootId;
    watched.bootId = bootId;
    if (isRestarted) return this.#options.reconnect(host.uuid);
    const isUnseen = this.#options.world.records.mirror.get("UnseenHost", host.uuid) !== undefined;
    if (!isUnseen && !this.#unseen.has(host.uuid)) return;
    await this.#options.observe(host, AbortSignal.any([AbortSignal.timeout(pingMs), this.#ending.signal]));
    this.#unseen.delete(host.uuid);
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
