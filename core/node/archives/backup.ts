import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { backupJob, type StoreBackups } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import { type ManagerConfiguration, parseManagerConfiguration } from "../../model/manager-configuration.ts";
import type { Job } from "../../model/records.ts";
import { readIfThere } from "../machine.ts";
import { type ArchiveTools, requireNoOther, startArchiveJob } from "./job.ts";
import { listArchives } from "./shelf.ts";
import type { ArchiveWorld } from "./world.ts";

export async function storeBackups(world: ArchiveWorld): Promise<StoreBackups> {
  const { paths, freeBytes } = world;
  return {
    backups: await listArchives(paths, "backup"),
    store: (await findStore(await configurationOf(world))) ?? null,
    folder: paths.backups,
    freeBytes: await freeBytes(paths.backups),
  };
}

/**
 * Starts the job that backs up this node's store: by the manager, or of its store when it does not run.
 *
 * @throws NodeError BACKUP.NO_STORE, BACKUP.RUNNING, MANAGER.CONFIGURATION, and those of `Jobs.start`
 */
export async function startBackup(tools: ArchiveTools, console: string): Promise<Job> {
  const configuration = await configurationOf(tools.world);
  const store = await findStore(configuration);
  if (store === undefined)
    throw new NodeError("BACKUP.NO_STORE", "This node has no store: there is nothing to back up.", {
      remedy: "Make the backup on a management node.",
    });
  requireNoOther(tools.jobs, backupJob, "BACKUP.RUNNING", "A backup is being made already.");
  return startArchiveJob(tools, {
    kind: backupJob,
    subject: basename(store.file),
    console,
    // With all calls of the cloud and both stores: loaded when it is needed.
    make: async (context) => (await import("./make-backup.ts")).backUp(tools, configuration, context),
    told: ({ name, sha256 }) => ({ after: name, detail: `sha256 ${sha256}` }),
  });
}

/** What the manager of this node works with; a preview's lies below its own folder. */
async function configurationOf({ machine, paths }: ArchiveWorld): Promise<ManagerConfiguration> {
  const text = paths.root === "" ? await readIfThere(machine, paths.configuration) : undefined;
  const found = parseManagerConfiguration(text ?? "");
  if (paths.root === "") return found;
  const places = ["store.file", "tls.folder", "backup.folder"] as const;
  return { ...found, ...Object.fromEntries(places.map((key) => [key, `${paths.root}${found[key]}`])) };
}

/** Where the store is, and how large; undefined when this node has none. */
async function findStore(
  configuration: ManagerConfiguration,
): Promise<{ file: string; sizeBytes: number } | undefined> {
  // What etcd's members take on their disks says nothing of a backup's size.
  if (configuration["store.type"] === "etcd") return { file: "etcd", sizeBytes: 0 };
  const file = configuration["store.file"];
  const known = await stat(file).catch(() => undefined);
  if (known?.isFile() !== true || known.size === 0) return undefined;
  // What was written last may be in the write-ahead log only.
  const log = await stat(`${file}-wal`).catch(() => undefined);
  return { file, sizeBytes: known.size + (log?.size ?? 0) };
}
