import { maxPage, type Store } from "../store/store.ts";
import { auditIndexes } from "./query/audit.ts";

/*
 * What stands in the store alone and would grow without end: the audit, and the answers that are kept for repeated
 * calls. The oldest go, a bounded part with each sweep, so that no call waits long behind it.
 */

/** What the store has to be opened with. */
export const storeIndexes = { ...auditIndexes, IdempotencyKey: ["at"] } as const;

export type RetentionSetting =
  | "managementServer.idempotencyKey.retention"
  | "managementServer.audit.retention"
  | "managementServer.audit.maxRecords";

export type RetentionOptions = {
  store: Pick<Store, "list" | "transact">;
  /** A setting as it is now: seconds, records. */
  setting: (id: RetentionSetting) => number;
  /** Milliseconds since the epoch. */
  now: () => number;
};

/** Records of one kind that one sweep removes, and of them with one transaction. */
const [mostRemoved, removedAtOnce] = [10_000, 200];
/** Pages that one sweep counts. */
const pagesCounted = 10;
/** So long after a call its record may still come: reads are gathered for a minute, clocks differ. */
const lateMs = 600_000;

export class Retention {
  readonly #options: RetentionOptions;
  readonly #count = new AuditCount();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /**
   * Removes what is older than the settings say, and of the audit what is beyond its number; what is beyond a bound of
   * this sweep is left to the next one. Says how many records were removed. @throws STORE.…: those before are removed
   */
  async sweep(): Promise<{ keys: number; audit: number }> {
    const { store, setting, now } = this.#options;
    const before = (id: RetentionSetting) => now() - setting(id) * 1000;
    const keys = await removeOldest(store, "IdempotencyKey", "at", before("managementServer.idempotencyKey.retention"));
    await this.#count.goOn(store, now() - lateMs);
    const beyond = Math.max(0, this.#count.counted - setting("managementServer.audit.maxRecords"));
    const removed = (count: number) => this.#count.removed(count);
    const since = before("managementServer.audit.retention");
    return { keys, audit: await removeOldest(store, "AuditRecord", "createDate", since, { beyond, removed }) };
  }
}

/**
 * Removes the records whose moment is before `before`, and the oldest `beyond` whatever theirs is. `removed`: told of
 * each part. One that somebody else has removed meanwhile ends it with a conflict.
 */
async function removeOldest(
  store: RetentionOptions["store"],
  kind: "AuditRecord" | "IdempotencyKey",
  index: string,
  before: number,
  { beyond = 0, removed = () => {} }: { beyond?: number; removed?: (count: number) => void } = {},
): Promise<number> {
  let sum = 0;
  while (sum < mostRemoved) {
    const { records } = await store.list({ kind, where: { index, from: 0 }, limit: removedAtOnce });
    const old = records.filter(({ value }, nth) => Number(value[index]) < before || sum + nth < beyond);
    if (old.length === 0) break;
    await store.transact(old.map(({ key, revision }) => ({ do: "delete", kind, key, expected: revision })));
    sum += old.length;
    removed(old.length);
    if (old.length < removedAtOnce) break;
  }
  return sum;
}

/**
 * How many records the audit has, counted page by page from the oldest on: a store does not tell it. Until a first
 * round is complete there are more than it knows, later some of the last minutes.
 */
class AuditCount {
  counted = 0;
  /** The span that is being counted, and how far it is. */
  #from = 0;
  #to: number | undefined;
  #after: string | undefined;

  removed(count: number): void {
    this.counted = Math.max(0, this.counted - count);
  }

  /** @param until a moment before which no more records come */
  async goOn(store: RetentionOptions["store"], until: number): Promise<void> {
    for (let pages = 0; pages < pagesCounted; pages++) {
      this.#to ??= until;
      if (this.#to <= this.#from) {
        this.#to = undefined;
        return;
      }
      const where = { index: "createDate", from: this.#from, to: this.#to };
      const after = this.#after === undefined ? {} : { after: this.#after };
      const page = await store.list({ kind: "AuditRecord", where, limit: maxPage, ...after });
      this.counted += page.records.length;
      this.#after = page.next ?? undefined;
      if (page.next !== null) continue;
      this.#from = this.#to;
      this.#to = undefined;
    }
  }
}
