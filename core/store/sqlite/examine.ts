import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { applicationId, migrations } from "./schema.ts";

/** What is in a copy of a store. */
export type Examined = {
  schema: number;
  /** How many records of each kind. */
  records: Record<string, number>;
};

/**
 * Runs in a thread of its own: SQLite's calls return when they are done, and a large store is read whole. `immutable`:
 * a copy has no write-ahead log, and none is to be made beside it. Text, because each program is one file.
 */
const work = `
const { DatabaseSync } = require("node:sqlite");
const { pathToFileURL } = require("node:url");
const { parentPort, workerData } = require("node:worker_threads");
try {
  const url = pathToFileURL(workerData.file);
  url.searchParams.set("immutable", "1");
  const copy = new DatabaseSync(url, { readOnly: true });
  const pragma = (name) => Number(copy.prepare("PRAGMA " + name).get()[name]);
  const findings = copy.prepare("PRAGMA integrity_check(10)").all().map((row) => String(row.integrity_check));
  const application = pragma("application_id");
  const known = application === workerData.applicationId;
  const sql = "SELECT kind, count(*) AS n FROM record GROUP BY kind ORDER BY kind";
  const records = known ? Object.fromEntries(copy.prepare(sql).all().map(({ kind, n }) => [kind, n])) : {};
  parentPort.postMessage({ findings, application, schema: pragma("user_version"), records });
  copy.close();
} catch (error) {
  parentPort.postMessage({ error: String(error.message) });
}
`;

const answer = z.union([
  z.object({
    findings: z.array(z.string()),
    application: z.number(),
    schema: z.number(),
    records: z.record(z.string(), z.number()),
  }),
  z.object({ error: z.string() }),
]);

/**
 * Reads a copy of a store from end to end: whether it is sound, ours, and not of a newer version. For a file that no
 * manager has open.
 *
 * @throws STORE.DAMAGED, STORE.NEWER_SCHEMA; the signal's reason
 */
export async function examineCopy(file: string, signal?: AbortSignal): Promise<Examined> {
  const found = await inThread(file, signal);
  if ("error" in found) throw damaged(found.error);
  const finding = found.findings.find((each) => each !== "ok");
  if (finding !== undefined) throw damaged(finding);
  if (found.application !== applicationId) throw damaged("it is a database, but not a store of Binnacle");
  if (found.schema <= migrations.length) return { schema: found.schema, records: found.records };
  throw new NodeError(
    "STORE.NEWER_SCHEMA",
    `It has schema ${found.schema} of the store, and this version knows ${migrations.length}.`,
    {
      remedy: "Install the version that wrote it, or a newer one.",
      values: { version: found.schema, newest: migrations.length },
    },
  );
}

function damaged(why: string): NodeError {
  return new NodeError("STORE.DAMAGED", `The copy of the store is damaged: ${why}.`, {
    remedy: "Take an earlier backup, and look at the disk.",
  });
}

function inThread(file: string, signal: AbortSignal | undefined): Promise<z.infer<typeof answer>> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const worker = new Worker(work, { eval: true, workerData: { file, applicationId } });
    // Waits for the call of SQLite that runs: nothing is to be removed below it.
    const stop = () => void worker.terminate().finally(() => reject(signal?.reason));
    signal?.addEventListener("abort", stop, { once: true });
    worker.once("message", (message) => resolve(answer.parse(message)));
    worker.once("error", reject);
    worker.once("exit", () => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted !== true) reject(new Error("the thread ended without an answer"));
    });
  });
}

export async function sha256Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, signal === undefined ? {} : { signal });
  return hash.digest("hex");
}
