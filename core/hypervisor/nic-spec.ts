import * as z from "zod/mini";
import { domainProblem, isInterfaceName, longestPrefix, parseAddress } from "../model/address.ts";
import { ipAddress, mac, uuid } from "../model/cloud/fields.ts";

/* A network card as a host is told of it: typed values, of which the host makes bridges, VLANs and DHCP answers. */

/** One label of a host name, RFC 1123. */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export function isHostLabel(text: string): boolean {
  return label.test(text);
}

/** It stands in files of programs that obey commas and blanks. */
export function isDomainName(text: string): boolean {
  return domainProblem(text) === undefined;
}

/** Where a network's frames are on a host. `vlan` null: untagged. `mtu`: longest packet in bytes. */
const segment = z.strictObject({
  physicalInterface: z.string().check(z.refine(isInterfaceName)),
  vlan: z.nullable(z.int().check(z.minimum(1), z.maximum(4094))),
  mtu: z.int().check(z.minimum(576), z.maximum(9216)),
});
export type Segment = z.infer<typeof segment>;

const prefixLen = z.int().check(z.minimum(1), z.maximum(128));
const isOfFamily = ({ ip, prefixLen: length }: { ip: string; prefixLen: number }) =>
  length <= longestPrefix(parseAddress(ip)?.family ?? 6);

export const nicSpec = z.strictObject({
  /** Its place in the machine, from 0. */
  deviceId: z.int().check(z.nonnegative()),
  mac,
  segment,
  l3NetworkUuid: uuid,
  /** Its address; null in a network without ranges. `gateway` null: the network has none. */
  address: z.nullable(
    z.strictObject({ ip: ipAddress, prefixLen, gateway: z.nullable(ipAddress) }).check(z.refine(isOfFamily)),
  ),
  dns: z.array(ipAddress).check(z.maxLength(3)),
  domain: z.nullable(z.string().check(z.refine(isDomainName))),
  /** What the machine is told to be called. */
  hostName: z.string().check(z.refine(isHostLabel)),
  /** Whether the machine's default route leads here. */
  isDefaultRoute: z.boolean(),
  /** Address of the network's DHCP server, the same on every host; null: the card gets no answer of ours. */
  dhcpServer: z.nullable(z.strictObject({ ip: ipAddress, prefixLen }).check(z.refine(isOfFamily))),
  /** How much it may send; without it there is no limit. */
  sentBytesPerSecond: z.exactOptional(z.int().check(z.minimum(1))),
});
export type NicSpec = z.infer<typeof nicSpec>;
