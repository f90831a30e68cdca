import { randomUUID } from "node:crypto";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { Lease, Store } from "../../store/store.ts";
import type { Records, Tx } from "../records.ts";

export type PlaceOptions = {
  store: Store;
  records: Records;
  /** For people, in the record of the manager. */
  hostname: string;
  /** Milliseconds after which another manager may take over when this one is silent. */
  leaseMs: number;
  /**
   * The store is one that only this process has open: whoever stands in it as a manager has died, and its flows need
   * not wait for the end of its lease.
   */
  isAlone: boolean;
  /** Waits; rejects when the signal says so. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** Milliseconds between two attempts to reach the store. */
const [firstPauseMs, longestPauseMs] = [50, 2000];

/**
 * A manager's place among the managers of one store: a record that lives as long as its lease. Whatever this manager
 * writes about flows depends on that record, so that one whose lease has ended can write nothing more.
 */
export class ManagerPlace {
  /** Another one with each start. */
  readonly uuid: string;
  readonly #options: PlaceOptions;
  readonly #lease: Lease;
  readonly #lost = new AbortController();
  readonly #unsubscribe: () => void;

  private constructor(uuid: string, options: PlaceOptions, lease: Lease) {
    this.uuid = uuid;
    this.#options = options;
    this.#lease = lease;
    lease.lost.addEventListener("abort", () => this.#lose(), { once: true });
    this.#unsubscribe = options.records.mirror.subscribe((changes) => {
      const isGone = changes.some(({ kind, key, after }) => kind === "ManagementNode" && key === uuid && !after);
      if (isGone) this.#lose();
    });
    if (lease.lost.aborted) this.#lose();
  }

  /** @throws STORE.… when the store can't be written now */
  static async take(options: PlaceOptions): Promise<ManagerPlace> {
    const uuid = randomUUID().replaceAll("-", "");
    const { store, records, hostname, leaseMs, isAlone } = options;
    const lease = await store.grantLease({ ttlMs: leaseMs });
    try {
      await records.change((tx) => {
        if (isAlone) for (const [key] of records.mirror.entries("ManagementNode")) tx.delete("ManagementNode", key);
        tx.put("ManagementNode", uuid, { uuid, hostname, startDate: tx.now }, true, lease.id);
      });
    } catch (error) {
      await lease.release().catch(() => undefined);
      throw error;
    }
    return new ManagerPlace(uuid, options, lease);
  }

  /** Aborted when the place is lost or was left; the reason is SYS.1027. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Makes a transaction depend on this place. @throws SYS.1027 when it is lost */
  expect(tx: Tx): void {
    if (this.lost.aborted || tx.get("ManagementNode", this.uuid) === undefined) throw placeLost();
  }

  /**
   * As `Records.change`, in this place. While the store can't be reached, or an answer got lost, it is tried again
   * until the place is lost: `decide` has to see by what it reads that its change was made already.
   *
   * @throws SYS.1027 when the place is lost; what `decide` throws; STORE.BAD_CHANGE, STORE.TOO_LARGE
   */
  async change<T>(decide: (tx: Tx) => T): Promise<T> {
    for (let failures = 0; ; failures++) {
      if (this.lost.aborted) throw placeLost();
      try {
        return await this.#options.records.change((tx) => {
          this.expect(tx);
          try {
            return decide(tx);
          } catch (error) {
            throw new Refused(error);
          }
        });
      } catch (error) {
        if (error instanceof Refused) throw error.reason;
        // What can't be heard of the store any more can't be waited for.
        if (isClosed(error)) this.#lose();
        else if (!isPassing(error)) throw error;
      }
      const ms = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
      await this.#options.pause(ms, this.lost).catch(() => undefined);
    }
  }

  /** Gives the place up: another manager takes over at once, or at the lease's end if the store can't be reached. */
  async leave(): Promise<void> {
    this.#lose();
    await this.#lease.release().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
    });
  }

  #lose(): void {
    if (this.lost.aborted) return;
    this.#unsubscribe();
    this.#lost.abort(placeLost());
  }
}

/** What `decide` threw, so that it is not taken for an error of the store. */
class Refused extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("The decision was not made.");
    this.reason = reason;
  }
}

/** Errors of the caller: the same would come of it again. */
const lasting = ["STORE.BAD_KEY", "STORE.BAD_QUERY", "STORE.BAD_CHANGE", "STORE.TOO_LARGE"];

function isPassing(error: unknown): boolean {
  if (!(error instanceof NodeError)) return false;
  return error.code === "SYS.1006" || (error.code.startsWith("STORE.") && !lasting.includes(error.code));
}

function isClosed(error: unknown): boolean {
  return error instanceof NodeError && error.code === "STORE.CLOSED";
}

function placeLost(): CloudError {
  const details = "Its lease has ended, or its record is gone: another manager goes on with its tasks.";
  const remedy = "Start the manager anew; see why it did not reach the store.";
  return new CloudError(refusalOf("SYS.1027", { where: "manager", details, remedy }));
}
