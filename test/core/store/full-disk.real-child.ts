import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeError } from "../../../core/model/error.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { indexes } from "./conformance.ts";

/* Fills a small file system of its own, then makes it read-only, and prints what the store says to that as JSON. */

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => "ok",
    (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
  );
}

async function mount(...args: string[]): Promise<void> {
  assert.equal((await realMachine().run("mount", args, { timeoutMs: 10_000 })).code, 0);
}

async function main(home: string): Promise<void> {
  await mount("-t", "tmpfs", "-o", "mode=0700,size=2m", "tmpfs", home);
  const file = join(home, "store.db");
  const ballast = join(home, "ballast");
  const fill = () => assert.throws(() => writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024)), { code: "ENOSPC" });
  let store = await SqliteStore.open({ file, indexes });
  const change = (n: number, length = 40_000) =>
    codeOf(
      store.transact([
        { do: "put", kind: "vm", key: "a", value: { n, name: "web" } },
        { do: "put", kind: "vm", key: "big", value: { n, text: "x".repeat(length) } },
      ]),
    );
  const read = async () => (await store.get("vm", "a"))?.value["n"];
  const found = async () => (await store.list({ kind: "vm", where: { index: "name", equals: "web" } })).records.length;

  assert.equal(await change(1), "ok");
  fill();
  const full = {
    change: await change(9),
    many: [...new Set(await Promise.all(Array.from({ length: 20 }, (_, n) => change(n + 10))))],
    read: await read(),
    found: await found(),
    backup: await codeOf(store.backup(join(home, "copy.db"))),
  };
  await store.close();
  const openedWhileFull = await codeOf(
    SqliteStore.open({ file, indexes }).then((opened) => {
      store = opened;
    }),
  );

  rmSync(ballast);
  const after = { change: await change(2), read: await read(), reopened: undefined as unknown };
  await store.close();
  store = await SqliteStore.open({ file, indexes });
  after.reopened = await read();
  await store.close();

  await mount("-o", "remount,ro", home);
  const readOnly = { open: await codeOf(SqliteStore.open({ file, indexes })) };
  await mount("-o", "remount,rw", home);
  fill();
  const noRoomForANewOne = await codeOf(SqliteStore.open({ file: join(home, "new.db"), indexes }));
  console.log(JSON.stringify({ full, openedWhileFull, after, readOnly, noRoomForANewOne }));
}

const [home] = process.argv.slice(2);
assert.ok(home !== undefined, "the folder to mount on is missing");
await main(home);
