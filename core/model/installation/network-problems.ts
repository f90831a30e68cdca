import {
  type Address,
  addressKind,
  domainProblem,
  formatAddress,
  formatNetwork,
  type HostnameProblem,
  hostnameProblem,
  isInNetwork,
  longestHostname,
  longestPrefix,
  networkRange,
  parseAddress,
  roleInNetwork,
} from "../address.ts";
import type { DraftProblem, NetworkAnswers } from "./draft.ts";
import type { InstallLink } from "./hardware.ts";
import { linkProblems } from "./link-problems.ts";
import { error, warning } from "./problem.ts";

/** The resolver of the C library reads no more (MAXNS, resolv.conf(5)). */
const mostNameServers = 3;

/** What is wrong with the network and the host name; `links` null: the machine's interfaces are not known. */
export function networkProblems(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  return [
    ...nameProblems(network.hostname),
    ...linkProblems(network, links),
    ...familyProblems(network, 4),
    ...familyProblems(network, 6),
    ...withoutAddress(network, links),
    ...serverProblems(network),
  ];
}

const hostnameReasons: Readonly<Record<HostnameProblem, string>> = {
  empty: "It is empty.",
  "too-long": `It has more than ${longestHostname} characters.`,
  "label-length": "Each part between dots has 1 to 63 characters.",
  character: "Only letters a to z, digits, hyphens and dots may be in it.",
  hyphen: "No part begins or ends with a hyphen.",
  number: "It would be taken for an address: the last part must not be a number.",
  localhost: "Every machine calls itself localhost.",
};

function nameProblems(hostname: string): DraftProblem[] {
  const why = hostnameProblem(hostname);
  if (why === undefined) return [];
  return [
    error("HOSTNAME.WRONG", "network.hostname", {
      description: `${JSON.stringify(hostname)} can't be the host name. ${hostnameReasons[why]}`,
      remedy: "Give a name that no other machine has, such as node-1.",
      values: { given: hostname, why },
    }),
  ];
}

const kindWords = {
  "this-network": "means no address at all",
  loopback: "never leaves a machine (loopback)",
  "link-local": "is link-local: machines give themselves such addresses",
  multicast: "stands for a group of machines (multicast)",
  reserved: "is reserved",
} as const;

function familyProblems(network: NetworkAnswers, family: 4 | 6): DraftProblem[] {
  const answers = family === 4 ? network.ipv4 : network.ipv6;
  if (answers.method !== "static") return [];
  const at = `network.ipv${family}`;
  const problems: DraftProblem[] = [];
  const address = parseAddress(answers.address);
  if (address?.family !== family) {
    problems.push(
      error("NET.ADDRESS", `${at}.address`, {
        description: `${JSON.stringify(answers.address)} is not an IPv${family} address.`,
        remedy:
          family === 4 ? "Give four numbers from 0 to 255, such as 192.168.1.10." : "Give one such as fd00:1::10.",
        values: { given: answers.address, family },
      }),
    );
  }
  const prefix = answers.prefix;
  const isPrefix = Number.isInteger(prefix) && prefix >= 1 && prefix <= longestPrefix(family);
  if (!isPrefix) {
    problems.push(
      error("NET.PREFIX", `${at}.prefix`, {
        description: `${prefix} can't be the length of an IPv${family} prefix.`,
        remedy: `Give a number from 1 to ${longestPrefix(family)}, such as ${family === 4 ? "24" : "64"}.`,
        values: { given: prefix, longest: longestPrefix(family) },
      }),
    );
  }
  if (address?.family === family) problems.push(...ownAddressProblems(address, isPrefix ? prefix : null, at));
  const known = address?.family === family && isPrefix ? { address, prefix } : null;
  return [...problems, ...gatewayProblems(answers.gateway, known, family, `${at}.gateway`)];
}

function ownAddressProblems(address: Address, prefix: number | null, at: string): DraftProblem[] {
  const text = formatAddress(address);
  const kind = addressKind(address);
  if (kind !== "host") {
    return [
      error("NET.ADDRESS_KIND", `${at}.address`, {
        description: `${text} can't be given to a machine: it ${kindWords[kind]}.`,
        remedy: "Give an address of the network that the machine is in.",
        values: { given: text, kind },
      }),
    ];
  }
  const role = prefix === null ? "host" : roleInNetwork(address, prefix);
  if (prefix === null || role === "host") return [];
  const what = role === "broadcast" ? "the broadcast address" : "the address of the network";
  return [
    error("NET.ADDRESS_OF_NETWORK", `${at}.address`, {
      description: `${text} is ${what} ${formatNetwork(address, prefix)} itself.`,
      remedy: `Give an address ${betweenHosts(address, prefix)}, or another prefix.`,
      values: { given: text, network: formatNetwork(address, prefix), role },
    }),
  ];
}

function gatewayProblems(
  given: string | null,
  own: { address: Address; prefix: number } | null,
  family: 4 | 6,
  field: string,
): DraftProblem[] {
  if (given === null) return [];
  const gateway = parseAddress(given);
  if (gateway?.family !== family) {
    return [
      error("NET.GATEWAY", field, {
        description: `The gateway ${JSON.stringify(given)} is not an IPv${family} address.`,
        remedy: "Give the address of the router, or leave the gateway out.",
        values: { given, family },
      }),
    ];
  }
  const text = formatAddress(gateway);
  const kind = addressKind(gateway);
  // Routers of IPv6 are known by their link-local addresses (RFC 4861, 6.3.4).
  if (kind === "link-local" && family === 6) return [];
  if (kind !== "host") {
    return [
      error("NET.GATEWAY_KIND", field, {
        description: `${text} can't be a gateway: it ${kindWords[kind]}.`,
        remedy: "Give the address of the router, or leave the gateway out.",
        values: { given: text, kind },
      }),
    ];
  }
  if (own === null) return [];
  const network = formatNetwork(own.address, own.prefix);
  if (gateway.value === own.address.value) {
    return [
      error("NET.GATEWAY_IS_ADDRESS", field, {
        description: `The gateway ${text} is the machine's own address.`,
        remedy: "Give the address of the router, or leave the gateway out.",
        values: { given: text },
      }),
    ];
  }
  if (isInNetwork(gateway, own.address, own.prefix) && roleInNetwork(gateway, own.prefix) !== "broadcast") {
    // The first address of an IPv6 network is that of its routers; of an IPv4 network it is nobody's.
    if (family === 6 || roleInNetwork(gateway, own.prefix) === "host") return [];
  }
  return [
    error("NET.GATEWAY_OUTSIDE", field, {
      description: `The gateway ${text} is not a machine's address in ${network}, the network of ${formatAddress(own.address)}.`,
      remedy: `Give a gateway ${betweenHosts(own.address, own.prefix)}, or another prefix.`,
      values: { given: text, network },
    }),
  ];
}

/** The addresses that machines of a network may have: `between 10.0.0.1 and 10.0.0.254`. */
function betweenHosts(address: Address, prefix: number): string {
  const { first, last } = networkRange(address, prefix);
  const inner = ({ family, value }: Address, by: bigint) => formatAddress({ family, value: value + by });
  const from = roleInNetwork(first, prefix) === "host" ? inner(first, 0n) : inner(first, 1n);
  const to = roleInNetwork(last, prefix) === "host" ? inner(last, 0n) : inner(last, -1n);
  return `between ${from} and ${to}`;
}

function withoutAddress(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  if (network.links.length === 0 && links !== null) return [];
  if (network.ipv4.method !== "none" || network.ipv6.method !== "none") return [];
  return [
    warning("NET.NO_ADDRESS", "network.ipv4", {
      description: "The machine gets no address: IPv4 and IPv6 are both switched off.",
      remedy: "Choose DHCP or give an address, unless it is configured at its console later.",
    }),
  ];
}

function serverProblems(network: NetworkAnswers): DraftProblem[] {
  const problems: DraftProblem[] = [];
  for (const [i, given] of network.nameServers.entries()) {
    const address = parseAddress(given);
    const kind = address === undefined ? null : addressKind(address);
    if (kind === "host" || (kind === "link-local" && address?.family === 6)) continue;
    problems.push(
      error("NET.NAME_SERVER", `network.nameServers.${i}`, {
        description:
          kind === null
            ? `${JSON.stringify(given)} is not the address of a name server.`
            : `${given} can't be a name server: it ${kindWords[kind]}.`,
        remedy: "Give an IPv4 or IPv6 address.",
        values: { given },
      }),
    );
  }
  if (network.nameServers.length > mostNameServers) {
    problems.push(
      warning("NET.NAME_SERVERS_MANY", `network.nameServers.${mostNameServers}`, {
        description: `Only the first ${mostNameServers} name servers are ever asked.`,
        remedy: "Leave out the others.",
        values: { most: mostNameServers },
      }),
    );
  }
  const learnsThem = network.ipv4.method === "dhcp" || network.ipv6.method === "dhcp" || network.ipv6.method === "auto";
  const isStatic = network.ipv4.method === "static" || network.ipv6.method === "static";
  if (isStatic && !learnsThem && network.nameServers.length === 0) {
    problems.push(
      warning("NET.NO_NAME_SERVER", "network.nameServers", {
        description: "There is no name server, and nobody to learn of one.",
        remedy: "Give one, unless other machines are known by their addresses only.",
      }),
    );
  }
  for (const [i, given] of network.timeServers.entries()) {
    const address = parseAddress(given);
    const isFine = address === undefined ? domainProblem(given) === undefined : addressKind(address) === "host";
    if (isFine) continue;
    problems.push(
      error("NET.TIME_SERVER", `network.timeServers.${i}`, {
        description: `${JSON.stringify(given)} can't be a time server.`,
        remedy: "Give a host name or an address, such as ntp.example.com.",
        values: { given },
      }),
    );
  }
  return problems;
}
