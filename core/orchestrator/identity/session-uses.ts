import type { Records } from "../records.ts";

export type SessionUsesOptions = {
  records: Records;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
  /** What became of a write in the background that failed. The uses are kept, and written with a later one. */
  onError: (error: unknown) => void;
};

/** Sessions of one transaction. */
const atOnce = 200;
/** After a failed write. */
const retryMs = 5_000;

/** When sessions were used, on its way into the store: a call waits for no write. */
export class SessionUses {
  readonly #options: SessionUsesOptions;
  /** Milliseconds since the epoch, by the session's uuid: what is not written yet. */
  readonly #uses = new Map<string, number>();
  #writing: Promise<void> | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: SessionUsesOptions) {
    this.#options = options;
  }

  /** The last use that is not written yet; 0 for none. */
  unwritten(uuid: string): number {
    return this.#uses.get(uuid) ?? 0;
  }

  /** A session was used now. It is written when lastUseDate is older by `granularityMs`, or lies in the future. */
  note(uuid: string, lastUseDate: number, now: number, granularityMs: number): void {
    if (Math.abs(now - lastUseDate) < granularityMs) return;
    this.#uses.set(uuid, now);
    if (this.#writing !== undefined || this.#options.monotonicMs() < this.#notBefore) return;
    this.#writing = this.#write(granularityMs).finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(granularityMs: number): Promise<void> {
    while (this.#uses.size > 0) {
      // What comes in one turn of the event loop is written together.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = [...this.#uses].slice(0, atOnce);
      try {
        await this.#options.records.change((tx) => {
          for (const [uuid, at] of batch) {
            const session = tx.get("Session", uuid);
            if (session === undefined) continue;
            // Another manager may have written a later use; one far in the future is of a clock that was wrong.
            const isNewer = at > session.lastUseDate || session.lastUseDate - at >= granularityMs;
            if (isNewer) tx.update("Session", uuid, { lastUseDate: at });
          }
        });
      } catch (error) {
        this.#notBefore = this.#options.monotonicMs() + retryMs;
        this.#options.onError(error);
        return;
      }
      for (const [uuid, at] of batch)
        if (Math.abs((this.#uses.get(uuid) ?? at) - at) < granularityMs) this.#uses.delete(uuid);
    }
  }
}
