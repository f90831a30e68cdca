import { NodeError } from "../../model/error.ts";
import { indexEntries } from "../index-value.ts";
import { parseValue } from "../record.ts";
import type { Indexes } from "../store.ts";
import { type KeyValue, rangeAnswer, txnAnswer } from "./answers.ts";
import type { EtcdClient } from "./client.ts";
import type { Keys } from "./keys.ts";

/** The layout of keys.ts. */
const schema = 1;
/** Records that are read at once while an index is built. */
const recordsAtOnce = 50;

/** Makes the layout, or refuses a newer one; builds indexes that are new and drops those that are gone. */
export async function prepare(client: EtcdClient, keys: Keys, indexes: Indexes): Promise<void> {
  const place = keys.schema;
  const range = (body: object) => client.call({ path: "/v3/kv/range", body, repeatable: true });
  const found = rangeAnswer.parse(await range({ key: place })).kvs[0];
  const version = found === undefined ? 0 : Number(Buffer.from(found.value, "base64").toString());
  if (!(version <= schema))
    throw new NodeError(
      "STORE.NEWER_SCHEMA",
      `The store in etcd was written by a newer version: it has schema ${version}, and this version knows ${schema}.`,
      {
        remedy: "Install the newer version again, or restore a snapshot that this one has made.",
        values: { version, newest: schema },
      },
    );
  if (found === undefined) await put(client, place, String(schema));
  const built = rangeAnswer.parse(await range(keys.allBuilt)).kvs.map((kv) => keys.builtOf(kv.key));
  const wanted = Object.entries(indexes).flatMap(([kind, names]) => names.map((index) => ({ kind, index })));
  const isIn = (list: typeof built, { kind, index }: (typeof built)[number]) =>
    list.some((other) => other.kind === kind && other.index === index);
  for (const { kind, index } of built.filter((one) => !isIn(wanted, one))) {
    const success = [{ key: keys.built(kind, index) }, keys.allEntries(kind, index)].map((request_delete_range) => ({
      request_delete_range,
    }));
    await client.call({ path: "/v3/kv/txn", body: { success }, repeatable: true });
  }
  for (const { kind, index } of wanted.filter((one) => !isIn(built, one))) {
    await build(client, keys, kind, index);
    await put(client, keys.built(kind, index), "");
  }
}

/** One record after the other, each on the condition that it is still what was read. */
async function build(client: EtcdClient, keys: Keys, kind: string, index: string): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const body = { ...keys.records(kind, after), limit: recordsAtOnce };
    const { kvs, more } = rangeAnswer.parse(await client.call({ path: "/v3/kv/range", body, repeatable: true }));
    for (const kv of kvs) {
      after = keys.nameOf(kv.key).key;
      let present: KeyValue | undefined = kv;
      while (present !== undefined && !(await addEntries(client, keys, kind, index, present))) {
        const again = await client.call({ path: "/v3/kv/range", body: { key: kv.key }, repeatable: true });
        present = rangeAnswer.parse(again).kvs[0];
      }
    }
    if (!more) return;
  }
}

async function addEntries(client: EtcdClient, keys: Keys, kind: string, index: string, kv: KeyValue): Promise<boolean> {
  const { key } = keys.nameOf(kv.key);
  const value = parseValue(kind, key, Buffer.from(kv.value, "base64").toString());
  const compare = [{ key: kv.key, target: "MOD", mod_revision: String(kv.mod_revision) }];
  const success = indexEntries({ [kind]: [index] }, kind, value).map((entry) => ({
    request_put: { key: keys.entry(kind, entry, key), lease: kv.lease },
  }));
  if (success.length === 0) return true;
  const answer = await client.call({ path: "/v3/kv/txn", body: { compare, success }, repeatable: true });
  return txnAnswer.parse(answer).succeeded;
}

async function put(client: EtcdClient, key: string, value: string): Promise<void> {
  const body = { key, value: Buffer.from(value).toString("base64") };
  await client.call({ path: "/v3/kv/put", body, repeatable: true });
}
