import { type Address, formatAddress, formatNetwork, networkRange } from "../address.ts";
import { manyNameServers, mostNameServers, noNameServer, type Own } from "../address-problems.ts";
import type { LinkSettings } from "./configuration.ts";
import { ownOf } from "./fields.ts";
import { called, fieldOf, problem, warning } from "./problem.ts";
import { parseNetwork } from "./route-fields.ts";
import type { Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/* What is wrong with addresses, gateways, routes and name servers of the node's links taken together. */

type Placed = Own & { link: string; field: string };

export function nodeAddressProblems(all: Survey): NetworkProblem[] {
  return [
    ...([4, 6] as const).flatMap((family) => [
      ...acrossAddresses(placed(all, family)),
      ...twoGateways(all, family),
      ...sameRoutes(all, family),
    ]),
    ...nameServers(all),
  ];
}

function placed({ configuration }: Survey, family: 4 | 6): Placed[] {
  return configuration.links.flatMap((link) =>
    (family === 4 ? link.ipv4 : link.ipv6).addresses.flatMap((given, i) => {
      const own = ownOf(given, family);
      const field = fieldOf(link.name, `ipv${family}`, "addresses", i, "address");
      return own === undefined ? [] : [{ ...own, link: link.name, field }];
    }),
  );
}

function acrossAddresses(addresses: readonly Placed[]): NetworkProblem[] {
  const first = new Map<bigint, Placed>();
  const problems: NetworkProblem[] = [];
  for (const each of addresses) {
    const other = first.get(each.address.value);
    if (other === undefined) first.set(each.address.value, each);
    else problems.push(twice(each, other));
  }
  return [...problems, ...overlaps([...first.values()])];
}

function twice(each: Placed, other: Placed): NetworkProblem {
  const given = formatAddress(each.address);
  const where = each.link === other.link ? `${called(each.link)} has it twice` : `${called(other.link)} has it already`;
  return problem("NET.ADDRESS_TWICE", each.field, {
    description: `${called(each.link)} can't have the address ${given}: ${where}.`,
    remedy: "Give each interface addresses of its own.",
    values: { given, link: each.link, other: other.link },
  });
}

/**
 * Networks lie within each other or apart, never across: sorted by their start, the wider first, each must only be
 * compared with the widest that has begun.
 */
function overlaps(addresses: readonly Placed[]): NetworkProblem[] {
  const ranges = addresses.map((each) => ({ ...each, ...networkRange(each.address, each.prefix) }));
  ranges.sort((a, b) => compare(a.first, b.first) || a.prefix - b.prefix);
  const told = new Set<string>();
  const problems: NetworkProblem[] = [];
  let widest = ranges[0];
  for (const each of ranges) {
    if (widest === undefined || each.first.value > widest.last.value) widest = each;
    const pair = `${each.link}\n${widest.link}`;
    if (each.link === widest.link || told.has(pair)) continue;
    told.add(pair);
    problems.push(overlap(each, widest));
  }
  return problems;
}

function compare(a: Address, b: Address): number {
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

function overlap(inner: Placed, outer: Placed): NetworkProblem {
  const [network, other] = [formatNetwork(inner.address, inner.prefix), formatNetwork(outer.address, outer.prefix)];
  return warning("NET.NETWORKS_OVERLAP", inner.field, {
    description:
      network === other
        ? `${called(inner.link)} and ${called(outer.link)} are both in ${network}: answers may leave by the other one.`
        : `${network} of ${called(inner.link)} lies in ${other} of ${called(outer.link)}.`,
    remedy: "Give each interface a network of its own, or make a bond of them.",
    values: { link: inner.link, other: outer.link, network },
  });
}

function twoGateways({ configuration }: Survey, family: 4 | 6): NetworkProblem[] {
  const settings = (link: LinkSettings) => (family === 4 ? link.ipv4 : link.ipv6);
  const withOne = configuration.links.filter(
    (link) => settings(link).method === "static" && settings(link).gateway !== null,
  );
  const [first, ...others] = withOne;
  if (first === undefined) return [];
  return others.map((link) =>
    warning("NET.GATEWAY_TWICE", fieldOf(link.name, `ipv${family}`, "gateway"), {
      description: `${called(first.name)} and ${called(link.name)} both have an IPv${family} gateway: one of them only is used.`,
      remedy: "Keep the gateway of the management network, and give the other interface routes.",
      values: { link: link.name, other: first.name, family },
    }),
  );
}

function sameRoutes({ configuration }: Survey, family: 4 | 6): NetworkProblem[] {
  const first = new Map<string, string>();
  const problems: NetworkProblem[] = [];
  for (const link of configuration.links) {
    for (const [i, { to, metric }] of (family === 4 ? link.ipv4 : link.ipv6).routes.entries()) {
      const base = parseNetwork(to, family)?.base;
      const key = `${base} ${metric}`;
      const other = first.get(key);
      if (base === undefined || other === link.name) continue;
      if (other === undefined) {
        first.set(key, link.name);
        continue;
      }
      problems.push(
        warning("NET.ROUTE_TWICE", fieldOf(link.name, `ipv${family}`, "routes", i, "to"), {
          description: `${called(other)} and ${called(link.name)} both have a route to ${base} with the same metric.`,
          remedy: "Take one away, or give the worse way a larger metric.",
          values: { given: to, link: link.name, other, why: "links" },
        }),
      );
    }
  }
  return problems;
}

function nameServers({ configuration }: Survey): NetworkProblem[] {
  const fields = new Map<string, string>();
  for (const link of configuration.links)
    for (const family of [4, 6] as const)
      for (const [i, given] of (family === 4 ? link.ipv4 : link.ipv6).nameServers.entries())
        if (!fields.has(given)) fields.set(given, fieldOf(link.name, `ipv${family}`, "nameServers", i));
  const fourth = [...fields.values()][mostNameServers];
  if (fourth !== undefined) return [warning(manyNameServers.code, fourth, manyNameServers)];
  const isLearnt = ({ ipv4, ipv6 }: LinkSettings) =>
    ipv4.method === "dhcp" || ipv6.method === "dhcp" || ipv6.method === "auto";
  if (fields.size > 0 || configuration.links.some(isLearnt)) return [];
  const isStatic = ({ ipv4, ipv6 }: LinkSettings) => ipv4.method === "static" || ipv6.method === "static";
  const place =
    configuration.links.find((link) => link.name === configuration.managementLink && isStatic(link)) ??
    configuration.links.find(isStatic);
  if (place === undefined) return [];
  const family = place.ipv4.method === "static" ? "ipv4" : "ipv6";
  return [warning(noNameServer.code, fieldOf(place.name, family, "nameServers"), noNameServer)];
}
