import { findSetting, formatSetting, parseSetting, type SettingValue } from "../model/cloud/setting-values.ts";
import { type Setting, settings } from "../model/cloud/settings.ts";
import type { RecordOf } from "./kinds.ts";
import type { Mirror } from "./mirror.ts";
import type { Records, Tx } from "./records.ts";

type GlobalConfig = RecordOf<"GlobalConfig">;

/** The settings as they are now: asked each time, so that a change holds at once. */
export class LiveSettings {
  readonly #values = new Map<string, SettingValue>();
  readonly #listeners = new Set<(id: string) => void>();

  constructor(mirror: Mirror) {
    for (const { value } of mirror.all("GlobalConfig")) this.#take(value);
    mirror.subscribe((changes) => {
      for (const { kind, after } of changes)
        if (kind === "GlobalConfig" && after !== undefined) this.#take(after.value as GlobalConfig);
    });
  }

  /** The value of a whole number, a ratio or a size, in the setting's unit. `id`: category.name. */
  number(id: string): number {
    return Number(this.#value(id));
  }

  flag(id: string): boolean {
    return this.#value(id) === true;
  }

  choice(id: string): string {
    return String(this.#value(id));
  }

  /** All that differ from their defaults or not, by id. */
  all(): ReadonlyMap<string, SettingValue> {
    return this.#values;
  }

  /** Calls back with the id of each setting that changed. */
  subscribe(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #value(id: string): SettingValue {
    const found = this.#values.get(id);
    if (found !== undefined) return found;
    const setting = findSetting(id);
    if (!setting.done) throw new Error(`${id} is not a setting.`);
    return setting.next.default;
  }

  #take({ category, name, value }: GlobalConfig): void {
    const id = `${category}.${name}`;
    const setting = findSetting(id);
    // One that a newer version has written, or whose limits are closer now: its default holds.
    const parsed = setting.done ? parseSetting(setting.next, value) : undefined;
    if (!setting.done || parsed?.done !== true) return;
    const before = this.#values.get(id);
    this.#values.set(id, parsed.next);
    if (before !== parsed.next) for (const listener of [...this.#listeners]) listener(id);
  }
}

/** The record of a setting; undefined when the store has none yet. */
export function recordOfSetting(tx: Pick<Tx, "find">, setting: Setting): GlobalConfig | undefined {
  return tx.find("GlobalConfig", "name", setting.name).find(({ category }) => category === setting.category);
}

/** Writes records of settings that this version has and the store has not. Two managers may do so at once. */
export async function ensureSettings(records: Records, newUuid: () => string): Promise<void> {
  await records.change((tx) => {
    // Whoever adds settings writes this: of two managers one decides anew, and finds them.
    const missing = settings.filter(
      (setting) => recordOfSetting(tx, setting) === undefined && !isUnreadable(tx, setting),
    );
    if (missing.length === 0) return;
    tx.get("Guard", "settings");
    for (const setting of missing) {
      const value = formatSetting(setting, setting.default);
      const { name, category, description } = setting;
      tx.insert("GlobalConfig", { uuid: newUuid(), name, category, description, defaultValue: value, value });
    }
    tx.put("Guard", "settings", { at: tx.now });
  });
}

/** A record that can't be read and may be this setting's: a second one would stand against it once it is mended. */
function isUnreadable(tx: Tx, { category, name }: Setting): boolean {
  for (const { value } of tx.unreadable.all("GlobalConfig"))
    if ([value["category"] ?? category, value["name"] ?? name].join(".") === `${category}.${name}`) return true;
  return false;
}
