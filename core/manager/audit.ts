import type { FastifyBaseLogger } from "fastify";
import type { Caller } from "../orchestrator/calls/handler.ts";
import type { Store } from "../store/store.ts";
import { maxChanges } from "../store/store.ts";

export type AuditedCall = {
  call: string;
  resourceUuid: string | null;
  caller: Caller;
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
 * Who called what, when, how long it took and how it ended, one AuditRecord each: durable before a change is answered.
 * Calls that only read come thousands a second: those of one caller, kind and result share one record a minute, with
 * their number and the longest duration. What can't be written is in the log: the call itself was done, or not.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #gathered = new Map<string, Many>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), gatherMs).unref();
  }

  /** Resolves when it is durable, or in the log. */
  change(call: AuditedCall): Promise<void> {
    return this.#write([{ ...call, count: 1, since: this.#options.now() }]);
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
    for (let from = 0; from < all.length; from += atOnce) await this.#write(all.slice(from, from + atOnce));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(calls: readonly Many[]): Promise<void> {
    const { store, newUuid, now, log } = this.#options;
    try {
      await store.transact(
        calls.map((each) => {
          const uuid = newUuid();
          return { do: "put", kind: "AuditRecord", key: uuid, value: auditRecordOf(each, uuid, now()), expected: 0 };
        }),
      );
    } catch (error) {
      for (const { call, caller, errorCode } of calls)
        log.error({ err: error, call, account: caller.accountName, errorCode }, "a call could not be audited");
    }
  }
}

function auditRecordOf({ call, caller, since, ...each }: Many, uuid: string, now: number) {
  return {
    uuid,
    name: call,
    description: null,
    createDate: since,
    lastOpDate: now,
    call,
    resourceUuid: each.resourceUuid,
    accountName: caller.accountName,
    clientAddress: caller.address,
    succeeded: each.errorCode === null,
    errorCode: each.errorCode,
    durationMs: Math.round(each.durationMs),
    requestBytes: each.requestBytes,
    count: each.count,
  };
}
