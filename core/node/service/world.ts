import { ManagerDoor } from "../../api/manager-door.ts";
import type { Effects } from "../effects.ts";
import type { Machine } from "../machine.ts";
import { managerPaths } from "../manager/configuration.ts";
import { rolePaths } from "../role/paths.ts";
import { configuredStore } from "./configured-store.ts";
import type { Store } from "./store.ts";

/** Everything through which the ZStack service is looked at and changed. */
export type ServiceWorld = {
  machine: Machine;
  effects: Pick<Effects, "mode" | "change">;
  store: Store;
  /** The image's programs. */
  library: string;
  /** The record of the role's installation. */
  record: string;
  /** Asks the manager. */
  manager: ManagerDoor;
};

/** This machine; the store and the manager, which a preview must not touch, lie below `root`. */
export function serviceWorld(machine: Machine, effects: ServiceWorld["effects"], root = ""): ServiceWorld {
  const { library, record } = rolePaths();
  const paths = managerPaths(root);
  return {
    machine,
    effects,
    store: configuredStore(machine, paths),
    library,
    record,
    manager: new ManagerDoor(paths.socket),
  };
}
