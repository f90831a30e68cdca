import { type ManagerConfiguration, parseManagerConfiguration } from "../../model/manager-configuration.ts";
import { type Machine, readIfThere } from "../machine.ts";

const file = "/etc/binnacle/manager.conf";

/** The manager's own settings on this node; the presets where it has no file. @throws MANAGER.CONFIGURATION, FILE.… */
export async function managerConfiguration(machine: Machine): Promise<ManagerConfiguration> {
  return parseManagerConfiguration((await readIfThere(machine, file)) ?? "");
}
