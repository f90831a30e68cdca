import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { parseValue } from "../record.ts";
import { SqliteStore } from "../sqlite.ts";
import type { Indexes, StoreRecord } from "../store.ts";
import { maxChanges, maxTransactionBytes } from "../store.ts";

const row = z.object({ kind: z.string(), key: z.string(), value: z.string(), revision: z.number() });

/**
 * The records of a copy of a store, of one kind or of all; those that go with a lease are left out. For a file that no
 * manager has open. @throws STORE.DAMAGED; what SQLite says
 */
export function* recordsOfCopy(file: string, kind?: string): Generator<StoreRecord> {
  const url = pathToFileURL(file);
  url.searchParams.set("immutable", "1");
  const copy = new DatabaseSync(url, { readOnly: true });
  try {
    const sql = "SELECT kind, key, value, revision FROM record WHERE lease IS NULL";
    const found =
      kind === undefined
        ? copy.prepare(`${sql} ORDER BY kind, key`).iterate()
        : copy.prepare(`${sql} AND kind = ? ORDER BY key`).iterate(kind);
    for (const each of found) {
      const { value, ...record } = row.parse(each);
      yield { ...record, value: parseValue(record.kind, record.key, value) };
    }
  } finally {
    copy.close();
  }
}

/** How often a copy is begun anew because the instant that it was of is forgotten already. */
const attempts = 5;

/**
 * Makes a new SQLite store of records that lie elsewhere; each gets a revision of this store. `read` gives them at one
 * instant; it is asked anew when the other store forgets that one meanwhile.
 */
export async function writeCopy(file: string, read: () => AsyncIterable<StoreRecord>, indexes: Indexes): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const store = await SqliteStore.open({ file, indexes });
    try {
      for await (const some of inBatches(read()))
        await store.transact(some.map(({ kind, key, value }) => ({ do: "put", kind, key, value, expected: 0 })));
      return;
    } catch (error) {
      const isForgotten = error instanceof NodeError && error.code === "STORE.COMPACTED";
      if (!isForgotten || attempt === attempts) throw error;
    } finally {
      await store.close();
    }
    rmSync(file);
  }
}

/** As many records as one transaction takes. */
export async function* inBatches(
  records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>,
  most = maxChanges,
): AsyncGenerator<StoreRecord[]> {
  let [batch, bytes]: [StoreRecord[], number] = [[], 0];
  for await (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record.value));
    if (batch.length === most || (batch.length > 0 && bytes + size > maxTransactionBytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
