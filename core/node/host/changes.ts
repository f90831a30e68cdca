import { randomBytes } from "node:crypto";
import type { HypervisorDriver } from "../../hypervisor/driver.ts";

export type HostChangesOptions = {
  driver: Pick<HypervisorDriver, "watch">;
  /** Calls `action` after so long; gives what calls it off. */
  after: (delayMs: number, action: () => void) => () => void;
};

/** Changes within so long are one: starting a machine is several. */
const gatherMs = 100;

/** Knows whether anything has changed with the machines of this host since somebody asked. */
export class HostChanges {
  readonly #after: HostChangesOptions["after"];
  readonly #start = randomBytes(6).toString("hex");
  readonly #ending = new AbortController();
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #isGathering = false;

  constructor({ driver, after }: HostChangesOptions) {
    this.#after = after;
    driver.watch(() => this.#gather(), this.#ending.signal);
  }

  /** Another one after each change, and with each start of the agent. */
  get serial(): string {
    return `${this.#start}-${this.#count}`;
  }

  /** Gives the serial when it is not `known`, or after so long; at once when `signal` says so. */
  async next(known: string | null, holdMs: number, signal: AbortSignal): Promise<string> {
    if (known !== this.serial || signal.aborted || this.#ending.signal.aborted) return this.serial;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#after(holdMs, resolve);
    this.#waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    cancel();
    this.#waiting.delete(resolve);
    return this.serial;
  }

  /** Whoever waits is answered. */
  close(): void {
    this.#ending.abort();
    this.#wake();
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#after(gatherMs, () => {
      this.#isGathering = false;
      this.#count += 1;
      this.#wake();
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
