import * as z from "zod/mini";

/*
 * The network of a node as one value: what was configured, not what happens to be so at the moment (that is the fact
 * `network`). Drafts of it may hold anything that a person can type; `problems.ts` says what is wrong with one.
 */

/** Modes of the kernel's bonding driver. Source: the kernel's networking/bonding; a mode's index is its number. */
export const bondModes = [
  "balance-rr",
  "active-backup",
  "balance-xor",
  "broadcast",
  "802.3ad",
  "balance-tlb",
  "balance-alb",
] as const;
export type BondMode = (typeof bondModes)[number];

const text = (most: number) => z.string().check(z.maxLength(most));
/** Far above what any interface or server is called; what is longer is not worth a sentence of its own. */
const name = text(256);
const list = <T extends z.ZodMiniType>(of: T, most: number) => z.array(of).check(z.maxLength(most));

/** An address with the length of its network's prefix. */
export const ownAddress = z.object({ address: text(64), prefix: z.number() });
export type OwnAddress = z.infer<typeof ownAddress>;

/** A way to a network that is not behind the default gateway. */
export const route = z.object({
  /** A network, as 10.1.0.0/16. */
  to: text(64),
  /** null: the network is on the link itself. */
  via: z.nullable(text(64)),
  /** null: the kernel's or NetworkManager's choice. */
  metric: z.nullable(z.number()),
});
export type Route = z.infer<typeof route>;

const family = {
  /** Static addresses, the first is the primary; beside `dhcp` and `auto` more addresses that are always there. */
  addresses: list(ownAddress, 64),
  gateway: z.nullable(text(64)),
  routes: list(route, 256),
  /** Servers that are asked instead of those that DHCP or routers name; none: those. */
  nameServers: list(text(64), 16),
};
export const ipv4Settings = z.object({ method: z.enum(["dhcp", "static", "none"]), ...family });
/** `auto`: by router advertisements (SLAAC), and DHCP where the router says so. */
export const ipv6Settings = z.object({ method: z.enum(["auto", "dhcp", "static", "none"]), ...family });
export type Ipv4Settings = z.infer<typeof ipv4Settings>;
export type Ipv6Settings = z.infer<typeof ipv6Settings>;

export const bondSettings = z.object({
  mode: z.enum(bondModes),
  /** Further options of the driver, by the kernel's names: `miimon`, `xmit_hash_policy`. */
  options: z.record(text(64), text(256)),
  legs: list(name, 64),
});
export const bridgeSettings = z.object({ ports: list(name, 1024), stp: z.boolean() });

const common = {
  name,
  /** Bytes; null: what the kernel takes by itself. */
  mtu: z.nullable(z.number()),
  ipv4: ipv4Settings,
  ipv6: ipv6Settings,
};

/**
 * One interface that is configured. A leg of a bond and a port of a bridge are named there and have no addresses; the
 * entry of such a link is for its MTU.
 */
export const linkSettings = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ethernet"), ...common }),
  z.object({ kind: z.literal("bond"), ...common, bond: bondSettings }),
  z.object({ kind: z.literal("vlan"), ...common, vlan: z.object({ parent: name, id: z.number() }) }),
  z.object({ kind: z.literal("bridge"), ...common, bridge: bridgeSettings }),
]);
export type LinkSettings = z.infer<typeof linkSettings>;
export type LinkKind = LinkSettings["kind"];
/** The kinds in English sentences. */
export const kindWords = { ethernet: "network card", bond: "bond", vlan: "VLAN", bridge: "bridge" } as const;

export const networkConfiguration = z.object({
  hostname: text(1024),
  /** Names or addresses; none: those that the system's own configuration has. */
  timeServers: list(text(253), 16),
  /** The interface of the management network; null: that of the default route. */
  managementLink: z.nullable(name),
  links: list(linkSettings, 4096),
});
export type NetworkConfiguration = z.infer<typeof networkConfiguration>;

/** What the machine itself has, as far as a configuration depends on it. */
export type NetworkHardware = {
  /** Physical interfaces by their present names. */
  links: readonly {
    name: string;
    mac: string | null;
    speedMbps: number | null;
    carrier: boolean | null;
    /** Bytes; null: the driver does not tell. */
    maxMtu: number | null;
  }[];
  /** Interfaces that exist and that this configuration doesn't make: tunnels, those of virtual machines. */
  otherNames: readonly string[];
};

export const noIpv4: Ipv4Settings = { method: "none", addresses: [], gateway: null, routes: [], nameServers: [] };
export const noIpv6: Ipv6Settings = { method: "none", addresses: [], gateway: null, routes: [], nameServers: [] };

export function linkOf(configuration: NetworkConfiguration, link: string): LinkSettings | undefined {
  return configuration.links.find((each) => each.name === link);
}

/** The bond or bridge that a link belongs to. */
export function masterOf(configuration: NetworkConfiguration, link: string): LinkSettings | undefined {
  return configuration.links.find(
    (each) =>
      (each.kind === "bond" && each.bond.legs.includes(link)) ||
      (each.kind === "bridge" && each.bridge.ports.includes(link)),
  );
}

/** VLANs on a link. */
export function vlansOn(configuration: NetworkConfiguration, link: string): LinkSettings[] {
  return configuration.links.filter((each) => each.kind === "vlan" && each.vlan.parent === link);
}

/** Addresses beside the one that a link is known by: that is the first of static ones, or what it learns. */
export function furtherAddresses({ method, addresses }: Ipv4Settings | Ipv6Settings): readonly OwnAddress[] {
  return method === "static" ? addresses.slice(1) : addresses;
}

/** A link's addresses with another one to be known by, or with none but those beside what it learns: those stay. */
export function withFirstAddress(settings: Ipv4Settings | Ipv6Settings, first: OwnAddress | null): OwnAddress[] {
  const further = furtherAddresses(settings);
  return first === null ? [...further] : [first, ...further.filter(({ address }) => address !== first.address)];
}
