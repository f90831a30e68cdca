import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import * as z from "zod";
import type { NodeError } from "../../model/error.ts";
import { indexEntries, indexRange, readPosition, writePosition } from "../index-value.ts";
import { type CheckedChange, conflict, leaseGone, parseValue } from "../record.ts";
import type { Indexes, ListQuery, Page, StoreRecord, WatchBatch, WatchEvent } from "../store.ts";

const recordRow = z.object({ kind: z.string(), key: z.string(), value: z.string(), revision: z.number() });
const entryRow = z.object({ ...recordRow.shape, at: z.instanceof(Uint8Array) });
const historyRow = z.object({ ...recordRow.shape, value: z.string().nullable() });
const stateRow = z.object({ revision: z.number(), forgotten: z.number() });
const nameRow = z.object({ kind: z.string(), name: z.string() });

const fields = "record.kind AS kind, record.key AS key, record.value AS value, record.revision AS revision";

export type History = { forgotten: number; batches: WatchBatch[]; upTo: number };

/** The tables of schema.ts: what is read and written, without saying when. */
export class Tables {
  readonly #db: DatabaseSync;
  readonly #indexes: Indexes;
  readonly #keptRevisions: number;
  readonly #statements = new Map<string, StatementSync>();
  #state: z.infer<typeof stateRow>;

  constructor(db: DatabaseSync, indexes: Indexes, keptRevisions: number) {
    this.#db = db;
    this.#indexes = indexes;
    this.#keptRevisions = keptRevisions;
    this.#state = stateRow.parse(this.#get("SELECT revision, forgotten FROM state"));
  }

  /** The newest one. */
  get revision(): number {
    return this.#state.revision;
  }

  /** Runs it as one durable transaction: when it throws, or the disk fails, nothing was changed. */
  inTransaction(action: () => void): void {
    const before = this.#state;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.#saveState(before);
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#state = before;
      // SQLite has rolled back by itself after some errors.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  read(kind: string, key: string): StoreRecord | undefined {
    const row = this.#get(`SELECT ${fields} FROM record WHERE kind = ? AND key = ?`, kind, key);
    return row === undefined ? undefined : toRecord(recordRow.parse(row));
  }

  list(query: ListQuery, limit: number): Page {
    const { kind, where } = query;
    const after = query.after === undefined ? undefined : readPosition(query.after);
    if (where === undefined) {
      const sql = `SELECT ${fields} FROM record WHERE kind = ? AND key > ? ORDER BY key LIMIT ?`;
      const rows = this.#all(sql, kind, after?.key ?? "", limit + 1).map((row) => recordRow.parse(row));
      return this.#page(rows, limit, ({ key }) => writePosition({ value: Buffer.alloc(0), key }));
    }
    const { from, to } = indexRange(this.#indexes, kind, where);
    const sql = `SELECT ${fields}, entry.value AS at FROM entry CROSS JOIN record
      ON record.kind = entry.kind AND record.key = entry.key
      WHERE entry.kind = ? AND entry.name = ? AND (entry.value, entry.key) > (?, ?) AND entry.value < ?
      ORDER BY entry.value, entry.key LIMIT ?`;
    const [value, key] = after === undefined ? [from, ""] : [after.value, after.key];
    const rows = this.#all(sql, kind, where.index, value, key, to, limit + 1).map((row) => entryRow.parse(row));
    return this.#page(rows, limit, (row) => writePosition({ value: Buffer.from(row.at), key: row.key }));
  }

  /** Why a transaction can't be made; undefined when it can. */
  refusal(changes: readonly CheckedChange[], isAlive: (lease: string) => boolean): NodeError | undefined {
    for (const { change } of changes) {
      if (change.do === "put" && change.lease !== undefined && !isAlive(change.lease)) return leaseGone(change.lease);
      if (change.expected === undefined) continue;
      const row = this.#get("SELECT revision FROM record WHERE kind = ? AND key = ?", change.kind, change.key);
      const found = row === undefined ? 0 : z.number().parse(row["revision"]);
      if (found !== change.expected) return conflict(change, found);
    }
    return undefined;
  }

  /** Makes the changes; gives the revision that they have. */
  apply(changes: readonly CheckedChange[]): number {
    const revision = this.#state.revision + 1;
    let place = 0;
    for (const { change, text } of changes) {
      const { kind, key } = change;
      if (change.do === "expect") continue;
      const isIndexed = this.#indexes[kind] !== undefined;
      // What stood there costs a look: only who has to know is asked for it.
      const old = isIndexed || text === null ? this.read(kind, key) : undefined;
      if (old === undefined && text === null) continue;
      const before = old === undefined ? [] : indexEntries(this.#indexes, kind, old.value);
      const after = text === null || !isIndexed ? [] : indexEntries(this.#indexes, kind, parseValue(kind, key, text));
      const isIn = (list: typeof before, { index, value }: (typeof before)[number]) =>
        list.some((other) => other.index === index && other.value.equals(value));
      for (const entry of before)
        if (!isIn(after, entry))
          this.#run(
            "DELETE FROM entry WHERE kind = ? AND name = ? AND value = ? AND key = ?",
            ...[kind, entry.index, entry.value, key],
          );
      for (const entry of after)
        if (!isIn(before, entry))
          this.#run("INSERT INTO entry VALUES (?, ?, ?, ?)", kind, entry.index, entry.value, key);
      if (text === null) this.#run("DELETE FROM record WHERE kind = ? AND key = ?", kind, key);
      else
        this.#run(
          "INSERT OR REPLACE INTO record (kind, key, value, revision, lease) VALUES (?, ?, ?, ?, ?)",
          ...[kind, key, text, revision, change.do === "put" ? (change.lease ?? null) : null],
        );
      this.#run("INSERT INTO history VALUES (?, ?, ?, ?, ?)", revision, place++, kind, key, text);
    }
    if (place > 0) this.#state = { ...this.#state, revision };
    return this.#state.revision;
  }

  /** What happened after a revision to records of some kinds, or of all; at the most so many revisions. */
  history(after: number, revisions: number, kinds?: readonly string[]): History {
    const upTo = Math.min(after + revisions, this.#state.revision);
    const sql =
      "SELECT revision, kind, key, value FROM history WHERE revision > ? AND revision <= ? ORDER BY revision, place";
    const batches = new Map<number, WatchEvent[]>();
    for (const row of this.#all(sql, after, upTo).map((found) => historyRow.parse(found))) {
      const { value, ...rest } = row;
      if (kinds?.includes(row.kind) === false) continue;
      const event: WatchEvent =
        value === null ? { type: "delete", ...rest } : { type: "put", record: toRecord({ ...rest, value }) };
      const batch = batches.get(row.revision);
      if (batch === undefined) batches.set(row.revision, [event]);
      else batch.push(event);
    }
    return {
      forgotten: this.#state.forgotten,
      batches: [...batches].map(([revision, events]) => ({ revision, events })),
      upTo,
    };
  }

  /** Makes entries of indexes that are new, and drops those of indexes that are gone. */
  buildIndexes(): void {
    const wanted = Object.entries(this.#indexes).flatMap(([kind, names]) => names.map((name) => ({ kind, name })));
    const built = this.#all("SELECT kind, name FROM built").map((row) => nameRow.parse(row));
    const isIn = (list: typeof wanted, { kind, name }: (typeof wanted)[number]) =>
      list.some((other) => other.kind === kind && other.name === name);
    for (const { kind, name } of built.filter((one) => !isIn(wanted, one))) {
      this.#run("DELETE FROM entry WHERE kind = ? AND name = ?", kind, name);
      this.#run("DELETE FROM built WHERE kind = ? AND name = ?", kind, name);
    }
    for (const { kind, name } of wanted.filter((one) => !isIn(built, one))) {
      const only = { [kind]: [name] };
      for (const row of this.#db.prepare(`SELECT ${fields} FROM record WHERE kind = ?`).iterate(kind)) {
        const { key, value } = toRecord(recordRow.parse(row));
        for (const entry of indexEntries(only, kind, value))
          this.#run("INSERT INTO entry VALUES (?, ?, ?, ?)", kind, name, entry.value, key);
      }
      this.#run("INSERT INTO built VALUES (?, ?)", kind, name);
    }
  }

  leases(): { id: string; ttlMs: number }[] {
    const row = z.object({ id: z.string(), ttlMs: z.number() });
    return this.#all("SELECT id, ttl_ms AS ttlMs FROM lease").map((found) => row.parse(found));
  }

  addLease(id: string, ttlMs: number): void {
    this.#run("INSERT INTO lease VALUES (?, ?)", id, ttlMs);
  }

  /** Deletes the lease with its records. */
  endLease(id: string): void {
    const rows = this.#all("SELECT kind, key FROM record WHERE lease = ?", id);
    const name = z.object({ kind: z.string(), key: z.string() });
    this.apply(rows.map((row) => ({ change: { do: "delete", ...name.parse(row) }, text: null })));
    this.#run("DELETE FROM lease WHERE id = ?", id);
  }

  #saveState(before: z.infer<typeof stateRow>): void {
    const { revision } = this.#state;
    if (revision === before.revision) return;
    const forgotten = Math.max(before.forgotten, revision - this.#keptRevisions);
    if (forgotten > before.forgotten) this.#run("DELETE FROM history WHERE revision <= ?", forgotten);
    this.#state = { revision, forgotten };
    this.#run("UPDATE state SET revision = ?, forgotten = ?", revision, forgotten);
  }

  #page<R extends z.infer<typeof recordRow>>(rows: R[], limit: number, position: (row: R) => string): Page {
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    const next = last === undefined ? null : position(last);
    return { records: shown.map(toRecord), revision: this.#state.revision, next };
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  #get(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }
}

function toRecord({ kind, key, value, revision }: z.infer<typeof recordRow>): StoreRecord {
  return { kind, key, value: parseValue(kind, key, value), revision };
}
