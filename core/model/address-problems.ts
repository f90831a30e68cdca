import {
  type Address,
  addressKind,
  domainProblem,
  formatAddress,
  formatNetwork,
  type HostnameProblem,
  hostnameProblem,
  isInNetwork,
  isVlanId,
  longestHostname,
  longestPrefix,
  networkRange,
  parseAddress,
  roleInNetwork,
  vlanIds,
} from "./address.ts";
import { quoted } from "./quote.ts";

/*
 * What is wrong with one address, prefix, gateway or server, in sentences. Whoever takes one from a person puts the
 * field's path to it, so that the installer, the network's screens and the commands all say the same.
 */

export type Finding<Code extends string> = {
  code: Code;
  description: string;
  remedy: string;
  values: Record<string, string | number>;
};

/** An address of the machine with the length of its network's prefix. */
export type Own = { address: Address; prefix: number };

const hostnameReasons: Readonly<Record<HostnameProblem, string>> = {
  empty: "It is empty.",
  "too-long": `It has more than ${longestHostname} characters.`,
  "label-length": "Each part between dots has 1 to 63 characters.",
  character: "Only letters a to z, digits, hyphens and dots may be in it.",
  hyphen: "No part begins or ends with a hyphen.",
  number: "It would be taken for an address: the last part must not be a number.",
  localhost: "Every machine calls itself localhost.",
};

const kindWords = {
  "this-network": "means no address at all",
  loopback: "never leaves a machine (loopback)",
  "link-local": "is link-local: machines give themselves such addresses",
  multicast: "stands for a group of machines (multicast)",
  reserved: "is reserved",
} as const;

export function hostnameFinding(hostname: string): Finding<"HOSTNAME.WRONG"> | undefined {
  const why = hostnameProblem(hostname);
  if (why === undefined) return;
  return {
    code: "HOSTNAME.WRONG",
    description: `${quoted(hostname)} can't be the host name. ${hostnameReasons[why]}`,
    remedy: "Give a name that no other machine has, such as node-1.",
    values: { given: hostname, why },
  };
}

/** Why a machine can't have the address, whatever its network is. */
export function addressFinding(text: string, family: 4 | 6): Finding<"NET.ADDRESS" | "NET.ADDRESS_KIND"> | undefined {
  const address = parseAddress(text);
  if (address?.family !== family) {
    return {
      code: "NET.ADDRESS",
      description: `${quoted(text)} is not an IPv${family} address.`,
      remedy: family === 4 ? "Give four numbers from 0 to 255, such as 192.168.1.10." : "Give one such as fd00:1::10.",
      values: { given: text, family },
    };
  }
  const kind = addressKind(address);
  if (kind === "host") return;
  const given = formatAddress(address);
  return {
    code: "NET.ADDRESS_KIND",
    description: `${given} can't be given to a machine: it ${kindWords[kind]}.`,
    remedy: "Give an address of the network that the machine is in.",
    values: { given, kind },
  };
}

export function isOwnPrefix(prefix: number, family: 4 | 6): boolean {
  return Number.isInteger(prefix) && prefix >= 1 && prefix <= longestPrefix(family);
}

export function prefixFinding(prefix: number, family: 4 | 6): Finding<"NET.PREFIX"> | undefined {
  if (isOwnPrefix(prefix, family)) return;
  return {
    code: "NET.PREFIX",
    description: `${prefix} can't be the length of an IPv${family} prefix.`,
    remedy: `Give a number from 1 to ${longestPrefix(family)}, such as ${family === 4 ? "24" : "64"}.`,
    values: { given: prefix, longest: longestPrefix(family) },
  };
}

/** The address must be one that a machine can have. */
export function roleFinding({ address, prefix }: Own): Finding<"NET.ADDRESS_OF_NETWORK"> | undefined {
  const role = roleInNetwork(address, prefix);
  if (role === "host") return;
  const given = formatAddress(address);
  const network = formatNetwork(address, prefix);
  const what =
    role === "broadcast" ? `the broadcast address of ${network}` : `the address of the network ${network} itself`;
  return {
    code: "NET.ADDRESS_OF_NETWORK",
    description: `${given} is ${what}.`,
    remedy: `Give an address ${betweenHosts({ address, prefix })}, or another prefix.`,
    values: { given, network, role, ...hosts({ address, prefix }) },
  };
}

type GatewayCode = "NET.GATEWAY" | "NET.GATEWAY_KIND" | "NET.GATEWAY_IS_ADDRESS" | "NET.GATEWAY_OUTSIDE";

/** `own`: addresses of the gateway's link; none: they are not known. */
export function gatewayFinding(text: string, own: readonly Own[], family: 4 | 6): Finding<GatewayCode> | undefined {
  const gateway = parseAddress(text);
  const remedy = "Give the address of the router, or leave the gateway out.";
  if (gateway?.family !== family) {
    const description = `The gateway ${quoted(text)} is not an IPv${family} address.`;
    return { code: "NET.GATEWAY", description, remedy, values: { given: text, family } };
  }
  const given = formatAddress(gateway);
  const kind = addressKind(gateway);
  // Routers of IPv6 are known by their link-local addresses (RFC 4861, 6.3.4).
  if (kind === "link-local" && family === 6) return;
  if (kind !== "host") {
    const description = `${given} can't be a gateway: it ${kindWords[kind]}.`;
    return { code: "NET.GATEWAY_KIND", description, remedy, values: { given, kind } };
  }
  if (own.some(({ address }) => address.value === gateway.value)) {
    const description = `The gateway ${given} is the machine's own address.`;
    return { code: "NET.GATEWAY_IS_ADDRESS", description, remedy, values: { given } };
  }
  const [first, ...others] = own;
  if (first === undefined || own.some((each) => isNeighbour(gateway, each))) return;
  const network = formatNetwork(first.address, first.prefix);
  const where =
    others.length === 0
      ? `${network}, the network of ${formatAddress(first.address)}`
      : `${network} or another network of its interface (${others.length} more)`;
  return {
    code: "NET.GATEWAY_OUTSIDE",
    description: `The gateway ${given} is not a machine's address in ${where}.`,
    remedy: `Give a gateway ${betweenHosts(first)}, or another prefix.`,
    values: { given, network, ...hosts(first) },
  };
}

/** Whether another address is that of a machine in the same network. */
export function isNeighbour(other: Address, { address, prefix }: Own): boolean {
  if (!isInNetwork(other, address, prefix)) return false;
  // The first address of an IPv6 network is that of its routers; of an IPv4 network it is nobody's.
  const role = roleInNetwork(other, prefix);
  return role === "host" || (role === "network" && address.family === 6);
}

/** The addresses that machines of a network may have: `between 10.0.0.1 and 10.0.0.254`. */
export function betweenHosts(own: Own): string {
  const { from, to } = hosts(own);
  return `between ${from} and ${to}`;
}

function hosts({ address, prefix }: Own): { from: string; to: string } {
  const { first, last } = networkRange(address, prefix);
  const inner = ({ family, value }: Address, by: bigint) => formatAddress({ family, value: value + by });
  const from = roleInNetwork(first, prefix) === "host" ? inner(first, 0n) : inner(first, 1n);
  const to = roleInNetwork(last, prefix) === "host" ? inner(last, 0n) : inner(last, -1n);
  return { from, to };
}

export function nameServerFinding(given: string): Finding<"NET.NAME_SERVER"> | undefined {
  const address = parseAddress(given);
  const kind = address === undefined ? null : addressKind(address);
  if (kind === "host" || (kind === "link-local" && address?.family === 6)) return;
  return {
    code: "NET.NAME_SERVER",
    description:
      kind === null
        ? `${quoted(given)} is not the address of a name server.`
        : `${given} can't be a name server: it ${kindWords[kind]}.`,
    remedy: "Give an IPv4 or IPv6 address.",
    values: { given },
  };
}

/** The resolver of the C library reads no more (MAXNS, resolv.conf(5)). */
export const mostNameServers = 3;

export const manyNameServers: Finding<"NET.NAME_SERVERS_MANY"> = {
  code: "NET.NAME_SERVERS_MANY",
  description: `Only the first ${mostNameServers} name servers are ever asked.`,
  remedy: "Leave out the others.",
  values: { most: mostNameServers },
};

export const noNameServer: Finding<"NET.NO_NAME_SERVER"> = {
  code: "NET.NO_NAME_SERVER",
  description: "There is no name server, and nobody to learn of one.",
  remedy: "Give one, unless other machines are known by their addresses only.",
  values: {},
};

export function timeServerFinding(given: string): Finding<"NET.TIME_SERVER"> | undefined {
  const address = parseAddress(given);
  const isFine = address === undefined ? domainProblem(given) === undefined : addressKind(address) === "host";
  if (isFine) return;
  return {
    code: "NET.TIME_SERVER",
    description: `${quoted(given)} can't be a time server.`,
    remedy: "Give a host name or an address, such as ntp.example.com.",
    values: { given },
  };
}

export function vlanIdFinding(id: number): Finding<"NET.VLAN_RANGE"> | undefined {
  if (isVlanId(id)) return;
  return {
    code: "NET.VLAN_RANGE",
    description: `${id} can't be the id of a VLAN.`,
    remedy: `Give a number from ${vlanIds.first} to ${vlanIds.last}.`,
    values: { given: id, ...vlanIds },
  };
}
