import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { openStore } from "../../../core/manager/open-store.ts";
import { NodeError } from "../../../core/model/error.ts";
import { parseManagerConfiguration } from "../../../core/model/manager-configuration.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses } from "../store/conformance.ts";

function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const file = join(folder.path, "store.db");
  const open = (...lines: string[]) =>
    openStore(parseManagerConfiguration([`store.file=${file}`, ...lines].join("\n")));
  return { folder: folder.path, file, open };
}

test("a manager with a file is alone with its store, and finds there what it has written", async (t) => {
  const { open } = bed(t);
  const first = await open();
  assert.equal(first.isAlone, true);
  await first.store.transact([{ do: "put", kind: "Zone", key: "a", value: { name: "east" } }]);
  await refuses(open(), "STORE.LOCKED");
  await first.store.close();
  const second = await open();
  assert.deepEqual((await second.store.get("Zone", "a"))?.value, { name: "east" });
  await second.store.close();
});

test("what grows without end can be found by its age", async (t) => {
  const { store } = await bed(t).open();
  undoAfter(t, () => store.close());
  for (const [kind, index] of [
    ["AuditRecord", "createDate"],
    ["IdempotencyKey", "at"],
  ] as const) {
    await store.transact([{ do: "put", kind, key: "a", value: { [index]: 5 } }]);
    assert.equal((await store.list({ kind, where: { index, from: 0, to: 6 } })).records.length, 1, kind);
  }
});

test("a store that is damaged, of a newer version or no store at all is refused and left as it was", async (t) => {
  const { file, open } = bed(t);
  const { store } = await open();
  for (let nth = 0; nth < 200; nth++)
    await store.transact([{ do: "put", kind: "Zone", key: `${nth}`, value: { text: "x".repeat(1000) } }]);
  await store.close();
  const whole = readFileSync(file);
  const cases: [code: string, damaged: () => Buffer][] = [
    [
      "STORE.DAMAGED",
      () => Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(40_960, 0xa5), whole.subarray(49_152)]),
    ],
    ["STORE.DAMAGED", () => Buffer.from("this is no database, however long the text may be. ".repeat(100))],
    ["STORE.DAMAGED", () => withPragma("application_id = 1")],
    ["STORE.NEWER_SCHEMA", () => withPragma("user_version = 999")],
  ];
  function withPragma(pragma: string): Buffer {
    writeFileSync(file, whole);
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA journal_mode = DELETE; PRAGMA ${pragma}`);
    db.close();
    return readFileSync(file);
  }
  for (const [code, damaged] of cases) {
    const bytes = damaged();
    writeFileSync(file, bytes);
    const error = await refuses(open(), code);
    assert.ok((error.remedy ?? "").length > 0, code);
    assert.match(error.message, /store\.db/);
    assert.ok(readFileSync(file).equals(bytes), code);
  }
});

test("a folder that is not there is told, and not made", async (t) => {
  const { folder } = bed(t);
  const configuration = parseManagerConfiguration(`store.file=${join(folder, "absent/store.db")}`);
  await assert.rejects(openStore(configuration), (error) => error instanceof NodeError && /absent/.test(error.message));
});

const etcd = ["store.type=etcd", "store.etcd.endpoints=https://127.0.0.1:1"];

test("a file that the configuration names and nobody can read is told by its path", async (t) => {
  const { folder, open } = bed(t);
  for (const key of ["store.etcd.ca", "store.etcd.certificate", "store.etcd.key", "store.etcd.passwordFile"]) {
    const file = join(folder, "absent");
    const error = await refuses(open(...etcd, "store.etcd.user=binnacle", `${key}=${file}`), "MANAGER.CONFIGURATION");
    assert.equal(error.values["file"], file, key);
    assert.ok((error.remedy ?? "").length > 0);
  }
});

test("an etcd that nobody runs is told in bounded time, without the password", async (t) => {
  const { folder, open } = bed(t);
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "s3cret\n");
  const user = ["store.etcd.user=binnacle", `store.etcd.passwordFile=${passwordFile}`];
  await assert.rejects(open(...etcd, ...user), (error) => {
    assert.ok(error instanceof NodeError && /^STORE\./.test(error.code), String(error));
    assert.doesNotMatch(JSON.stringify(error) + error.message + String(error.cause), /s3cret/);
    return true;
  });
});
