import {
  addressKind,
  domainProblem,
  formatAddress,
  formatNetwork,
  isInNetwork,
  isInterfaceName,
  isVlanId,
  longestInterfaceName,
  longestPrefix,
  parseAddress,
  prefixOfNetmask,
  roleInNetwork,
} from "../../../core/model/address.ts";
import type { OwnAddress } from "../../../core/model/network/configuration.ts";
import type { Wrong } from "./problem-words.ts";

/*
 * What is wrong with a field while it is typed. The codes are those of the agent's plan, so that both say the same; the
 * plan looks at everything once more, with what only it knows.
 */

type Family = 4 | 6;

export function addressWrong(text: string, family: Family, prefix: number | undefined): Wrong | undefined {
  const given = text.trim();
  const address = parseAddress(given);
  if (address?.family !== family) return { code: "NET.ADDRESS", values: { given, family } };
  const kind = addressKind(address);
  if (kind !== "host") return { code: "NET.ADDRESS_KIND", values: { given, kind } };
  if (prefix === undefined || roleInNetwork(address, prefix) === "host") return undefined;
  return { code: "NET.ADDRESS_OF_NETWORK", values: { given, network: formatNetwork(address, prefix) } };
}

/** The length of a prefix from `24`, `/24` or `255.255.255.0`; undefined for anything else. */
export function parsePrefix(text: string, family: Family): number | undefined {
  const given = text.trim().replace(/^\//, "");
  const prefix = /^\d{1,3}$/.test(given) ? Number(given) : family === 4 ? prefixOfNetmask(given) : undefined;
  return prefix !== undefined && prefix >= 1 && prefix <= longestPrefix(family) ? prefix : undefined;
}

export function prefixWrong(text: string, family: Family): Wrong | undefined {
  if (parsePrefix(text, family) !== undefined) return undefined;
  const why = text.trim() === "" ? "empty" : family === 4 ? "netmask" : "range";
  return { code: "NET.PREFIX", values: { given: text.trim(), longest: longestPrefix(family), why } };
}

/** `own`: the address that the gateway is for, as far as it is right. */
export function gatewayWrong(text: string, own: OwnAddress | undefined, family: Family): Wrong | undefined {
  const given = text.trim();
  const gateway = parseAddress(given);
  if (gateway?.family !== family) return { code: "NET.GATEWAY", values: { given, family } };
  const kind = addressKind(gateway);
  // Routers of IPv6 are known by their link-local addresses (RFC 4861, 6.3.4).
  if (kind === "link-local" && family === 6) return undefined;
  if (kind !== "host") return { code: "NET.GATEWAY_KIND", values: { given, kind } };
  const address = own === undefined ? undefined : parseAddress(own.address);
  if (own === undefined || address === undefined) return undefined;
  if (gateway.value === address.value) return { code: "NET.GATEWAY_IS_ADDRESS", values: { given } };
  const role = roleInNetwork(gateway, own.prefix);
  // The first address of an IPv6 network is that of its routers; of an IPv4 network it is nobody's.
  const isUsable = role === "host" || (family === 6 && role === "network");
  if (isInNetwork(gateway, address, own.prefix) && isUsable) return undefined;
  return { code: "NET.GATEWAY_OUTSIDE", values: { given, network: formatNetwork(address, own.prefix) } };
}

/** `fd00::10/64` as one; undefined when either half is wrong. */
export function parseOwn(text: string, family: Family): OwnAddress | undefined {
  const [given = "", length = "", ...more] = text.trim().split(/\s*\/\s*|\s+/);
  const prefix = parsePrefix(length, family);
  const address = parseAddress(given);
  if (more.length > 0 || prefix === undefined || address?.family !== family) return undefined;
  return { address: formatAddress(address), prefix };
}

export function nameServersWrong(words: readonly string[]): Wrong | undefined {
  const given = words.find((word) => parseAddress(word) === undefined);
  return given === undefined ? undefined : { code: "NET.NAME_SERVER", values: { given } };
}

export function timeServersWrong(words: readonly string[]): Wrong | undefined {
  const given = words.find((word) => parseAddress(word) === undefined && domainProblem(word) !== undefined);
  return given === undefined ? undefined : { code: "NET.TIME_SERVER", values: { given } };
}

/** Source: the network specification; 68 is RFC 791's least. */
const mtus = { least: 68, most: 9216 } as const;

/** Empty: what the driver takes by itself. */
export function mtuWrong(text: string): Wrong | undefined {
  if (text === "" || (Number(text) >= mtus.least && Number(text) <= mtus.most)) return undefined;
  return { code: "NET.MTU_RANGE", values: { given: text, ...mtus } };
}

export function linkNameWrong(text: string): Wrong | undefined {
  if (isInterfaceName(text)) return undefined;
  const why = text === "" ? "empty" : text.length > longestInterfaceName ? "too-long" : "character";
  return { code: "NET.LINK_NAME", values: { given: text, longest: longestInterfaceName, why } };
}

export function vlanIdWrong(text: string): Wrong | undefined {
  return isVlanId(Number(text)) ? undefined : { code: "NET.VLAN_RANGE", values: { given: text } };
}

/** Words between blanks and commas. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
