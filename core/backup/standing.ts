import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { openStore } from "../manager/open-store.ts";
import { NodeError } from "../model/error.ts";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { Backups, type BackupsOptions, type BackupWish } from "./backups.ts";
import type { BackupMade } from "./make.ts";
import { finishReplacement } from "./replace.ts";

/** Whether there is a store to back up. etcd says so itself when it is asked. */
export async function hasStore(configuration: ManagerConfiguration): Promise<boolean> {
  if (configuration["store.type"] === "etcd") return true;
  const found = await stat(configuration["store.file"]).catch(() => undefined);
  return found?.isFile() === true && found.size > 0;
}

/**
 * A backup of the store of a manager that does not run.
 *
 * @throws BACKUP.NO_STORE, STORE.LOCKED when somebody has it open, other STORE.…, and as `Backups.make`
 */
export async function backUpStandingStore(
  options: Omit<BackupsOptions, "store">,
  wish: BackupWish = {},
): Promise<BackupMade> {
  const { configuration } = options;
  if (configuration["store.type"] === "sqlite") await finishReplacement(dirname(configuration["store.file"]));
  if (!(await hasStore(configuration)))
    throw new NodeError("BACKUP.NO_STORE", "This node has no store: there is nothing to back up.", {
      remedy: "Make the backup on a management node.",
    });
  const { store, copied } = await openStore(configuration);
  try {
    return await new Backups({ ...options, store: copied }).make(wish);
  } finally {
    await store.close();
  }
}
