import { basename, dirname } from "node:path";
import { managerKeys } from "../../model/manager-configuration.ts";
import type { Machine } from "../machine.ts";
import { type ManagerPaths, readManagerConfiguration } from "../manager/configuration.ts";
import { embeddedStore } from "./embedded-store.ts";
import type { Store } from "./store.ts";

/** The store that the manager's configuration names, which may be another one each time it is asked. */
export function configuredStore(machine: Machine, paths: ManagerPaths): Store {
  const pick = async (): Promise<Store> => {
    const configuration = await readManagerConfiguration(machine, paths);
    const kept = paths.keptStores;
    if (configuration["store.type"] === "etcd")
      return (await import("./etcd-store.ts")).etcdStore(machine, configuration, paths);
    const file = configuration["store.file"];
    // Its own folder holds nothing else.
    if (file === managerKeys["store.file"].default) return embeddedStore(machine, { folder: paths.storeFolder, kept });
    return embeddedStore(machine, { folder: dirname(file), file: basename(file), kept });
  };
  return {
    async look(signal) {
      try {
        return await (await pick()).look(signal);
      } catch (error) {
        const why = (error instanceof Error ? error.message : "its configuration can't be read").replace(/\.$/, "");
        return { state: "unreadable", why, sizeBytes: 0, keeping: { how: "noRoom", neededBytes: 0, freeBytes: 0 } };
      }
    },
    empty: async (mayDelete, signal) => (await pick()).empty(mayDelete, signal),
  };
}
