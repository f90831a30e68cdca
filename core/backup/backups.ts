import { NodeError } from "../model/error.ts";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { type BackupMade, type CopiedStore, makeBackup } from "./make.ts";

export type BackupsOptions = {
  configuration: ManagerConfiguration;
  configurationFile: string;
  store: CopiedStore;
  hostname: string;
  version: string;
  now: () => number;
};

export type BackupWish = {
  keepAmount?: number | undefined;
  signal?: AbortSignal | undefined;
  log?: (line: string) => void;
};

/** Backups of a store that this program has open, one at a time. */
export class Backups {
  readonly #options: BackupsOptions;
  #isMaking = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** @throws BACKUP.RUNNING, and as {@link makeBackup} */
  async make(wish: BackupWish = {}): Promise<BackupMade> {
    if (this.#isMaking)
      throw new NodeError("BACKUP.RUNNING", "A backup is being made already.", { remedy: "Wait until it has ended." });
    this.#isMaking = true;
    const { configuration, now, ...rest } = this.#options;
    try {
      return await makeBackup({
        ...rest,
        ...wish,
        folder: configuration["backup.folder"],
        tlsFolder: configuration["tls.folder"],
        now: now(),
      });
    } finally {
      this.#isMaking = false;
    }
  }
}
