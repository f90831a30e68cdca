import { join } from "node:path";
import * as z from "zod";
import { type ConsoleProxy, consoleProxy } from "../model/console-proxy.ts";
import { type ConsoleSettings, consoleSettings, type NodeSettings, nodeSettings } from "../model/records.ts";
import { type Damage, Document } from "./document.ts";

/** Loose, so that settings of a newer version survive a change by an older one. */
const storedNode = z.looseObject(nodeSettings.shape);
const storedConsole = z.looseObject(consoleSettings.shape);
const schema = z.looseObject({
  node: storedNode.prefault({}),
  consoles: z.record(z.string(), storedConsole).default({}),
  /** null: nobody has set one. `handedOver`: the manager has it. */
  consoleProxy: z
    .looseObject({ ...consoleProxy.shape, handedOver: z.boolean().default(false) })
    .nullable()
    .default(null),
});
type Stored = z.infer<typeof schema>;

/** Consoles whose settings are kept. Anybody who can open the socket may set those of a console that he names. */
const keptConsoles = 256;

/** The fields to change; those left out or undefined stay. */
export type Change<T> = { [K in keyof T]?: T[K] | undefined };
export type Changed<T> = { before: T; after: T };

export type SettingsOptions = {
  /** The agent's own folder. */
  home: string;
  onDamage?: (damage: Damage) => void;
  write?: (file: string, text: string) => Promise<void>;
};

/**
 * Settings of the node, of its console proxy and of each of its consoles, in `settings.json`. A change that can't be written is refused with
 * SETTINGS.NOT_SAVED and has no effect.
 */
export class Settings {
  readonly #document: Document<Stored>;

  private constructor(document: Document<Stored>) {
    this.#document = document;
  }

  static async open({ home, ...more }: SettingsOptions): Promise<Settings> {
    const file = join(home, "settings.json");
    const empty = schema.parse({});
    return new Settings(await Document.open({ file, schema, empty, notSaved: "SETTINGS.NOT_SAVED", ...more }));
  }

  get node(): NodeSettings {
    return nodeSettings.parse(this.#document.value.node);
  }

  /** The settings of a console; the defaults for one that never changed any. */
  console(name: string): ConsoleSettings {
    const { consoles } = this.#document.value;
    return consoleSettings.parse(Object.hasOwn(consoles, name) ? consoles[name] : {});
  }

  /** Address and port of the console proxy, for the manager; null when nobody has set them. */
  get consoleProxy(): ConsoleProxy | null {
    const kept = this.#document.value.consoleProxy;
    return kept === null ? null : consoleProxy.parse(kept);
  }

  /** What the manager has not been given yet; null when there is nothing. */
  get consoleProxyToHandOver(): ConsoleProxy | null {
    return this.#document.value.consoleProxy?.handedOver === false ? this.consoleProxy : null;
  }

  setConsoleProxy(proxy: ConsoleProxy): Promise<void> {
    return this.#document.update((draft) => ({
      ...draft,
      consoleProxy: { ...draft.consoleProxy, ...proxy, handedOver: false },
    }));
  }

  /** The manager has these values now, or has lost them: `handedOver` is not changed when others were set meanwhile. */
  async setConsoleProxyHandedOver(proxy: ConsoleProxy, handedOver: boolean): Promise<void> {
    await this.#document.update((draft) => {
      const kept = draft.consoleProxy;
      if (kept?.address !== proxy.address || kept.port !== proxy.port) return draft;
      return { ...draft, consoleProxy: { ...kept, handedOver } };
    });
  }

  async setNode(change: Change<NodeSettings>): Promise<Changed<NodeSettings>> {
    let before = this.node;
    await this.#document.update((draft) => {
      before = nodeSettings.parse(draft.node);
      return { ...draft, node: storedNode.parse({ ...draft.node, ...given(change) }) };
    });
    return { before, after: this.node };
  }

  async setConsole(name: string, change: Change<ConsoleSettings>): Promise<Changed<ConsoleSettings>> {
    let before = this.console(name);
    await this.#document.update((draft) => {
      // A Map: a console may be called like something that every object inherits.
      const consoles = new Map(Object.entries(draft.consoles));
      const former = consoles.get(name) ?? storedConsole.parse({});
      before = consoleSettings.parse(former);
      // The one that was changed last stands last, so that the oldest is the one to go.
      consoles.delete(name);
      consoles.set(name, storedConsole.parse({ ...former, ...given(change) }));
      return { ...draft, consoles: Object.fromEntries([...consoles].slice(-keptConsoles)) };
    });
    return { before, after: this.console(name) };
  }
}

/** A field that is undefined is not given. */
function given(change: object): object {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
