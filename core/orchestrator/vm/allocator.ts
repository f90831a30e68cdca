import { type Address, formatAddress } from "../../model/address.ts";
import { effectiveTags } from "../../model/cloud/host-tags.ts";
import { allocate as allocateAddress, claim, nextFree, parseRange, type Range } from "../../model/cloud/ip-range.ts";
import { NodeError } from "../../model/error.ts";
import { AffinityPlaces } from "../affinity/places.ts";
import { orThrow } from "../calls/shared.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records, Tx } from "../records.ts";
import type { LiveSettings } from "../settings.ts";
import { takenIn } from "./dhcp-address.ts";
import {
  type HostOption,
  hostOption,
  type Placement,
  type PlacementRequest,
  place,
  type Ratios,
  type Storage,
  type StorageOption,
} from "./placement.ts";
import { isReached } from "./reached.ts";
import { fullPlaces, roomsOf } from "./room.ts";

type Waiting = { decide: (tx: Tx, round: Round) => unknown; settle: (outcome: Outcome) => void };
type Outcome = { value: unknown } | { error: unknown };

/** In one transaction; each may write a dozen records. */
const atOnce = 50;

/**
 * Gives machines their hosts, storages and addresses. Those that ask at the same time are decided in one transaction,
 * one after the other, so that a thousand at once neither overfill a host nor get in each other's way. A record that
 * every such transaction writes keeps two managers from deciding by the same free room.
 */
export class Allocator {
  readonly #records: Records;
  readonly #settings: LiveSettings;
  #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(records: Records, settings: LiveSettings) {
    this.#records = records;
    this.#settings = settings;
  }

  /**
   * Has a decision made with what is free; durable when it resolves. `decide` is called again when others were faster.
   * @throws what `decide` throws, and then nothing of it was written
   */
  allocate<T>(decide: (tx: Tx, round: Round) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome) =>
        "error" in outcome ? reject(outcome.error) : resolve(outcome.value as Awaited<T>);
      this.#waiting.push({ decide, settle });
      if (!this.#isBusy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) await this.#carryOut(this.#waiting.splice(0, atOnce));
    this.#isBusy = false;
  }

  async #carryOut(group: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#records.change((tx) => this.#decide(tx, group));
      for (const [index, { settle }] of group.entries()) settle(outcomes[index] ?? { error: new Error("No outcome.") });
    } catch (error) {
      const isTooLarge = error instanceof NodeError && error.code === "STORE.TOO_LARGE" && group.length > 1;
      if (!isTooLarge) {
        for (const { settle } of group) settle({ error });
        return;
      }
      // Machines with many network cards: fewer of them fit into one transaction.
      const half = Math.ceil(group.length / 2);
      await this.#carryOut(group.slice(0, half));
      await this.#carryOut(group.slice(half));
    }
  }

  #decide(tx: Tx, group: readonly Waiting[]): Outcome[] {
    const round = new Round(tx, this.#settings);
    tx.get("Guard", "placement");
    const outcomes = group.map(({ decide }): Outcome => {
      try {
        return { value: tx.attempt(() => decide(tx, round)) };
      } catch (error) {
        round.takeBack();
        return { error };
      } finally {
        round.keep();
      }
    });
    if (outcomes.some((outcome) => "value" in outcome)) tx.put("Guard", "placement", { at: tx.now });
    return outcomes;
  }
}

/** What is free at one moment, less what was given away since it began. */
export class Round {
  readonly #tx: Tx;
  readonly ratios: Ratios;
  readonly #threshold: number;
  #hosts: HostOption[] | undefined;
  #storages: StorageOption[] | undefined;
  readonly #addresses = new Map<string, Pool>();
  readonly #affinity: AffinityPlaces;
  readonly #given: (() => void)[] = [];

  constructor(tx: Tx, settings: LiveSettings) {
    this.#tx = tx;
    this.#affinity = new AffinityPlaces(tx);
    this.ratios = {
      cpu: settings.number("host.cpu.overProvisioning.ratio"),
      memory: settings.number("mevoco.overProvisioning.memory"),
      storage: settings.number("mevoco.overProvisioning.primaryStorage"),
    };
    this.#threshold = settings.number("mevoco.threshold.primaryStorage.physicalCapacity");
  }

  /** @throws VM.1008 */
  place(request: PlacementRequest): Placement {
    this.#hosts ??= [...this.#readHosts()];
    // Adding up what is promised of all storages takes its time: only for who wants some.
    if (request.rootVolume !== null || request.copies !== undefined) this.#storages ??= [...this.#readStorages()];
    const { machine } = request;
    const view = this.#affinity.viewFor(machine);
    const { takeBack, ...placement } = place(request, this.#hosts, this.#storages ?? [], this.ratios, view);
    this.#given.push(takeBack, this.#affinity.note(machine, placement.hostUuid));
    // Of all hosts that were looked at, the one that was chosen has to stay as it is, and can't be deleted meanwhile.
    this.#tx.get("Host", placement.hostUuid);
    this.#tx.guard(placement.hostUuid);
    return placement;
  }

  /** All storages with what is left of them; whoever takes room takes it off by {@link takeRoom}. */
  get storages(): readonly StorageOption[] {
    this.#storages ??= [...this.#readStorages()];
    return this.#storages;
  }

  /** Takes room off a storage. @param where as its rooms are counted by */
  takeRoom({ rooms }: StorageOption, where: string, bytes: number): void {
    const take = (taken: number) => rooms.set(where, (rooms.get(where) ?? 0) - taken);
    take(bytes);
    this.#given.push(() => take(-bytes));
  }

  /** What was decided last counts for those that come after it. */
  keep(): void {
    this.#given.splice(0);
  }

  /** What was decided last is not done: what it took is free for those that come after it. */
  takeBack(): void {
    for (const each of this.#given.splice(0).reverse()) each();
  }

  /**
   * A free address of a network, or `wanted`; null where the network has no ranges.
   * @throws NETWORK.1004, NETWORK.1005
   */
  address(l3NetworkUuid: string, wanted: string | null = null): string | null {
    let pool = this.#addresses.get(l3NetworkUuid);
    if (pool === undefined) {
      pool = poolOf(this.#tx, l3NetworkUuid);
      this.#addresses.set(l3NetworkUuid, pool);
    }
    const { ranges, taken } = pool;
    if (wanted !== null) {
      const given = orThrow(claim(ranges, addressesOf(pool), wanted));
      this.#hold(taken, given.value);
      return formatAddress(given);
    }
    if (ranges.length === 0) return null;
    const address = nextFree(ranges, taken, pool.from) ?? orThrow(allocateAddress(ranges, addressesOf(pool)));
    this.#hold(taken, address.value);
    pool.from = address.value + 1n;
    return formatAddress(address);
  }

  #hold(taken: Set<bigint>, address: bigint): void {
    taken.add(address);
    this.#given.push(() => taken.delete(address));
  }

  *#readHosts(): Generator<HostOption> {
    const places = new Map<string, { isEnabled: boolean; cluster: readonly string[]; zone: readonly string[] }>();
    for (const host of this.#tx.all("Host")) {
      let found = places.get(host.clusterUuid);
      if (found === undefined) {
        const cluster = this.#readable("Cluster", host.clusterUuid);
        const zone = cluster === undefined ? undefined : this.#readable("Zone", cluster.zoneUuid);
        const isEnabled = cluster?.state === "Enabled" && zone?.state === "Enabled";
        found = { isEnabled, cluster: cluster?.tags ?? [], zone: zone?.tags ?? [] };
        places.set(host.clusterUuid, found);
      }
      const { isEnabled, ...levels } = found;
      const tags = () => effectiveTags({ host: host.tags, ...levels });
      const isUnclear = this.#tx.unreadable.machineOn(host) !== undefined;
      const reaches = (storage: Storage) => isReached(this.#tx, storage, host.uuid);
      yield hostOption(host, { isPlaceEnabled: isEnabled, isUnclear, tags, reaches }, this.ratios);
    }
  }

  /** Undefined too for a place that can't be read: nothing new goes there, and everywhere else it does. */
  #readable<K extends "Cluster" | "Zone">(kind: K, uuid: string): RecordOf<K> | undefined {
    return this.#tx.unreadable.get(kind, uuid) === undefined ? this.#tx.get(kind, uuid) : undefined;
  }

  *#readStorages(): Generator<StorageOption> {
    for (const storage of this.#tx.all("PrimaryStorage"))
      yield {
        storage,
        rooms: roomsOf(this.#tx, storage, this.ratios.storage),
        full: fullPlaces(this.#tx, storage, this.#threshold),
        isUnclear: this.#tx.unreadable.volumeOn(storage.uuid) !== undefined,
      };
  }
}

type Pool = { ranges: Range[]; taken: Set<bigint>; from: bigint | undefined };

/** For the refusal, which counts them. */
function addressesOf({ ranges, taken }: Pool): Address[] {
  const family = ranges[0]?.start.family ?? 4;
  return [...taken].map((value) => ({ family, value }));
}

function poolOf(tx: Tx, l3NetworkUuid: string): Pool {
  const ranges = tx.find("IpRange", "l3NetworkUuid", l3NetworkUuid).flatMap((text) => {
    const parsed = parseRange(text);
    return "range" in parsed ? [parsed.range] : [];
  });
  const taken = takenIn(tx, l3NetworkUuid);
  return { ranges, taken, from: undefined };
}
