import { formatAddress, isInNetwork, longestPrefix, parseAddress } from "../address.ts";
import type { LinkSettings, NetworkConfiguration } from "./configuration.ts";
import { networkChanges } from "./difference.ts";
import { ownOf } from "./fields.ts";
import { type Renames, renamed } from "./rename.ts";
import { add, belowOf } from "./survey.ts";
import type { CutOff, NetworkChange } from "./transaction.ts";

/** What is going on at a node that a change of its network may interrupt. */
export type NetworkActivity = {
  /** Addresses that the management network has at the moment, those of DHCP too. */
  managementAddresses: readonly string[];
  /** Its interface at the moment. */
  managementLink: string | null;
  /** `address`: the node's own one that an SSH session came in over; null: a console of the machine. */
  sessions: readonly { console: string; address: string | null }[];
  runningMigrations: number;
  /** Of NFS and iSCSI. */
  storageMounts: readonly { mount: string; server: string }[];
  runningVirtualMachines: number;
};

/** What a change interrupts or ends, in the order of `CutOff`. Interruptions of seconds are told as well. */
export function cutOffs(
  before: NetworkConfiguration,
  after: NetworkConfiguration,
  activity: NetworkActivity,
  renames: Renames = new Map(),
): CutOff[] {
  const newNames = renamed(before, renames).renames;
  const oldNames = new Map([...newNames].map(([from, to]) => [to, from]));
  const oldName = (name: string) => oldNames.get(name) ?? name;
  // Everything here is told under the names of `before`, which are those of what is going on.
  const changes = networkChanges(before, after, renames).map((change) => ({ ...change, link: oldName(change.link) }));
  const jolted = above(before, [...changes.flatMap(joltOf), ...newLegs(changes).map(oldName)]);
  const readdressed = new Set(changes.filter(losesAddress).map(({ link }) => link));
  const goneAddresses = addressesGone(before, after, (name) => newNames.get(name) ?? name);

  const link = activity.managementLink ?? before.managementLink;
  const isGone = (text: string) =>
    goneAddresses.has(canonical(text)) ||
    // What DHCP or routers have given is no address of the configuration: it goes with the method.
    (link !== null &&
      activity.managementAddresses.includes(text) &&
      isLearnt(before, link, text) &&
      readdressed.has(link));
  const management = activity.managementAddresses.filter(isGone);
  const isManagementHit = link !== null && (jolted.has(link) || management.length > 0);
  const isHit = (name: string) => jolted.has(name) || readdressed.has(name);
  const bridges = before.links.filter((each) => each.kind === "bridge" && jolted.has(each.name));

  return [
    ...management.map((detail) => ({ what: "managementAddress" as const, detail })),
    ...(link !== null && jolted.has(link) ? [{ what: "managementLink" as const, detail: link }] : []),
    ...activity.sessions
      .filter(({ address }) => address !== null && isGone(address))
      .map((session) => ({ what: "session" as const, detail: session.console })),
    ...counted("migration", isManagementHit ? activity.runningMigrations : 0),
    ...activity.storageMounts.flatMap(({ mount, server }) =>
      waysTo(before, server).some(isHit) ? [{ what: "storage" as const, detail: mount }] : [],
    ),
    ...counted("virtualMachines", bridges.length > 0 ? activity.runningVirtualMachines : 0),
  ];
}

function counted(what: "migration" | "virtualMachines", count: number): CutOff[] {
  return count > 0 ? [{ what, detail: String(count) }] : [];
}

/** Changes that take a link itself down for a moment or for ever; what comes in addition does not. */
const jolts: ReadonlySet<NetworkChange["what"]> = new Set(["name", "mtu", "mode", "option", "parent", "stp"]);

function joltOf({ link, what, before, after }: NetworkChange): string[] {
  if (what === "link") return before !== null && before !== "ethernet" ? [link] : [];
  if (what === "leg" || what === "port") return after === null ? [link] : [];
  return jolts.has(what) ? [link] : [];
}

/** Links that become a leg: the driver takes them down for it. */
function newLegs(changes: readonly NetworkChange[]): string[] {
  return changes.flatMap(({ what, after }) => (what === "leg" && after !== null ? [after] : []));
}

/** The links with all that is made of them or lies on them. */
function above(configuration: NetworkConfiguration, links: readonly string[]): ReadonlySet<string> {
  const users = new Map<string, string[]>();
  for (const link of configuration.links) for (const below of belowOf(link)) add(users, below, link.name);
  const found = new Set(links);
  // A set is gone through in the order of insertion, what is added meanwhile too.
  for (const name of found) for (const user of users.get(name) ?? []) found.add(user);
  return found;
}

function losesAddress({ what, before, key }: NetworkChange): boolean {
  const isAddress = what === "address" || what === "address6";
  const isWay =
    what === "method" || what === "method6" || what === "gateway" || what === "gateway6" || what === "route";
  return before !== null && ((isAddress && key !== "order") || isWay);
}

/** Addresses that a link loses, though another one may get it: for a moment nobody has it. */
function addressesGone(
  before: NetworkConfiguration,
  after: NetworkConfiguration,
  newName: (name: string) => string,
): ReadonlySet<string> {
  const kept = new Map(after.links.map((link) => [link.name, new Set(addressesOf(link))]));
  const gone = before.links.map((link) =>
    addressesOf(link).filter((address) => kept.get(newName(link.name))?.has(address) !== true),
  );
  return new Set(gone.flat());
}

/** Without their prefixes: an address whose network grows stays where it is. */
function addressesOf({ ipv4, ipv6 }: LinkSettings): string[] {
  return [...ipv4.addresses, ...ipv6.addresses].map(({ address }) => canonical(address));
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

function isLearnt({ links }: NetworkConfiguration, link: string, text: string): boolean {
  const entry = links.find(({ name }) => name === link);
  if (entry === undefined) return false;
  const { method, addresses } = parseAddress(text)?.family === 6 ? entry.ipv6 : entry.ipv4;
  const isLearner = method === "dhcp" || method === "auto";
  return isLearner && !addresses.some(({ address }) => canonical(address) === canonical(text));
}

/**
 * The links that packets to a server leave by: that of the narrowest network or route, or that of the default gateway.
 * For a server that is known by name only, every link with an address may be.
 */
function waysTo({ links }: NetworkConfiguration, server: string): string[] {
  const address = parseAddress(server);
  if (address === undefined)
    return links.filter(({ ipv4, ipv6 }) => ipv4.method !== "none" || ipv6.method !== "none").map(({ name }) => name);
  let best: { name: string; prefix: number } | undefined;
  for (const link of links) {
    for (const { address: base, prefix } of networksOf(link, address.family)) {
      if (prefix > (best?.prefix ?? -1) && isInNetwork(address, base, prefix)) best = { name: link.name, prefix };
    }
  }
  if (best !== undefined) return [best.name];
  const settings = (link: LinkSettings) => (address.family === 4 ? link.ipv4 : link.ipv6);
  const isDefault = (link: LinkSettings) =>
    settings(link).gateway !== null || settings(link).method === "dhcp" || settings(link).method === "auto";
  return links.filter(isDefault).map(({ name }) => name);
}

function networksOf(link: LinkSettings, family: 4 | 6) {
  const { addresses, routes } = family === 4 ? link.ipv4 : link.ipv6;
  const ways = routes.map(({ to }) => {
    const [address = "", prefix = ""] = to.split("/");
    return { address, prefix: Number(prefix) };
  });
  return [...addresses, ...ways]
    .filter(({ prefix }) => prefix <= longestPrefix(family))
    .flatMap((each) => ownOf(each, family) ?? []);
}
