import { isDeepStrictEqual } from "node:util";
import { NodeError } from "../../model/error.ts";
import type { NetworkConfiguration } from "../../model/network/configuration.ts";
import { renamed } from "../../model/network/rename.ts";
import { networkSource } from "../facts/network.ts";
import { sleep } from "../machine.ts";
import { activationSteps, profiledLinks } from "./activation.ts";
import { activateLinks, type LinkFailure } from "./apply.ts";
import { bindProfiles } from "./bind-profiles.ts";
import type { RunningChange } from "./journal.ts";
import { deviceStates, type NetworkManager } from "./manager.ts";
import { forgetTried, removeTried, writeTried } from "./overlay.ts";
import { presentLink } from "./present.ts";
import { effectiveProfiles } from "./profiles.ts";
import { readProfileFiles } from "./read-profiles.ts";
import type { NetworkWorld } from "./world.ts";
import type { ProfileWrite } from "./write-profiles.ts";

/* The effects of a change, each of which may be interrupted at any moment and done once more. */

type Change = Pick<RunningChange, "before" | "after" | "renames" | "tried" | "active">;

/** Profiles that are active now: what is to be active again when a change is taken back. */
export async function activeProfiles(manager: NetworkManager): Promise<RunningChange["active"]> {
  return (await manager.devices()).flatMap(({ name, type, uuid, state }) =>
    uuid !== null && type !== "loopback" && state >= deviceStates.ipConfig ? [{ device: name, uuid }] : [],
  );
}

/**
 * Gives links their new names, with the settings that they have: what NetworkManager keeps for its own way back after
 * that fits the names, and that way needs nobody who gives the old ones back.
 *
 * @param writes the former settings under the new names
 */
export async function giveNewNames(
  world: NetworkWorld,
  manager: NetworkManager,
  change: Change,
  writes: readonly ProfileWrite[],
): Promise<void> {
  await writeTried(world.root, writes, change.tried);
  await renameLinks(world, change.renames);
  await manager.reload();
}

/** Tries a change, of links that have their new names: its profiles go to /run, and NetworkManager takes them over. */
export async function putInForce(
  world: NetworkWorld,
  manager: NetworkManager,
  change: Change,
  writes: readonly ProfileWrite[],
  signal: AbortSignal,
): Promise<LinkFailure[]> {
  await writeTried(world.root, writes, change.tried);
  const former = await reload(manager);
  return activate(world, manager, { from: underNewNames(change), to: change.after, former, signal });
}

/**
 * Goes back to what was before: what /etc holds. Also after a crash, with any part of the change done, or none.
 *
 * @returns links that did not come back, with NetworkManager's words
 */
export async function takeBack(
  world: NetworkWorld,
  manager: NetworkManager,
  change: Change,
  signal: AbortSignal,
): Promise<LinkFailure[]> {
  await removeTried(world.root, change.tried);
  await renameLinks(
    world,
    [...change.renames].reverse().map(([from, to]): [string, string] => [to, from]),
  );
  const former = await reload(manager);
  const oldNames = new Map(change.renames.map(([from, to]) => [to, from]));
  const { configuration } = renamed(change.after, oldNames);
  const failures = await activate(world, manager, { from: configuration, to: change.before, former, signal });
  const known = new Set((await profilesByLink(world, signal)).values());
  // Those of other programs' links have no file and come back by themselves.
  const active = change.active.filter(({ uuid }) => known.has(uuid));
  return [...failures, ...(await reactivateMissing(manager, active))];
}

/** What was tried is in /etc now. NetworkManager reads it from there; nothing changes for the devices. */
export async function settleDown(
  world: NetworkWorld,
  manager: NetworkManager | null,
  change: Change,
): Promise<LinkFailure[]> {
  await forgetTried(world.root, change.tried);
  await manager?.reload();
  return [];
}

/**
 * The same after a crash or a power cut in the middle: cards may still have their old names, and NetworkManager may have
 * gone back to the former network by itself.
 *
 * @returns links that could not be brought to what was kept
 */
export async function settleResumed(
  world: NetworkWorld,
  manager: NetworkManager | null,
  change: Change,
): Promise<LinkFailure[]> {
  if (manager !== null) await renameLinks(world, change.renames);
  await forgetTried(world.root, change.tried);
  if (manager === null) return [];
  const former = await reload(manager);
  const { signal } = new AbortController();
  return activate(world, manager, {
    from: underNewNames(change),
    to: change.after,
    former,
    signal,
    how: "whereNeeded",
  });
}

/** The configuration before the change with the names that its links have after it. */
function underNewNames({ before, renames }: Change): NetworkConfiguration {
  return renamed(before, new Map(renames)).configuration;
}

/** Lets NetworkManager read the profiles anew; returns those that were active before it did, by device. */
async function reload(manager: NetworkManager): Promise<ReadonlyMap<string, string>> {
  const devices = await manager.devices();
  await manager.reload();
  return new Map(devices.flatMap(({ name, uuid }) => (uuid === null ? [] : [[name, uuid] as const])));
}

type Activation = {
  from: NetworkConfiguration;
  to: NetworkConfiguration;
  /** Profiles that were active before NetworkManager read them anew, by device. */
  former: ReadonlyMap<string, string>;
  signal: AbortSignal;
  how?: "all" | "whereNeeded";
};

async function activate(
  world: NetworkWorld,
  manager: NetworkManager,
  { from, to, former, signal, how = "all" }: Activation,
): Promise<LinkFailure[]> {
  const planned = activationSteps(from, to);
  // A device that has its profile already is not started anew for being asked once more.
  const steps = how === "all" ? planned : planned.map(({ link }) => ({ link, do: "reapply" as const }));
  const uuids = await profilesByLink(world, signal);
  const context = { machine: world.machine, manager, uuidOf: (link: string) => uuids.get(link), former, signal };
  const failures = await activateLinks(context, steps);
  await removeGone(world, from, to);
  return failures;
}

const goneWithinMs = 1_000;
const lookEveryMs = 100;

/**
 * Takes away bonds, bridges and VLANs that are not in the configuration any more. NetworkManager does it by itself,
 * unless it was started anew in between: then it takes them for somebody else's.
 */
async function removeGone(world: NetworkWorld, from: NetworkConfiguration, to: NetworkConfiguration): Promise<void> {
  const { machine, change } = world;
  const stays = new Set(profiledLinks(to));
  const gone = from.links.filter(({ kind, name }) => kind !== "ethernet" && !stays.has(name)).map(({ name }) => name);
  const left = async () => {
    const there = new Set(gone.length === 0 ? [] : await machine.readDir("/sys/class/net"));
    return gone.filter((name) => there.has(name));
  };
  const until = machine.monotonicMs() + goneWithinMs;
  while ((await left()).length > 0 && machine.monotonicMs() < until)
    await sleep(machine, lookEveryMs, new AbortController().signal);
  for (const name of await left()) {
    const options = { timeoutMs: 10_000, reason: `take away ${name}` };
    const { code, stderr } = await change("ip", ["link", "delete", "dev", name], options);
    if (code !== 0) world.onTrouble(`taking away ${name}`, stderr);
  }
}

/** The UUID of each link's profile, as the files have it now. */
async function profilesByLink(world: NetworkWorld, signal: AbortSignal): Promise<Map<string, string>> {
  const files = await readProfileFiles(world.root);
  const { links } = await networkSource().read(world.machine, signal);
  const { bound } = bindProfiles(effectiveProfiles(files).profiles, links.map(presentLink));
  return new Map([...bound.values()].map(({ link, profile }) => [link, profile.uuid]));
}

/**
 * Gives links their new names. The kernel lets a link that is up have another name; older ones want it down for that.
 * One that has its new name already is left alone.
 */
async function renameLinks(world: NetworkWorld, renames: readonly (readonly [string, string])[]): Promise<void> {
  if (renames.length === 0) return;
  const names = new Set(await world.machine.readDir("/sys/class/net"));
  const open = new Set(renames);
  for (;;) {
    // Of eno1 to eno2 and eno2 to eno3 the second comes first.
    const next = [...open].find(([from, to]) => names.has(from) && !names.has(to));
    if (next === undefined) return;
    open.delete(next);
    const [from, to] = next;
    const options = { timeoutMs: 10_000, reason: `rename ${from} to ${to}` };
    const rename = async () => (await world.change("ip", ["link", "set", "dev", from, "name", to], options)).code === 0;
    // udev gives a card all the names that it might have had: the kernel wants such a one free, even of the card itself.
    const unname = () => world.change("ip", ["link", "property", "del", "dev", from, "altname", to], options);
    const isRenamed = (await rename()) || ((await unname()).code === 0 && (await rename()));
    if (!isRenamed) await renameDown(world, from, to);
    names.delete(from);
    names.add(to);
  }
}

async function renameDown(world: NetworkWorld, from: string, to: string): Promise<void> {
  const options = { timeoutMs: 10_000, reason: `rename ${from} to ${to}` };
  const set = (...args: string[]) => world.change("ip", ["link", "set", "dev", ...args], options);
  const stopped = await set(from, "down");
  const given = stopped.code === 0 ? await set(from, "name", to) : stopped;
  // Also where it keeps its name: nobody else would take it up again.
  const started = await set(given.code === 0 ? to : from, "up");
  const refused = [given, started].find(({ code }) => code !== 0);
  if (refused === undefined) return;
  throw new NodeError(
    "NET.RENAME_REFUSED",
    `The kernel refused to rename ${from} to ${to}: ${refused.stderr.trim()}.`,
    {
      remedy: "Choose another name, or restart the node and try again.",
      values: { from, to },
    },
  );
}

/** What was active before and isn't now, though its profile did not change. */
async function reactivateMissing(manager: NetworkManager, active: RunningChange["active"]): Promise<LinkFailure[]> {
  const now = await activeProfiles(manager);
  const failures: LinkFailure[] = [];
  for (const wanted of active) {
    if (now.some((each) => isDeepStrictEqual(each, wanted))) continue;
    try {
      await manager.activate(wanted.uuid, wanted.device);
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      failures.push({ link: wanted.device, why: error.message });
    }
  }
  return failures;
}
