import { readFile } from "node:fs/promises";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { errnoOf } from "../node/durable.ts";
import { auditIndexes } from "../orchestrator/query/audit.ts";
import { asUser } from "../store/etcd/credentials.ts";
import { EtcdStore } from "../store/etcd.ts";
import { SqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";

/** The store that the configuration names. `isAlone`: no other manager can have it open at the same time. */
export async function openStore(configuration: ManagerConfiguration): Promise<{ store: Store; isAlone: boolean }> {
  if (configuration["store.type"] === "sqlite") {
    const store = await SqliteStore.open({ file: configuration["store.file"], indexes: auditIndexes });
    return { store, isAlone: true };
  }
  const store = await asUser(configuration, textOf, (options) => EtcdStore.open({ ...options, indexes: auditIndexes }));
  return { store, isAlone: false };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
