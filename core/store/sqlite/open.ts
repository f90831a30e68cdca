import { accessSync, chmodSync, constants, existsSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { syncFolder } from "../../node/durable.ts";
import { storeFailure } from "./failure.ts";
import { applicationId, type Migration } from "./schema.ts";

/** Pages that are copied in one step of a backup, while writes wait: 1 MiB. */
const pagesPerStep = 256;
const mostAttempts = 50;
/** KiB of pages in memory: what a thousand busy machines' records lie on, in a store of a hundred thousand. */
const cacheKiB = 16 * 1024;
/**
 * Pages in the write-ahead log (16 MiB) before they are copied into the file, while writes wait: more of them are copied
 * once that were written many times, and a slow disk has them within seconds.
 */
const checkpointPages = 4000;

/**
 * Opens the file, or makes it; checks it, and brings it to the newest schema after keeping a copy beside it as
 * `FILE.schema-N`. A file that is refused is left as it was.
 *
 * @throws STORE.LOCKED, STORE.DAMAGED, STORE.NEWER_SCHEMA, STORE.READ_ONLY, STORE.FULL, STORE.DISK, STORE.NOT_OPENED,
 *   STORE.NOT_MIGRATED
 */
export async function openDatabase(file: string, migrations: readonly Migration[]): Promise<DatabaseSync> {
  let db: DatabaseSync | undefined;
  try {
    // SQLite opens what it may not write for reading, and says so only at the first write.
    accessSync(dirname(file), constants.W_OK);
    if (existsSync(file)) accessSync(file, constants.W_OK);
    db = new DatabaseSync(file, { timeout: 0, defensive: true });
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    const version = checkOurs(db, file, migrations.length);
    takeAlone(db);
    chmodSync(file, 0o600);
    checkSound(db, file);
    if (version < migrations.length) await migrate(db, file, version, migrations);
    return db;
  } catch (error) {
    db?.close();
    throw storeFailure(file, error);
  }
}

/** Nobody else may open the file meanwhile, not even to read: its lock goes with the process, however that ends. */
function takeAlone(db: DatabaseSync): void {
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = FULL");
  db.exec(`PRAGMA cache_size = -${cacheKiB}; PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  db.exec("BEGIN IMMEDIATE; COMMIT");
}

/** The schema's version; 0 for a new file. */
function checkOurs(db: DatabaseSync, file: string, newest: number): number {
  const version = numberOf(db, "PRAGMA user_version", "user_version");
  const isNew = version === 0 && numberOf(db, "SELECT count(*) AS n FROM sqlite_schema", "n") === 0;
  if (!isNew && numberOf(db, "PRAGMA application_id", "application_id") !== applicationId)
    throw new NodeError("STORE.DAMAGED", `The file ${file} is a database, but not a store of Binnacle.`, {
      remedy: "Move it away, or restore the last backup.",
    });
  if (version > newest)
    throw new NodeError(
      "STORE.NEWER_SCHEMA",
      `The store ${file} was written by a newer version: it has schema ${version}, and this version knows ${newest}.`,
      {
        remedy: "Install the newer version again, or restore a backup that this one has made.",
        values: { version, newest },
      },
    );
  return version;
}

function checkSound(db: DatabaseSync, file: string): void {
  const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
  if (found === "ok") return;
  throw new NodeError("STORE.DAMAGED", `The store ${file} is damaged: ${String(found)}.`, {
    remedy: "Restore the last backup; keep the damaged file.",
    values: { file },
  });
}

async function migrate(
  db: DatabaseSync,
  file: string,
  version: number,
  migrations: readonly Migration[],
): Promise<void> {
  if (version > 0) await backupTo(db, `${file}.schema-${version}`);
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    const failure = storeFailure(file, error);
    if (failure instanceof NodeError) throw failure;
    throw new NodeError(
      "STORE.NOT_MIGRATED",
      `The store ${file} could not be brought from schema ${version} to ${migrations.length}; it is as it was.`,
      { remedy: "Install the former version again, and report what the log says.", cause: error },
    );
  }
}

/**
 * Copies the database while it is used; writes that come meanwhile are in the copy. A file that is there already is
 * replaced only when the copy is whole and durable.
 */
export async function backupTo(db: DatabaseSync, to: string): Promise<void> {
  const temporary = `${to}.tmp`;
  try {
    await copy(db, temporary);
    const handle = await open(temporary, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, to);
    await syncFolder(dirname(to));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * A step of the copy that falls into a commit on the same connection may end the whole copy, with an error that is none
 * (errcode 0): it begins anew then.
 */
async function copy(db: DatabaseSync, to: string): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    rmSync(to, { force: true });
    // Made first: it holds password hashes, and nobody else may read it at any time.
    const made = await open(to, "wx", 0o600);
    await made.close();
    try {
      await backup(db, to, { rate: pagesPerStep });
      return;
    } catch (error) {
      const isOfCommit = error instanceof Error && "errcode" in error && error.errcode === 0;
      if (!isOfCommit || attempts === mostAttempts) throw error;
    }
  }
}

const number = z.number();

function numberOf(db: DatabaseSync, sql: string, column: string): number {
  return number.parse(db.prepare(sql).get()?.[column]);
}
