import { formatNetwork, isInNetwork, longestPrefix, networkRange, parseAddress } from "../address.ts";
import { isNeighbour } from "../address-problems.ts";
import { quoted } from "../quote.ts";
import type { LinkSettings, Route } from "./configuration.ts";
import { ownOf } from "./fields.ts";
import { called, fieldOf, problem } from "./problem.ts";
import type { NetworkProblem } from "./transaction.ts";

const mostMetric = 2 ** 32 - 1;

/** What is wrong with the routes of one link. */
export function routeProblems(link: LinkSettings, family: 4 | 6): NetworkProblem[] {
  const { routes, method } = family === 4 ? link.ipv4 : link.ipv6;
  if (routes.length === 0) return [];
  const at = fieldOf(link.name, `ipv${family}`, "routes");
  const problems: NetworkProblem[] = [];
  if (method === "none") {
    problems.push(
      problem("NET.ROUTE_UNUSED", at, {
        description: `${called(link.name)} has routes, but IPv${family} is switched off there.`,
        remedy: "Give it an address, or take the routes away.",
        values: { link: link.name, family },
      }),
    );
  }
  const seen = new Set<string>();
  for (const [i, route] of routes.entries()) {
    const network = parseNetwork(route.to, family);
    problems.push(...toProblems(route.to, network, family, `${at}.${i}.to`));
    problems.push(...viaProblems(route, link, family, `${at}.${i}.via`));
    problems.push(...metricProblems(route, `${at}.${i}.metric`));
    const key = network === undefined ? null : `${network.base} ${route.metric}`;
    if (key !== null && seen.has(key)) problems.push(twice(route, link, `${at}.${i}.to`));
    if (key !== null) seen.add(key);
  }
  return problems;
}

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

function toProblems(given: string, network: Network | undefined, family: 4 | 6, field: string): NetworkProblem[] {
  if (network === undefined) {
    return [
      problem("NET.ROUTE", field, {
        description: `${quoted(given)} is not an IPv${family} network.`,
        remedy: `Give its first address with the length of its prefix, such as ${family === 4 ? "10.1.0.0/16" : "fd00:1::/64"}.`,
        values: { given, family },
      }),
    ];
  }
  if (network.prefix === 0) {
    return [
      problem("NET.ROUTE_DEFAULT", field, {
        description: `${quoted(given)} is every network: that way is the gateway.`,
        remedy: "Give the router as the gateway, and take this route away.",
        values: { given },
      }),
    ];
  }
  if (!network.hasHostBits) return [];
  return [
    problem("NET.ROUTE_HOST_BITS", field, {
      description: `${quoted(given)} is an address in ${network.base}, not the network.`,
      remedy: `Give ${network.base}, or ${given.split("/")[0]}/${longestPrefix(family)} for that machine alone.`,
      values: { given, network: network.base },
    }),
  ];
}

function viaProblems(route: Route, link: LinkSettings, family: 4 | 6, field: string): NetworkProblem[] {
  if (route.via === null) return [];
  const { method, addresses } = family === 4 ? link.ipv4 : link.ipv6;
  const via = parseAddress(route.via);
  const values = { given: route.via, link: link.name };
  const own = addresses.flatMap((address) => ownOf(address, family) ?? []);
  if (via?.family !== family || own.some(({ address }) => address.value === via.value)) {
    const what = via?.family === family ? "is the machine's own address" : `is not an IPv${family} address`;
    return [
      problem("NET.ROUTE_VIA", field, {
        description: `The router ${quoted(route.via)} of the route to ${quoted(route.to)} ${what}.`,
        remedy: "Give the address of a router, or none for a network on the cable itself.",
        values,
      }),
    ];
  }
  const isLinkLocal = family === 6 && isInNetwork(via, { family: 6, value: 0xfe80n << 112n }, 10);
  // What DHCP and routers will say is not known here.
  if (method !== "static" || own.length === 0 || isLinkLocal || own.some((each) => isNeighbour(via, each))) return [];
  return [
    problem("NET.ROUTE_VIA_OUTSIDE", field, {
      description: `The router ${quoted(route.via)} is not in a network of ${called(link.name)}: it can't be reached there.`,
      remedy: "Give a router in one of its networks, or put the route on another interface.",
      values,
    }),
  ];
}

function metricProblems({ metric }: Route, field: string): NetworkProblem[] {
  if (metric === null || (Number.isInteger(metric) && metric >= 0 && metric <= mostMetric)) return [];
  return [
    problem("NET.ROUTE_METRIC", field, {
      description: `${metric} can't be the metric of a route.`,
      remedy: `Give a number from 0 to ${mostMetric}, the smaller the better the way, or leave it out.`,
      values: { given: metric, most: mostMetric },
    }),
  ];
}

function twice(route: Route, link: LinkSettings, field: string): NetworkProblem {
  return problem("NET.ROUTE_TWICE", field, {
    description: `${called(link.name)} has two routes to ${quoted(route.to)} with the same metric.`,
    remedy: "Take one away, or give the worse way a larger metric.",
    values: { given: route.to, link: link.name },
  });
}
