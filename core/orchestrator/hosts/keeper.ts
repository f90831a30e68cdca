import type { RecordOf } from "../kinds.ts";
import { cloudUuidHash, isShareOf } from "./share.ts";
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
  /** Takes in what runs on a host that counts as connected; false when it has to be asked again for some of it. */
  observe: (host: Host, signal: AbortSignal) => Promise<boolean>;
  /** Looks at the storages of a host that has answered. */
  storages: (host: Host, signal: AbortSignal) => Promise<void>;
  onTrouble: (what: string, error: unknown) => void;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
};

/** How often it is looked which hosts are due. */
const tickMs = 250;
/** For the first ping of one host after the manager has begun: with its connection and what it has to say. */
const firstPingMs = 5;
/** To take in what runs on a host. */
const observeMs = 10_000;
/** One on a network file system may hang. */
const storagesMs = 30_000;
/** Pauses before a lost host is tried again: 5 s, doubling up to 5 minutes. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

/**
 * `serial`: what the host has said last of its machines' changes; `held`: since when it keeps an answer back, and what ends
 * that.
 */
type Watched = {
  dueAt: number;
  isBusy: boolean;
  /** Its pings have a place of their own in the interval. */
  isSpread: boolean;
  /** It was being connected when it was looked at last. */
  wasConnecting: boolean;
  failures: number;
  bootId?: string;
  serial?: string;
  held?: { since: number; letGo: () => void } | undefined;
};

/** An answer that is held for longer than the interval by so much was asked for when that was longer. */
const lateMs = 2_000;

/**
 * Asks every host of the cloud from time to time whether it is there, spread evenly over the interval; notes those that
 * are lost, and has them connected to again. Of several managers each keeps its own share of the hosts.
 */
export class HostKeeper {
  readonly #options: KeeperOptions;
  readonly #watched = new Map<string, Watched>();
  /** Connected when this manager began, and not to be asked what runs there before something changes: the setting says so. */
  readonly #spared = new Set<string>();
  readonly #ending = new AbortController();
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { mirror } = this.#options.world.records;
    if (!this.#options.world.settings.flag("host.load.all"))
      for (const { value } of mirror.all("Host")) if (value.status === "Connected") this.#spared.add(value.uuid);
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
      if (watched.held !== undefined && now - watched.held.since > this.#intervalMs() + lateMs) watched.held.letGo();
      if (host.status === "Connecting") {
        watched.wasConnecting = true;
        continue;
      }
      // What happens there is to be known from now on.
      if (watched.wasConnecting && host.status === "Connected") watched.dueAt = now;
      watched.wasConnecting = false;
      if (watched.isBusy || watched.dueAt > now) continue;
      if (!isShareOf(host.uuid, this.#options.managerUuid, managers)) watched.dueAt = now + this.#intervalMs();
      else this.#work(host, watched);
    }
    if (this.#watched.size > mirror.count("Host"))
      for (const uuid of this.#watched.keys()) if (mirror.get("Host", uuid) === undefined) this.#watched.delete(uuid);
  }

  /** The first ping comes at a moment of its own within a while, so that 10,000 hosts are not asked at once. */
  #watchedOf(uuid: string, now: number): Watched {
    let watched = this.#watched.get(uuid);
    if (watched === undefined) {
      const withinMs = Math.min(this.#intervalMs(), this.#options.world.records.mirror.count("Host") * firstPingMs);
      const dueAt = now + cloudUuidHash(uuid, "") * withinMs;
      watched = { dueAt, isBusy: false, isSpread: false, wasConnecting: false, failures: 0 };
      this.#watched.set(uuid, watched);
    }
    return watched;
  }

  #work(host: Host, watched: Watched): void {
    watched.isBusy = true;
    this.#busy += 1;
    let isCounted = true;
    const release = () => {
      if (isCounted) this.#busy -= 1;
      isCounted = false;
    };
    const work: Promise<void> = this.#look(host, watched, release)
      .catch((error: unknown) => this.#options.onTrouble(`host ${host.name} could not be looked after`, error))
      .finally(() => {
        release();
        watched.isBusy = false;
        this.#pending.delete(work);
      });
    this.#pending.add(work);
  }

  /** `release`: it is no longer one of those that are asked at once. */
  async #look(host: Host, watched: Watched, release: () => void): Promise<void> {
    const { world, monotonicMs } = this.#options;
    if (host.status === "Disconnected") {
      await this.#again(host, watched);
      return;
    }
    const [since, holdMs, letting] = [monotonicMs(), this.#holdMs(host, watched), new AbortController()];
    const { promise: head, resolve: onHead } = Promise.withResolvers<true>();
    const signal = AbortSignal.any([letting.signal, this.#ending.signal]);
    const how = { after: watched.serial ?? null, holdMs, onHead: () => onHead(true), signal };
    const held = world.link.watch(host, how).catch(() => undefined);
    const answered = (await Promise.race([head, held])) !== undefined;
    if (this.#ending.signal.aborted) return;
    watched.failures = 0;
    // One that missed a ping is asked again sooner: what is lost shall be known soon.
    watched.dueAt = monotonicMs() + (answered ? this.#intervalMs() : Math.min(this.#intervalMs(), firstPauseMs));
    const isNews = !answered || host.failedPings > 0;
    if (isNews && (await pinged(world, host.uuid, answered))) {
      watched.dueAt = monotonicMs() + firstPauseMs;
      await storagesFollow(world, host.clusterUuid);
    }
    if (!answered) return;
    await this.#options.storages(host, AbortSignal.any([AbortSignal.timeout(storagesMs), this.#ending.signal]));
    release();
    watched.held = { since, letGo: () => letting.abort() };
    const told = await held;
    watched.held = undefined;
    if (this.#ending.signal.aborted) return;
    const isOver = told !== undefined && told.serial === watched.serial;
    // When what it says can't be taken in, it is asked again after a while.
    watched.dueAt = monotonicMs() + firstPauseMs;
    if (told !== undefined && !(await this.#heard(host, watched, told))) return;
    // One that broke off is asked at once whether it is still there, unless it does so each time; one that had news, for
    // what comes next.
    const now = monotonicMs();
    if (isOver) watched.dueAt = Math.max(since + holdMs, now);
    else watched.dueAt = told === undefined && now - since < firstPauseMs ? now + firstPauseMs : now;
  }

  /**
   * A host that was restarted has none of its machines any more, though it answers as before. Gives whether all that it
   * says was taken in.
   */
  async #heard(host: Host, watched: Watched, { bootId, serial }: { bootId: string; serial: string }): Promise<boolean> {
    const isRestarted = watched.bootId !== undefined && watched.bootId !== bootId;
    const isNews = watched.serial !== serial;
    watched.bootId = bootId;
    if (isRestarted) {
      watched.serial = serial;
      await this.#options.reconnect(host.uuid);
      return true;
    }
    const isFirst = watched.serial === undefined;
    const isUnseen = this.#options.world.records.mirror.get("UnseenHost", host.uuid) !== undefined;
    const isWanted = (isNews && !(isFirst && this.#spared.has(host.uuid))) || isUnseen;
    const signal = AbortSignal.any([AbortSignal.timeout(observeMs), this.#ending.signal]);
    // What could not be taken in is asked for again.
    if (isWanted && !(await this.#options.observe(host, signal))) return false;
    watched.serial = serial;
    return true;
  }

  async #again({ uuid, state }: Host, watched: Watched): Promise<void> {
    const { world, monotonicMs, reconnect } = this.#options;
    const pauseMs = Math.min(firstPauseMs * 2 ** watched.failures, longestPauseMs);
    watched.failures += 1;
    watched.dueAt = monotonicMs() + pauseMs;
    const isWanted = world.settings.flag("host.connection.autoReconnectOnError");
    if (isWanted && state !== "PreMaintenance") await reconnect(uuid);
  }

  /** Once a host's answer is held for a share of the interval, so that its pings fall where no many others do. */
  #holdMs({ uuid }: Host, watched: Watched): number {
    const isFirst = !watched.isSpread && watched.serial !== undefined;
    watched.isSpread ||= isFirst;
    return isFirst ? Math.ceil(cloudUuidHash(uuid, "") * this.#intervalMs()) : this.#intervalMs();
  }

  #intervalMs(): number {
    return this.#options.world.settings.number("host.ping.interval") * 1000;
  }
}
