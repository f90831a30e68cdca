import type { Mirror } from "../orchestrator/mirror.ts";

/** `run` @throws what can be tried again at the next sweep. `everyMs`: at each sweep unless told. */
type Job = { what: string; run: () => Promise<unknown>; everyMs?: () => number };

export type SweeperOptions = {
  mirror: Mirror;
  /** Of this manager. */
  managerUuid: string;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
  /** What every manager does, for it knows things that others don't. */
  each: readonly Job[];
  /** What one manager does for all. */
  one: readonly Job[];
  onTrouble: (what: string, error: unknown) => void;
};

const everyMs = 60_000;

/** Removes from time to time what is over. One sweep follows another; none begins while one is under way. */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #doneAt = new Map<Job, number>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#begin((job) => this.#isDue(job)), everyMs);
  }

  /** Does all of it now, or resolves with the sweep that is under way. Never rejects. */
  sweep(): Promise<void> {
    return this.#begin(() => true);
  }

  #begin(isWanted: (job: Job) => boolean): Promise<void> {
    this.#sweeping ??= this.#sweep(isWanted).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  #isDue(job: Job): boolean {
    const doneAt = this.#doneAt.get(job);
    return job.everyMs === undefined || doneAt === undefined || this.#options.monotonicMs() - doneAt >= job.everyMs();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #sweep(isWanted: (job: Job) => boolean): Promise<void> {
    const { each, one, onTrouble, monotonicMs } = this.#options;
    for (const job of [...each, ...(this.#isFirst() ? one : [])]) {
      if (!isWanted(job)) continue;
      this.#doneAt.set(job, monotonicMs());
      await job.run().catch((error: unknown) => onTrouble(job.what, error));
    }
  }

  /** Of all managers that live, the one with the least uuid: all of them see the same. */
  #isFirst(): boolean {
    const { mirror, managerUuid } = this.#options;
    for (const [uuid] of mirror.entries("ManagementNode")) if (uuid < managerUuid) return false;
    return true;
  }
}
