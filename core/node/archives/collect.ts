import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { collectJob, type LogRange } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import { syncFolder } from "../durable.ts";
import type { JobContext } from "../jobs.ts";
import { estimateLogs, neededBytes } from "./estimate.ts";
import { gatherLogs } from "./gather.ts";
import { type ArchiveTools, requireNoOther, startArchiveJob } from "./job.ts";
import { packFolder } from "./pack.ts";
import { archiveName, filesOf, openShelf, sizeBelow, trimShelf, unfinished } from "./shelf.ts";
import { type ArchiveWorld, inWords } from "./world.ts";

/** Share of the work that is done when everything is gathered; packing is the rest. */
const gatheredShare = 0.85;

export type CollectTools = ArchiveTools & {
  /** Arguments that choose another journal than the node's own. */
  source?: readonly string[];
};

/**
 * Starts the job that collects this node's logs into an archive with a folder of the same beside it. Whatever ends it
 * before its last step leaves nothing behind.
 *
 * @throws NodeError COLLECT.RUNNING, and those of `Jobs.start`
 */
export function startCollecting(tools: CollectTools, range: LogRange, console: string): Job {
  requireNoOther(tools.jobs, collectJob, "COLLECT.RUNNING", "Logs are being collected already.");
  return startArchiveJob(tools, {
    kind: collectJob,
    subject: range,
    console,
    make: async (context) => ({ name: await collect(tools, range, context) }),
    told: ({ name }) => ({ after: name, detail: range }),
  });
}

/** @returns the archive's name. Throws COLLECT.NO_SPACE, COLLECT.FAILED and the signal's reason. */
async function collect(tools: CollectTools, range: LogRange, context: JobContext): Promise<string> {
  const { world, source } = tools;
  const { machine, paths } = world;
  const { log, signal } = context;
  const folder = await openShelf(paths).catch((error: unknown) => {
    throw notWritten(paths.logs, error);
  });
  const estimate = (await estimateLogs(world, source)).find((one) => one.range === range);
  const logBytes = estimate?.logBytes ?? null;
  log(`Expected: ${logBytes === null ? "not known" : inWords(logBytes)}`);
  await requireRoom(world, logBytes ?? 0);

  const hostname = await machine.readFile("/proc/sys/kernel/hostname").catch(() => "");
  const name = await archiveName(paths, hostname.trim(), machine.now());
  const work = join(folder, `.${name}${unfinished}`);
  try {
    await mkdir(join(work, name), { recursive: true, mode: 0o700 });
    const { missed } = await gatherLogs(world, {
      range,
      folder: join(work, name),
      journalBytes: logBytes,
      signal,
      log,
      progress: (share) => context.progress(share * gatheredShare),
      ...(source === undefined ? {} : { source }),
    });
    const bytes = await sizeBelow(join(work, name));
    log(`Packing ${inWords(bytes)}`);
    const [file, beside] = filesOf("logs", name);
    const progress = (share: number) => context.progress(gatheredShare + share * (1 - gatheredShare) * 0.99);
    await packFolder({ machine, folder: work, name, bytes, into: join(work, file), signal, progress });
    signal.throwIfAborted();
    // The folder first: an archive is in the list as soon as its file is there.
    await rename(join(work, name), join(folder, beside));
    await rename(join(work, file), join(folder, file));
    await syncFolder(folder);
    log(`${file}: ${inWords(await sizeBelow(join(folder, file)))}${missed === 0 ? "" : `, not had: ${missed}`}`);
    for (const old of await trimShelf(paths, "logs", tools.inUse())) log(`Removed the former archive ${old}`);
    return name;
  } catch (error) {
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof NodeError || signal.aborted) throw error;
    throw notWritten(folder, error);
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function requireRoom({ freeBytes, paths }: ArchiveWorld, logBytes: number): Promise<void> {
  const [needed, free] = [neededBytes(logBytes), await freeBytes(paths.logs)];
  if (free >= needed) return;
  throw new NodeError(
    "COLLECT.NO_SPACE",
    `Collecting needs ${inWords(needed)} in ${paths.logs}, where ${inWords(free)} are free.`,
    {
      remedy: "Choose a shorter time range, or delete former archives here and old backups.",
      values: { neededBytes: needed, freeBytes: free, needed: inWords(needed), free: inWords(free) },
    },
  );
}

function notWritten(folder: string, error: unknown): NodeError {
  const why = error instanceof Error ? error.message : String(error);
  return new NodeError("COLLECT.FAILED", `The archive could not be written in ${folder}: ${why}.`, { cause: error });
}
