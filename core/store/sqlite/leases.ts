import { randomUUID } from "node:crypto";
import { HeldLease } from "../lease.ts";
import { leaseGone } from "../record.ts";
import type { Lease, LeaseOptions } from "../store.ts";
import type { Tables } from "./tables.ts";

/** Runs an action on the tables in the next commit; resolves when it is durable. */
export type Enqueue = (action: () => void) => Promise<void>;

type Running = { ttlMs: number; endsAt: number; timer: NodeJS.Timeout };

/** How long until an ending that the disk has refused is tried again. */
const retryMs = 1000;

/**
 * Leases of the embedded store. That one exists is on the disk; how long it still runs is in memory, on the monotonic
 * clock: whoever opens the store gives each its whole time again, so that none ends too early and no step of the wall
 * clock matters.
 */
export class SqliteLeases {
  readonly #tables: Tables;
  readonly #enqueue: Enqueue;
  readonly #running = new Map<string, Running>();
  readonly #held = new Set<HeldLease>();

  constructor(tables: Tables, enqueue: Enqueue) {
    this.#tables = tables;
    this.#enqueue = enqueue;
    for (const { id, ttlMs } of tables.leases()) this.#run(id, ttlMs);
  }

  async grant({ ttlMs, keepAlive = true }: LeaseOptions): Promise<Lease> {
    const id = randomUUID();
    const askedAt = performance.now();
    await this.#enqueue(() => this.#tables.addLease(id, ttlMs));
    this.#run(id, ttlMs);
    const lease = new HeldLease(
      { id, ttlMs, askedAt, keepAlive },
      {
        renew: async () => {
          if (!this.isAlive(id)) throw leaseGone(id);
          this.#run(id, ttlMs);
        },
        release: () => this.#end(id),
      },
    );
    this.#held.add(lease);
    lease.lost.addEventListener("abort", () => this.#held.delete(lease), { once: true });
    return lease;
  }

  /** Not after its time, even when the timer is late. */
  isAlive(id: string): boolean {
    const running = this.#running.get(id);
    return running !== undefined && performance.now() < running.endsAt;
  }

  close(): void {
    for (const lease of this.#held) lease.stop();
    for (const { timer } of this.#running.values()) clearTimeout(timer);
  }

  #run(id: string, ttlMs: number): void {
    clearTimeout(this.#running.get(id)?.timer);
    const timer = setTimeout(() => this.#expire(id), ttlMs);
    this.#running.set(id, { ttlMs, endsAt: performance.now() + ttlMs, timer });
  }

  /** Its records stay until the disk lets them go; nobody can use the lease meanwhile. */
  #expire(id: string): void {
    this.#end(id).catch(() => {
      const running = this.#running.get(id);
      if (running !== undefined) running.timer = setTimeout(() => this.#expire(id), retryMs);
    });
  }

  async #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running === undefined) return;
    clearTimeout(running.timer);
    running.endsAt = 0;
    await this.#enqueue(() => this.#tables.endLease(id));
    this.#running.delete(id);
  }
}
