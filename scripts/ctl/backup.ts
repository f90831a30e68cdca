import { hostname } from "node:os";
import { isAbsent } from "../../core/api/manager-door.ts";
import { backUpStandingStore } from "../../core/backup/standing.ts";
import { type BackupInfo, keptBackups, mostKeptBackups } from "../../core/model/backup.ts";
import type { ManagerConfiguration } from "../../core/model/manager-configuration.ts";
import { version } from "../../core/version.ts";
import { amountOf, UsageError } from "./arguments.ts";
import type { OptionName } from "./command.ts";
import { copyAway, targetOf } from "./remote.ts";
import { readConfiguration } from "./settings.ts";
import type { CtlWorld } from "./world.ts";

/** A large store on a slow disk. */
const backupMs = 60 * 60_000;

/** `dump_mysql`. @throws UsageError, CTL.…, BACKUP.…, STORE.…, SYS.… */
export async function dump(
  world: CtlWorld,
  options: ReadonlyMap<OptionName, string>,
  signal: AbortSignal,
): Promise<void> {
  const isTrimming = options.has("d");
  const amount = options.get("keep-amount");
  if (amount !== undefined && !isTrimming) throw new UsageError("--keep-amount counts only with --d, which deletes.");
  const keep = isTrimming ? (amount === undefined ? keptBackups : amountOf(amount, mostKeptBackups)) : null;
  const host = options.get("host");
  const target = host === undefined ? undefined : targetOf(host);

  const { configuration } = await readConfiguration(world.configurationFile);
  const { backup, removed } = await backUp(world, configuration, keep, signal);
  world.voice.say(`Backup: ${backup.file}`);
  world.voice.say(`${megabytes(backup.sizeBytes)}, ${backup.records} records, SHA-256 ${backup.sha256}`);
  for (const file of removed) world.voice.say(`Deleted: ${file}`);
  if (target === undefined) return;
  const gone = await copyAway(world, target, backup, keep);
  world.voice.say(`Copied to ${host ?? ""}: binnacle-backups/${backup.name}.tar.gz`);
  for (const file of gone) world.voice.say(`Deleted there: ${file}`);
}

/** By the manager, or, where none runs, of its store. */
export async function backUp(
  world: CtlWorld,
  configuration: ManagerConfiguration,
  keepAmount: number | null,
  signal?: AbortSignal,
): Promise<{ backup: BackupInfo; removed: string[] }> {
  try {
    return await world.door.ask("BackupDatabase", { keepAmount }, { timeoutMs: backupMs, signal });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return backUpStandingStore(placeOf(world, configuration), {
    signal,
    ...(keepAmount === null ? {} : { keepAmount }),
  });
}

export function placeOf({ configurationFile, now }: CtlWorld, configuration: ManagerConfiguration) {
  return { configuration, configurationFile, hostname: hostname(), version, now };
}

function megabytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
