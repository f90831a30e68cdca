import { readFile, stat } from "node:fs/promises";
import { formatAddress, parseAddress } from "../../core/model/address.ts";
import { NodeError } from "../../core/model/error.ts";
import {
  type ManagerConfiguration,
  managerKeyNames,
  managerKeys,
  parseManagerConfiguration,
  withManagerSetting,
} from "../../core/model/manager-configuration.ts";
import { listed, shown } from "../../core/model/quote.ts";
import { errnoOf, whyNotWritten, writeDurably } from "../../core/node/durable.ts";
import { UsageError } from "./arguments.ts";
import { changeUnits, managerUnit, proxyUnit, requireAnswer, uiUnit, unitState } from "./units.ts";
import type { CtlWorld } from "./world.ts";

type Kept = { text: string; configuration: ManagerConfiguration };

/** What the manager would take: the file, and the presets for the rest. @throws MANAGER.CONFIGURATION, CTL.UNREADABLE */
export async function readConfiguration(file: string): Promise<Kept> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw new NodeError("CTL.UNREADABLE", `${file} can't be read: ${whyNotWritten(error)}.`, {
      remedy: "Run this as root.",
      cause: error,
    });
  });
  return { text, configuration: parseManagerConfiguration(text) };
}

/** The same where a wrong file must not be in the way of a look at the rest. */
export async function configurationOrPresets(file: string): Promise<Kept> {
  return readConfiguration(file).catch(() => ({ text: "", configuration: parseManagerConfiguration("") }));
}

export async function showConfiguration({ configurationFile, voice }: CtlWorld): Promise<void> {
  const { configuration } = await readConfiguration(configurationFile);
  const width = Math.max(...managerKeyNames.map((key) => `${key}=${configuration[key]}`.length));
  for (const key of managerKeyNames) {
    const { description, default: preset } = managerKeys[key];
    const line = `${key}=${configuration[key]}`;
    voice.say(
      `${line.padEnd(Math.min(width, 48))}  # ${description}${configuration[key] === preset ? " (preset)" : ""}`,
    );
  }
}

/** Changes settings: all, or none where one is wrong. @throws UsageError, MANAGER.CONFIGURATION, CTL.NOT_WRITTEN */
export async function configure(world: CtlWorld, words: readonly string[]): Promise<void> {
  const pairs = words.map((word): [string, string] => {
    const cut = word.indexOf("=");
    if (cut < 1) throw new UsageError(`${shown(word)} is not KEY=VALUE.`);
    return [word.slice(0, cut), word.slice(cut + 1).trim()];
  });
  const { text, configuration: before } = await readConfiguration(world.configurationFile);
  const changed = pairs.reduce((all, [key, value]) => withManagerSetting(all, key, value), text);
  const after = parseManagerConfiguration(changed);
  const keys = managerKeyNames.filter((key) => before[key] !== after[key]);
  if (keys.length === 0) {
    world.voice.say("These settings are so already; nothing was changed.");
    return;
  }
  await writeConfiguration(world.configurationFile, changed);
  for (const key of keys) world.voice.say(`${key}: ${before[key] || "(empty)"} -> ${after[key] || "(empty)"}`);
  if (keys.some((key) => key === "store.type" || key === "store.file" || key === "store.etcd.endpoints"))
    world.voice.warn(
      "The records stay in the former store. To take them along: dump_mysql before this change, restore_mysql after it.",
    );
  world.voice.say("The manager takes them at its next start: zstack-ctl restart_node");
}

async function writeConfiguration(file: string, text: string): Promise<void> {
  try {
    const mode = await stat(file).then(
      (found) => found.mode & 0o777,
      () => 0o644,
    );
    await writeDurably(file, text, mode);
  } catch (error) {
    throw new NodeError("CTL.NOT_WRITTEN", `${file} can't be written: ${whyNotWritten(error)}. It is as it was.`, {
      remedy: "Run this as root, and look at the file system of /etc.",
      cause: error,
    });
  }
}

/**
 * Makes an address that the node has the manager's own. Hosts are not told: it is the manager who calls them.
 * @throws UsageError, CTL.NO_SUCH_ADDRESS, as `configure` does
 */
export async function changeIp(world: CtlWorld, text: string): Promise<void> {
  const address = parseAddress(text);
  if (address === undefined) throw new UsageError(`${shown(text)} is no IP address.`);
  const ip = formatAddress(address);
  const known = world.addresses();
  if (!known.includes(ip))
    throw new NodeError("CTL.NO_SUCH_ADDRESS", `This node does not have the address ${ip}, but ${listed(known, 8)}.`, {
      remedy: "Give the node its address first: F2, Configure Networks, or zs-network-setting.",
      values: { ip },
    });
  const { text: before, configuration } = await readConfiguration(world.configurationFile);
  const former = configuration["management.ip"];
  await writeConfiguration(world.configurationFile, withManagerSetting(before, "management.ip", ip));
  world.voice.say(`management.ip: ${former || "(that of the default route)"} -> ${ip}`);
  const running: string[] = [];
  for (const unit of [managerUnit, proxyUnit, uiUnit]) {
    const { active } = await unitState(world, unit);
    if (active === "active" || active === "reloading" || active === "activating") running.push(unit);
  }
  if (running.length === 0) return world.voice.say("The manager does not run: it takes the address at its next start.");
  world.voice.say(`Restarting ${running.join(", ")}`);
  await changeUnits(world, "restart", running);
  if (running.includes(managerUnit)) await requireAnswer(world);
  world.voice.say("The manager answers, and its certificate has the address.");
}
