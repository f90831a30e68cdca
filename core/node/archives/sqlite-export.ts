import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";
import * as z from "zod";

/** How every SQLite file begins. Source: sqlite.org, "Database File Format", 1.3.1. */
const magic = "SQLite format 3\0";

/** The store file in a manager's folder: the largest SQLite file there; undefined when there is none. */
export async function findStore(folder: string): Promise<{ file: string; sizeBytes: number } | undefined> {
  let found: { file: string; sizeBytes: number } | undefined;
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    const known = await stat(file).catch(() => undefined);
    if (known?.isFile() !== true || !(await beginsAsSqlite(file))) continue;
    // What was written last may be in the write-ahead log only.
    const log = await stat(`${file}-wal`).catch(() => undefined);
    const sizeBytes = known.size + (log?.size ?? 0);
    if (found === undefined || sizeBytes > found.sizeBytes) found = { file, sizeBytes };
  }
  return found;
}

async function beginsAsSqlite(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.toString("latin1") === magic;
  } finally {
    await handle.close();
  }
}

/**
 * Runs in a thread of its own: SQLite's calls return when they are done. `VACUUM INTO` copies what one reader sees, so
 * that writers neither wait for it nor spoil it; the pages come without gaps. Text, because each program is one file.
 */
const work = `
const { DatabaseSync } = require("node:sqlite");
const { parentPort, workerData } = require("node:worker_threads");
const open = (file) => new DatabaseSync(file, { readOnly: true, timeout: 30000 });
try {
  if (workerData.into !== undefined) {
    const store = open(workerData.file);
    store.prepare("VACUUM INTO ?").run(workerData.into);
    store.close();
  }
  const copy = open(workerData.into ?? workerData.file);
  const rows = copy.prepare("PRAGMA integrity_check(10)").all();
  copy.close();
  parentPort.postMessage({ findings: rows.map((row) => String(row.integrity_check)) });
} catch (error) {
  parentPort.postMessage({ error: String(error.message) });
}
`;

const answer = z.union([z.object({ findings: z.array(z.string()) }), z.object({ error: z.string() })]);

/**
 * Copies a store that is in use, and checks the copy.
 *
 * @returns what is wrong with the copy; empty when it is sound
 * @throws Error with SQLite's words; the signal's reason
 */
export async function exportStore(file: string, into: string, signal: AbortSignal): Promise<string[]> {
  return findingsOf(await inThread({ file, into }, signal));
}

/** What SQLite finds wrong with a file; empty when it is sound. */
export async function checkStore(file: string, signal: AbortSignal): Promise<string[]> {
  return findingsOf(await inThread({ file }, signal));
}

function findingsOf(found: z.infer<typeof answer>): string[] {
  if ("error" in found) throw new Error(found.error);
  return found.findings.filter((finding) => finding !== "ok");
}

function inThread(workerData: { file: string; into?: string }, signal: AbortSignal): Promise<z.infer<typeof answer>> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const worker = new Worker(work, { eval: true, workerData });
    const stop = () => {
      // Waits for the call of SQLite that runs: what it writes can only be removed when it has ended.
      void worker.terminate().finally(() => reject(signal.reason));
    };
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", (message) => resolve(answer.parse(message)));
    worker.once("error", reject);
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      if (!signal.aborted) reject(new Error("the thread ended without an answer"));
    });
  });
}

export async function sha256Of(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest("hex");
}
