import type { AddressRange, FirewallRule, HostFirewall } from "../../hypervisor/firewall.ts";
import { formatAddress, networkRange, parseAddress } from "../../model/address.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import { readMigration } from "../vm/migration-record.ts";

/* What a host is told of its cards' firewall: decided of the records alone, and always the same for the same records. */

type Nic = RecordOf<"VmNic">;
type Rule = RecordOf<"SecurityGroupRule">;

/** Of the machines that are on a host, are being started there, or are coming to it. */
export function firewallOf(mirror: Mirror, hostUuid: string): HostFirewall {
  const cards = cardsOn(mirror, hostUuid).flatMap((nic) => {
    const groupUuids = (nic.securityGroupUuids ?? []).filter((uuid) => holds(mirror, uuid)).toSorted();
    return groupUuids.length === 0 ? [] : [{ mac: nic.mac, groupUuids }];
  });
  const known = foundIn(mirror);
  const groupUuids = [...new Set(cards.flatMap((card) => card.groupUuids))].sort();
  const groups = groupUuids.map((uuid) => ({ uuid, rules: once(known.rules, uuid, () => rulesOf(mirror, uuid)) }));
  const named = groups.flatMap(({ rules }) =>
    rules.flatMap(({ peer }) => (peer !== null && "groupUuid" in peer ? [peer.groupUuid] : [])),
  );
  const members = [...new Set(named)].sort().map((groupUuid) => ({
    groupUuid,
    ranges: once(known.members, groupUuid, () => membersOf(mirror, groupUuid)),
  }));
  return { cards: cards.toSorted((a, b) => (a.mac < b.mac ? -1 : 1)), groups, members };
}

type Found = { revision: number; rules: Map<string, FirewallRule[]>; members: Map<string, AddressRange[]> };
const found = new WeakMap<Mirror, Found>();

/** What is found once for all hosts that a change concerns: a group may have thousands of cards on hundreds of hosts. */
function foundIn(mirror: Mirror): Found {
  const known = found.get(mirror);
  if (known?.revision === mirror.revision) return known;
  const now = { revision: mirror.revision, rules: new Map(), members: new Map() };
  found.set(mirror, now);
  return now;
}

function once<T>(known: Map<string, T>, groupUuid: string, find: () => T): T {
  const value = known.get(groupUuid) ?? find();
  known.set(groupUuid, value);
  return value;
}

/** Hosts that have something else to be told after a security group, its rules or its cards have changed. */
export function hostsOf(mirror: Mirror, groupUuid: string): Set<string> {
  const naming = mirror
    .find("SecurityGroupRule", "remoteSecurityGroupUuid", groupUuid)
    .map(({ value }) => value.securityGroupUuid);
  const hosts = new Set<string>();
  for (const group of new Set([groupUuid, ...naming]))
    for (const { value } of mirror.find("VmNic", "securityGroupUuids", group))
      for (const host of hostsWith(mirror, value.vmInstanceUuid)) hosts.add(host);
  return hosts;
}

/** Where a machine is, or is coming to. */
export function hostsWith(mirror: Mirror, vmUuid: string): string[] {
  const here = mirror.get("VmInstance", vmUuid)?.value.hostUuid ?? null;
  const there = readMigration(mirror.get("Migration", vmUuid)?.value)?.destinationUuid;
  return [...(here === null ? [] : [here]), ...(there === undefined ? [] : [there])];
}

function cardsOn(mirror: Mirror, hostUuid: string): Nic[] {
  const here = mirror.find("VmInstance", "hostUuid", hostUuid).map(({ value }) => value.uuid);
  const coming = [...mirror.entries("Migration")].flatMap(([vmUuid, { value }]) =>
    readMigration(value)?.destinationUuid === hostUuid ? [vmUuid] : [],
  );
  return [...new Set([...here, ...coming])].flatMap((vmUuid) =>
    mirror.find("VmNic", "vmInstanceUuid", vmUuid).map(({ value }) => value),
  );
}

/** One that can't be read lets nothing through: nobody knows its rules, nor that it is Disabled. */
function holds(mirror: Mirror, groupUuid: string): boolean {
  return mirror.get("SecurityGroup", groupUuid)?.value.state !== "Disabled";
}

function rulesOf(mirror: Mirror, groupUuid: string): FirewallRule[] {
  return mirror
    .find("SecurityGroupRule", "securityGroupUuid", groupUuid)
    .map(({ value }) => value)
    .toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1))
    .map(ruleOf);
}

const protocols = { ALL: "all", TCP: "tcp", UDP: "udp", ICMP: "icmp" } as const;

function ruleOf({ type, protocol, startPort, endPort, allowedCidr, remoteSecurityGroupUuid }: Rule): FirewallRule {
  const groupPeer = remoteSecurityGroupUuid === null ? null : { groupUuid: remoteSecurityGroupUuid };
  return {
    way: type === "Ingress" ? "in" : "out",
    protocol: protocols[protocol],
    ports: startPort === null || endPort === null ? null : [startPort, endPort],
    peer: allowedCidr === null ? groupPeer : { range: rangeOf(allowedCidr) },
  };
}

function rangeOf(cidr: string): AddressRange {
  const [text = "", length = ""] = cidr.split("/");
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${cidr} is no network.`);
  const prefix = Number(length);
  const all = 2n ** (address.family === 4 ? 32n : 128n) - 1n;
  const { first, last } =
    prefix === 0 ? { first: address, last: { ...address, value: all } } : networkRange(address, prefix);
  return [formatAddress(first), formatAddress(last)];
}

/** Neighbours as one range: cards of a group have as a rule got their addresses one after the other. */
function membersOf(mirror: Mirror, groupUuid: string): AddressRange[] {
  const addresses = mirror.find("VmNic", "securityGroupUuids", groupUuid).flatMap(({ value }) => {
    const address = value.ip === null ? undefined : parseAddress(value.ip);
    return address === undefined ? [] : [address];
  });
  return ([4, 6] as const).flatMap((family) => {
    const values = addresses.filter((one) => one.family === family).map(({ value }) => value);
    const ranges: { first: bigint; last: bigint }[] = [];
    for (const value of values.toSorted((a, b) => (a < b ? -1 : 1))) {
      const before = ranges.at(-1);
      if (before !== undefined && value <= before.last + 1n) before.last = value;
      else ranges.push({ first: value, last: value });
    }
    const text = (value: bigint) => formatAddress({ family, value });
    return ranges.map(({ first, last }): AddressRange => [text(first), text(last)]);
  });
}
