/** How often something may fail (`free`), and how long it waits after each further failure. */
export type FailureRule = {
  readonly free: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Counters that are kept. */
  readonly most: number;
};

/** Without a further failure for this long after the delay, a counter starts afresh. */
const forgetMs = 3_600_000;

/** Failures of one name or address. Pure: times are milliseconds that never step. */
export class Counter {
  readonly #rule: FailureRule;
  #failures = 0;
  /** Until when it is slowed; when it is not, the time of the last failure. */
  #until = 0;
  #running = 0;
  #users = 0;

  constructor(rule: FailureRule) {
    this.#rule = rule;
  }

  /** Failures without a delay that are left. */
  get left(): number {
    return Math.max(this.#rule.free - this.#failures, 0);
  }

  /** Whether one more may run: if all that run fail, none was one too many. */
  get hasRoom(): boolean {
    return this.#running < Math.max(this.left, 1);
  }

  /** Milliseconds that it is still slowed. */
  waitMs(now: number): number {
    return this.#failures < this.#rule.free ? 0 : Math.max(Math.ceil(this.#until - now), 0);
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
  }

  fail(now: number): void {
    this.#failures += 1;
    const { free, firstDelayMs, longestDelayMs } = this.#rule;
    const delayMs = this.#failures < free ? 0 : Math.min(firstDelayMs * 2 ** (this.#failures - free), longestDelayMs);
    this.#until = Math.max(this.#until, now + delayMs);
  }

  forgive(): void {
    this.#failures = 0;
  }

  /** Somebody is going to use it: it is kept until `release`. */
  take(now: number): this {
    if (now - this.#until > forgetMs) this.#failures = 0;
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
  }

  get isUsed(): boolean {
    return this.#users > 0;
  }

  /** Nothing would be lost with it. */
  isEmpty(now: number): boolean {
    return !this.isUsed && (this.#failures === 0 || now - this.#until > forgetMs);
  }

  get until(): number {
    return this.#until;
  }
}

/** The counters of one rule, by name or address. What strangers may invent has its bounds. */
export class Counters {
  readonly #rule: FailureRule;
  readonly #byKey = new Map<string, Counter>();

  constructor(rule: FailureRule) {
    this.#rule = rule;
  }

  take(key: string, now: number): Counter {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.take(now);
    if (this.#byKey.size >= this.#rule.most) this.#makeRoom(now);
    const counter = new Counter(this.#rule);
    this.#byKey.set(key, counter);
    return counter.take(now);
  }

  drop(matches: (key: string) => boolean): void {
    for (const key of [...this.#byKey.keys()]) if (matches(key)) this.#byKey.delete(key);
  }

  /** Empty ones go, or else the tenth that has been quiet for longest: whoever fills the table fails each time. */
  #makeRoom(now: number): void {
    for (const [key, counter] of this.#byKey) if (counter.isEmpty(now)) this.#byKey.delete(key);
    if (this.#byKey.size < this.#rule.most) return;
    const idle = [...this.#byKey].filter(([, counter]) => !counter.isUsed).sort(([, a], [, b]) => a.until - b.until);
    for (const [key] of idle.slice(0, Math.ceil(this.#rule.most / 10))) this.#byKey.delete(key);
  }
}
