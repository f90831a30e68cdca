import { type Address, formatNetwork, isInNetwork, longestPrefix, networkRange, parseAddress } from "../address.ts";
import { isNeighbour } from "../address-problems.ts";
import { quoted } from "../quote.ts";
import type { Ipv4Settings, Ipv6Settings, Route } from "./configuration.ts";
import { ownOf } from "./fields.ts";
import { called, problem } from "./problem.ts";
import type { NetworkProblem } from "./transaction.ts";

/* One route as it is typed. Routes of a whole configuration are checked with these as well; see `fields.ts`. */

type Network = { base: string; prefix: number; hasHostBits: boolean };

/** A network as 10.1.0.0/16; `base` in its one right form. */
export function parseNetwork(text: string, family: 4 | 6): Network | undefined {
  const [, given = "", length = ""] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(given);
  const prefix = Number(length);
  if (length === "" || address?.family !== family || prefix > longestPrefix(family)) return;
  const hasHostBits = networkRange(address, prefix).first.value !== address.value;
  return { base: formatNetwork(address, prefix), prefix, hasHostBits };
}

/** The network that a route leads to. */
export function toFieldProblem(given: string, family: 4 | 6, field = "to"): NetworkProblem | undefined {
  const network = parseNetwork(given, family);
  if (network === undefined) {
    return problem("NET.ROUTE", field, {
      description: `${quoted(given)} is not an IPv${family} network.`,
      remedy: `Give its first address with the length of its prefix, such as ${family === 4 ? "10.1.0.0/16" : "fd00:1::/64"}.`,
      values: { given, family },
    });
  }
  if (network.prefix === 0) {
    return problem("NET.ROUTE_DEFAULT", field, {
      description: `${quoted(given)} is every network: that way is the gateway.`,
      remedy: "Give the router as the gateway, and take this route away.",
      values: { given },
    });
  }
  if (!network.hasHostBits) return;
  const alone = `${given.split("/")[0]}/${longestPrefix(family)}`;
  return problem("NET.ROUTE_HOST_BITS", field, {
    description: `${quoted(given)} is an address in ${network.base}, not the network.`,
    remedy: `Give ${network.base}, or ${alone} for that machine alone.`,
    values: { given, network: network.base, alone },
  });
}

/** The router of a route on a link that has these settings. */
export function viaFieldProblem(
  route: Pick<Route, "to" | "via">,
  { name, settings }: { name: string; settings: Ipv4Settings | Ipv6Settings },
  family: 4 | 6,
  field = "via",
): NetworkProblem | undefined {
  if (route.via === null) return;
  const { method, addresses, routes } = settings;
  const via = parseAddress(route.via);
  const values = { given: route.via, to: route.to, link: name, family };
  const own = addresses.flatMap((address) => ownOf(address, family) ?? []);
  const isOwn = via !== undefined && own.some(({ address }) => address.value === via.value);
  if (via?.family !== family || isOwn) {
    const [what, why] = isOwn ? ["is the machine's own address", "own"] : [`is not an IPv${family} address`, "address"];
    return problem("NET.ROUTE_VIA", field, {
      description: `The router ${quoted(route.via)} of the route to ${quoted(route.to)} ${what}.`,
      remedy: "Give the address of a router, or none for a network on the cable itself.",
      values: { ...values, why },
    });
  }
  const isLinkLocal = family === 6 && isInNetwork(via, { family: 6, value: 0xfe80n << 112n }, 10);
  const isOnCable = routes.some((each) => each.via === null && each.to !== route.to && leadsTo(each.to, via));
  if (isOnCable) return;
  // What DHCP and routers will say is not known here.
  if (method !== "static" || own.length === 0 || isLinkLocal || own.some((each) => isNeighbour(via, each))) return;
  return problem("NET.ROUTE_VIA_OUTSIDE", field, {
    description: `The router ${quoted(route.via)} is not in a network of ${called(name)}: it can't be reached there.`,
    remedy: "Give a router in one of its networks, or put the route on another interface.",
    values,
  });
}

function leadsTo(to: string, via: Address): boolean {
  const network = parseNetwork(to, via.family);
  const base = network === undefined ? undefined : parseAddress(network.base.split("/")[0] ?? "");
  return network !== undefined && base !== undefined && isInNetwork(via, base, network.prefix);
}

/** The largest that the kernel has. */
const mostMetric = 2 ** 32 - 1;

export function metricFieldProblem(metric: number, field = "metric"): NetworkProblem | undefined {
  if (Number.isInteger(metric) && metric >= 0 && metric <= mostMetric) return;
  return problem("NET.ROUTE_METRIC", field, {
    description: `${metric} can't be the metric of a route.`,
    remedy: `Give a number from 0 to ${mostMetric}, the smaller the better the way, or leave it out.`,
    values: { given: metric, most: mostMetric },
  });
}

export function routeTwice({ to }: Pick<Route, "to">, link: string, field = "to"): NetworkProblem {
  return problem("NET.ROUTE_TWICE", field, {
    description: `${called(link)} has two routes to ${quoted(to)} with the same metric.`,
    remedy: "Take one away, or give the worse way a larger metric.",
    values: { given: to, link },
  });
}
