import { formatAddress, parseAddress } from "../address.ts";
import { type LinkSettings, type NetworkConfiguration, noIpv4, noIpv6, type Route } from "./configuration.ts";
import { type Renames, renamed } from "./rename.ts";
import { membersOf } from "./survey.ts";
import type { NetworkChange } from "./transaction.ts";

type What = NetworkChange["what"];

/**
 * What a draft changes: the node's own first, then link by link in the draft's order, then links that are gone.
 * `renames`: a link that has a new name is the same link; without it, one has gone and another has come.
 */
export function networkChanges(
  before: NetworkConfiguration,
  after: NetworkConfiguration,
  renames: Renames = new Map(),
): NetworkChange[] {
  const { configuration: old, renames: all } = renamed(before, renames);
  const [olds, news] = [byName(old), byName(after)];
  const oldNames = new Map([...all].map(([from, to]) => [to, from]));
  const isListed = (name: string) => olds.has(name) || news.has(name);
  const cards = [...all].filter(([, to]) => !isListed(to));
  return [
    ...single("", "hostname", "", old.hostname, after.hostname),
    ...single("", "timeServers", "", joined(old.timeServers), joined(after.timeServers)),
    ...single("", "managementLink", "", old.managementLink, after.managementLink),
    ...cards.flatMap(([from, to]) => single(to, "name", "", from, to)),
    ...[...new Set([...news.keys(), ...olds.keys()])].flatMap((name) => [
      ...single(name, "name", "", oldNames.get(name) ?? name, name),
      ...linkChanges(name, olds.get(name), news.get(name)),
    ]),
  ];
}

function byName({ links }: NetworkConfiguration): Map<string, LinkSettings> {
  return new Map(links.map((link) => [link.name, link]));
}

function single(link: string, what: What, key: string, before: string | null, after: string | null): NetworkChange[] {
  return before === after ? [] : [{ link, what, key, before, after }];
}

function joined(texts: readonly string[]): string | null {
  return texts.length === 0 ? null : texts.join(", ");
}

function linkChanges(name: string, before: LinkSettings | undefined, after: LinkSettings | undefined): NetworkChange[] {
  const [old, fresh] = [before ?? blank(name), after ?? blank(name)];
  return [
    ...single(name, "link", "", before?.kind ?? null, after?.kind ?? null),
    ...kindChanges(name, old, fresh),
    ...single(name, "mtu", "", figure(old.mtu), figure(fresh.mtu)),
    ...familyChanges(name, old, fresh, 4),
    ...familyChanges(name, old, fresh, 6),
  ];
}

function blank(name: string): LinkSettings {
  return { kind: "ethernet", name, mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
}

function figure(value: number | null): string | null {
  return value === null ? null : String(value);
}

function kindChanges(name: string, old: LinkSettings, fresh: LinkSettings): NetworkChange[] {
  const [options, newOptions] = [bondOf(old)?.options ?? {}, bondOf(fresh)?.options ?? {}];
  const keys = [...new Set([...Object.keys(options), ...Object.keys(newOptions)])].sort();
  const legs = (link: LinkSettings) => (link.kind === "bond" ? membersOf(link) : []);
  const ports = (link: LinkSettings) => (link.kind === "bridge" ? membersOf(link) : []);
  return [
    ...single(name, "mode", "", bondOf(old)?.mode ?? null, bondOf(fresh)?.mode ?? null),
    ...keys.flatMap((key) => single(name, "option", key, own(options, key), own(newOptions, key))),
    ...setChanges(name, "leg", legs(old), legs(fresh)),
    ...setChanges(name, "port", ports(old), ports(fresh)),
    ...single(name, "parent", "", parentOf(old), parentOf(fresh)),
    ...single(name, "stp", "", stpOf(old), stpOf(fresh)),
  ];
}

function bondOf(link: LinkSettings) {
  return link.kind === "bond" ? link.bond : undefined;
}

function own(record: Readonly<Record<string, string>>, key: string): string | null {
  return Object.hasOwn(record, key) ? (record[key] ?? null) : null;
}

function parentOf(link: LinkSettings): string | null {
  return link.kind === "vlan" ? `${link.vlan.parent} id ${link.vlan.id}` : null;
}

/** A bridge has no spanning tree unless it is asked for: not to have it is nothing that comes or goes. */
function stpOf(link: LinkSettings): string {
  return link.kind === "bridge" && link.bridge.stp ? "on" : "off";
}

/** What has gone and what has come; their order means nothing. */
function setChanges(link: string, what: What, before: readonly string[], after: readonly string[]): NetworkChange[] {
  const [olds, news] = [new Set(before), new Set(after)];
  return [
    ...[...olds]
      .filter((each) => !news.has(each))
      .map((each) => ({ link, what, key: each, before: each, after: null })),
    ...[...news]
      .filter((each) => !olds.has(each))
      .map((each) => ({ link, what, key: each, before: null, after: each })),
  ];
}

function familyChanges(name: string, old: LinkSettings, fresh: LinkSettings, family: 4 | 6): NetworkChange[] {
  const [a, b] = family === 4 ? [old.ipv4, fresh.ipv4] : [old.ipv6, fresh.ipv6];
  if (a === b || JSON.stringify(a) === JSON.stringify(b)) return [];
  const words = whats[family];
  const none = (method: string) => (method === "none" ? null : method);
  return [
    ...single(name, words.method, "", none(a.method), none(b.method)),
    ...addressChanges(name, words.address, a.addresses.map(addressText), b.addresses.map(addressText)),
    ...single(name, words.gateway, "", canonical(a.gateway), canonical(b.gateway)),
    ...setChanges(name, "route", a.routes.map(routeText), b.routes.map(routeText)),
    ...single(name, "nameServers", `ipv${family}`, joined(a.nameServers), joined(b.nameServers)),
  ];
}

const whats = {
  4: { method: "method", address: "address", gateway: "gateway" },
  6: { method: "method6", address: "address6", gateway: "gateway6" },
} as const;

/** Gone and come addresses in pairs. The order counts, as the first is the primary: a new order of the same is told. */
function addressChanges(
  link: string,
  what: What,
  before: readonly string[],
  after: readonly string[],
): NetworkChange[] {
  const gone = before.filter((each) => !after.includes(each));
  const come = after.filter((each) => !before.includes(each));
  if (gone.length === 0 && come.length === 0) {
    const isSame = before.join() === after.join();
    return isSame ? [] : [{ link, what, key: "order", before: joined(before), after: joined(after) }];
  }
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, i) => ({
    link,
    what,
    key: "",
    before: gone[i] ?? null,
    after: come[i] ?? null,
  }));
}

function addressText({ address, prefix }: { address: string; prefix: number }): string {
  return `${canonical(address)}/${prefix}`;
}

/** In one form, so that fd00:0::1 and fd00::1 are no change. */
function canonical<T extends string | null>(text: T): string | T {
  const address = text === null ? undefined : parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

function routeText({ to, via, metric }: Route): string {
  const [address = "", prefix = ""] = to.split("/");
  const way = via === null ? "" : ` via ${canonical(via)}`;
  return `${canonical(address)}/${prefix}${way}${metric === null ? "" : ` metric ${metric}`}`;
}
