import * as z from "zod/mini";
import { isInterfaceName, isVlanId, parseAddress, prefixOfNetmask } from "../address.ts";
import { ipAddress, line, record, say, uuid, uuids } from "./fields.ts";
import { parseRange } from "./ip-range.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { onOffMachine } from "./state-machine.ts";

/* Networks of virtual machines. Source: ../shared/spec/cloud.md, "Resources" and "Networks". */

export const l2Types = ["NoVlan", "Vlan", "Vxlan"] as const;
export type L2Type = (typeof l2Types)[number];

/** VXLAN network identifiers have 24 bits, and 0 is kept out of use. RFC 7348, 5. */
const vniLimits = { first: 1, last: 2 ** 24 - 1 } as const;

/** Why a network can't have this VLAN id or VNI; undefined when it can. Code: NETWORK.1006. */
export function segmentRefusal(type: L2Type, id: number | null): Refusal | undefined {
  const refused = (details: string, remedy: string) =>
    refusalOf("NETWORK.1006", { where: "vlan", details, remedy, values: { type, ...(id === null ? {} : { id }) } });
  if (type === "NoVlan") return id === null ? undefined : refused("A NoVlan network has no id.", "Leave the id out.");
  if (id === null) return refused(`A ${type} network needs an id.`, "Give the id that the switches know.");
  if (type === "Vlan")
    return isVlanId(id) ? undefined : refused(`${id} can't be the id of a VLAN.`, "Give a number from 1 to 4094.");
  const isVni = Number.isInteger(id) && id >= vniLimits.first && id <= vniLimits.last;
  return isVni ? undefined : refused(`${id} can't be a VNI.`, `Give a number from 1 to ${vniLimits.last}.`);
}

export const l2Network = record({
  zoneUuid: say(uuid, "The zone that it belongs to."),
  attachedClusterUuids: say(uuids, "Clusters whose hosts have it."),
  type: say(z.enum(l2Types), "How its frames are told apart from others."),
  physicalInterface: say(z.string().check(z.refine(isInterfaceName)), "Interface of every host that leads to it."),
  vlan: say(z.nullable(z.int().check(z.minimum(1), z.maximum(vniLimits.last))), "VLAN id or VNI; null for NoVlan."),
  mtu: say(z.int().check(z.minimum(576), z.maximum(9216)), "Longest packet in bytes."),
}).check(z.refine(({ type, vlan }) => segmentRefusal(type, vlan) === undefined));

export const l3NetworkState = onOffMachine("L3Network", "SYS.1002", "No new network card may take an address of it.");
export const l3Network = record({
  l2NetworkUuid: say(uuid, "The network below it."),
  state: say(z.enum(["Enabled", "Disabled"]), "Whether new network cards may be in it."),
  ipVersion: say(z.literal([4, 6]), "The family of its addresses."),
  dns: say(z.array(ipAddress).check(z.maxLength(3)), "Name servers that its DHCP tells machines."),
  dnsDomain: say(z.nullable(line(253)), "Domain that its DHCP tells machines; or null."),
  system: say(z.boolean(), "Kept for the cloud's own machines."),
  dhcpServerIp: say(
    // Records of former versions have none.
    z.exactOptional(z.nullable(ipAddress)),
    "Address of its DHCP server, of a range and the same on every host; null: its machines get no answer.",
  ),
});

export const ipRange = record({
  l3NetworkUuid: say(uuid, "The network that it belongs to."),
  startIp: say(ipAddress, "First address."),
  endIp: say(ipAddress, "Last address."),
  netmask: say(
    z.nullable(z.string().check(z.refine((text) => prefixOfNetmask(text) !== undefined))),
    "Netmask of an IPv4 range; null for IPv6.",
  ),
  prefixLen: say(z.int().check(z.minimum(1), z.maximum(128)), "Length of the network's prefix."),
  gateway: say(z.nullable(ipAddress), "The router; null when there is none."),
}).check(z.refine((range) => "range" in parseRange(range) && hasItsMask(range)));

function hasItsMask({ startIp, netmask, prefixLen }: { startIp: string; netmask: string | null; prefixLen: number }) {
  const family = parseAddress(startIp)?.family;
  return netmask === null ? family === 6 : family === 4 && prefixOfNetmask(netmask) === prefixLen;
}
