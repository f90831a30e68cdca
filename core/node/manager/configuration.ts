import { type ManagerConfiguration, parseManagerConfiguration } from "../../model/manager-configuration.ts";
import { type Machine, readIfThere } from "../machine.ts";

/** Where the manager of this node keeps what it has, below `root`: nothing on a node, a folder for previews. */
export function managerPaths(root = "") {
  return {
    configuration: `${root}/etc/binnacle/manager.conf`,
    /** Root's door. */
    socket: `${root}/run/binnacle/manager.sock`,
    /** Of the embedded store, unless it is configured otherwise. */
    storeFolder: `${root}/var/lib/binnacle/manager`,
    /** Former stores, each in a folder named by the time at which it was put there. */
    keptStores: `${root}/var/lib/binnacle/kept-stores`,
  };
}
export type ManagerPaths = ReturnType<typeof managerPaths>;

/** The manager's configuration; its presets where there is no file. @throws MANAGER.CONFIGURATION, FILE.… */
export async function readManagerConfiguration(machine: Machine, paths: ManagerPaths): Promise<ManagerConfiguration> {
  return parseManagerConfiguration((await readIfThere(machine, paths.configuration)) ?? "");
}
