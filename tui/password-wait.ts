import { NodeError } from "../core/model/error.ts";

/** How long the agent checks no password of this console, as its last refusal said. The agent's own count decides. */
export class PasswordWait {
  #until = Number.NEGATIVE_INFINITY;
  readonly #monotonic: () => number;

  /** `monotonic`: milliseconds of a clock that never steps back. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Milliseconds that are left; 0 when there is no wait. */
  get leftMs(): number {
    return Math.max(this.#until - this.#monotonic(), 0);
  }

  /** Takes the wait from a refusal that names one (`retryAfterMs`); any other error changes nothing. */
  learn(error: unknown): void {
    if (!(error instanceof NodeError)) return;
    const { retryAfterMs } = error.values;
    if (typeof retryAfterMs === "number") this.#until = this.#monotonic() + retryAfterMs;
  }

  /** A password was right. */
  end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
