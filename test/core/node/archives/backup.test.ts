import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { Backups } from "../../../../core/backup/backups.ts";
import { unpackBackup } from "../../../../core/backup/read.ts";
import { parseManagerConfiguration } from "../../../../core/model/manager-configuration.ts";
import { startBackup, storeBackups } from "../../../../core/node/archives/backup.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { undoAfter } from "../../../support/undo.ts";
import { type ArchiveBed, archiveBed, journalNow, plantedMachine } from "./bed.ts";

let bed: ArchiveBed;
afterEach(() => bed.dispose());

const machine = plantedMachine({ files: { "/proc/sys/kernel/hostname": "mgmt01\n" } });

const storeFile = () => join(bed.root, "var/lib/binnacle/manager/store.db");

async function openStore(): Promise<SqliteStore> {
  mkdirSync(dirname(storeFile()), { recursive: true });
  return SqliteStore.open({ file: storeFile(), indexes: {} });
}

async function makeStore(): Promise<void> {
  const store = await openStore();
  for (let i = 0; i < 50; i++)
    await store.transact([
      { do: "put", kind: "Zone", key: `z${i}`, value: { name: `zone ${i}`, text: "x".repeat(1_000) } },
    ]);
  await store.close();
}

describe("Backup Database", () => {
  test("says that this node has no store where there is none, and makes no job", async () => {
    bed = await archiveBed(machine);
    assert.equal((await storeBackups(bed.world)).store, null);
    await assert.rejects(startBackup(bed.tools, "tty1"), { code: "BACKUP.NO_STORE" });
    assert.deepEqual(bed.jobs.list(), []);
  });

  test("backs up the store of a manager that does not run, checked, with its checksum, and hands it out", async () => {
    bed = await archiveBed(machine);
    await makeStore();
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.equal(job.error, null, await bed.log(job));
    const { backups, store } = await storeBackups(bed.world);
    assert.equal(store?.file, storeFile());
    const [backup] = backups;
    assert.equal(backup?.name, "mgmt01-store-20261121-140307");
    const file = join(bed.paths.backups, `${backup?.name}.tar.gz`);
    assert.equal(createHash("sha256").update(readFileSync(file)).digest("hex"), backup?.sha256);
    const out = join(bed.root, "out");
    mkdirSync(out);
    assert.deepEqual((await unpackBackup(file, out)).manifest.store.records, { Zone: 50 });
    assert.deepEqual(bed.served, [backup?.name]);
    assert.equal((await bed.audit.read(1)).entries[0]?.detail, `sha256 ${backup?.sha256}`);
  });

  test("asks the manager, which alone has the store open, where one runs", async (t) => {
    bed = await archiveBed(machine);
    await makeStore();
    const store = await openStore();
    undoAfter(t, () => store.close());
    const presets = parseManagerConfiguration("");
    const backups = new Backups({
      configuration: { ...presets, "backup.folder": bed.paths.backups, "tls.folder": join(bed.root, "tls") },
      configurationFile: bed.paths.configuration,
      store: { type: "sqlite", sizeBytes: async () => 1024, copyTo: (to) => store.backup(to) },
      hostname: "mgmt01",
      version: "1.2.3",
      now: () => journalNow,
    });
    const door = createServer((request, response) => {
      assert.equal(`${request.method} ${request.url}`, "POST /v1/management/backups");
      void backups.make().then((made) => response.end(JSON.stringify(made)));
    });
    mkdirSync(dirname(bed.paths.managerSocket), { recursive: true });
    await new Promise<void>((resolve) => door.listen(bed.paths.managerSocket, resolve));
    undoAfter(t, () => door.close());
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.equal(job.error, null, await bed.log(job));
    assert.deepEqual(bed.served, ["mgmt01-store-20261121-140307"]);
  });

  test("keeps no backup of a damaged store, and says so", async () => {
    bed = await archiveBed(machine);
    await makeStore();
    const bytes = readFileSync(storeFile());
    bytes.fill(0x5a, 4096, bytes.length - 4096);
    writeFileSync(storeFile(), bytes);
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.equal(job.error?.code, "BACKUP.DAMAGED");
    assert.deepEqual(bed.served, []);
    assert.equal((await storeBackups(bed.world)).backups.length, 0);
  });

  test("says that somebody else has the store open", async (t) => {
    bed = await archiveBed(machine);
    await makeStore();
    const store = await openStore();
    undoAfter(t, () => store.close());
    const job = await bed.ended(await startBackup(bed.tools, "tty1"));
    assert.equal(job.error?.code, "BACKUP.FAILED");
    assert.match(await bed.log(job), /another program has it open/);
  });

  test("leaves nothing when it is cancelled", async () => {
    bed = await archiveBed(machine);
    await makeStore();
    const job = await startBackup(bed.tools, "tty1");
    await assert.rejects(startBackup(bed.tools, "ttyS0"), { code: "BACKUP.RUNNING" });
    bed.jobs.cancel(job.id);
    assert.equal((await bed.ended(job)).state, "cancelled");
    assert.deepEqual(readdirSyncOrNone(bed.paths.backups), []);
    assert.deepEqual(bed.troubles, []);
  });
});

function readdirSyncOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
