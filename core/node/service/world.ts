import type { Effects } from "../effects.ts";
import type { Machine } from "../machine.ts";
import { rolePaths } from "../role/paths.ts";
import { realWorld } from "../role/world.ts";
import { upgradePaths } from "../upgrade/world.ts";
import { embeddedStore, type Store } from "./store.ts";

/** Everything through which the ZStack service is looked at and changed. */
export type ServiceWorld = {
  machine: Machine;
  effects: Pick<Effects, "mode" | "change">;
  store: Store;
  /** The image's programs. */
  library: string;
  /** The record of the role's installation. */
  record: string;
  /** Whether the manager's API answers on this node now. */
  managerAnswers(signal: AbortSignal): Promise<boolean>;
};

/** This machine; the store, which a preview must not touch, lies below `root`. */
export function serviceWorld(machine: Machine, effects: ServiceWorld["effects"], root = ""): ServiceWorld {
  const { library, record } = rolePaths();
  const { manager } = upgradePaths(root);
  return {
    machine,
    effects,
    store: embeddedStore(machine, { folder: manager, kept: `${root}/var/lib/binnacle/kept-stores` }),
    library,
    record,
    managerAnswers: (signal) => realWorld(machine).managerAnswers(signal),
  };
}
