import { readFile } from "node:fs/promises";
import { NodeError } from "../model/error.ts";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { Secret } from "../model/secret.ts";
import { storeIndexes } from "../orchestrator/retention.ts";
import { EtcdStore } from "../store/etcd.ts";
import { SqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";

/** The store that the configuration names. `isAlone`: no other manager can have it open at the same time. */
export async function openStore(configuration: ManagerConfiguration): Promise<{ store: Store; isAlone: boolean }> {
  if (configuration["store.type"] === "sqlite") {
    const store = await SqliteStore.open({ file: configuration["store.file"], indexes: storeIndexes });
    return { store, isAlone: true };
  }
  const [first, ...others] = configuration["store.etcd.endpoints"].split(",");
  if (first === undefined) throw new Error("A checked configuration names no member of etcd.");
  const user = configuration["store.etcd.user"];
  const [ca, cert, key, password] = await Promise.all([
    textOf(configuration["store.etcd.ca"]),
    textOf(configuration["store.etcd.certificate"]),
    textOf(configuration["store.etcd.key"]),
    textOf(configuration["store.etcd.passwordFile"]),
  ]);
  const store = await EtcdStore.open({
    endpoints: [first, ...others],
    indexes: storeIndexes,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    ...(user === "" || password === undefined ? {} : { user: { name: user, password: new Secret(password.trim()) } }),
  });
  return { store, isAlone: false };
}

async function textOf(file: string): Promise<string | undefined> {
  if (file === "") return;
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new NodeError("MANAGER.CONFIGURATION", `${file}, which the configuration names, can't be read.`, {
      remedy: "Mend the path in the configuration, or put the file there.",
      values: { file },
      cause: error,
    });
  }
}
