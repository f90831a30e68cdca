import { NodeError } from "../model/error.ts";

/** Wrong passwords that a console may give before it is slowed down. Source: console.md, "What goes beyond the manual", 6. */
const freeAttempts = 5;
const firstDelayMs = 5_000;
const longestDelayMs = 300_000;
/** Without a further failure for this long after the delay, a console starts afresh. */
const forgetMs = 3_600_000;
/** Consoles that are counted one by one; the names beyond share one counter, so inventing names gains nothing. */
const countedConsoles = 64;
/** Attempts of one console that may wait for the one being checked. */
const longestQueue = 8;

/** How long a console waits after so many failures in a row, in milliseconds: 5 s, doubling up to 300 s. */
function delayAfter(failures: number): number {
  return failures < freeAttempts ? 0 : Math.min(firstDelayMs * 2 ** (failures - freeAttempts), longestDelayMs);
}

type Counter = {
  failures: number;
  /** Monotonic time until which the console is slowed. */
  until: number;
  waiting: number;
  last: Promise<unknown>;
};

function freshCounter(): Counter {
  return { failures: 0, until: 0, waiting: 0, last: Promise.resolve() };
}

/** Counts wrong passwords of each console and slows it down. Pure but for the clock, monotonic milliseconds. */
export class Attempts {
  readonly #clock: () => number;
  readonly #counters = new Map<string, Counter>();
  readonly #others = freshCounter();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * One attempt of a console. `check` says whether the password was right; it is not called while the console is
   * slowed. Attempts of one console run one after the other, so that many at once are counted like many in a row.
   * An error of `check` is no answer: it is passed on and not counted.
   *
   * @throws AUTH.SLOWED (`retryAfterMs`), AUTH.BUSY, AUTH.WRONG_PASSWORD (`attemptsLeft`, and `retryAfterMs` when that
   * was the last one)
   */
  async run(console: string, check: () => Promise<boolean>): Promise<void> {
    const counter = this.#counterOf(console);
    if (counter.waiting >= longestQueue)
      throw new NodeError("AUTH.BUSY", `Several passwords given on ${console} are still being checked.`, {
        remedy: "Wait a moment and try again.",
      });
    counter.waiting += 1;
    const turn = counter.last.then(() => this.#attempt(console, counter, check));
    counter.last = turn.then(
      () => this.#done(console, counter),
      () => this.#done(console, counter),
    );
    await turn;
  }

  async #attempt(console: string, counter: Counter, check: () => Promise<boolean>): Promise<void> {
    const retryAfterMs = Math.ceil(counter.until - this.#clock());
    if (retryAfterMs > 0)
      throw new NodeError("AUTH.SLOWED", `After ${counter.failures} wrong passwords ${console} has to wait.`, {
        remedy: `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
        values: { retryAfterMs },
      });
    if (this.#isForgotten(counter)) counter.failures = 0;
    if (await check()) {
      counter.failures = 0;
      return;
    }
    counter.failures += 1;
    const delayMs = delayAfter(counter.failures);
    counter.until = this.#clock() + delayMs;
    const attemptsLeft = Math.max(freeAttempts - counter.failures, 0);
    throw new NodeError("AUTH.WRONG_PASSWORD", "The password is wrong.", {
      values: { attemptsLeft, ...(delayMs > 0 ? { retryAfterMs: delayMs } : {}) },
    });
  }

  #counterOf(console: string): Counter {
    const known = this.#counters.get(console);
    if (known !== undefined) return known;
    if (this.#counters.size >= countedConsoles) this.#forget();
    if (this.#counters.size >= countedConsoles) return this.#others;
    const counter = freshCounter();
    this.#counters.set(console, counter);
    return counter;
  }

  #done(console: string, counter: Counter): void {
    counter.waiting -= 1;
    if (counter.failures === 0 && counter.waiting === 0 && this.#counters.get(console) === counter)
      this.#counters.delete(console);
  }

  #forget(): void {
    for (const [console, counter] of this.#counters)
      if (counter.waiting === 0 && this.#isForgotten(counter)) this.#counters.delete(console);
  }

  #isForgotten(counter: Counter): boolean {
    return this.#clock() - counter.until > forgetMs;
  }
}
