import { parseAddress } from "../address.ts";
import { quoted, shown } from "../quote.ts";
import { line, record, say } from "./fields.ts";
import { done, type Outcome, type Refusal, refusalOf, refuse } from "./refusal.ts";
import { type Setting, settings } from "./settings.ts";
import { formatSize, parseSize } from "./size.ts";

export type SettingValue = boolean | number | string;

/** `category.name`: how a setting is named where both stand together. */
export function settingId({ category, name }: Setting): string {
  return `${category}.${name}`;
}

const byId = new Map(settings.map((setting) => [settingId(setting), setting]));

/** A setting by `category.name`, or by its name where only one category has it. Code: SYS.1003. */
export function findSetting(given: string): Outcome<Setting> {
  const exact = byId.get(given);
  if (exact !== undefined) return done(exact);
  const named = settings.filter(({ name }) => name === given);
  const [only] = named;
  if (only !== undefined && named.length === 1) return done(only);
  const several = named.map(settingId).join(", ");
  return refuse("SYS.1003", {
    where: "GlobalConfig",
    details: several === "" ? `There is no setting ${shown(given)}.` : `Several settings are called ${shown(given)}.`,
    remedy: several === "" ? "QueryGlobalConfig lists all of them." : `Name one of ${several}.`,
    values: { given: given.slice(0, 256) },
  });
}

/** The value that a text stands for. Code: SYS.1004, with the setting's limits. */
export function parseSetting(setting: Setting, text: string): Outcome<SettingValue> {
  const value = valueOf(setting, text);
  if (value !== undefined) return done(value);
  return refuse("SYS.1004", {
    where: settingId(setting),
    details: `${quoted(text)} is not ${expected(setting)}.`,
    remedy: `Give ${expected(setting)}; the default is ${formatSetting(setting, setting.default)}.`,
    values: { given: text.slice(0, 256), type: setting.type },
  });
}

function valueOf(setting: Setting, text: string): SettingValue | undefined {
  switch (setting.type) {
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "choice":
      return setting.choices.find((each) => each === text);
    case "integer":
      return within(setting, /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : undefined);
    case "number":
      return within(setting, /^(0|[1-9]\d{0,8})(\.\d{1,6})?$/.test(text) ? Number(text) : undefined);
    case "size":
      return within(setting, parseSize(text));
    case "address":
      return text === setting.default || parseAddress(text) !== undefined ? text : undefined;
  }
}

function within({ min, max }: { min: number; max: number }, value: number | undefined): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** What a setting takes, as a sentence goes on: `a whole number of seconds from 1 to 3600`. */
export function expected(setting: Setting): string {
  switch (setting.type) {
    case "boolean":
      return "true or false";
    case "choice":
      return `${setting.choices.slice(0, -1).join(", ")} or ${setting.choices.at(-1)}`;
    case "integer":
      return `a whole number of ${setting.unit} from ${setting.min} to ${setting.max}`;
    case "number":
      return `a number (${setting.unit}) from ${setting.min} to ${setting.max}`;
    case "size":
      return `a size such as 1G, from ${formatSize(setting.min)} to ${formatSize(setting.max)}`;
    case "address":
      return "an IP address, or auto";
  }
}

/** The one text of a value: what is stored, shown and compared. */
export function formatSetting(setting: Setting, value: SettingValue): string {
  return setting.type === "size" && typeof value === "number" ? formatSize(value) : String(value);
}

/** Settings that make no sense together, by id. The first of a pair is the one to name. */
const pairs: readonly { low: string; high: string; why: string }[] = [
  {
    low: "ha.host.check.successTimes",
    high: "ha.host.check.maxAttempts",
    why: "no suspect host could ever count as alive",
  },
  {
    low: "ha.neverStopVm.retry.delay",
    high: "ha.neverStopVm.gc.maxRetryIntervalTime",
    why: "the first pause would be longer than the longest one",
  },
  { low: "vm.expungeInterval", high: "vm.expungePeriod", why: "machines would be kept far longer than they should be" },
];

/** What is wrong with all settings together; `chosen` by id, the others have their defaults. */
export function settingsProblems(chosen: ReadonlyMap<string, SettingValue>): Refusal[] {
  const value = (id: string) => Number(chosen.get(id) ?? byId.get(id)?.default);
  return pairs.flatMap(({ low, high, why }) => {
    if (value(low) <= value(high)) return [];
    const details = `${low} (${value(low)}) is greater than ${high} (${value(high)}): ${why}.`;
    const remedy = `Give ${low} ${value(high)} at most, or raise ${high} first.`;
    return [refusalOf("SYS.1004", { where: low, details, remedy, values: { low, high } })];
  });
}

const reservedMemoryTag = "reservedMemory::";

/**
 * Memory that a host keeps for itself, in bytes: its own tag, else its cluster's, its zone's, or the setting. A tag
 * that can't be read counts as none.
 */
export function reservedMemory(
  tags: { host: readonly string[]; cluster: readonly string[]; zone: readonly string[] },
  setting: number,
): number {
  for (const level of [tags.host, tags.cluster, tags.zone])
    for (const tag of level) {
      const size = tag.startsWith(reservedMemoryTag) ? parseSize(tag.slice(reservedMemoryTag.length)) : undefined;
      if (size !== undefined) return size;
    }
  return setting;
}

export const globalConfig = record({
  name: say(line(255), "The setting's name in its category."),
  category: say(line(255), "What it belongs to."),
  defaultValue: say(line(255), "What holds until somebody sets it."),
  value: say(line(255), "What holds, at once and without a restart."),
});
