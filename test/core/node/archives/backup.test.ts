import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { startBackup, storeBackups } from "../../../../core/node/archives/backup.ts";
import { checkStore, findStore } from "../../../../core/node/archives/sqlite-export.ts";
import { type ArchiveBed, archiveBed, plantedMachine } from "./bed.ts";

let bed: ArchiveBed;
afterEach(() => bed.dispose());

const machine = plantedMachine({ files: { "/proc/sys/kernel/hostname": "mgmt01\n" } });

/** A store as the manager keeps it, with a write-ahead log. Each transaction writes two rows that belong together. */
function makeStore(folder: string, rows = 2_000): DatabaseSync {
  mkdirSync(folder, { recursive: true });
  const store = new DatabaseSync(join(folder, "store.sqlite"));
  store.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  store.exec("CREATE TABLE record (id INTEGER PRIMARY KEY, pair INTEGER, body TEXT)");
  store.exec("BEGIN");
  for (let pair = 0; pair < rows; pair++) writePair(store, pair);
  store.exec("COMMIT");
  return store;
}

function writePair(store: DatabaseSync, pair: number): void {
  const insert = store.prepare("INSERT INTO record (pair, body) VALUES (?, ?)");
  for (const side of ["left", "right"]) insert.run(pair, `${side} ${"x".repeat(500)}`);
}

describe("Backup Database", () => {
  test("says that this node has no store where there is none, and makes no job", async () => {
    bed = await archiveBed(machine);
    assert.equal((await storeBackups(bed.world)).store, null);
    await assert.rejects(startBackup(bed.tools, "tty1"), { code: "BACKUP.NO_STORE" });
    assert.deepEqual(bed.jobs.list(), []);
    mkdirSync(bed.paths.manager, { recursive: true });
    writeFileSync(join(bed.paths.manager, "store.sqlite"), "not a store");
    assert.equal(await findStore(bed.paths.manager), undefined);
  });

  test("exports a store that is being written: whole transactions, sound, with its checksum", async () => {
    bed = await archiveBed(machine);
    const store = makeStore(bed.paths.manager);
    const job = await startBackup(bed.tools, "tty1");
    let pair = 2_000;
    while (bed.jobs.get(job.id).state === "running") {
      store.exec("BEGIN");
      writePair(store, pair++);
      store.exec("COMMIT");
      await setImmediate();
    }
    assert.ok(pair > 2_010, `${pair - 2_000} writes came in between`);
    const ended = await bed.ended(job);
    assert.equal(ended.error, null, await bed.log(job));
    const { backups, store: found } = await storeBackups(bed.world);
    assert.equal(found?.file, join(bed.paths.manager, "store.sqlite"));
    const [backup] = backups;
    assert.equal(backup?.name, "mgmt01-store-20261121-140307");
    const file = join(bed.paths.backups, `${backup?.name}.sqlite`);
    assert.equal(createHash("sha256").update(readFileSync(file)).digest("hex"), backup?.sha256);
    assert.deepEqual(await checkStore(file, new AbortController().signal), []);
    const copy = new DatabaseSync(file, { readOnly: true });
    const torn = copy.prepare("SELECT pair FROM record GROUP BY pair HAVING count(*) <> 2").all();
    const [{ pairs } = { pairs: 0 }] = copy.prepare("SELECT count(DISTINCT pair) AS pairs FROM record").all();
    copy.close();
    store.close();
    assert.deepEqual(torn, []);
    assert.ok(Number(pairs) >= 2_000);
    assert.deepEqual(bed.served, [backup?.name]);
    assert.deepEqual(readdirSync(bed.paths.backups).length, 2);
    assert.equal((await bed.audit.read(1)).entries[0]?.detail, `sha256 ${backup?.sha256}`);
  });

  test("keeps no backup of a damaged store, and says so", async () => {
    bed = await archiveBed(machine);
    makeStore(bed.paths.manager).close();
    const file = join(bed.paths.manager, "store.sqlite");
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 8 * 4096, 40 * 4096);
    writeFileSync(file, bytes);
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.match(job.error?.code ?? "", /^BACKUP\.(DAMAGED|FAILED)$/);
    assert.deepEqual(readdirSync(bed.paths.backups), []);
    assert.deepEqual(bed.served, []);
  });

  test("is refused when there is too little room", async () => {
    bed = await archiveBed(machine, { freeBytes: async () => 1024 });
    makeStore(bed.paths.manager, 1).close();
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.equal(job.error?.code, "BACKUP.NO_SPACE");
  });

  test("leaves nothing when it is cancelled", async () => {
    bed = await archiveBed(machine);
    makeStore(bed.paths.manager).close();
    const job = await startBackup(bed.tools, "tty1");
    await assert.rejects(startBackup(bed.tools, "ttyS0"), { code: "BACKUP.RUNNING" });
    bed.jobs.cancel(job.id);
    assert.equal((await bed.ended(job)).state, "cancelled");
    assert.deepEqual(readdirSync(bed.paths.backups), []);
    assert.deepEqual(bed.troubles, []);
  });
});
