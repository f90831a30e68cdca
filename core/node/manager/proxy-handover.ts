import { isAbsent, type ManagerDoor } from "../../api/manager-door.ts";
import type { ConsoleProxy } from "../../model/console-proxy.ts";
import { consoleProxyPort } from "../../model/console-proxy.ts";
import type { Machine } from "../machine.ts";
import type { Settings } from "../settings.ts";
import { Turns } from "../turns.ts";

const askMs = 4_000;
/** While the manager does not have it, it is looked so often whether one answers. */
const everyMs = 5_000;
/** The setting's value for "whatever the management address is". */
const automatic = "auto";

export type ProxyHandoverOptions = {
  manager: ManagerDoor;
  settings: Settings;
  machine: Pick<Machine, "after">;
  onTrouble: (what: string, error: unknown) => void;
};

/** Brings the manager the console proxy's address: at once where it runs, else when it has been started. */
export class ProxyHandover {
  readonly #options: ProxyHandoverOptions;
  readonly #turns = new Turns();
  #cancel = () => {};
  #closed = false;
  #told = "";

  constructor(options: ProxyHandoverOptions) {
    this.#options = options;
  }

  /** Looks for a manager from now on, as long as there is something to bring. */
  start(): void {
    const next = () => {
      if (!this.#closed) this.#cancel = this.#options.machine.after(everyMs, () => void this.now().finally(next));
    };
    next();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** Whether the manager has what was set. Never fails. */
  now(): Promise<boolean> {
    return this.#turns.take(async () => {
      const { manager, settings, onTrouble } = this.#options;
      const proxy = settings.consoleProxyToHandOver;
      if (proxy === null) return true;
      try {
        await manager.calls(askMs, async (calls) => {
          const set = (name: string, value: string) =>
            calls.call("UpdateGlobalConfig", { category: "consoleProxy", name, value });
          await set("address", proxy.address);
          await set("port", String(proxy.port));
        });
        await settings.setConsoleProxyHandedOver(proxy, true);
        this.#told = "";
        return true;
      } catch (error) {
        // Said once: it is tried again and again.
        const why = String(error);
        if (!isAbsent(error) && why !== this.#told) onTrouble("the manager did not take the console proxy", error);
        this.#told = why;
        return false;
      }
    });
  }

  /** The store is empty: what the manager had is gone. */
  async lost(): Promise<void> {
    const { settings } = this.#options;
    const kept = settings.consoleProxy;
    if (kept !== null) await settings.setConsoleProxyHandedOver(kept, false);
  }
}

/** What the manager has; undefined when it does not answer, null when nobody has set it there. */
export async function managersProxy(manager: ManagerDoor): Promise<Partial<ConsoleProxy> | null | undefined> {
  try {
    const wanted = { q: ["category=consoleProxy"] };
    const { inventories } = await manager.ask("QueryGlobalConfig", wanted, { timeoutMs: askMs });
    const values = new Map(inventories.map(({ name, value }) => [name, String(value)]));
    const [address, port] = [values.get("address"), Number(values.get("port"))];
    const isSet = address !== undefined && (address !== automatic || port !== consoleProxyPort);
    if (!isSet) return null;
    return { ...(address === automatic ? {} : { address }), port };
  } catch {
    return undefined;
  }
}
