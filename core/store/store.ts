import type { JsonObject } from "./record.ts";

/** A record as it was read: `revision` is that of the transaction which wrote it last. */
export type StoreRecord = {
  readonly kind: string;
  readonly key: string;
  readonly value: JsonObject;
  readonly revision: number;
};

/** What a field may hold to be found by an index. */
export type IndexValue = string | number | boolean | null;

/**
 * Which fields of which kinds can be searched: `{ vm: ["name", "nics.ip"] }`. A dot goes into an object or into every
 * element of a list. A field that is absent has no entry; null has one.
 */
export type Indexes = Readonly<Record<string, readonly string[]>>;

/** Which entries of an index: one value, the texts with a beginning, or the values from `from` up to, without, `to`. */
export type IndexQuery =
  | { readonly index: string; readonly equals: IndexValue }
  | { readonly index: string; readonly startsWith: string }
  | { readonly index: string; readonly from?: IndexValue; readonly to?: IndexValue };

export type ListQuery = {
  readonly kind: string;
  /** Without it all records of the kind, in the order of their keys; with it in the order of the index. */
  readonly where?: IndexQuery;
  /** 1 to {@link maxPage}; {@link maxPage} unless told. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
};

/**
 * A page is one instant of the store; the next page is a later one. Where a record has several values in the range of
 * an index, it stands in the list once for each.
 */
export type Page = {
  readonly records: readonly StoreRecord[];
  /** Of the store when the page was read: a watch from here misses nothing that the page does not show. */
  readonly revision: number;
  /** null: there are no more. */
  readonly next: string | null;
};

/**
 * `expected` is the revision that the record must have; 0: it must not exist; left out: whatever it is. `expect` writes
 * nothing and only makes the transaction depend on the record. A record with a lease goes when the lease ends.
 * `keepsIndexed`: its indexed fields have the values that they had, if it is there: it need not be read for that before.
 */
export type Change =
  | {
      readonly do: "put";
      readonly kind: string;
      readonly key: string;
      readonly value: JsonObject;
      readonly expected?: number;
      readonly lease?: string;
      readonly keepsIndexed?: boolean;
    }
  | { readonly do: "delete"; readonly kind: string; readonly key: string; readonly expected?: number }
  | { readonly do: "expect"; readonly kind: string; readonly key: string; readonly expected: number };

export type WatchEvent =
  | { readonly type: "put"; readonly record: StoreRecord }
  | { readonly type: "delete"; readonly kind: string; readonly key: string; readonly revision: number };

/**
 * All that one transaction changed, of the kinds that are watched; etcd makes one of several that came at the same time
 * and had no record in common: they have one revision then.
 */
export type WatchBatch = { readonly revision: number; readonly events: readonly WatchEvent[] };

export type WatchOptions = {
  /** What happened after this revision. */
  readonly after: number;
  /** All kinds unless told. */
  readonly kinds?: readonly string[];
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal;
};

export type LeaseOptions = {
  /** Milliseconds from the last renewal to the end. A store may give more, rounded up to its own unit. */
  readonly ttlMs: number;
  /** Renews by itself, three times in each time-to-live; true unless told. */
  readonly keepAlive?: boolean;
};

/**
 * A right that ends by itself. The store never ends it earlier than the holder thinks: the holder counts, on its own
 * monotonic clock, from before it asked. When `lost` fires, the records with this lease may be gone.
 */
export interface Lease {
  readonly id: string;
  /** As granted, in milliseconds. */
  readonly ttlMs: number;
  /** Until when the holder may act on it, in milliseconds of `performance.now()`. */
  readonly validUntil: number;
  /** Aborted when the lease was released, was found gone, or could not be renewed in time. */
  readonly lost: AbortSignal;
  /** Counts anew from now. @throws STORE.LEASE_GONE, or as every call does. */
  renew(): Promise<void>;
  /** Ends it now, with its records. Not an error when it has ended already. */
  release(): Promise<void>;
}

/**
 * Where the cloud's records live. Every call ends in bounded time. Errors are NodeErrors:
 *
 * | code | meaning |
 * |---|---|
 * | STORE.BAD_KEY, STORE.BAD_QUERY, STORE.BAD_CHANGE, STORE.TOO_LARGE | the caller's mistake; nothing was done |
 * | STORE.CONFLICT | a record has another revision than expected (`kind`, `key`, `expected`, `found`); nothing was done |
 * | STORE.LEASE_GONE | the lease has ended; nothing was done |
 * | STORE.COMPACTED | a watch asked for what the store no longer remembers (`oldest`): list again |
 * | STORE.FULL, STORE.READ_ONLY, STORE.DISK, STORE.DAMAGED, STORE.LOCKED, STORE.CLOSED | what the place of the store suffers from |
 * | STORE.UNREACHABLE | no member of etcd can serve the call; nothing was done |
 * | STORE.DENIED, STORE.BAD_CERTIFICATE, STORE.REFUSED | etcd does not let us do that; nothing was done |
 * | STORE.BUSY | others changed the same records all the time; nothing was done |
 * | STORE.UNCERTAIN | the change may have been made or not: read the records again |
 * | STORE.NEWER_SCHEMA, STORE.NOT_MIGRATED, STORE.NOT_OPENED | only when it is opened |
 */
export interface Store {
  get(kind: string, key: string): Promise<StoreRecord | undefined>;
  list(query: ListQuery): Promise<Page>;
  /**
   * Makes all changes, or none; resolves when they are durable, with the revision that the records now have. Each
   * record may stand in it once. A transaction that changes nothing gives the store's present revision.
   */
  transact(changes: readonly Change[]): Promise<number>;
  /** Ends when `signal` says so or the store is closed; goes on over reconnections. @throws STORE.COMPACTED and the like. */
  watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined>;
  grantLease(options: LeaseOptions): Promise<Lease>;
  /** Ends watches and renewals, but not leases. Calls that are under way end first. */
  close(): Promise<void>;
}

/** Records of one page at the most. */
export const maxPage = 1000;
/** Changes of one transaction. */
export const maxChanges = 1000;
/** Bytes of one value as JSON, and of all values of one transaction: etcd takes no request above 1.5 MiB. */
export const maxValueBytes = 512 * 1024;
export const maxTransactionBytes = 1024 * 1024;
