import { quoted, shown } from "../quote.ts";
import type { NetworkProblem } from "./transaction.ts";

/** Every problem that a configuration may have; a console has a sentence of its own for each. */
export const networkProblemCodes = [
  "HOSTNAME.WRONG",
  "NET.ADDRESS",
  "NET.ADDRESS_KIND",
  "NET.ADDRESS_MISSING",
  "NET.ADDRESS_OF_NETWORK",
  "NET.ADDRESS_TWICE",
  "NET.ADDRESS_UNUSED",
  "NET.BOND_NO_LEG",
  "NET.BOND_ONE_LEG",
  "NET.BOND_OPTION",
  "NET.BOND_OPTION_MODE",
  "NET.BOND_OPTION_TOGETHER",
  "NET.BOND_OPTION_VALUE",
  "NET.BOND_PRIMARY",
  "NET.BOND_SPEEDS",
  "NET.GATEWAY",
  "NET.GATEWAY_IS_ADDRESS",
  "NET.GATEWAY_KIND",
  "NET.GATEWAY_LEARNT",
  "NET.GATEWAY_OUTSIDE",
  "NET.GATEWAY_TWICE",
  "NET.GATEWAY_UNUSED",
  "NET.LEG_ADDRESSES",
  "NET.LEG_KIND",
  "NET.LEG_TAKEN",
  "NET.LEG_TWICE",
  "NET.LINK_NAME",
  "NET.LINK_TWICE",
  "NET.LINK_UNKNOWN",
  "NET.LOOP",
  "NET.MANAGEMENT_NO_ADDRESS",
  "NET.MANAGEMENT_UNKNOWN",
  "NET.MTU_ABOVE_BELOW",
  "NET.MTU_HARDWARE",
  "NET.MTU_IPV6",
  "NET.MTU_LEG",
  "NET.MTU_RANGE",
  "NET.NAME_SERVER",
  "NET.NAME_SERVERS_MANY",
  "NET.NAME_SERVER_FAMILY",
  "NET.NAME_TAKEN",
  "NET.NETWORKS_OVERLAP",
  "NET.NO_ADDRESS",
  "NET.NO_NAME_SERVER",
  "NET.PORT_ADDRESSES",
  "NET.PORT_KIND",
  "NET.PORT_TAKEN",
  "NET.PORT_TWICE",
  "NET.PREFIX",
  "NET.ROUTE",
  "NET.ROUTE_DEFAULT",
  "NET.ROUTE_HOST_BITS",
  "NET.ROUTE_METRIC",
  "NET.ROUTE_TWICE",
  "NET.ROUTE_UNUSED",
  "NET.ROUTE_VIA",
  "NET.ROUTE_VIA_OUTSIDE",
  "NET.TIME_SERVER",
  "NET.VLAN_DEPTH",
  "NET.VLAN_PARENT_LEG",
  "NET.VLAN_RANGE",
  "NET.VLAN_TWICE",
] as const;
export type NetworkProblemCode = (typeof networkProblemCodes)[number];

type Sentences = { description: string; remedy: string; values?: NetworkProblem["values"] };

/** The longest text in `values`: names and servers are shorter, hostile ones are cut. */
const longestValue = 256;

/** A problem that keeps a draft from being applied. */
export function problem(code: NetworkProblemCode, field: string, sentences: Sentences): NetworkProblem {
  const { description, remedy, values = {} } = sentences;
  const cut = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === "string" ? value.slice(0, longestValue) : value,
  ]);
  return { code, field, severity: "error", description, remedy, values: Object.fromEntries(cut) };
}

/** A problem that a person should know of, and may leave as it is. */
export function warning(code: NetworkProblemCode, field: string, sentences: Sentences): NetworkProblem {
  return { ...problem(code, field, sentences), severity: "warning" };
}

/**
 * The path of a link's field, as `links.bond0.ipv4.gateway`. It is for programs to compare, and holds the link's name
 * as it is, dots included.
 */
export function fieldOf(link: string, ...path: readonly (string | number)[]): string {
  return ["links", link, ...path].join(".");
}

/** How a link is called in a sentence: one without a name still needs one. */
export function called(link: string): string {
  return link === "" ? quoted("") : shown(link);
}
