import { isDeepStrictEqual } from "node:util";
import {
  type LinkSettings,
  linkOf,
  masterOf,
  type NetworkConfiguration,
  vlansOn,
} from "../../model/network/configuration.ts";

/** What NetworkManager must do with a link once it knows the new profiles. */
export type ActivationStep = { link: string; do: "reapply" | "activate" };

/**
 * The steps from one configuration to another, lower layers first: a bond or bridge before what belongs to it, a link
 * before the VLANs on it. Links that are gone need no step: NetworkManager ends what has no profile.
 *
 * @param previous with the names that `next` has: renames are already in it
 */
export function activationSteps(previous: NetworkConfiguration, next: NetworkConfiguration): ActivationStep[] {
  const steps = new Map<string, ActivationStep["do"]>();
  const ordered = inOrder(next);
  for (const link of ordered) {
    const wanted = wants(previous, next, link);
    const carriers = [masterOf(next, link)?.name, parentOf(next, link)];
    // What a link stands on is made anew: NetworkManager takes it down with it, and may not bring it back by itself.
    const isCarried = carriers.some((carrier) => carrier !== undefined && isMadeAnew(previous, steps, carrier));
    const step = isCarried ? "activate" : wanted;
    if (step !== undefined) steps.set(link, step);
  }
  return ordered.flatMap((link) => {
    const step = steps.get(link);
    return step === undefined ? [] : [{ link, do: step }];
  });
}

function isMadeAnew(previous: NetworkConfiguration, steps: ReadonlyMap<string, string>, link: string): boolean {
  return steps.get(link) === "activate" && linkOf(previous, link) !== undefined;
}

function wants(
  previous: NetworkConfiguration,
  next: NetworkConfiguration,
  link: string,
): ActivationStep["do"] | undefined {
  const [before, after] = [linkOf(previous, link), linkOf(next, link)];
  const [masterBefore, masterAfter] = [masterOf(previous, link)?.name, masterOf(next, link)?.name];
  if (masterBefore !== masterAfter) return "activate";
  // The leg of a bond that is there in both, without settings of its own.
  if (after === undefined) return before === undefined ? undefined : "activate";
  if (before === undefined) return masterAfter === undefined ? "activate" : "reapply";
  if (!isDeepStrictEqual(shapeOf(before), shapeOf(after))) return "activate";
  return isDeepStrictEqual(settingsOf(before), settingsOf(after)) ? undefined : "reapply";
}

/** What a device is made of; the links that belong to it come and go by themselves. */
function shapeOf(link: LinkSettings): unknown {
  switch (link.kind) {
    case "ethernet":
      return [link.kind];
    case "bond":
      return [link.kind, link.bond.mode, link.bond.options];
    case "vlan":
      return [link.kind, link.vlan];
    case "bridge":
      return [link.kind, link.bridge.stp];
  }
}

function settingsOf({ mtu, ipv4, ipv6 }: LinkSettings): unknown {
  return [mtu, ipv4, ipv6];
}

function parentOf(configuration: NetworkConfiguration, link: string): string | undefined {
  const settings = linkOf(configuration, link);
  return settings?.kind === "vlan" ? settings.vlan.parent : undefined;
}

/** Every link that has a profile: those with settings and those that belong to a bond or a bridge. */
export function profiledLinks(configuration: NetworkConfiguration): string[] {
  const members = configuration.links.flatMap((link) => {
    if (link.kind === "bond") return link.bond.legs;
    return link.kind === "bridge" ? link.bridge.ports : [];
  });
  return [...new Set([...configuration.links.map(({ name }) => name), ...members])];
}

function inOrder(configuration: NetworkConfiguration): string[] {
  const ranks = new Map<string, number>();
  const rankOf = (link: string, seen: ReadonlySet<string>): number => {
    const known = ranks.get(link);
    // A ring can't be validated away here; it must only end.
    if (known !== undefined || seen.has(link)) return known ?? 0;
    const below = [masterOf(configuration, link)?.name, parentOf(configuration, link)].filter(
      (each) => each !== undefined,
    );
    const rank = below.reduce((most, each) => Math.max(most, 1 + rankOf(each, new Set([...seen, link]))), 0);
    ranks.set(link, rank);
    return rank;
  };
  const links = profiledLinks(configuration);
  return links
    .map((link, nth) => ({ link, nth, rank: rankOf(link, new Set()) }))
    .sort((a, b) => a.rank - b.rank || a.nth - b.nth)
    .map(({ link }) => link);
}

/** Links that a change touches, with all that stands on them: those whose working has to be looked at. */
export function touchedLinks(previous: NetworkConfiguration, next: NetworkConfiguration): string[] {
  const touched = new Set(activationSteps(previous, next).map(({ link }) => link));
  const lost = profiledLinks(previous).filter((link) => !profiledLinks(next).includes(link));
  for (const link of lost) {
    const master = masterOf(previous, link)?.name;
    if (master !== undefined && linkOf(next, master) !== undefined) touched.add(master);
  }
  for (;;) {
    const before = touched.size;
    for (const link of [...touched]) {
      const master = masterOf(next, link)?.name;
      if (master !== undefined) touched.add(master);
      for (const { name } of vlansOn(next, link)) touched.add(name);
    }
    if (touched.size === before) return [...touched];
  }
}
