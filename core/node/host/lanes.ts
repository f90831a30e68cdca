export type Ticket = {
  /** Resolves when it is this one's turn. */
  readonly turn: Promise<void>;
  /** Lets another one run beside it, but none that shares a key. */
  makeRoom(): void;
  leave(): void;
};

type Entry = { readonly keys: readonly string[]; begin(): void; takesRoom: boolean };

/**
 * Puts actions in order: those that share a key run one after the other as they came, and so many run at once in all.
 * Whoever waits for several keys stands in all their queues at once, so that no two can wait for each other.
 */
export class Lanes {
  readonly #atOnce: number;
  readonly #queues = new Map<string, Entry[]>();
  readonly #waiting = new Set<Entry>();
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Those whose turn has not come. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether somebody has this key, or waits for it. */
  isTaken(key: string): boolean {
    return this.#queues.has(key);
  }

  enter(keys: readonly string[]): Ticket {
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry: Entry = { keys: [...new Set(keys)], begin: resolve, takesRoom: false };
    for (const key of entry.keys) {
      const queue = this.#queues.get(key);
      if (queue === undefined) this.#queues.set(key, [entry]);
      else queue.push(entry);
    }
    this.#waiting.add(entry);
    this.#beginWhatCan();
    const makeRoom = () => {
      if (!entry.takesRoom) return;
      entry.takesRoom = false;
      this.#running--;
      this.#beginWhatCan();
    };
    return { turn: promise, makeRoom, leave: () => this.#leave(entry, makeRoom) };
  }

  #leave(entry: Entry, makeRoom: () => void): void {
    this.#waiting.delete(entry);
    for (const key of entry.keys) {
      const left = this.#queues.get(key)?.filter((one) => one !== entry) ?? [];
      if (left.length === 0) this.#queues.delete(key);
      else this.#queues.set(key, left);
    }
    if (entry.takesRoom) makeRoom();
    else this.#beginWhatCan();
  }

  #beginWhatCan(): void {
    for (const entry of this.#waiting) {
      if (this.#running >= this.#atOnce) return;
      if (!entry.keys.every((key) => this.#queues.get(key)?.[0] === entry)) continue;
      this.#waiting.delete(entry);
      entry.takesRoom = true;
      this.#running++;
      entry.begin();
    }
  }
}
