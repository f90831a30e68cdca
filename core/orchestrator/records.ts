import { checkFields, checkOne } from "../model/cloud/check-fields.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { type ResourceKind, resources } from "../model/cloud/resources.ts";
import { NodeError } from "../model/error.ts";
import { shown } from "../model/quote.ts";
import type { JsonObject } from "../store/record.ts";
import type { Change, Store } from "../store/store.ts";
import { type Kind, type RecordOf, unmirroredKinds } from "./kinds.ts";
import type { Mirror } from "./mirror.ts";
import { type UnreadableRecords, unreadableError } from "./unreadable.ts";

export type RecordsOptions = {
  store: Pick<Store, "get" | "transact">;
  mirror: Mirror;
  /** Milliseconds since the epoch, for createDate and lastOpDate. */
  now: () => number;
};

/** What every new record gets by itself. */
type Given = "createDate" | "lastOpDate";
/** A new resource, without what it gets by itself. */
export type NewRecord<K extends ResourceKind> = Omit<RecordOf<K>, Given>;
/** What can be changed of one: not what it is known by. */
export type Patch<K extends ResourceKind> = Partial<Omit<RecordOf<K>, "uuid" | Given>>;

/** So often a decision is made anew because others changed what it was made from. */
const attempts = 20;

/** The way to change the cloud's records: what was decided holds only if all that it was decided from still stands. */
export class Records {
  readonly #options: RecordsOptions;
  readonly mirror: Mirror;

  constructor(options: RecordsOptions) {
    this.#options = options;
    this.mirror = options.mirror;
  }

  /**
   * Carries out as one durable transaction what `decide` writes into `tx`; gives what it returns, once the change can
   * be read here. `decide` is called again when somebody was faster: it only reads `tx`, and has no effects.
   *
   * @throws what `decide` throws, and then nothing was done; SYS.1006 when others change the same all the time;
   *   STORE.CONFLICT when a new record of a kind that is not mirrored is there already; STORE.…
   */
  async change<T>(decide: (tx: Tx) => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const tx = new Tx(this.mirror, this.#options.now());
      const result = decide(tx);
      const changes = tx.changes();
      try {
        await this.#commit(changes);
        return result;
      } catch (error) {
        if (!(error instanceof NodeError && error.code === "STORE.CONFLICT")) throw error;
        // Nothing is decided from such a record: deciding anew would end in the same conflict.
        if (unmirroredKinds.has(String(error.values["kind"]) as Kind)) throw error;
        if (attempt === attempts) throw contended(error);
        await this.#caughtUp(error);
      }
    }
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const revision = await this.#options.store.transact(changes);
    const isMirrored = changes.some(({ do: what, kind }) => what !== "expect" && !unmirroredKinds.has(kind as Kind));
    if (isMirrored) await this.mirror.reached(revision);
  }

  /** The mirror lags behind whoever was faster: deciding again before it has come would end in the same conflict. */
  async #caughtUp(error: NodeError): Promise<void> {
    const { kind, key } = error.values;
    const found = await this.#options.store.get(String(kind), String(key));
    if (found !== undefined) await this.mirror.reached(found.revision);
    // Of one that is gone, the store does not tell since when.
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function contended(cause: unknown): CloudError {
  const details = "Others changed the same records each time.";
  return new CloudError(refusalOf("SYS.1006", { where: "call", details, remedy: "Try again." }), cause);
}

type Written = { change: Change; isNew: boolean };

/**
 * One transaction in the making. What is read from it counts as read: when another has changed it until the commit, the
 * decision is made again. Readers of many records (`find`, `all`) see what stood there; that a child was made
 * meanwhile is noticed by removals, by the owner's guard.
 */
export class Tx {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly #mirror: Mirror;
  readonly #read = new Map<string, Change>();
  readonly #written = new Map<string, Written>();

  constructor(mirror: Mirror, now: number) {
    this.#mirror = mirror;
    this.now = now;
  }

  /** A record; undefined when there is none. @throws SYS.1060 when it can't be read */
  get<K extends Kind>(kind: K, key: string): RecordOf<K> | undefined {
    const id = idOf(kind, key);
    const written = this.#written.get(id);
    if (written !== undefined) return written.change.do === "put" ? (written.change.value as RecordOf<K>) : undefined;
    const found = this.#mirror.get(kind, key);
    const broken = found === undefined ? this.#mirror.unreadable.get(kind, key) : undefined;
    if (broken !== undefined) throw unreadableError(broken);
    this.#read.set(id, { do: "expect", kind, key, expected: found?.revision ?? 0 });
    return found?.value;
  }

  /** A record that is only looked at: the decision holds whatever becomes of it. For sums over many. */
  peek<K extends Kind>(kind: K, key: string): RecordOf<K> | undefined {
    return this.#mirror.get(kind, key)?.value;
  }

  /** Records that can't be read: whoever finds nothing has to ask whether it is one of these. */
  get unreadable(): UnreadableRecords {
    return this.#mirror.unreadable;
  }

  /** A resource that must be there. `where`: the field that names it. @throws SYS.1005, SYS.1060 */
  need<K extends ResourceKind>(kind: K, uuid: string, where = "uuid"): RecordOf<K> {
    const found = this.get(kind, uuid);
    if (found === undefined) throw noSuchResource(kind, uuid, where);
    return found;
  }

  /** Records by a field that has an index; what this transaction itself has written is not among them. */
  find<K extends Kind>(kind: K, field: string, value: string): RecordOf<K>[] {
    return this.#mirror.find(kind, field, value).map(({ value: record }) => record);
  }

  /** All of a kind, likewise. */
  *all<K extends Kind>(kind: K): Generator<RecordOf<K>> {
    for (const { value } of this.#mirror.all(kind)) yield value;
  }

  /** A new resource. Its owners must exist, and go on existing until the commit. @throws SYS.1005, SYS.1001 */
  insert<K extends ResourceKind>(kind: K, value: NewRecord<K>): RecordOf<K> {
    const record = checked(kind, { ...value, createDate: this.now, lastOpDate: this.now });
    for (const [field, owner] of Object.entries(resources[kind].owners))
      for (const uuid of uuidsOf((record as JsonObject)[field])) {
        this.need(owner as ResourceKind, uuid, field);
        this.guard(uuid);
      }
    this.put(kind, record.uuid, record, true);
    return record;
  }

  /**
   * A changed resource. Nothing is written when it is what it was; what a newer version has noted in it stays.
   * @throws SYS.1005, SYS.1001, SYS.1060
   */
  update<K extends ResourceKind>(kind: K, uuid: string, patch: Patch<K>): RecordOf<K> {
    const before = this.need(kind, uuid);
    const isSame = Object.entries(patch).every(
      ([field, value]) => JSON.stringify((before as JsonObject)[field]) === JSON.stringify(value),
    );
    if (isSame) return before;
    const { known, more } = bySchema(kind, before);
    const record = { ...patched(kind, { ...known, ...patch, lastOpDate: this.now }, patch), ...more };
    this.put(kind, uuid, record);
    return record;
  }

  /**
   * Removes a resource. What it owns has to be removed by the same transaction: see `core/model/cloud/cascade.ts`.
   * That nobody makes a new one meanwhile is seen to.
   */
  remove(kind: ResourceKind, uuid: string): void {
    this.need(kind, uuid);
    this.get("Guard", uuid);
    this.delete(kind, uuid);
    if (this.#mirror.get("Guard", uuid) !== undefined) this.delete("Guard", uuid);
  }

  /** Makes every removal of this owner that was decided before fail: something depends on it from now on. */
  guard(uuid: string): void {
    const change: Change = { do: "put", kind: "Guard", key: uuid, value: { at: this.now } };
    this.#written.set(idOf("Guard", uuid), { change, isNew: false });
  }

  /** Writes one of the manager's own records, or a resource as it is. `isNew`: it must not exist yet. */
  put(kind: Kind, key: string, value: JsonObject, isNew = false, lease?: string): void {
    const id = idOf(kind, key);
    if (isNew && this.#written.get(id)?.change.do === "put") throw new Error(`${id} is made twice in one transaction.`);
    const expected = isNew ? 0 : this.#expected(id);
    this.#written.set(id, {
      isNew: isNew || this.#written.get(id)?.isNew === true,
      change: {
        do: "put",
        kind,
        key,
        value,
        ...(expected === undefined ? {} : { expected }),
        ...(lease === undefined ? {} : { lease }),
      },
    });
  }

  /**
   * Writes the whole of a record that is not mirrored anew, whatever stands there: what it is found by must be the same.
   */
  rewrite(kind: Kind, key: string, value: JsonObject): void {
    const change: Change = { do: "put", kind, key, value, keepsIndexed: true };
    this.#written.set(idOf(kind, key), { change, isNew: false });
  }

  /** Removes one of the manager's own records. */
  delete(kind: Kind, key: string): void {
    const id = idOf(kind, key);
    const before = this.#written.get(id);
    if (before?.isNew === true) {
      this.#written.delete(id);
      return;
    }
    const expected = this.#expected(id);
    const change: Change = { do: "delete", kind, key, ...(expected === undefined ? {} : { expected }) };
    this.#written.set(id, { change, isNew: false });
  }

  /** Does something whole or, when it throws, not at all; the error is passed on. */
  attempt<T>(action: () => T): T {
    const before = new Map(this.#written);
    try {
      return action();
    } catch (error) {
      this.#written.clear();
      for (const [id, written] of before) this.#written.set(id, written);
      throw error;
    }
  }

  /** What is to be committed. */
  changes(): Change[] {
    const read = [...this.#read].filter(([id]) => !this.#written.has(id)).map(([, change]) => change);
    const written = [...this.#written.values()].map(({ change }) => change);
    // A decision that changes nothing depends on nothing.
    return written.length === 0 ? [] : [...read, ...written];
  }

  #expected(id: string): number | undefined {
    return this.#written.get(id)?.change.expected ?? this.#read.get(id)?.expected;
  }
}

/** What every call says when it is given the uuid of nothing. */
export function noSuchResource(kind: ResourceKind, uuid: string, where: string): CloudError {
  const details = `There is no ${kind} with the uuid ${shown(uuid)}.`;
  const remedy = `Query${kind} lists those that there are.`;
  return new CloudError(refusalOf("SYS.1005", { where, details, remedy, values: { uuid: uuid.slice(0, 64) } }));
}

function checked<K extends ResourceKind>(kind: K, record: object): RecordOf<K> {
  const outcome = checkOne(resources[kind].schema, record);
  if (!outcome.done) throw new CloudError(outcome.refusal);
  return outcome.next as RecordOf<K>;
}

/** The fields of a record that this version knows, and those of a newer one: an older manager is no reason to lose them. */
function bySchema(kind: ResourceKind, record: object): { known: object; more: object } {
  const { shape } = resources[kind].schema;
  const more = Object.entries(record).filter(([field]) => !Object.hasOwn(shape, field));
  if (more.length === 0) return { known: record, more: {} };
  const known = Object.entries(record).filter(([field]) => Object.hasOwn(shape, field));
  return { known: Object.fromEntries(known), more: Object.fromEntries(more) };
}

/**
 * A record of which only what is changed is checked: what an older version has let through in the rest must not keep
 * anybody from noting that its host is lost.
 */
function patched<K extends ResourceKind>(kind: K, record: object, patch: object): RecordOf<K> {
  const found = checkFields(resources[kind].schema, record);
  if ("value" in found) return found.value as RecordOf<K>;
  const refusal = found.refusals.find(
    ({ where }) => where === "call" || Object.hasOwn(patch, where.split(".")[0] ?? ""),
  );
  if (refusal !== undefined) throw new CloudError(refusal);
  return record as RecordOf<K>;
}

function uuidsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

function idOf(kind: Kind, key: string): string {
  return `${kind}/${key}`;
}
