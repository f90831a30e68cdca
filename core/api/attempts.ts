import { NodeError } from "../model/error.ts";

/** Wrong passwords that a console may give before it is slowed down. Source: console.md, "What goes beyond the manual", 6. */
const freeAttempts = 5;
const firstDelayMs = 5_000;
const longestDelayMs = 300_000;
/** Without a further failure for this long after the delay, a console starts afresh. */
const forgetMs = 3_600_000;
/**
 * Counters for consoles that have not given the right password yet, whatever they call themselves. A name beyond takes
 * the place, and the failures, of one that need not wait: inventing names gains no attempts.
 */
const strangers = 32;
/** Consoles that have given the right password, each with a counter that no stranger can touch. */
const acquaintances = 64;
/** Attempts of one console that may wait for the one being checked. */
const longestQueue = 8;

/** How long a console waits after so many failures in a row, in milliseconds: 5 s, doubling up to 300 s. */
function delayAfter(failures: number): number {
  return failures < freeAttempts ? 0 : Math.min(firstDelayMs * 2 ** (failures - freeAttempts), longestDelayMs);
}

type Counter = {
  failures: number;
  /** Time until which the console is slowed; when it is not, the time of its last failure. */
  until: number;
  waiting: number;
  last: Promise<unknown>;
};

function freshCounter(): Counter {
  return { failures: 0, until: 0, waiting: 0, last: Promise.resolve() };
}

/**
 * Counts wrong passwords of each console and slows it down. Pure but for the clock, milliseconds that never step.
 *
 * A console's name is what the caller says. Whoever may open the socket can slow a console by giving wrong passwords
 * in its name; other names cost him no more than that, and cost a console that was logged in before nothing.
 */
export class Attempts {
  readonly #clock: () => number;
  readonly #strangers = new Map<string, Counter>();
  /** In the order in which they last gave the right password. */
  readonly #acquaintances = new Map<string, Counter>();

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
    if (counter === undefined)
      throw slowed("After wrong passwords on many consoles every new one has to wait.", this.#soonestMs());
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
      throw slowed(`After ${counter.failures} wrong passwords ${console} has to wait.`, retryAfterMs);
    if (this.#clock() - counter.until > forgetMs) counter.failures = 0;
    if (await check()) {
      counter.failures = 0;
      this.#acquaint(console, counter);
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

  /** Undefined for a new name while every stranger's counter is slowed or in use. */
  #counterOf(console: string): Counter | undefined {
    const known = this.#acquaintances.get(console) ?? this.#strangers.get(console);
    if (known !== undefined) return known;
    const counter = this.#strangers.size < strangers ? freshCounter() : this.#takeOver();
    if (counter !== undefined) this.#strangers.set(console, counter);
    return counter;
  }

  /** The stranger's counter that has been quiet for longest; never one whose delay still runs. */
  #takeOver(): Counter | undefined {
    const now = this.#clock();
    const [quietest] = [...this.#strangers]
      .filter(([, { waiting, until }]) => waiting === 0 && until <= now)
      .sort(([, a], [, b]) => a.until - b.until);
    if (quietest === undefined) return undefined;
    const [console, counter] = quietest;
    this.#strangers.delete(console);
    return counter;
  }

  /** Until a counter may be free again: the shortest delay, and at least a second while passwords are being checked. */
  #soonestMs(): number {
    const soonest = Math.min(...[...this.#strangers.values()].map(({ until }) => until));
    return Math.max(Math.ceil(soonest - this.#clock()), 1_000);
  }

  #acquaint(console: string, counter: Counter): void {
    this.#strangers.delete(console);
    this.#acquaintances.delete(console);
    this.#acquaintances.set(console, counter);
    const [oldest] = this.#acquaintances.keys();
    if (oldest !== undefined && this.#acquaintances.size > acquaintances) this.#acquaintances.delete(oldest);
  }

  #done(console: string, counter: Counter): void {
    counter.waiting -= 1;
    if (counter.failures === 0 && counter.waiting === 0 && this.#strangers.get(console) === counter)
      this.#strangers.delete(console);
  }
}

function slowed(sentence: string, retryAfterMs: number): NodeError {
  return new NodeError("AUTH.SLOWED", sentence, {
    remedy: `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
    values: { retryAfterMs },
  });
}
