import {
  type BondMode,
  type Ipv4Settings,
  type Ipv6Settings,
  type LinkSettings,
  type NetworkConfiguration,
  type NetworkHardware,
  noIpv4,
  noIpv6,
  type OwnAddress,
} from "../../../../core/model/network/configuration.ts";
import type { Random } from "../../../support/random.ts";

/* Networks to test with: built by hand in a line each, and by chance. */

export function own(text: string): OwnAddress {
  const [address = "", prefix = ""] = text.split("/");
  return { address, prefix: Number(prefix) };
}

export function four(addresses: string | string[], more: Partial<Ipv4Settings> = {}): { ipv4: Ipv4Settings } {
  return { ipv4: { ...noIpv4, method: "static", addresses: [addresses].flat().map(own), ...more } };
}

export function six(addresses: string | string[], more: Partial<Ipv6Settings> = {}): { ipv6: Ipv6Settings } {
  return { ipv6: { ...noIpv6, method: "static", addresses: [addresses].flat().map(own), ...more } };
}

type Common = Partial<Pick<LinkSettings, "mtu" | "ipv4" | "ipv6">>;
const common = { mtu: null, ipv4: noIpv4, ipv6: noIpv6 };

export function ethernet(name: string, more: Common = {}): LinkSettings {
  return { kind: "ethernet", name, ...common, ...more };
}

export function bond(
  name: string,
  legs: string[],
  more: Common & { mode?: BondMode; options?: Record<string, string> } = {},
): LinkSettings {
  const { mode = "802.3ad", options = { miimon: "100" }, ...rest } = more;
  return { kind: "bond", name, ...common, ...rest, bond: { mode, options, legs } };
}

export function vlan(name: string, parent: string, id: number, more: Common = {}): LinkSettings {
  return { kind: "vlan", name, ...common, ...more, vlan: { parent, id } };
}

export function bridge(name: string, ports: string[], more: Common & { stp?: boolean } = {}): LinkSettings {
  const { stp = false, ...rest } = more;
  return { kind: "bridge", name, ...common, ...rest, bridge: { ports, stp } };
}

export function network(links: LinkSettings[], more: Partial<NetworkConfiguration> = {}): NetworkConfiguration {
  return { hostname: "node-1", timeServers: [], managementLink: "eno1", links, ...more };
}

const card = (name: string, more: Partial<NetworkHardware["links"][number]> = {}) => ({
  name,
  mac: null,
  speedMbps: 10_000,
  carrier: true,
  maxMtu: 9000,
  ...more,
});

export const server: NetworkHardware = {
  links: [card("eno1", { speedMbps: 1000 }), card("eno2", { speedMbps: 1000 }), card("p5p1"), card("p5p2")],
  otherNames: ["vnet0", "wg0"],
};

/** The management interface as it should be; what a case is about comes beside it. */
export const management = ethernet("eno1", four("10.0.0.5/24", { gateway: "10.0.0.1", nameServers: ["10.0.0.2"] }));

/** A node with everything: a bond, VLANs on it, bridges, the management network on a card of its own. */
export const whole = network([
  management,
  bond("bond0", ["p5p1", "p5p2"], { mtu: 9000, options: { miimon: "100", xmit_hash_policy: "layer2+3" } }),
  vlan("bond0.10", "bond0", 10),
  vlan("bond0.20", "bond0", 20, { mtu: 1500, ...four("10.20.0.5/24"), ...six("fd00:20::5/64") }),
  bridge(
    "br_bond0",
    ["bond0"],
    four("192.168.93.3/24", { routes: [{ to: "10.9.0.0/16", via: "192.168.93.1", metric: 5 }] }),
  ),
  bridge("br_bond0.10", ["bond0.10"]),
]);

/** A configuration without an error, with up to `most` of each kind of link, and the machine that it is for. */
export function randomNetwork(
  random: Random,
  most = 4,
): { configuration: NetworkConfiguration; hardware: NetworkHardware } {
  const cards = Array.from({ length: 2 + random.below(2 * most) }, (_, i) => `eno${i + 1}`);
  const links: LinkSettings[] = [];
  let subnet = random.below(1000);
  const addressing = (): Common => {
    if (random.chance(40)) return {};
    subnet++;
    const base = `10.${subnet >> 8}.${subnet & 255}`;
    const isDynamic = random.chance(20);
    return {
      ...(isDynamic ? { ipv4: { ...noIpv4, method: "dhcp" } } : four(`${base}.5/24`)),
      ...(random.chance(30) ? six(`fd00:${subnet}::5/64`) : {}),
    };
  };
  const free = [...cards];
  const tops: string[] = [];
  for (let i = 0; i < most && free.length > 2 && random.chance(60); i++) {
    const legs = free.splice(0, random.below(3));
    const mode = random.pick(["802.3ad", "active-backup"] as const);
    const primary = mode === "active-backup" && legs[0] !== undefined ? { primary: legs[0] } : {};
    const options = { miimon: "100", ...primary };
    links.push(bond(`bond${i}`, legs, { mode, options, ...(random.chance(50) ? { mtu: 9000 } : {}) }));
    tops.push(`bond${i}`);
  }
  for (const name of free) if (random.chance(60)) links.push(ethernet(name, addressing()));
  tops.push(...free);
  for (let i = 0; i < most && random.chance(70); i++) {
    const parent = random.pick(tops);
    const id = 10 + i;
    links.push(vlan(`${parent}.${id}`, parent, id, addressing()));
    if (random.chance(40)) links.push(bridge(`br${i}`, [`${parent}.${id}`], addressing()));
  }
  const bridged = new Set(links.flatMap((link) => (link.kind === "bridge" ? link.bridge.ports : [])));
  const plain = links.map((link) => (bridged.has(link.name) ? { ...link, ipv4: noIpv4, ipv6: noIpv6 } : link));
  const managementLink = random.chance(50) ? random.pick(["eno1", ...plain.map(({ name }) => name)]) : null;
  return {
    configuration: network(plain, { managementLink, hostname: `node-${random.below(100)}` }),
    hardware: { links: cards.map((name) => card(name)), otherNames: ["vnet0"] },
  };
}
