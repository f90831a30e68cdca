import type { Log } from "../log.ts";
import type { Machine } from "../machine.ts";
import { type ManagerPaths, readManagerConfiguration } from "./configuration.ts";

type Recovering = { machine: Machine; paths: ManagerPaths; log: Log };

/** An agent before this one may have ended while the store's password was being changed. */
export async function recoverPasswords({ machine, paths, log }: Recovering): Promise<void> {
  try {
    const configuration = await readManagerConfiguration(machine, paths);
    if (configuration["store.type"] !== "etcd") return;
    const { recoverStorePassword } = await import("./store-password.ts");
    const done = await recoverStorePassword(machine, configuration);
    if (done !== undefined) log.warn({ done }, "a change of the store's password was cut off");
  } catch (error) {
    log.error({ err: error }, "whether a change of the store's password was cut off is not known");
  }
}
