import { setTimeout as pause } from "node:timers/promises";
import { NodeError } from "../model/error.ts";
import { type KeyValue, keepAliveAnswer, leaseAnswer, rangeAnswer, txnAnswer } from "./etcd/answers.ts";
import { EtcdClient, type EtcdOptions, hasCode } from "./etcd/client.ts";
import { Groups, type Writes } from "./etcd/groups.ts";
import { prepare } from "./etcd/indexes.ts";
import { Keys, storePrefix } from "./etcd/keys.ts";
import { watchRecords } from "./etcd/watch.ts";
import { everything, replaceEverything, requireWhole } from "./etcd/whole.ts";
import { indexEntries, indexRange, readPosition, writePosition } from "./index-value.ts";
import { HeldLease } from "./lease.ts";
import { type CheckedChange, checkChanges, checkLimit, checkName, conflict, leaseGone, parseValue } from "./record.ts";
import type {
  Change,
  Indexes,
  Lease,
  LeaseOptions,
  ListQuery,
  Page,
  Store,
  StoreRecord,
  WatchBatch,
  WatchOptions,
} from "./store.ts";

export type EtcdStoreOptions = EtcdOptions & {
  indexes: Indexes;
  /** All keys begin so; `/binnacle/` unless told. */
  prefix?: string;
  /** A store that a restore has left half done is opened, too: to restore it again. */
  isRestoring?: boolean;
};

/** Reads that one request carries: etcd takes 128 operations unless it was told otherwise. */
const readsAtOnce = 100;
/** How often a change is tried again because somebody else changed one of its records. */
const mostRounds = 60;

/**
 * The store of several managers: etcd, through its HTTP gateway. A transaction that changes index entries reads what it
 * changes, and writes on the condition that nobody has changed it since: records and index entries never part. Others
 * need no reading, and those that come together are written together.
 */
export class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #keys: Keys;
  readonly #indexes: Indexes;
  readonly #held = new Set<HeldLease>();
  readonly #groups: Groups;

  private constructor(client: EtcdClient, keys: Keys, indexes: Indexes) {
    this.#client = client;
    this.#keys = keys;
    this.#indexes = indexes;
    this.#groups = new Groups((compare, success) => this.#commit(compare, success));
  }

  /**
   * Looks whether etcd can be used, and builds indexes that are new. Managers of one cloud have the same indexes: stop
   * the older ones first.
   *
   * @throws STORE.NEWER_SCHEMA, STORE.HALF_RESTORED, and as every call does
   */
  static async open(options: EtcdStoreOptions): Promise<EtcdStore> {
    const client = new EtcdClient(options);
    const keys = new Keys(options.prefix ?? storePrefix);
    try {
      if (options.isRestoring !== true) await requireWhole(client, keys);
      await prepare(client, keys, options.indexes);
    } catch (error) {
      await client.close();
      throw error;
    }
    return new EtcdStore(client, keys, options.indexes);
  }

  async get(kind: string, key: string): Promise<StoreRecord | undefined> {
    checkName(kind, key);
    const { kvs } = await this.#range({ key: this.#keys.record(kind, key) });
    return kvs[0] === undefined ? undefined : this.#toRecord(kvs[0]);
  }

  async list(query: ListQuery): Promise<Page> {
    const limit = checkLimit(query);
    for (;;)
      try {
        return await (query.where === undefined ? this.#listByKey(query, limit) : this.#listByIndex(query, limit));
      } catch (error) {
        // The instant of the page is forgotten already: a new page.
        if (!hasCode(error, "STORE.COMPACTED")) throw error;
      }
  }

  async transact(changes: readonly Change[]): Promise<number> {
    const checked = checkChanges(changes);
    for (const { change } of checked)
      if (change.do === "put" && change.lease !== undefined && !/^[1-9]\d{0,18}$/.test(change.lease))
        throw leaseGone(change.lease);
    const writes = this.#writesOf(checked);
    const together = writes === undefined ? undefined : await this.#groups.add(writes);
    if (together !== undefined) return together;
    for (let round = 0; round < mostRounds; round++) {
      const revision = await this.#tryTransact(checked);
      if (revision !== undefined) return revision;
      // Apart from each other, so that two who disturb one another don't go on doing so.
      await pause(Math.random() * 10);
    }
    throw new NodeError("STORE.BUSY", "Others change the same records all the time; nothing was done.", {
      remedy: "Try again.",
    });
  }

  watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    return watchRecords(this.#client, this.#keys, options);
  }

  /** etcd counts whole seconds, and gives no less than its members need for an election: about two. */
  async grantLease({ ttlMs, keepAlive = true }: LeaseOptions): Promise<Lease> {
    const askedAt = performance.now();
    const body = { TTL: String(Math.ceil(ttlMs / 1000)) };
    // One that was granted without our knowing has no records, and ends by itself.
    const answer = leaseAnswer.parse(await this.#client.call({ path: "/v3/lease/grant", body, repeatable: true }));
    const granted = { id: answer.ID, ttlMs: answer.TTL * 1000, askedAt, keepAlive };
    const lease = new HeldLease(granted, { renew: (id) => this.#renew(id), release: (id) => this.#release(id) });
    this.#held.add(lease);
    lease.lost.addEventListener("abort", () => this.#held.delete(lease), { once: true });
    return lease;
  }

  /** All records at one instant, without those that go with a lease. @throws STORE.COMPACTED */
  everything(): AsyncGenerator<StoreRecord, void, undefined> {
    return everything(this.#client, this.#keys);
  }

  /** Puts these records in the place of all; see {@link replaceEverything}. */
  replaceAll(records: Iterable<StoreRecord>): Promise<void> {
    return replaceEverything(this.#client, this.#keys, records, (changes) => this.transact(changes));
  }

  async close(): Promise<void> {
    for (const lease of this.#held) lease.stop();
    await this.#client.close();
  }

  async #renew(id: string): Promise<void> {
    const answer = await this.#client.call({ path: "/v3/lease/keepalive", body: { ID: id }, repeatable: true });
    if (keepAliveAnswer.parse(answer).result.TTL === 0) throw leaseGone(id);
  }

  async #release(id: string): Promise<void> {
    try {
      await this.#client.call({ path: "/v3/lease/revoke", body: { ID: id }, repeatable: true });
    } catch (error) {
      if (!hasCode(error, "STORE.LEASE_GONE")) throw error;
    }
  }

  /** The revision; undefined when one of the records was changed in between. */
  async #tryTransact(changes: readonly CheckedChange[]): Promise<number | undefined> {
    const places = changes.map(({ change }) => this.#keys.record(change.kind, change.key));
    const { found, revision } = await this.#readAll(places);
    const compare: object[] = [];
    const success: object[] = [];
    for (const [i, checked] of changes.entries()) {
      const place = places[i] ?? "";
      const old = found.get(place);
      const { expected } = checked.change;
      if (expected !== undefined && expected !== (old?.mod_revision ?? 0))
        throw conflict(checked.change, old?.mod_revision ?? 0);
      compare.push({ key: place, target: "MOD", mod_revision: String(old?.mod_revision ?? 0) });
      success.push(...this.#operations(checked, place, old));
    }
    if (success.length === 0) return revision;
    try {
      return await this.#commit(compare, success);
    } catch (error) {
      const leased = changes.find(({ change }) => change.do === "put" && change.lease !== undefined)?.change;
      if (hasCode(error, "STORE.LEASE_GONE") && leased?.do === "put") throw leaseGone(leased.lease ?? "");
      throw error;
    }
  }

  /** The revision; undefined when a comparison did not hold. */
  async #commit(compare: readonly object[], success: readonly object[]): Promise<number | undefined> {
    const answer = await this.#client.call({ path: "/v3/kv/txn", body: { compare, success }, repeatable: false });
    const { succeeded, header } = txnAnswer.parse(answer);
    return succeeded ? header.revision : undefined;
  }

  /** What is to be written, if that is known without reading; with a lease it is not, for etcd may not know that. */
  #writesOf(changes: readonly CheckedChange[]): Writes | undefined {
    const places: string[] = [];
    const compare: object[] = [];
    const success: object[] = [];
    let bytes = 0;
    for (const checked of changes) {
      const { change, text } = checked;
      // Entries that are there already may be put again.
      const isSame = change.do === "put" && (change.expected === 0 || change.keepsIndexed === true);
      const isIndexed = (this.#indexes[change.kind] ?? []).length > 0;
      if (change.do !== "expect" && isIndexed && !isSame) return;
      if (change.do === "put" && change.lease !== undefined) return;
      const place = this.#keys.record(change.kind, change.key);
      places.push(place);
      bytes += text?.length ?? 0;
      const { expected } = change;
      if (expected !== undefined) compare.push({ key: place, target: "MOD", mod_revision: String(expected) });
      if (change.do === "delete") success.push({ request_delete_range: { key: place } });
      else success.push(...this.#operations(checked, place, undefined));
    }
    return success.length === 0 ? undefined : { places, compare, success, bytes };
  }

  #operations({ change, text }: CheckedChange, place: string, old: KeyValue | undefined): object[] {
    const { kind, key } = change;
    if (change.do === "expect" || (change.do === "delete" && old === undefined)) return [];
    const entryPlaces = (json: string) =>
      new Set(
        indexEntries(this.#indexes, kind, parseValue(kind, key, json)).map((e) => this.#keys.entry(kind, e, key)),
      );
    const before = old === undefined ? new Set<string>() : entryPlaces(textOf(old));
    const after = text === null ? new Set<string>() : entryPlaces(text);
    const gone = [...before].filter((entry) => !after.has(entry));
    const deletions = (text === null ? [place, ...gone] : gone).map((one) => ({ request_delete_range: { key: one } }));
    if (text === null) return deletions;
    const lease = (change.do === "put" ? change.lease : undefined) ?? "0";
    // An entry ends with the lease that it was put with: another one means another entry.
    const isSameLease = old?.lease === lease;
    const puts = [...after]
      .filter((entry) => !(isSameLease && before.has(entry)))
      .map((entry) => ({ request_put: { key: entry, lease } }));
    const value = Buffer.from(text).toString("base64");
    return [...deletions, { request_put: { key: place, value, lease } }, ...puts];
  }

  async #listByKey({ kind, after }: ListQuery, limit: number): Promise<Page> {
    const position = after === undefined ? undefined : readPosition(after);
    const { kvs, more, header } = await this.#range({ ...this.#keys.records(kind, position?.key), limit });
    const records = kvs.map((kv) => this.#toRecord(kv));
    const last = more ? records.at(-1) : undefined;
    const next = last === undefined ? null : writePosition({ value: Buffer.alloc(0), key: last.key });
    return { records, revision: header?.revision ?? 0, next };
  }

  async #listByIndex({ kind, where, after }: ListQuery, limit: number): Promise<Page> {
    if (where === undefined) throw new TypeError("A list by an index needs one.");
    const { index } = where;
    const range = indexRange(this.#indexes, kind, where);
    const from = after === undefined ? undefined : readPosition(after);
    const { kvs, more, header } = await this.#range({ ...this.#keys.entries(kind, index, range, from), limit });
    const positions = kvs.map((kv) => this.#keys.positionOf(kv.key, kind, index));
    const revision = header?.revision ?? 0;
    const places = positions.map(({ key }) => this.#keys.record(kind, key));
    const { found } = await this.#readAll(places, revision);
    const last = more ? positions.at(-1) : undefined;
    return {
      records: places.flatMap((place) => {
        const kv = found.get(place);
        return kv === undefined ? [] : [this.#toRecord(kv)];
      }),
      revision,
      next: last === undefined ? null : writePosition(last),
    };
  }

  async #range(body: object) {
    return rangeAnswer.parse(await this.#client.call({ path: "/v3/kv/range", body, repeatable: true }));
  }

  /** What lies in places, all at one instant: the given revision, or now. */
  async #readAll(places: readonly string[], at?: number): Promise<{ found: Map<string, KeyValue>; revision: number }> {
    const found = new Map<string, KeyValue>();
    const wanted = [...new Set(places)];
    let revision = at;
    for (let i = 0; i === 0 || i < wanted.length; i += readsAtOnce) {
      const instant = revision === undefined ? {} : { revision: String(revision) };
      const success = wanted.slice(i, i + readsAtOnce).map((key) => ({ request_range: { key, ...instant } }));
      const answer = await this.#client.call({ path: "/v3/kv/txn", body: { success }, repeatable: true });
      const { header, responses } = txnAnswer.parse(answer);
      revision ??= header.revision;
      for (const { response_range } of responses) for (const kv of response_range?.kvs ?? []) found.set(kv.key, kv);
    }
    return { found, revision: revision ?? 0 };
  }

  #toRecord(kv: KeyValue): StoreRecord {
    const { kind, key } = this.#keys.nameOf(kv.key);
    return { kind, key, value: parseValue(kind, key, textOf(kv)), revision: kv.mod_revision };
  }
}

function textOf({ value }: KeyValue): string {
  return Buffer.from(value, "base64").toString();
}
