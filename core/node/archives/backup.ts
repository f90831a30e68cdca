import { rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { backupJob, type StoreBackups } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import { syncFolder, writeDurably } from "../durable.ts";
import type { JobContext } from "../jobs.ts";
import { type ArchiveTools, requireNoOther, startArchiveJob } from "./job.ts";
import { syncFile } from "./pack.ts";
import { archiveName, filesOf, listArchives, openShelf, trimShelf, unfinished } from "./shelf.ts";
import { exportStore, findStore, sha256Of } from "./sqlite-export.ts";
import { type ArchiveWorld, inWords, reserveBytes } from "./world.ts";

/** How often the growing file is looked at. */
const lookEveryMs = 250;

export async function storeBackups({ paths, freeBytes }: ArchiveWorld): Promise<StoreBackups> {
  return {
    backups: await listArchives(paths, "backup"),
    store: (await findStore(paths.manager)) ?? null,
    folder: paths.backups,
    freeBytes: await freeBytes(paths.backups),
  };
}

/**
 * Starts the job that exports this node's store to a file, checked, with its checksum beside it.
 *
 * @throws NodeError BACKUP.NO_STORE, BACKUP.RUNNING, and those of `Jobs.start`
 */
export async function startBackup(tools: ArchiveTools, console: string): Promise<Job> {
  const store = await findStore(tools.world.paths.manager);
  if (store === undefined)
    throw new NodeError("BACKUP.NO_STORE", "This node has no store: there is nothing to back up.", {
      remedy: "Make the backup on a management node.",
    });
  requireNoOther(tools.jobs, backupJob, "BACKUP.RUNNING", "A backup is being made already.");
  return startArchiveJob(tools, {
    kind: backupJob,
    subject: basename(store.file),
    console,
    make: (context) => backUp(tools, store, context),
    told: ({ name, sha256 }) => ({ after: name, detail: `sha256 ${sha256}` }),
  });
}

type Store = { file: string; sizeBytes: number };

/** Throws BACKUP.NO_SPACE, BACKUP.DAMAGED, BACKUP.FAILED and the signal's reason. */
async function backUp(
  tools: ArchiveTools,
  store: Store,
  context: JobContext,
): Promise<{ name: string; sha256: string }> {
  const { machine, paths, freeBytes } = tools.world;
  const { log, signal } = context;
  const [needed, free] = [store.sizeBytes + reserveBytes, await freeBytes(paths.backups)];
  if (free < needed)
    throw new NodeError(
      "BACKUP.NO_SPACE",
      `The backup needs ${inWords(needed)} in ${paths.backups}, where ${inWords(free)} are free.`,
      {
        remedy: "Delete former backups here, or collected logs.",
        values: { neededBytes: needed, freeBytes: free, needed: inWords(needed), free: inWords(free) },
      },
    );
  const hostname = await machine.readFile("/proc/sys/kernel/hostname").catch(() => "");
  const folder = await openShelf(paths, "backup").catch((error: unknown) => {
    throw failed(error);
  });
  const name = await archiveName(paths, "backup", hostname.trim(), machine.now());
  const [file, sumFile] = filesOf("backup", name);
  const work = join(folder, `.${file}${unfinished}`);
  log(`Exporting ${store.file}: ${inWords(store.sizeBytes)}`);
  const watching = watchSize(work, store.sizeBytes, context);
  try {
    const findings = await exportStore(store.file, work, signal);
    if (findings.length > 0)
      throw new NodeError("BACKUP.DAMAGED", `The store is damaged: ${findings[0] ?? ""}. No backup was kept.`, {
        remedy: "Stop the manager, and restore the newest backup that is sound.",
      });
    log("The copy was checked and is sound");
    await syncFile(work);
    const sha256 = await sha256Of(work, signal);
    // First: a backup without its checksum would look like one that was never checked.
    await writeDurably(join(folder, sumFile), `${sha256}  ${file}\n`);
    await rename(work, join(folder, file));
    await syncFolder(folder);
    log(`${file}: ${inWords((await stat(join(folder, file))).size)}`);
    log(`SHA-256 ${sha256}`);
    for (const old of await trimShelf(paths, "backup", tools.inUse())) log(`Removed the former backup ${old}`);
    return { name, sha256 };
  } catch (error) {
    await rm(join(folder, sumFile), { force: true }).catch(() => undefined);
    if (error instanceof NodeError || signal.aborted) throw error;
    throw failed(error);
  } finally {
    watching();
    for (const left of [work, `${work}-journal`]) await rm(left, { force: true }).catch(() => undefined);
  }
}

/** SQLite tells nothing while it copies; the file grows. Returns what ends it. */
function watchSize(file: string, expectedBytes: number, { progress }: JobContext): () => void {
  const timer = setInterval(() => {
    void stat(file).then(
      ({ size }) => progress(Math.min(size / Math.max(expectedBytes, 1), 0.95)),
      () => undefined,
    );
  }, lookEveryMs);
  return () => clearInterval(timer);
}

function failed(error: unknown): NodeError {
  const why = error instanceof Error ? error.message : String(error);
  return new NodeError("BACKUP.FAILED", `The store could not be exported: ${why}.`, {
    remedy: "Look at the manager's log; the store itself is untouched.",
    cause: error,
  });
}
