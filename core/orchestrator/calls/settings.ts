import { CloudError } from "../../model/cloud/refusal.ts";
import {
  findSetting,
  formatSetting,
  parseSetting,
  type SettingValue,
  settingId,
  settingsProblems,
} from "../../model/cloud/setting-values.ts";
import { type Setting, settings } from "../../model/cloud/settings.ts";
import type { Tx } from "../records.ts";
import { recordOfSetting } from "../settings.ts";
import type { DecidersOf } from "./handler.ts";
import { orThrow } from "./shared.ts";

/* Settings of the cloud. What makes no sense together is refused, in whatever order it is set. */

function set(tx: Tx, setting: Setting, value: SettingValue) {
  const record = recordOfSetting(tx, setting);
  if (record === undefined) throw new Error(`The store has no record of ${settingId(setting)}.`);
  const chosen = new Map<string, SettingValue>();
  for (const other of settings) {
    const stored = recordOfSetting(tx, other);
    const parsed = stored === undefined ? undefined : parseSetting(other, stored.value);
    if (parsed?.done === true) chosen.set(settingId(other), parsed.next);
  }
  chosen.set(settingId(setting), value);
  const id = settingId(setting);
  const [problem] = settingsProblems(chosen).filter(({ values }) => values["low"] === id || values["high"] === id);
  if (problem !== undefined) throw new CloudError(problem);
  // Of two changes that only make no sense together, the later one has to see the other.
  tx.get("Guard", "settings");
  tx.put("Guard", "settings", { at: tx.now });
  return { inventory: tx.update("GlobalConfig", record.uuid, { value: formatSetting(setting, value) }) };
}

export const settingDeciders = {
  UpdateGlobalConfig: (tx, { category, name, value }) => {
    const setting = orThrow(findSetting(`${category}.${name}`));
    return set(tx, setting, orThrow(parseSetting(setting, value)));
  },
  ResetGlobalConfig: (tx, { category, name }) => {
    const setting = orThrow(findSetting(`${category}.${name}`));
    return set(tx, setting, setting.default);
  },
} satisfies DecidersOf<"UpdateGlobalConfig" | "ResetGlobalConfig">;
