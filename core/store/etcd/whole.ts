import { NodeError } from "../../model/error.ts";
import { parseValue } from "../record.ts";
import { inBatches } from "../sqlite/records.ts";
import type { Change, StoreRecord } from "../store.ts";
import { rangeAnswer } from "./answers.ts";
import type { EtcdClient } from "./client.ts";
import type { Keys } from "./keys.ts";

/* All records at once: what a backup takes, and what a restore puts in their place. */

const recordsAtOnce = 500;
/** Of one transaction; small enough for etcd's own limit of operations, with index entries. */
const changesAtOnce = 200;

/**
 * All records at one instant; those that go with a lease are left out. @throws STORE.COMPACTED when etcd forgets that
 * instant meanwhile, and as every call does
 */
export async function* everything(client: EtcdClient, keys: Keys): AsyncGenerator<StoreRecord, void, undefined> {
  const { key: first, range_end } = keys.records();
  let [key, revision] = [first, 0];
  for (;;) {
    const body = { key, range_end, limit: recordsAtOnce, ...(revision === 0 ? {} : { revision: String(revision) }) };
    const answer = rangeAnswer.parse(await client.call({ path: "/v3/kv/range", body, repeatable: true }));
    revision ||= answer.header?.revision ?? 0;
    for (const kv of answer.kvs) {
      const name = keys.nameOf(kv.key);
      const value = parseValue(name.kind, name.key, Buffer.from(kv.value, "base64").toString());
      if (kv.lease === "0") yield { ...name, value, revision: kv.mod_revision };
    }
    const last = answer.kvs.at(-1);
    if (!answer.more || last === undefined) return;
    key = Buffer.concat([Buffer.from(last.key, "base64"), Buffer.from([0])]).toString("base64");
  }
}

/**
 * Puts these records in the place of all that are there. etcd can't do that in one step: until it is done, nobody can
 * open the store but to do it again. No manager may run.
 */
export async function replaceEverything(
  client: EtcdClient,
  keys: Keys,
  records: Iterable<StoreRecord>,
  transact: (changes: readonly Change[]) => Promise<unknown>,
): Promise<void> {
  const call = (path: string, body: object) => client.call({ path, body, repeatable: true });
  await call("/v3/kv/put", { key: keys.restoring, value: "" });
  for (const range of [keys.records(), keys.allEntriesOfAll]) await call("/v3/kv/deleterange", range);
  for await (const some of inBatches(records, changesAtOnce))
    await transact(some.map(({ kind, key, value }) => ({ do: "put", kind, key, value })));
  await call("/v3/kv/deleterange", { key: keys.restoring });
}

/** @throws STORE.HALF_RESTORED */
export async function requireWhole(client: EtcdClient, keys: Keys): Promise<void> {
  const body = { key: keys.restoring };
  const { kvs } = rangeAnswer.parse(await client.call({ path: "/v3/kv/range", body, repeatable: true }));
  if (kvs.length === 0) return;
  throw new NodeError(
    "STORE.HALF_RESTORED",
    "A restore into etcd was interrupted: only a part of the records is there.",
    {
      remedy: "Restore the backup once more: zstack-ctl restore_mysql -f FILE",
    },
  );
}
