import type { FastifyBaseLogger } from "fastify";
import { NodeError } from "../model/error.ts";
import type { Caller } from "../orchestrator/calls/handler.ts";
import type { RecordOf } from "../orchestrator/kinds.ts";
import type { Tx } from "../orchestrator/records.ts";
import { awaitEnd } from "../orchestrator/task-audit.ts";
import type { Store } from "../store/store.ts";
import { maxChanges } from "../store/store.ts";

export type AuditedCall = {
  call: string;
  resourceUuid: string | null;
  /** Of the task that it has begun. */
  taskUuid: string | null;
  caller: Caller;
  /** As `argumentsText` tells them. */
  arguments: string | null;
  errorCode: string | null;
  durationMs: number;
  requestBytes: number;
};

export type AuditOptions = {
  store: Pick<Store, "transact">;
  now: () => number;
  newUuid: () => string;
  log: Pick<FastifyBaseLogger, "error">;
};

type Many = AuditedCall & { count: number; since: number };

/** Reads of one kind by one caller are one record for as long. */
const gatherMs = 60_000;
/** Different kinds of reads that are gathered at once; beyond, all are written. */
const mostGathered = 5_000;
/** In one transaction; small, so that no call waits long behind it. */
const atOnce = Math.min(200, maxChanges);

/**
 * Who called what, when, how long it took and how it ended, one AuditRecord each. That of a change is written by the
 * change's own transaction: both are durable, or neither. What failed, or has no transaction of its own, is written
 * before it is answered; what can't be written is in the log. A call that begins a task has succeeded when the task has:
 * the commit that ends the task completes its record. Calls that only read come thousands a second: those of one caller,
 * kind and result share one record a minute, with their number and the longest duration.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #gathered = new Map<string, Many>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), gatherMs).unref();
  }

  /**
   * Of a record that is to be written. Its first half is the time: the store keeps records by their keys, so those of
   * one moment lie side by side there, and a commit of many calls writes few pages for them.
   */
  newKey(): string {
    const { now, newUuid } = this.#options;
    return now().toString(16).padStart(12, "0").slice(-12) + newUuid().slice(12);
  }

  /** Puts a call into the transaction that does what it asks for. `key`: of the record; another one for each call. */
  put(tx: Tx, key: string, call: AuditedCall): void {
    const record = auditRecordOf({ ...call, count: 1, since: tx.now }, key, tx.now);
    tx.put("AuditRecord", key, record, true);
    if (call.taskUuid !== null) awaitEnd(tx, call.taskUuid, record);
  }

  /**
   * Writes a call that has not been put anywhere. Resolves when it is durable, or in the log. When the record of this
   * key is there, the call's change was made though the store's answer got lost: it tells what was done, and stays.
   * When such a change is still on its way, it finds this record in its place, and is refused.
   */
  async change(key: string, call: AuditedCall): Promise<void> {
    const now = this.#options.now();
    await this.#write([call], [auditRecordOf({ ...call, count: 1, since: now }, key, now)]);
  }

  read(call: AuditedCall): void {
    const { caller, errorCode } = call;
    const key = `${call.call}\n${caller.sessionUuid ?? ""}\n${caller.address}\n${errorCode ?? ""}`;
    const former = this.#gathered.get(key);
    if (former === undefined) {
      this.#gathered.set(key, { ...call, count: 1, since: this.#options.now() });
      if (this.#gathered.size > mostGathered) void this.flush();
      return;
    }
    former.count += 1;
    former.durationMs = Math.max(former.durationMs, call.durationMs);
    former.requestBytes = Math.max(former.requestBytes, call.requestBytes);
    if (former.resourceUuid !== call.resourceUuid) former.resourceUuid = null;
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    const all = [...this.#gathered.values()];
    this.#gathered.clear();
    const now = this.#options.now();
    for (let from = 0; from < all.length; from += atOnce) {
      const some = all.slice(from, from + atOnce);
      await this.#write(
        some,
        some.map((each) => auditRecordOf(each, this.newKey(), now)),
      );
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(calls: readonly AuditedCall[], records: readonly AuditRecord[]): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.transact(
        records.map((value) => ({ do: "put", kind: "AuditRecord", key: value.uuid, value, expected: 0 })),
      );
    } catch (error) {
      if (error instanceof NodeError && error.code === "STORE.CONFLICT") return;
      for (const { call, caller, errorCode } of calls)
        log.error({ err: error, call, account: caller.accountName, errorCode }, "a call could not be audited");
    }
  }
}

type AuditRecord = RecordOf<"AuditRecord">;

function auditRecordOf({ call, caller, since, ...each }: Many, uuid: string, now: number): AuditRecord {
  return {
    uuid,
    name: call,
    description: null,
    createDate: since,
    lastOpDate: now,
    call,
    resourceUuid: each.resourceUuid,
    taskUuid: each.taskUuid,
    accountName: caller.accountName,
    clientAddress: caller.address,
    arguments: each.arguments,
    succeeded: each.errorCode === null && each.taskUuid !== null ? null : each.errorCode === null,
    errorCode: each.errorCode,
    durationMs: Math.round(each.durationMs),
    requestBytes: each.requestBytes,
    count: each.count,
  };
}
