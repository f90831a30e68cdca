import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { realMachine } from "../../../../core/node/machine.ts";
import { embeddedStore } from "../../../../core/node/service/embedded-store.ts";
import type { Store } from "../../../../core/node/service/store.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const never = new AbortController().signal;
let temporary: ReturnType<typeof temporaryFolder>;
let folder = "";
let kept = "";
let store: Store;

beforeEach(() => {
  temporary = temporaryFolder();
  folder = join(temporary.path, "manager");
  kept = join(temporary.path, "kept-stores");
  store = embeddedStore({ ...realMachine(), now: () => Date.UTC(2026, 10, 21, 14, 3, 7) }, { folder, kept });
});
afterEach(() => temporary.dispose());

function makeStore(records: number): DatabaseSync {
  fs.mkdirSync(folder, { mode: 0o750 });
  const database = new DatabaseSync(join(folder, "store.sqlite"));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE host (id); CREATE TABLE "virtual ""machine" (id)');
  for (let i = 0; i < records; i++)
    database.prepare(`INSERT INTO ${i % 2 === 0 ? "host" : '"virtual ""machine"'} VALUES (?)`).run(i);
  return database;
}

test("a node without a store has none, and emptying it does nothing", async () => {
  assert.deepEqual(await store.look(never), { state: "none" });
  assert.equal(await store.empty(false, never), null);
  fs.mkdirSync(folder);
  assert.deepEqual(await store.look(never), { state: "none" });
});

test("all records of a store are counted while the manager has it open", async () => {
  const database = makeStore(7);
  const look = await store.look(never);
  database.close();
  assert.equal(look.state, "readable");
  assert.ok(look.state === "readable" && look.records === 7 && look.sizeBytes > 0);
  assert.deepEqual(look.keeping, { how: "move", to: join(kept, "2026-11-21T140307Z") });
});

test("a file that is no database, and a damaged one, are unreadable and say why", async () => {
  fs.mkdirSync(folder);
  fs.writeFileSync(join(folder, "notes"), "hello");
  const none = await store.look(never);
  assert.ok(none.state === "unreadable" && none.why === "no database is in its folder" && none.sizeBytes === 5);
  fs.writeFileSync(join(folder, "store.sqlite"), `SQLite format 3\0${"x".repeat(5000)}`);
  const damaged = await store.look(never);
  assert.ok(damaged.state === "unreadable");
  assert.match(damaged.why, /file is not a database|malformed|can't be opened/);
});

test("a pipe in the store's folder does not hold the look up", async () => {
  makeStore(1).close();
  const { code } = await realMachine().run("mkfifo", [join(folder, "pipe")], { timeoutMs: 5_000 });
  assert.equal(code, 0);
  assert.equal((await store.look(never)).state, "readable");
});

test("the former store is whole in its own folder, and an empty one stands in its place", async () => {
  makeStore(3).close();
  fs.mkdirSync(join(folder, "below"));
  fs.writeFileSync(join(folder, "below", "key"), "k");
  const to = await store.empty(false, never);
  assert.equal(to, join(kept, "2026-11-21T140307Z"));
  assert.deepEqual(fs.readdirSync(folder), []);
  assert.equal(fs.statSync(folder).mode & 0o777, 0o750);
  assert.equal(fs.statSync(kept).mode & 0o777, 0o700);
  assert.equal(fs.readFileSync(join(kept, "2026-11-21T140307Z/below/key"), "utf8"), "k");
  const database = new DatabaseSync(join(kept, "2026-11-21T140307Z/store.sqlite"), { readOnly: true });
  assert.equal(database.prepare("SELECT count(*) AS n FROM host").get()?.["n"], 2);
  database.close();
});

test("a former store of the same second is never written over", async () => {
  makeStore(3).close();
  fs.mkdirSync(join(kept, "2026-11-21T140307Z/precious"), { recursive: true });
  await assert.rejects(store.empty(true, never), { code: "SERVICE.NOT_KEPT" });
  assert.ok(fs.readdirSync(folder).includes("store.sqlite"));
  assert.deepEqual(fs.readdirSync(join(kept, "2026-11-21T140307Z")), ["precious"]);
});

test("a store in a folder that holds other things is its file and those beside it, and nothing else goes", async () => {
  const at = { ...realMachine(), now: () => Date.UTC(2026, 10, 21, 14, 3, 7) };
  const ours = embeddedStore(at, { folder, file: "store.sqlite", kept });
  const database = makeStore(3);
  for (const other of ["notes", "store.sqlite2", "a-store.sqlite"]) fs.writeFileSync(join(folder, other), "x");
  fs.writeFileSync(join(folder, "store.sqlite.schema-1"), "former");
  const look = await ours.look(never);
  assert.ok(look.state === "readable" && look.records === 3);
  database.close();
  const to = await ours.empty(false, never);
  assert.equal(to, join(kept, "2026-11-21T140307Z"));
  assert.deepEqual(fs.readdirSync(folder).sort(), ["a-store.sqlite", "notes", "store.sqlite2"]);
  const names = fs.readdirSync(to ?? "");
  assert.ok(names.includes("store.sqlite") && names.includes("store.sqlite.schema-1"), names.join(" "));
});

/** As a manager opens its store. In a process of its own: closing the file in this one would take the lock away. */
const holding = `
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(process.argv[1]);
database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT");
console.log("open");
setInterval(() => database.exec("SELECT 1"), 60_000);
`;

test("a store that a manager has open says so, and is not emptied, whatever was agreed to", async () => {
  makeStore(3).close();
  const args = ["--no-warnings", "--eval", holding, join(folder, "store.sqlite")];
  const managers = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(managers.stdout, "data");
  try {
    assert.equal((await store.look(never)).state, "open");
    await assert.rejects(store.empty(true, never), { code: "SERVICE.STORE_IN_USE" });
    assert.ok(!fs.existsSync(kept));
  } finally {
    managers.kill("SIGKILL");
    await once(managers, "exit");
  }
  const look = await store.look(never);
  assert.ok(look.state === "readable" && look.records === 3);
  assert.notEqual(await store.empty(false, never), null);
});
