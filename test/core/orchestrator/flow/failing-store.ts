import { once } from "node:events";
import { NodeError } from "../../../../core/model/error.ts";
import type {
  Change,
  Lease,
  LeaseOptions,
  ListQuery,
  Page,
  Store,
  StoreRecord,
  WatchBatch,
  WatchOptions,
} from "../../../../core/store/store.ts";
import type { Random } from "../../../support/random.ts";

const never = new Promise<never>(() => undefined);

/**
 * The store as one manager sees it. Some writes give no certain answer or none at all. With write number `lastWrite`
 * the manager loses its lease: it is dead then, before or after the write is made, or goes on without knowing.
 */
export class FailingStore implements Store {
  readonly #store: Store;
  readonly #random: Random;
  readonly #lastWrite: number | undefined;
  readonly #death = Promise.withResolvers<void>();
  readonly died = this.#death.promise;
  /** Percent of the writes that can't be made, and as many whose answer is lost. */
  failing = 3;
  /** What the manager hears of changes waits for this. */
  hearing: Promise<void> = Promise.resolve();
  onConflict: () => void = () => undefined;
  #writes = 0;
  #isDead = false;
  #lease: Lease | undefined;

  constructor(store: Store, random: Random, lastWrite: number | undefined) {
    this.#store = store;
    this.#random = random;
    this.#lastWrite = lastWrite;
  }

  get hasPlace(): boolean {
    return !this.#isDead && this.#lease?.lost.aborted !== true;
  }

  /** Never, when the manager is dead: its steps stand still. */
  async lives(): Promise<void> {
    if (this.#isDead) await never;
  }

  async end(): Promise<void> {
    await this.#lease?.release();
  }

  async get(kind: string, key: string): Promise<StoreRecord | undefined> {
    await this.lives();
    return this.#store.get(kind, key);
  }

  async list(query: ListQuery): Promise<Page> {
    await this.lives();
    return this.#store.list(query);
  }

  async transact(changes: readonly Change[]): Promise<number> {
    await this.lives();
    // The place itself is not what is tested here.
    if (changes.some(({ do: what, kind }) => what === "put" && kind === "ManagementNode"))
      return this.#store.transact(changes);
    if (this.#writes++ === this.#lastWrite) return this.#lastTransact(changes);
    if (this.#random.chance(this.failing)) throw new NodeError("STORE.UNREACHABLE", "No member of etcd answers.");
    if (this.#random.chance(this.failing)) {
      if (this.#random.chance(50)) await this.#store.transact(changes);
      throw new NodeError("STORE.UNCERTAIN", "The answer got lost.");
    }
    try {
      return this.#heard(await this.#store.transact(changes));
    } catch (error) {
      if (error instanceof NodeError && error.code === "STORE.CONFLICT") this.onConflict();
      throw error;
    }
  }

  async *watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const batch of this.#store.watch(options)) {
      await this.hearing;
      if (this.#isDead) break;
      yield batch;
    }
    const { signal } = options;
    if (signal?.aborted === false) await once(signal, "abort");
  }

  async grantLease(options: LeaseOptions): Promise<Lease> {
    const lease = await this.#store.grantLease(options);
    this.#lease = lease;
    const unaware = new AbortController();
    return {
      id: lease.id,
      ttlMs: lease.ttlMs,
      validUntil: lease.validUntil,
      lost: unaware.signal,
      renew: () => lease.renew(),
      release: () => lease.release(),
    };
  }

  close(): Promise<void> {
    throw new Error("It is closed by whoever opened it.");
  }

  async #lastTransact(changes: readonly Change[]): Promise<number> {
    const how = this.#random.pick(["before", "after", "unaware"]);
    if (how === "after") await this.#store.transact(changes);
    this.#isDead = how !== "unaware";
    await this.#lease?.release();
    this.#death.resolve();
    return this.#isDead ? never : this.#store.transact(changes);
  }

  #heard(revision: number): Promise<number> | number {
    return this.#isDead ? never : revision;
  }
}
