import type { DatabaseSync } from "node:sqlite";
import { checkChanges, checkLimit, checkName, closed, compacted } from "./record.ts";
import { storeFailure } from "./sqlite/failure.ts";
import { SqliteLeases } from "./sqlite/leases.ts";
import { backupTo, openDatabase } from "./sqlite/open.ts";
import { type Migration, migrations } from "./sqlite/schema.ts";
import { Tables } from "./sqlite/tables.ts";
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

export type SqliteOptions = {
  /** In a folder that exists; `FILE-wal` stands beside it while the store is open. */
  file: string;
  indexes: Indexes;
  /** Revisions that watches may go back to. */
  keptRevisions?: number;
  /** The shipped ones unless told. */
  migrations?: readonly Migration[];
};

/** Does its part of a commit; gives what answers the caller when that is durable. Throws when the file failed. */
type Waiting = { act: () => () => void; reject: (error: unknown) => void };

/** Revisions that one look at the history takes. */
const revisionsAtOnce = 100;
/** One commit carries no more: the first of them waits for all. */
const transactionsAtOnce = 500;

/**
 * The embedded store: one SQLite file that this process alone has open. Transactions that come while one turn of the
 * event loop lasts share one durable commit; none is answered before it. Invariant: what has been read was durable.
 */
export class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #tables: Tables;
  readonly #leases: SqliteLeases;
  #waiting: Waiting[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #isClosed = false;
  readonly #watchers = new Set<() => void>();
  readonly #backups = new Set<Promise<void>>();

  private constructor(db: DatabaseSync, file: string, tables: Tables) {
    this.#db = db;
    this.#file = file;
    this.#tables = tables;
    this.#leases = new SqliteLeases(tables, (action) =>
      this.#enqueue((resolve) => {
        action();
        return resolve;
      }),
    );
  }

  /** Opens or makes the store; see {@link openDatabase} for what it refuses. Leases count anew from now. */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const { file } = options;
    const db = await openDatabase(file, options.migrations ?? migrations);
    try {
      const tables = new Tables(db, options.indexes, options.keptRevisions ?? 10_000);
      tables.inTransaction(() => tables.buildIndexes());
      return new SqliteStore(db, file, tables);
    } catch (error) {
      db.close();
      throw storeFailure(file, error);
    }
  }

  async get(kind: string, key: string): Promise<StoreRecord | undefined> {
    checkName(kind, key);
    return this.#do(() => this.#tables.read(kind, key));
  }

  async list(query: ListQuery): Promise<Page> {
    const limit = checkLimit(query);
    return this.#do(() => this.#tables.list(query, limit));
  }

  async transact(changes: readonly Change[]): Promise<number> {
    const checked = checkChanges(changes);
    return this.#enqueue((resolve, reject) => {
      const refusal = this.#tables.refusal(checked, (id) => this.#leases.isAlive(id));
      if (refusal !== undefined) return () => reject(refusal);
      const revision = this.#tables.apply(checked);
      return () => resolve(revision);
    });
  }

  async *watch({ after, kinds, signal }: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    let last = after;
    const isOver = () => signal?.aborted === true || this.#isClosed;
    while (!isOver()) {
      const { forgotten, batches, upTo } = this.#do(() => this.#tables.history(last, revisionsAtOnce, kinds));
      if (last < forgotten) throw compacted(last, forgotten + 1);
      for (const batch of batches) {
        yield batch;
        if (isOver()) return;
      }
      last = Math.max(last, upTo);
      if (batches.length === 0) await this.#changed(last, signal);
    }
  }

  async grantLease(options: LeaseOptions): Promise<Lease> {
    if (this.#isClosed) throw closed();
    return this.#leases.grant(options);
  }

  /**
   * Copies the store to `to` while it is used. What was acknowledged before the call is in the copy; a file of that
   * name is replaced when the copy is whole.
   *
   * @throws STORE.FULL, STORE.READ_ONLY, STORE.DISK, STORE.NOT_OPENED of the place of the copy
   */
  async backup(to: string): Promise<void> {
    if (this.#isClosed) throw closed();
    const copying = backupTo(this.#db, to);
    const settled = copying.catch(() => undefined);
    this.#backups.add(settled);
    try {
      await copying;
    } catch (error) {
      throw storeFailure(to, error);
    } finally {
      this.#backups.delete(settled);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leases.close();
    while (this.#waiting.length > 0) this.#commitWaiting();
    this.#wakeWatchers();
    await Promise.all(this.#backups);
    this.#db.close();
  }

  #do<T>(action: () => T): T {
    if (this.#isClosed) throw closed();
    try {
      return action();
    } catch (error) {
      throw storeFailure(this.#file, error);
    }
  }

  #enqueue<T>(act: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ act: () => act(resolve, reject), reject });
      this.#scheduled ??= setImmediate(() => this.#commitWaiting());
    });
  }

  #commitWaiting(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const group = this.#waiting.splice(0, transactionsAtOnce);
    if (this.#waiting.length > 0) this.#scheduled = setImmediate(() => this.#commitWaiting());
    this.#commit(group);
    this.#wakeWatchers();
  }

  /** One commit for all. When that fails, each has another one of its own: it may be the fault of one of them. */
  #commit(group: readonly Waiting[]): void {
    let answers: (() => void)[] = [];
    try {
      this.#tables.inTransaction(() => {
        answers = group.map(({ act }) => act());
      });
    } catch (error) {
      if (group.length > 1) for (const one of group) this.#commit([one]);
      else for (const { reject } of group) reject(storeFailure(this.#file, error));
      return;
    }
    for (const answer of answers) answer();
  }

  #wakeWatchers(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  /** Waits until there is more than revision `last`, the watch is to end, or the store is closed. */
  async #changed(last: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#tables.revision > last || this.#isClosed || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#watchers.add(wake);
    signal?.addEventListener("abort", wake, { once: true });
    await promise;
    this.#watchers.delete(wake);
    signal?.removeEventListener("abort", wake);
  }
}
