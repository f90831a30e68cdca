import type { Mirror } from "../orchestrator/mirror.ts";

/** @throws what can be tried again at the next sweep */
type Job = { what: string; run: () => Promise<unknown> };

export type SweeperOptions = {
  mirror: Mirror;
  /** Of this manager. */
  managerUuid: string;
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
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.sweep(), everyMs);
  }

  /** Does it now, or resolves with the sweep that is under way. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { each, one, onTrouble } = this.#options;
    for (const { what, run } of [...each, ...(this.#isFirst() ? one : [])])
      await run().catch((error: unknown) => onTrouble(what, error));
  }

  /** Of all managers that live, the one with the least uuid: all of them see the same. */
  #isFirst(): boolean {
    const { mirror, managerUuid } = this.#options;
    for (const [uuid] of mirror.entries("ManagementNode")) if (uuid < managerUuid) return false;
    return true;
  }
}
