import {
  bondModes,
  type Ipv4Settings,
  type Ipv6Settings,
  type LinkSettings,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
  type Route,
} from "../../../../core/model/network/configuration.ts";
import type { Random } from "../../../support/random.ts";
import { present } from "./profile-bed.ts";

/** Some configuration that a machine could have. */
export function randomConfiguration(random: Random): NetworkConfiguration {
  const links = new Map<string, LinkSettings>();
  const free = present.map(({ name }) => name);
  const take = () => free.splice(random.below(free.length), 1)[0];
  const common = (name: string) => ({ name, mtu: mtuOf(random), ipv4: ipv4Of(random), ipv6: ipv6Of(random) });
  const add = (link: LinkSettings) => links.set(link.name, link);
  const ports = new Set<string>();

  for (let i = 0; i < random.below(3); i += 1) {
    const legs = Array.from({ length: random.below(3) }, take).filter((leg) => leg !== undefined);
    for (const leg of legs) ports.add(leg);
    for (const leg of legs) if (random.chance(40)) add({ kind: "ethernet", ...bare(leg), mtu: 9000 });
    const options = random.chance(50) ? { miimon: "100", xmit_hash_policy: "layer2+3" } : {};
    add({ kind: "bond", ...common(`bond${i}`), bond: { mode: random.pick(bondModes), options, legs } });
  }
  for (const name of free) if (random.chance(60)) add({ kind: "ethernet", ...common(name) });
  for (let i = 0; i < random.below(4); i += 1) {
    const parent = random.pick([...links.keys(), "eno4"]);
    const id = 1 + random.below(4094);
    if (!parent.includes(".")) add({ kind: "vlan", ...common(`${parent}.${id}`), vlan: { parent, id } });
  }
  for (let i = 0; i < random.below(3); i += 1) {
    const able = [...links.keys()].filter((name) => !ports.has(name) && !name.startsWith("br"));
    const own = able.filter(() => random.chance(30));
    for (const name of own) {
      ports.add(name);
      const link = links.get(name);
      if (link !== undefined) add({ ...link, ipv4: noIpv4, ipv6: noIpv6 });
    }
    add({ kind: "bridge", ...common(`br${i}`), bridge: { ports: own, stp: random.chance(50) } });
  }
  return { hostname: "node1", timeServers: [], managementLink: null, links: [...links.values()] };
}

function bare(name: string) {
  return { name, mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
}

function mtuOf(random: Random): number | null {
  return random.chance(30) ? random.pick([1500, 9000, 9216]) : null;
}

function some<T>(random: Random, most: number, make: (i: number) => T): T[] {
  return Array.from({ length: random.below(most + 1) }, (_, i) => make(i));
}

function ipv4Of(random: Random): Ipv4Settings {
  const method = random.pick(["dhcp", "static", "none"] as const);
  if (method === "none") return noIpv4;
  const address = (i: number) => ({ address: `10.${random.below(250)}.${i}.5`, prefix: 8 + random.below(25) });
  const addresses = method === "static" ? [address(9), ...some(random, 2, address)] : some(random, 2, address);
  const route = (i: number): Route => ({
    to: `172.16.${i}.0/24`,
    via: random.chance(60) ? "10.0.0.9" : null,
    metric: random.chance(50) ? random.below(5000) : null,
  });
  return {
    method,
    addresses,
    gateway: addresses.length > 0 && random.chance(60) ? "10.0.0.1" : null,
    routes: some(random, 3, route),
    nameServers: some(random, 3, (i) => `9.9.9.${i + 1}`),
  };
}

function ipv6Of(random: Random): Ipv6Settings {
  const method = random.pick(["auto", "dhcp", "static", "none"] as const);
  if (method === "none") return noIpv6;
  const address = (i: number) => ({ address: `fd00:${1 + random.below(9)}::${i + 1}`, prefix: 16 + random.below(113) });
  const addresses = method === "static" ? [address(9), ...some(random, 2, address)] : some(random, 2, address);
  const route = (i: number): Route => ({
    to: `fd0${i}::/64`,
    via: random.chance(60) ? "fd00::9" : null,
    metric: random.chance(50) ? random.below(5000) : null,
  });
  return {
    method,
    addresses,
    gateway: addresses.length > 0 && random.chance(60) ? "fd00::1" : null,
    routes: some(random, 3, route),
    nameServers: some(random, 3, (i) => `2620:fe::${i + 1}`),
  };
}
