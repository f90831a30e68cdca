import { NodeError } from "../../model/error.ts";

/** A transaction as etcd takes it, which holds whatever stands in the places that it does not compare. */
export type Writes = {
  /** Places that it writes or compares. */
  readonly places: readonly string[];
  readonly compare: readonly object[];
  readonly success: readonly object[];
  /** Bytes of its values. */
  readonly bytes: number;
};

/** The revision; undefined when something was not as it was expected. */
type Commit = (compare: readonly object[], success: readonly object[]) => Promise<number | undefined>;

type Waiting = {
  writes: Writes;
  resolve: (revision: number | undefined) => void;
  reject: (error: unknown) => void;
};

/** Transactions of etcd under way at once: what comes meanwhile waits for the next one, and goes with it. */
const mostUnderWay = 2;
/** Far below what etcd takes in one request (1.5 MiB) and one transaction (`--max-txn-ops=20000`). */
const [mostOperations, mostBytes] = [1000, 512 * 1024];

/**
 * Makes one transaction of etcd of many that come at about the same time and have nothing in common: its members sync
 * their disks once for all of them. One alone does not wait.
 */
export class Groups {
  readonly #commit: Commit;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /**
   * The revision; undefined when nothing was done, because the transaction met something unexpected: it is to be tried
   * after a look then.
   *
   * @throws as the commit; STORE.UNCERTAIN counts for all that went together
   */
  add(writes: Writes): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject });
      this.#begin();
    });
  }

  #begin(): void {
    while (this.#underWay < mostUnderWay && this.#waiting.length > 0) {
      this.#underWay += 1;
      void this.#carryOut(this.#next()).finally(() => {
        this.#underWay -= 1;
        this.#begin();
      });
    }
  }

  /** The first ones that have no place in common. */
  #next(): Waiting[] {
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const places = new Set<string>();
    let [operations, bytes] = [0, 0];
    for (const one of this.#waiting) {
      const { writes } = one;
      const more = Math.max(writes.compare.length, writes.success.length);
      const isFull = operations + more > mostOperations || bytes + writes.bytes > mostBytes;
      if (group.length > 0 && (isFull || writes.places.some((place) => places.has(place)))) left.push(one);
      else {
        group.push(one);
        operations += more;
        bytes += writes.bytes;
      }
      // Also of one that has to wait: what comes later must not go before it.
      for (const place of writes.places) places.add(place);
    }
    this.#waiting = left;
    return group;
  }

  async #carryOut(group: readonly Waiting[]): Promise<void> {
    try {
      const revision = await this.#tried(group);
      if (revision === undefined && group.length > 1) {
        // The one that met something unexpected is found by halves: the others still go together.
        const half = Math.ceil(group.length / 2);
        await this.#carryOut(group.slice(0, half));
        await this.#carryOut(group.slice(half));
      } else for (const { resolve } of group) resolve(revision);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  async #tried(group: readonly Waiting[]): Promise<number | undefined> {
    try {
      return await this.#commit(
        group.flatMap(({ writes }) => writes.compare),
        group.flatMap(({ writes }) => writes.success),
      );
    } catch (error) {
      // Together they were too much for etcd, or one of them is what it refuses.
      if (error instanceof NodeError && ["STORE.TOO_LARGE", "STORE.REFUSED"].includes(error.code)) return undefined;
      throw error;
    }
  }
}
