import { stat } from "node:fs/promises";
import type { CopiedStore } from "../backup/make.ts";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { textOrNothing } from "../node/durable.ts";
import { storeIndexes } from "../orchestrator/retention.ts";
import { asUser } from "../store/etcd/credentials.ts";
import { EtcdStore } from "../store/etcd.ts";
import { writeCopy } from "../store/sqlite/records.ts";
import { SqliteStore } from "../store/sqlite.ts";
import type { Store, StoreRecord } from "../store/store.ts";

export type OpenStore = {
  store: Store;
  /** No other manager can have it open at the same time. */
  isAlone: boolean;
  /** Copies of it, for backups. */
  copied: CopiedStore;
  /** Puts other records in the place of all that are there; only of a store that is not a file. */
  replaceAll?: (records: Iterable<StoreRecord>) => Promise<void>;
};

/** The store that the configuration names. `isRestoring`: also one that a restore has left half done. */
export async function openStore(
  configuration: ManagerConfiguration,
  { isRestoring = false }: { isRestoring?: boolean } = {},
): Promise<OpenStore> {
  if (configuration["store.type"] === "sqlite") {
    const file = configuration["store.file"];
    const store = await SqliteStore.open({ file, indexes: storeIndexes });
    return {
      store,
      isAlone: true,
      copied: { type: "sqlite", sizeBytes: () => sizeOfStore(file), copyTo: (to) => store.backup(to) },
    };
  }
  const store = await asUser(configuration, textOrNothing, (options) =>
    EtcdStore.open({ ...options, isRestoring, indexes: storeIndexes }),
  );
  return {
    store,
    isAlone: false,
    copied: {
      type: "etcd",
      // What etcd takes on its members' disks says nothing of how much a copy is.
      sizeBytes: async () => 0,
      copyTo: (to) => writeCopy(to, () => store.everything(), storeIndexes),
    },
    replaceAll: (records) => store.replaceAll(records),
  };
}

/** What was written last may be in the write-ahead log only. */
async function sizeOfStore(file: string): Promise<number> {
  const sizes = [file, `${file}-wal`].map((each) =>
    stat(each).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, each) => sum + each, 0);
}
