import { NodeError } from "../error.ts";
import { listed, shown } from "../quote.ts";
import { legOptions } from "./bond-options.ts";
import { kindWords, type LinkKind, masterOf, noIpv4, noIpv6 } from "./configuration.ts";
import type { NetworkOperation } from "./operation.ts";
import type { LinkOf } from "./survey.ts";
import {
  entryOf,
  isKnown,
  isTaken,
  link,
  nameTaken,
  unknownLink,
  usersOf,
  type Workbench,
  withLink,
  withoutLink,
} from "./workbench.ts";

/* Bonds, VLANs and bridges: made, changed and taken away. Each function returns a new bench and leaves its own alone. */

const blank = { mtu: null, ipv4: noIpv4, ipv6: noIpv6 } as const;

/** NET.BOND_EXISTS, NET.NAME_TAKEN; with `change` NET.LINK_UNKNOWN, NET.KIND. */
export function bond(bench: Workbench, operation: Extract<NetworkOperation, { do: "bond" }>): Workbench {
  const { link: name, mode, options, change } = operation;
  if (change) {
    const entry = entryOf(bench, name, "bond");
    return withLink(bench, { ...entry, bond: { ...entry.bond, mode, options: { ...options } } });
  }
  if (link(bench, name)?.kind === "bond") {
    throw new NodeError("NET.BOND_EXISTS", `There is a bond ${shown(name)} already.`, {
      remedy: "Choose another name, or delete that one first.",
      values: { bond: name },
    });
  }
  if (isTaken(bench, name)) throw nameTaken(bench, name);
  return withLink(bench, { kind: "bond", name, ...blank, bond: { mode, options: { ...options }, legs: [] } });
}

/** NET.LINK_UNKNOWN, NET.KIND, NET.LEG_KIND, NET.LEG_TAKEN. */
export function attach(bench: Workbench, bondName: string, leg: string): Workbench {
  const { bond: settings, ...entry } = entryOf(bench, bondName, "bond");
  const own = link(bench, leg);
  if (own === undefined && !isKnown(bench, leg)) throw unknownLink(leg);
  if (own !== undefined && own.kind !== "ethernet") {
    throw new NodeError(
      "NET.LEG_KIND",
      `${shown(leg)} can't be a leg of ${shown(bondName)}: it is a ${kindWords[own.kind]}.`,
      {
        remedy: "Attach physical interfaces only.",
        values: { link: leg, master: bondName, kind: own.kind },
      },
    );
  }
  const master = masterOf(bench.configuration, leg);
  if (master !== undefined) throw taken("NET.LEG_TAKEN", leg, bondName, master);
  const freed = withoutAddresses(bench, leg);
  return carryManagement(
    withLink(freed, { ...entry, bond: { ...settings, legs: [...settings.legs, leg] } }),
    leg,
    bondName,
  );
}

function taken(
  code: "NET.LEG_TAKEN" | "NET.PORT_TAKEN",
  member: string,
  masterName: string,
  other: { name: string; kind: LinkKind },
): NodeError {
  const role = other.kind === "bond" ? "leg" : "port";
  const isSame = other.name === masterName;
  const description = isSame
    ? `${shown(member)} is a ${role} of ${shown(masterName)} already.`
    : `${shown(member)} can't be put into ${shown(masterName)}: it is a ${role} of ${shown(other.name)}.`;
  return new NodeError(code, description, {
    remedy: isSame ? "There is nothing to do." : `Take it out of ${shown(other.name)} first.`,
    values: { link: member, master: masterName, other: other.name },
  });
}

/** What a leg or port may keep is its MTU; without one it needs no entry. */
function withoutAddresses(bench: Workbench, name: string): Workbench {
  const entry = link(bench, name);
  if (entry === undefined) return bench;
  if (entry.kind === "ethernet" && entry.mtu === null) return withoutLink(bench, name);
  return withLink(bench, { ...entry, ipv4: noIpv4, ipv6: noIpv6 });
}

/** The management network goes on over what a link has become a part of. */
function carryManagement(bench: Workbench, from: string, to: string): Workbench {
  const { configuration } = bench;
  return configuration.managementLink === from
    ? { ...bench, configuration: { ...configuration, managementLink: to } }
    : bench;
}

/** NET.LINK_UNKNOWN, NET.KIND, NET.LEG_NOT. */
export function detach(bench: Workbench, bondName: string, leg: string): Workbench {
  const entry = entryOf(bench, bondName, "bond");
  const { legs } = entry.bond;
  if (!legs.includes(leg)) {
    throw new NodeError("NET.LEG_NOT", `${shown(leg)} is not a leg of ${shown(bondName)}.`, {
      remedy: legs.length === 0 ? `${shown(bondName)} has no leg.` : `Its legs are ${listed(legs)}.`,
      values: { link: leg, bond: bondName },
    });
  }
  const isGone = (option: string, value: string) => value === leg && legOptions.some((each) => each === option);
  const options = Object.entries(entry.bond.options).filter(([option, value]) => !isGone(option, value));
  return withLink(bench, {
    ...entry,
    bond: { ...entry.bond, options: Object.fromEntries(options), legs: legs.filter((each) => each !== leg) },
  });
}

/** NET.LINK_UNKNOWN, NET.VLAN_EXISTS, NET.NAME_TAKEN. */
export function vlan(bench: Workbench, parent: string, id: number): Workbench {
  if (!isKnown(bench, parent)) throw unknownLink(parent);
  const name = `${parent}.${id}`;
  const same = bench.configuration.links.find(
    (each): each is LinkOf<"vlan"> => each.kind === "vlan" && each.vlan.parent === parent && each.vlan.id === id,
  );
  if (same !== undefined) {
    const as = same.name === name ? "" : `: ${shown(same.name)}`;
    throw new NodeError("NET.VLAN_EXISTS", `${shown(parent)} has the VLAN ${id} already${as}.`, {
      remedy: "Choose another id, or use that one.",
      values: { parent, id, link: same.name },
    });
  }
  if (isTaken(bench, name)) throw nameTaken(bench, name);
  return withLink(bench, { kind: "vlan", name, ...blank, vlan: { parent, id } });
}

/**
 * A bridge that has the port already is left as it is, so that setting its address anew needs no other operations.
 * NET.LINK_UNKNOWN, NET.NAME_TAKEN, NET.PORT_KIND, NET.PORT_TAKEN.
 */
export function bridge(bench: Workbench, name: string, port: string): Workbench {
  const there = link(bench, name);
  if (there?.kind === "bridge" && there.bridge.ports.includes(port)) return bench;
  const own = link(bench, port);
  if (own === undefined && !isKnown(bench, port)) throw unknownLink(port);
  if (own?.kind === "bridge") {
    throw new NodeError("NET.PORT_KIND", `${shown(port)} can't be a port of ${shown(name)}: it is a bridge itself.`, {
      remedy: "Set the address of that bridge.",
      values: { link: port, master: name, kind: own.kind },
    });
  }
  if (isTaken(bench, name) || name === port) throw nameTaken(bench, name);
  const master = masterOf(bench.configuration, port);
  if (master !== undefined) throw taken("NET.PORT_TAKEN", port, name, master);
  const { ipv4 = noIpv4, ipv6 = noIpv6 } = own ?? {};
  const made = withLink(withoutAddresses(bench, port), {
    kind: "bridge",
    name,
    mtu: null,
    ipv4,
    ipv6,
    bridge: { ports: [port], stp: false },
  });
  return carryManagement(made, port, name);
}

/** NET.LINK_UNKNOWN, NET.KIND, NET.IN_USE. */
export function deleteLink(bench: Workbench, name: string, kind: LinkKind): Workbench {
  const isBareCard = kind === "ethernet" && link(bench, name) === undefined && isKnown(bench, name, "named");
  if (isBareCard) return bench;
  entryOf(bench, name, kind);
  const users = kind === "ethernet" ? [] : usersOf(bench, name);
  if (users.length === 0) return withoutLink(bench, name);
  throw new NodeError(
    "NET.IN_USE",
    `${shown(name)} can't be deleted: ${listed(users)} ${users.length === 1 ? "needs" : "need"} it.`,
    {
      remedy: `Delete ${listed(users)} first.`,
      values: { link: name, users: users.slice(0, 16).join(" ") },
    },
  );
}
