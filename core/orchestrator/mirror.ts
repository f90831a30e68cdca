import { NodeError } from "../model/error.ts";
import { maxPage, type Store, type StoreRecord, type WatchBatch } from "../store/store.ts";
import { withAdded } from "./added-fields.ts";
import { HostSums } from "./host-figures.ts";
import { isResourceKind, type Kind, mirroredKinds, type RecordOf } from "./kinds.ts";
import { Table } from "./mirror-table.ts";
import { StorageSums } from "./storage-figures.ts";
import { problemOf, type Unreadable, UnreadableRecords } from "./unreadable.ts";

export type Mirrored<K extends Kind = Kind> = { readonly value: RecordOf<K>; readonly revision: number };

/** One change as the mirror saw it; `after` is absent when the record is gone, `before` when it is new. */
export type MirrorChange = {
  readonly kind: Kind;
  readonly key: string;
  readonly before: Mirrored | undefined;
  readonly after: Mirrored | undefined;
};
export type MirrorListener = (changes: readonly MirrorChange[], revision: number) => void;

/**
 * The records of the cloud in memory, as they were at one revision of the store, kept up by a watch. Reading costs no
 * look at the store: 100,000 machines are searched in milliseconds, with SQLite and with etcd alike.
 *
 * A record that is none of its kind is left out, and told: see `unreadable.ts`.
 *
 * Invariant: transactions are applied whole and in order. What this process wrote is here once `reached` its revision;
 * what another manager wrote comes a moment later. Whoever decides by it lets the store check what it was read from.
 */
export class Mirror {
  readonly #store: Store;
  readonly #onUnreadable: OnUnreadable;
  #tables = new Map<Kind, Table>();
  #unreadable: UnreadableRecords;
  #revision = 0;
  #hostSums: HostSums;
  #storageSums: StorageSums;
  readonly #listeners = new Set<MirrorListener>();
  #waiting: Waiting[] = [];
  readonly #ending = new AbortController();
  #hasEnded = false;
  /** Fulfilled when the mirror is closed; rejected when the store's watch ended in another way: the manager must end. */
  readonly ended: Promise<void>;

  private constructor(store: Store, loaded: Loaded, onUnreadable: OnUnreadable) {
    this.#store = store;
    this.#onUnreadable = onUnreadable;
    this.#tables = loaded.tables;
    this.#unreadable = loaded.unreadable;
    this.#revision = loaded.revision;
    this.#hostSums = new HostSums(this);
    this.#storageSums = new StorageSums(this);
    this.#refresh(this.#table("Host").records.keys(), this.#table("PrimaryStorage").records.keys());
    this.ended = this.#follow().finally(() => this.#refuseWaiting());
    this.ended.catch(() => undefined);
  }

  /** Reads everything once. `onUnreadable` is told of each record that is left out. @throws what the store throws */
  static async open(store: Store, onUnreadable: OnUnreadable = () => undefined): Promise<Mirror> {
    return new Mirror(store, await load(store, onUnreadable), onUnreadable);
  }

  /** Records that are left out. */
  get unreadable(): UnreadableRecords {
    return this.#unreadable;
  }

  get revision(): number {
    return this.#revision;
  }

  get<K extends Kind>(kind: K, key: string): Mirrored<K> | undefined {
    return this.#table(kind).records.get(key) as Mirrored<K> | undefined;
  }

  /** All records of a kind, in no order that means anything. */
  all<K extends Kind>(kind: K): Iterable<Mirrored<K>> {
    return this.#table(kind).records.values() as Iterable<Mirrored<K>>;
  }

  /** With their keys. */
  entries<K extends Kind>(kind: K): Iterable<[string, Mirrored<K>]> {
    return this.#table(kind).records.entries() as Iterable<[string, Mirrored<K>]>;
  }

  count(kind: Kind): number {
    return this.#table(kind).records.size;
  }

  /** How many records of a kind have each value of a field that is counted. @throws Error when it is not */
  counts(kind: Kind, field: string): ReadonlyMap<string, number> {
    const counts = this.#table(kind).counts.get(field);
    if (counts === undefined) throw new Error(`${kind}.${field} is not counted.`);
    return counts;
  }

  /** Whether `find` can use this field. */
  isIndexed(kind: Kind, field: string): boolean {
    return this.#table(kind).indexes.has(field);
  }

  /** The records of a kind whose field is, or whose list holds, a value. @throws Error when the field has no index */
  find<K extends Kind>(kind: K, field: string, value: string): Mirrored<K>[] {
    const table = this.#table(kind);
    const index = table.indexes.get(field);
    if (index === undefined) throw new Error(`${kind}.${field} has no index.`);
    const keys = index.get(value);
    if (keys === undefined) return [];
    const found: Mirrored[] = [];
    for (const key of typeof keys === "string" ? [keys] : keys) {
      const record = table.records.get(key);
      if (record !== undefined) found.push(record);
    }
    return found as Mirrored<K>[];
  }

  /**
   * Resolves when everything up to this revision is here; it must be that of a change of mirrored kinds.
   * @throws STORE.CLOSED when the mirror ends before
   */
  reached(revision: number): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    if (this.#hasEnded) return Promise.reject(ending());
    return new Promise((resolve, reject) => this.#waiting.push({ revision, resolve, reject }));
  }

  /** Calls back after each transaction was applied. Returns what ends that. */
  subscribe(listener: MirrorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.ended.catch(() => undefined);
  }

  #table(kind: Kind): Table {
    const table = this.#tables.get(kind);
    if (table === undefined) throw new Error(`${kind} is not mirrored.`);
    return table;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const options = { after: this.#revision, kinds: mirroredKinds, signal };
        for await (const batch of this.#store.watch(options)) this.#apply(batch);
        if (!signal.aborted) throw new NodeError("STORE.CLOSED", "The store was closed.");
      } catch (error) {
        if (!(error instanceof NodeError && error.code === "STORE.COMPACTED")) throw error;
        await this.#reload();
      }
    }
  }

  #apply({ revision, events }: WatchBatch): void {
    const changes: MirrorChange[] = [];
    for (const event of events) {
      const [kind, key, at] =
        event.type === "put"
          ? [event.record.kind as Kind, event.record.key, event.record.revision]
          : [event.kind as Kind, event.key, event.revision];
      const table = this.#table(kind);
      const before = table.records.get(key);
      // While it was read page by page, the record may have come in a later state already.
      if ((before ?? this.#unreadable.get(kind, key) ?? { revision: 0 }).revision >= at) continue;
      const broken = event.type === "put" ? brokenOf(event.record) : undefined;
      const after = event.type === "put" && broken === undefined ? mirrored(event.record) : undefined;
      this.#unreadable.delete(kind, key);
      if (broken !== undefined) {
        this.#unreadable.set(broken);
        this.#onUnreadable(broken);
      }
      table.set(key, after);
      if (before !== undefined || after !== undefined) changes.push({ kind, key, before, after });
    }
    changes.push(...this.#refresh(this.#hostSums.follow(changes), this.#storageSums.follow(changes)));
    this.#arrive(revision, changes);
  }

  /** Gives hosts and storages the figures that they have by the machines and volumes on them now. */
  #refresh(hosts: Iterable<string>, storages: Iterable<string>): MirrorChange[] {
    return [
      ...this.#derive("Host", hosts, (host) => this.#hostSums.figures(host)),
      ...this.#derive("PrimaryStorage", storages, (storage) => this.#storageSums.figures(storage)),
    ];
  }

  #derive<K extends "Host" | "PrimaryStorage">(
    kind: K,
    uuids: Iterable<string>,
    figuresOf: (record: RecordOf<K>) => Partial<RecordOf<K>>,
  ): MirrorChange[] {
    const table = this.#table(kind);
    const changes: MirrorChange[] = [];
    for (const key of uuids) {
      const before = this.get(kind, key);
      if (before === undefined) continue;
      const figures = figuresOf(before.value);
      const isSame = (Object.keys(figures) as (keyof RecordOf<K>)[]).every(
        (field) => figures[field] === before.value[field],
      );
      if (isSame) continue;
      const after = { value: { ...before.value, ...figures }, revision: before.revision };
      table.set(key, after);
      changes.push({ kind, key, before, after });
    }
    return changes;
  }

  /** After so long without the store that it has forgotten what happened: what differs is told as one transaction. */
  async #reload(): Promise<void> {
    const { tables, unreadable, revision } = await load(this.#store, this.#onUnreadable);
    const changes: MirrorChange[] = [];
    for (const [kind, table] of tables) {
      const former = this.#table(kind).records;
      for (const [key, after] of table.records) {
        const before = former.get(key);
        if (before?.revision !== after.revision) changes.push({ kind, key, before, after });
      }
      for (const [key, before] of former)
        if (!table.records.has(key)) changes.push({ kind, key, before, after: undefined });
    }
    this.#tables = tables;
    this.#unreadable = unreadable;
    this.#hostSums = new HostSums(this);
    this.#storageSums = new StorageSums(this);
    this.#refresh(this.#table("Host").records.keys(), this.#table("PrimaryStorage").records.keys());
    this.#arrive(revision, changes);
  }

  #arrive(revision: number, changes: readonly MirrorChange[]): void {
    this.#revision = Math.max(this.#revision, revision);
    if (changes.length > 0) for (const listener of [...this.#listeners]) listener(changes, revision);
    const come = this.#waiting.filter((each) => each.revision <= this.#revision);
    if (come.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => each.revision > this.#revision);
    for (const { resolve } of come) resolve();
  }

  #refuseWaiting(): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.splice(0)) reject(ending());
  }
}

type Waiting = { revision: number; resolve: () => void; reject: (error: unknown) => void };

function ending(): NodeError {
  return new NodeError("STORE.CLOSED", "The manager is ending.");
}

type OnUnreadable = (record: Unreadable) => void;
type Loaded = { tables: Map<Kind, Table>; unreadable: UnreadableRecords; revision: number };

/** The pages are of different instants; a watch from the first one's mends what changed between them. */
async function load(store: Store, onUnreadable: OnUnreadable): Promise<Loaded> {
  const tables = new Map<Kind, Table>();
  const unreadable = new UnreadableRecords();
  let first: number | undefined;
  for (const kind of mirroredKinds) {
    const table = new Table(kind);
    tables.set(kind, table);
    let after: string | undefined;
    do {
      const page = await store.list({ kind, limit: maxPage, ...(after === undefined ? {} : { after }) });
      first ??= page.revision;
      for (const record of page.records) {
        const broken = brokenOf(record);
        if (broken === undefined) table.set(record.key, mirrored(record));
        else {
          unreadable.set(broken);
          onUnreadable(broken);
        }
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
  return { tables, unreadable, revision: first ?? 0 };
}

function brokenOf({ kind, key, value, revision }: StoreRecord): Unreadable | undefined {
  if (!isResourceKind(kind)) return;
  const why = problemOf(kind, key, withAdded(kind, value));
  return why === undefined ? undefined : { kind, key, value, revision, why };
}

function mirrored({ kind, value, revision }: StoreRecord): Mirrored {
  return { value: isResourceKind(kind) ? withAdded(kind, value) : value, revision } as Mirrored;
}
