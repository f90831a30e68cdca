import type { LinkSettings, NetworkConfiguration, NetworkHardware } from "./configuration.ts";

export type LinkOf<K extends LinkSettings["kind"]> = Extract<LinkSettings, { kind: K }>;
type Physical = NetworkHardware["links"][number];

/** Where a link is used as a leg or a port: the n-th of which bond or bridge. */
export type Use = { master: LinkOf<"bond"> | LinkOf<"bridge">; index: number };

/** A configuration with what every rule looks up, gone through once: so rules need no scan within a scan. */
export type Survey = {
  configuration: NetworkConfiguration;
  /** The first entry of each name. */
  links: ReadonlyMap<string, LinkSettings>;
  /** Each link's uses, in the order of the configuration. */
  uses: ReadonlyMap<string, readonly Use[]>;
  /** VLANs by their parent. */
  vlans: ReadonlyMap<string, readonly LinkOf<"vlan">[]>;
  /** The first VLAN of each parent and id, by `vlanKey`. */
  vlanIds: ReadonlyMap<string, LinkOf<"vlan">>;
  /** null: the machine is not known. */
  physical: ReadonlyMap<string, Physical> | null;
  otherNames: ReadonlySet<string>;
  /** Physical links that the configuration in force names already: a card that has died since is no mistake in a draft. */
  known: ReadonlySet<string>;
};

export function survey(
  configuration: NetworkConfiguration,
  hardware: NetworkHardware | null,
  inForce: NetworkConfiguration | null,
): Survey {
  const links = new Map<string, LinkSettings>();
  const uses = new Map<string, Use[]>();
  const vlans = new Map<string, LinkOf<"vlan">[]>();
  const vlanIds = new Map<string, LinkOf<"vlan">>();
  for (const link of configuration.links) {
    if (!links.has(link.name)) links.set(link.name, link);
    if (link.kind === "vlan") {
      add(vlans, link.vlan.parent, link);
      if (!vlanIds.has(vlanKey(link))) vlanIds.set(vlanKey(link), link);
    }
    if (link.kind === "bond" || link.kind === "bridge")
      for (const [index, member] of membersOf(link).entries()) add(uses, member, { master: link, index });
  }
  return {
    configuration,
    links,
    uses,
    vlans,
    vlanIds,
    physical: hardware === null ? null : new Map(hardware.links.map((link) => [link.name, link])),
    otherNames: new Set(hardware?.otherNames),
    known: new Set(inForce === null ? [] : namedLinks(inForce)),
  };
}

export function vlanKey({ vlan }: LinkOf<"vlan">): string {
  return `${vlan.id} ${vlan.parent}`;
}

/** Puts an item to those of a key. */
export function add<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

/** Legs of a bond, ports of a bridge. */
export function membersOf(link: LinkSettings): readonly string[] {
  if (link.kind === "bond") return link.bond.legs;
  return link.kind === "bridge" ? link.bridge.ports : [];
}

/** What a link is made of or lies on. */
export function belowOf(link: LinkSettings): readonly string[] {
  return link.kind === "vlan" ? [link.vlan.parent] : membersOf(link);
}

/** Every link that a configuration has an entry for or refers to. */
export function namedLinks(configuration: NetworkConfiguration): Set<string> {
  return new Set(configuration.links.flatMap((link) => [link.name, ...belowOf(link)]));
}

export function hasAddresses(link: LinkSettings): boolean {
  return link.ipv4.method !== "none" || link.ipv6.method !== "none";
}

/** Whether there is such a link: one of the configuration, or a card. Unknown machines are given the benefit. */
export function presence({ links, physical, known }: Survey, name: string): "there" | "gone" | "unknown" {
  const entry = links.get(name);
  if (entry !== undefined && entry.kind !== "ethernet") return "there";
  if (physical === null || physical.has(name)) return "there";
  return known.has(name) ? "gone" : "unknown";
}
