import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { migrations } from "../../../core/store/sqlite/schema.ts";
import { type SqliteOptions, SqliteStore } from "../../../core/store/sqlite.ts";
import type { Change } from "../../../core/store/store.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import { undoAfter } from "../../support/undo.ts";
import { allOf, batchesOf, conformance, indexes, refuses } from "./conformance.ts";

const folders = new WeakMap<object, () => void>();
conformance("SQLite", {
  async open() {
    const folder = temporaryFolder();
    const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes });
    folders.set(store, folder.dispose);
    return store;
  },
  async end(store) {
    await store.close();
    folders.get(store)?.();
  },
});

function newFile(t: TestContext): string {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  return join(folder.path, "store.db");
}

async function opened(t: TestContext, options: Partial<SqliteOptions> & { file: string }): Promise<SqliteStore> {
  const store = await SqliteStore.open({ indexes, ...options });
  undoAfter(t, () => store.close());
  return store;
}

const put = (key: string, value: Extract<Change, { do: "put" }>["value"] = {}): Change => ({
  do: "put",
  kind: "vm",
  key,
  value,
});

test("a closed store opens again with its records, revisions and indexes", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  const revision = await first.transact([put("a", { name: "web" })]);
  await first.close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const second = await opened(t, { file });
  assert.deepEqual(await allOf(second, "vm", { index: "name", equals: "web" }), [
    { kind: "vm", key: "a", value: { name: "web" }, revision },
  ]);
  assert.equal(await second.transact([put("b")]), revision + 1);
});

test("an index that is new is built at the start, one that is gone goes", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes: { vm: ["name"] } });
  await first.transact([put("a", { name: "web", zone: "z1" }), put("b", { name: "db", zone: "z2" })]);
  await first.close();
  const second = await SqliteStore.open({ file, indexes: { vm: ["zone"] } });
  assert.deepEqual(
    (await allOf(second, "vm", { index: "zone", equals: "z2" })).map(({ key }) => key),
    ["b"],
  );
  await refuses(second.list({ kind: "vm", where: { index: "name", equals: "db" } }), "STORE.BAD_QUERY");
  await second.transact([put("a", { name: "changed", zone: "z2" })]);
  await second.close();
  // While the index was gone, nobody kept it up to date.
  const third = await opened(t, { file, indexes: { vm: ["name"] } });
  assert.deepEqual(
    (await allOf(third, "vm", { index: "name" })).map(({ value }) => value["name"]),
    ["changed", "db"],
  );
});

test("transactions of one turn share a commit, and none is answered before it", async (t) => {
  const file = newFile(t);
  const store = await opened(t, { file });
  const frames = () => statSync(`${file}-wal`).size;
  await store.transact([put("first")]);
  const before = frames();
  await store.transact([put("alone")]);
  const one = frames() - before;
  const promises = Array.from({ length: 100 }, (_, n) => store.transact([put(`k${n}`)]));
  await Promise.all(promises);
  const hundred = frames() - before - one;
  assert.ok(hundred < 10 * one, `100 transactions at once wrote ${hundred} bytes, one wrote ${one}`);
});

test("one that is refused does not stop the others of its commit", async (t) => {
  const store = await opened(t, { file: newFile(t) });
  const results = await Promise.allSettled([
    store.transact([put("a")]),
    store.transact([{ ...put("b"), expected: 7 }]),
    store.transact([put("c")]),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(
    (await allOf(store, "vm")).map(({ key }) => key),
    ["a", "c"],
  );
});

test("a damaged record fails the transaction that touches it, and none beside it", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  await first.transact([put("bad"), put("good")]);
  await first.close();
  const raw = new DatabaseSync(file);
  raw.exec("UPDATE record SET value = '{' WHERE key = 'bad'");
  raw.close();
  const store = await opened(t, { file });
  const results = await Promise.allSettled([store.transact([put("good", { n: 1 })]), store.transact([put("bad")])]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  await refuses(store.get("vm", "bad"), "STORE.DAMAGED");
  assert.deepEqual((await store.get("vm", "good"))?.value, { n: 1 });
});

test("a watch that asks for forgotten revisions is told from where the store remembers", async (t) => {
  const store = await opened(t, { file: newFile(t), keptRevisions: 5 });
  for (let n = 0; n < 20; n++) await store.transact([put("a", { n })]);
  await refuses(batchesOf(store.watch({ after: 14 }), 1), "STORE.COMPACTED", { after: 14, oldest: 16 });
  const batches = await batchesOf(store.watch({ after: 15 }), 5);
  assert.deepEqual(
    batches.map(({ revision }) => revision),
    [16, 17, 18, 19, 20],
  );
});

test("a lease outlives a restart by its whole time, and ends then", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  const lease = await first.grantLease({ ttlMs: 400 });
  await first.transact([{ do: "put", kind: "vm", key: "a", value: {}, lease: lease.id }]);
  await first.close();
  const openedAt = performance.now();
  const second = await opened(t, { file });
  const { revision } = await second.list({ kind: "vm" });
  await batchesOf(second.watch({ after: revision }), 1);
  assert.ok(performance.now() - openedAt >= 395);
  assert.equal(await second.get("vm", "a"), undefined);
});

test("a backup made while it is written to is whole, private, and has what was acknowledged before", async (t) => {
  const file = newFile(t);
  const store = await opened(t, { file });
  await store.transact(Array.from({ length: 900 }, (_, n) => put(`k${n}`, { name: `n${n}`, text: "x".repeat(900) })));
  const copy = `${file}.backup`;
  writeFileSync(copy, "an older backup");
  let isDone = false;
  const copying = store.backup(copy).then(() => {
    isDone = true;
  });
  let writes = 0;
  while (!isDone) await store.transact([put("a", { n: writes++ }), put("b", { n: writes })]);
  await copying;
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  const restored = await opened(t, { file: copy });
  assert.ok((await allOf(restored, "vm")).length >= 900);
  const [a, b] = [await restored.get("vm", "a"), await restored.get("vm", "b")];
  assert.equal(a?.revision, b?.revision);
  await refuses(store.backup(join(file, "no/such/folder")), "STORE.NOT_OPENED");
});

test("a second manager is refused while one has the store open, and let in afterwards", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  await refuses(SqliteStore.open({ file, indexes }), "STORE.LOCKED");
  await first.transact([put("a")]);
  await first.close();
  const second = await opened(t, { file });
  assert.ok(await second.get("vm", "a"));
});

test("a newer schema is refused, and the file left as it was", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({
    file,
    indexes,
    migrations: [...migrations, "CREATE TABLE more (x) STRICT;".replace("x", "x TEXT")],
  });
  await first.transact([put("a")]);
  await first.close();
  const before = readFileSync(file);
  await refuses(SqliteStore.open({ file, indexes }), "STORE.NEWER_SCHEMA", { version: 2, newest: 1 });
  assert.deepEqual(readFileSync(file), before);
});

test("an older schema is migrated, and what it was is kept beside it", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  await first.transact([put("a", { name: "web" })]);
  await first.close();
  const newer = [...migrations, "ALTER TABLE record ADD COLUMN note TEXT;"];
  const second = await SqliteStore.open({ file, indexes, migrations: newer });
  assert.deepEqual((await second.get("vm", "a"))?.value, { name: "web" });
  await second.transact([put("b")]);
  await second.close();
  await refuses(SqliteStore.open({ file, indexes }), "STORE.NEWER_SCHEMA");
  const kept = await opened(t, { file: `${file}.schema-1` });
  assert.deepEqual(
    (await allOf(kept, "vm")).map(({ key }) => key),
    ["a"],
  );
});

test("a migration that fails leaves the store as it was", async (t) => {
  const file = newFile(t);
  const first = await SqliteStore.open({ file, indexes });
  await first.transact([put("a")]);
  await first.close();
  const bad = [...migrations, "CREATE TABLE half (x TEXT) STRICT; INSERT INTO nowhere VALUES (1);"];
  await refuses(SqliteStore.open({ file, indexes, migrations: bad }), "STORE.NOT_MIGRATED");
  const store = await opened(t, { file });
  assert.ok(await store.get("vm", "a"));
});

test("a damaged file, a foreign database and no database are refused with what to do", async (t) => {
  const file = newFile(t);
  writeFileSync(file, "not a database, but long enough to be looked at: ".repeat(50));
  await refuses(SqliteStore.open({ file, indexes }), "STORE.DAMAGED");

  const foreign = `${file}.foreign`;
  const raw = new DatabaseSync(foreign);
  raw.exec("CREATE TABLE theirs (x)");
  raw.close();
  const before = readFileSync(foreign);
  await refuses(SqliteStore.open({ file: foreign, indexes }), "STORE.DAMAGED");
  assert.deepEqual(readFileSync(foreign), before);

  const damaged = `${file}.damaged`;
  const store = await SqliteStore.open({ file: damaged, indexes });
  await store.transact(Array.from({ length: 500 }, (_, n) => put(`k${n}`, { name: `n${n}`, text: "x".repeat(300) })));
  await store.close();
  const bytes = readFileSync(damaged);
  // Every page but the first, which holds the schema: whatever is left of the tree can't be right.
  bytes.fill(0x5a, 4096 * 8, 4096 * 12);
  writeFileSync(damaged, bytes);
  const error = await refuses(SqliteStore.open({ file: damaged, indexes }), "STORE.DAMAGED");
  assert.match(error.remedy ?? "", /backup/);
  await refuses(SqliteStore.open({ file: join(damaged, "below"), indexes }), "STORE.NOT_OPENED");
});

test("a log that was cut anywhere by a power loss gives the state after a whole transaction, and loses no durable one", async (t) => {
  const seed = 20_261_130;
  const random = new Random(seed);
  const file = newFile(t);
  const store = await opened(t, { file });
  await store.transact([put("n", { n: 0 }), put("same", { n: 0 })]);
  copyFileSync(file, `${file}.base`);
  const durable: { n: number; bytes: number }[] = [];
  for (let n = 1; n <= 60; n++) {
    await store.transact([put("n", { n, name: "x".repeat(random.below(150)) }), put(`k${n}`, {}), put("same", { n })]);
    durable.push({ n, bytes: statSync(`${file}-wal`).size });
  }
  const log = readFileSync(`${file}-wal`);
  for (let run = 0; run < 40; run++) {
    const cut = random.below(log.length + 1);
    const torn = `${file}.torn-${run}`;
    copyFileSync(`${file}.base`, torn);
    const tail = Buffer.from(log.subarray(0, cut));
    // What the disk was writing when the power went may be anything.
    if (random.chance(50)) tail.fill(random.below(256), Math.max(0, cut - random.below(600)));
    writeFileSync(`${torn}-wal`, tail);
    const damagedFrom = tail.equals(log.subarray(0, cut)) ? cut : Math.max(0, cut - 600);
    const again = await SqliteStore.open({ file: torn, indexes });
    const found = Number((await again.get("vm", "n"))?.value["n"] ?? -1);
    const least = durable.findLast(({ bytes }) => bytes <= damagedFrom)?.n ?? -1;
    assert.ok(found >= least, `seed ${seed}, run ${run}: ${least} was durable, ${found} was found`);
    if (found >= 0)
      assert.equal((await again.get("vm", "same"))?.value["n"], found, `seed ${seed}, run ${run}: a half`);
    const numbered = (await allOf(again, "vm")).filter(({ key }) => /^k\d+$/.test(key));
    assert.equal(numbered.length, Math.max(0, found), `seed ${seed}, run ${run}`);
    await again.close();
    assert.ok(!existsSync(`${torn}-wal`));
  }
  truncateSync(`${file}.base`, 0);
});
