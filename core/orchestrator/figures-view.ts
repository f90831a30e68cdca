import { findSetting, parseSetting } from "../model/cloud/setting-values.ts";
import type { Kind } from "./kinds.ts";
import type { Mirrored } from "./mirror.ts";

/** The part of the mirror that figures are made of. */
export type FiguresView = {
  get<K extends Kind>(kind: K, key: string): Mirrored<K> | undefined;
  all<K extends Kind>(kind: K): Iterable<Mirrored<K>>;
  find<K extends Kind>(kind: K, field: string, value: string): Mirrored<K>[];
};

/** The value of a setting in numbers, from its record or as it is preset. */
export function settingOf(view: FiguresView, id: string): number {
  const setting = findSetting(id);
  if (!setting.done) throw new Error(`${id} is not a setting.`);
  const { category, name, default: preset } = setting.next;
  const record = view.find("GlobalConfig", "name", name).find(({ value }) => value.category === category);
  const parsed = record === undefined ? undefined : parseSetting(setting.next, record.value.value);
  return Number(parsed?.done === true ? parsed.next : preset);
}
