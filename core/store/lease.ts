import { NodeError } from "../model/error.ts";
import { leaseGone } from "./record.ts";
import type { Lease } from "./store.ts";

/** What a store does for a lease that somebody holds. */
export type LeaseCalls = {
  /** @throws STORE.LEASE_GONE */
  renew(id: string): Promise<void>;
  release(id: string): Promise<void>;
};

export type Granted = {
  id: string;
  /** Milliseconds. */
  ttlMs: number;
  /** Before it was asked for, in milliseconds of `performance.now()`. */
  askedAt: number;
  keepAlive: boolean;
};

/** Tries in one time-to-live, and how much of it passes between two tries when the store did not answer. */
const renewals = 3;
const retryShare = 0.1;

/** The holder's side of a lease, the same for every store. Once it is lost it stays so, whatever the store says. */
export class HeldLease implements Lease {
  readonly id: string;
  readonly ttlMs: number;
  readonly #calls: LeaseCalls;
  readonly #lost = new AbortController();
  #validUntil: number;
  #end: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;

  constructor({ id, ttlMs, askedAt, keepAlive }: Granted, calls: LeaseCalls) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.#calls = calls;
    this.#validUntil = askedAt + ttlMs;
    this.#watchEnd();
    if (keepAlive) this.#renewIn(ttlMs / renewals);
  }

  get validUntil(): number {
    return this.#validUntil;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async renew(): Promise<void> {
    if (this.lost.aborted) throw leaseGone(this.id);
    const askedAt = performance.now();
    try {
      await this.#calls.renew(this.id);
    } catch (error) {
      if (error instanceof NodeError && error.code === "STORE.LEASE_GONE") this.#lose();
      throw error;
    }
    if (this.lost.aborted) throw leaseGone(this.id);
    this.#validUntil = Math.max(this.#validUntil, askedAt + this.ttlMs);
    this.#watchEnd();
  }

  async release(): Promise<void> {
    this.#lose();
    await this.#calls.release(this.id);
  }

  /** The store is closed: nobody renews it any more, and it is held until its end. */
  stop(): void {
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#end?.unref();
  }

  #watchEnd(): void {
    clearTimeout(this.#end);
    this.#end = setTimeout(() => this.#lose(), Math.max(0, this.#validUntil - performance.now()));
  }

  #renewIn(ms: number): void {
    this.#next = setTimeout(() => {
      this.renew().then(
        () => this.#again(this.ttlMs / renewals),
        () => this.#again(this.ttlMs * retryShare),
      );
    }, ms);
  }

  #again(ms: number): void {
    if (this.#next !== undefined && !this.lost.aborted) this.#renewIn(ms);
  }

  #lose(): void {
    clearTimeout(this.#end);
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#lost.abort();
  }
}
