import { basename } from "node:path";
import { isAbsent, ManagerDoor } from "../../api/manager-door.ts";
import { removeBackup } from "../../backup/shelf.ts";
import type { BackupInfo } from "../../model/backup.ts";
import { NodeError } from "../../model/error.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import type { JobContext } from "../jobs.ts";
import type { ArchiveTools } from "./job.ts";
import { trimShelf } from "./shelf.ts";
import { type ArchiveWorld, inWords } from "./world.ts";

/** A large store on a slow disk. */
const managerMs = 60 * 60_000;

/** By the manager, or of its store where none runs. Throws BACKUP.NO_SPACE, BACKUP.DAMAGED, BACKUP.FAILED, BACKUP.RUNNING and the signal's reason. */
export async function backUp(
  tools: ArchiveTools,
  configuration: ManagerConfiguration,
  context: JobContext,
): Promise<BackupInfo> {
  const { log, signal } = context;
  try {
    const backup = await backupOf(tools.world, configuration, context);
    if (signal.aborted) {
      // The manager has finished what nobody wants any more.
      await removeBackup(backup.file);
      signal.throwIfAborted();
    }
    log(`${basename(backup.file)}: ${inWords(backup.sizeBytes)}, ${backup.records} records`);
    log(`SHA-256 ${backup.sha256}`);
    for (const old of await trimShelf(tools.world.paths, "backup", tools.inUse()))
      log(`Removed the former backup ${old}`);
    return backup;
  } catch (error) {
    if (signal.aborted) throw error;
    throw await forJob(error);
  }
}

async function backupOf(
  { machine, paths, sources }: ArchiveWorld,
  configuration: ManagerConfiguration,
  { log, signal }: JobContext,
): Promise<BackupInfo> {
  try {
    log("Asking the manager for a backup");
    const door = new ManagerDoor(paths.managerSocket);
    return (await door.ask("BackupDatabase", {}, { timeoutMs: managerMs })).backup;
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  signal.throwIfAborted();
  log("No manager runs: its store is opened meanwhile");
  const hostname = (await machine.readFile("/proc/sys/kernel/hostname").catch(() => "")).trim();
  const place = { configuration, configurationFile: paths.configuration, hostname };
  const { backUpStandingStore } = await import("../../backup/standing.ts");
  const { backup } = await backUpStandingStore(
    { ...place, version: sources.version, now: machine.now },
    { signal, log },
  );
  return backup;
}

/** What the job's list has sentences for. */
async function forJob(error: unknown): Promise<unknown> {
  // Calls and stores are loaded when they are asked for: on most nodes nobody ever does.
  const { CallRefused } = await import("../../api/cloud-client.ts");
  if (error instanceof CallRefused) {
    const { reason } = error.values;
    const code = error.code === "SYS.1050" ? "BACKUP.RUNNING" : typeof reason === "string" ? reason : "BACKUP.FAILED";
    return forJob(new NodeError(code, error.content.details, remedyOf(error)));
  }
  if (!(error instanceof NodeError)) return failed(error instanceof Error ? error.message : String(error), error);
  if (error.code.startsWith("BACKUP.")) return error;
  if (error.code === "STORE.DAMAGED") return new NodeError("BACKUP.DAMAGED", error.message, remedyOf(error));
  if (error.code === "STORE.FULL") return new NodeError("BACKUP.NO_SPACE", error.message, remedyOf(error));
  return failed(error.message, error);
}

function remedyOf({ remedy }: NodeError): { remedy?: string } {
  return remedy === undefined ? {} : { remedy };
}

function failed(why: string, cause: unknown): NodeError {
  return new NodeError("BACKUP.FAILED", `The store could not be backed up: ${why.replace(/\.$/, "")}.`, {
    remedy: "Look at the manager's log; the store itself is untouched.",
    cause,
  });
}
