import { addressKind, formatNetwork, parseAddress } from "../../model/address.ts";
import { type Counter, Counters } from "./failure-counters.ts";
import { busy, slowed, wrongPassword } from "./refusals.ts";

/** Who tries to log in. `isKnown`: the user has a live session from there. */
export type Attempt = { readonly name: string; readonly clientAddress: string; readonly isKnown: boolean };

const second = 1000;
/** What may fail without a delay, and the delays that follow, doubling with each failure. */
const rules = {
  /** One name from one address: as a node slows its consoles. */
  pair: { free: 5, firstDelayMs: 5 * second, longestDelayMs: 300 * second, most: 10_000 },
  /** All names from one address: whoever tries a word on many names. */
  address: { free: 20, firstDelayMs: 5 * second, longestDelayMs: 300 * second, most: 10_000 },
  /** One name from all addresses that the user has not logged in from. Short, for it slows strangers and users alike. */
  name: { free: 20, firstDelayMs: 5 * second, longestDelayMs: 60 * second, most: 10_000 },
} as const;
/** Pairs that have given the right password, kept while the manager runs. */
const mostKnown = 10_000;
/** Attempts that may wait: of one address, and of all. */
const longestQueue = 200;
const longestQueueOfAll = 1000;

type Waiting = { counters: readonly Counter[]; resolve: () => void; reject: (error: unknown) => void };

/**
 * Slows down whoever guesses passwords. Wrong ones are counted for the name and the address together, for the address,
 * and for the name. In memory: each manager counts by itself, and afresh after a restart.
 *
 * A stranger can't shut a user out: addresses from which the user has logged in, and the management node itself
 * (loopback), are not touched by what other addresses do. From an address that is new, a user may have to wait while
 * somebody guesses from many others, and 60 s at most after that.
 */
export class LogInLimits {
  readonly #clock: () => number;
  readonly #pairs = new Counters(rules.pair);
  readonly #addresses = new Counters(rules.address);
  readonly #names = new Counters(rules.name);
  /** In the order in which they last gave the right password. */
  readonly #known = new Set<string>();
  #waiting: Waiting[] = [];

  /** @param clock milliseconds that never step */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * One attempt. `check` says whether name and password were right; it is not called while the attempt is slowed. Of
   * attempts that come together, no more run than may still fail. An error of `check` is not counted.
   *
   * @throws IDENTITY.1002 (`attemptsLeft`, `retryAfterMs`), IDENTITY.1005 (`retryAfterMs`), IDENTITY.1006
   */
  async run(attempt: Attempt, check: () => Promise<boolean>): Promise<void> {
    const { key: address, isHere } = placeOf(attempt.clientAddress);
    const pair = pairKey(attempt.name, address);
    const isKnown = isHere || attempt.isKnown || this.#known.has(pair);
    const own = this.#pairs.take(pair, this.#clock());
    const counters = [own, this.#addresses.take(address, this.#clock())];
    if (!isKnown) counters.push(this.#names.take(attempt.name, this.#clock()));
    try {
      await this.#admitted(counters);
      const isRight = await this.#outcome(counters, check);
      if (!isRight) throw wrongPassword(own.left, this.#waitMs(counters));
      own.forgive();
      this.#remember(pair);
    } finally {
      for (const counter of counters) counter.release();
      this.#wake();
    }
  }

  /** Forgets the failures of a name, wherever they came from. */
  forgive(name: string): void {
    this.#names.drop((key) => key === name);
    this.#pairs.drop((key) => key.slice(key.indexOf(" ") + 1) === name);
  }

  async #admitted(counters: readonly Counter[]): Promise<void> {
    if (this.#isFree(counters)) return;
    const before = this.#waiting.filter((each) => each.counters[1] === counters[1]).length;
    if (before >= longestQueue || this.#waiting.length >= longestQueueOfAll) throw busy();
    await new Promise<void>((resolve, reject) => this.#waiting.push({ counters, resolve, reject }));
  }

  /** Takes a place in each counter when all have one. @throws IDENTITY.1005 */
  #isFree(counters: readonly Counter[]): boolean {
    const waitMs = this.#waitMs(counters);
    if (waitMs > 0) throw slowed("wrong passwords for this name or from this address", waitMs);
    if (!counters.every((counter) => counter.hasRoom)) return false;
    for (const counter of counters) counter.begin();
    return true;
  }

  /** Gives the places back and counts a failure in one go: in between, somebody could begin one too many. */
  async #outcome(counters: readonly Counter[], check: () => Promise<boolean>): Promise<boolean> {
    let isRight = true;
    try {
      isRight = await check();
      return isRight;
    } finally {
      for (const counter of counters) {
        counter.end();
        if (!isRight) counter.fail(this.#clock());
      }
    }
  }

  #waitMs(counters: readonly Counter[]): number {
    return Math.max(...counters.map((counter) => counter.waitMs(this.#clock())));
  }

  /** Those who wait, in their order: some may begin, and some learn that they were slowed meanwhile. */
  #wake(): void {
    this.#waiting = this.#waiting.filter(({ counters, resolve, reject }) => {
      try {
        if (!this.#isFree(counters)) return true;
        resolve();
      } catch (error) {
        reject(error);
      }
      return false;
    });
  }

  #remember(pair: string): void {
    this.#known.delete(pair);
    this.#known.add(pair);
    const [oldest] = this.#known;
    if (oldest !== undefined && this.#known.size > mostKnown) this.#known.delete(oldest);
  }
}

/** An address holds no space: the name begins behind the first one. */
function pairKey(name: string, address: string): string {
  return `${address} ${name}`;
}

const mappedPrefix = /^::ffff:(?=\d+\.)/i;

/** One place may have a whole IPv6 network of 64 bits. `isHere`: it is this machine. */
function placeOf(clientAddress: string): { key: string; isHere: boolean } {
  const address = parseAddress(clientAddress.replace(mappedPrefix, ""));
  if (address === undefined) return { key: clientAddress.replaceAll(" ", "_"), isHere: false };
  const key = formatNetwork(address, address.family === 6 ? 64 : 32);
  return { key, isHere: addressKind(address) === "loopback" };
}
