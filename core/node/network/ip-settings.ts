import type { Ipv4Settings, Ipv6Settings, OwnAddress, Route } from "../../model/network/configuration.ts";
import { hasGroup, type KeyFile, keysOf, listOf, valueOf } from "./keyfile.ts";

/*
 * The groups [ipv4] and [ipv6] of a profile. Source: NetworkManager 1.52, src/libnm-core-impl/nm-keyfile.c.
 */

export type Family = "ipv4" | "ipv6";

export type FamilyReading<Settings> = {
  settings: Settings;
  /** A method that the configuration has no word for: `shared`, `link-local`. It stays as long as nothing is set. */
  unknownMethod: string | null;
  /** Values that NetworkManager skips. */
  skipped: { key: string; value: string }[];
};

const methods4: Readonly<Record<string, Ipv4Settings["method"]>> = { auto: "dhcp", manual: "static", disabled: "none" };
const methods6: Readonly<Record<string, Ipv6Settings["method"]>> = {
  auto: "auto",
  dhcp: "dhcp",
  manual: "static",
  disabled: "none",
  ignore: "none",
};
const otherMethods = ["shared", "link-local"];

/** undefined: NetworkManager refuses a profile with this group. */
export function readIpv4(keyfile: KeyFile): FamilyReading<Ipv4Settings> | undefined {
  return readFamily(keyfile, "ipv4", methods4, "none");
}

export function readIpv6(keyfile: KeyFile): FamilyReading<Ipv6Settings> | undefined {
  return readFamily(keyfile, "ipv6", methods6, "none");
}

function readFamily<Method extends string>(
  keyfile: KeyFile,
  family: Family,
  methods: Readonly<Record<string, Method>>,
  none: Method,
) {
  // Without the group, the interface asks; in the group, the method is a must.
  const text = hasGroup(keyfile, family) ? valueOf(keyfile, family, "method") : "auto";
  const isOther = text !== undefined && otherMethods.includes(text);
  const method = isOther ? none : Object.entries(methods).find(([word]) => word === text)?.[1];
  if (method === undefined) return;
  const unknownMethod = isOther ? text : null;
  const empty = { addresses: [], gateway: null, routes: [], nameServers: [] };
  if (method === none) return { settings: { method, ...empty }, unknownMethod, skipped: [] };
  const entries = keysLike(keyfile, family, "address").map((key) => ({ key, ...fieldsOf(keyfile, family, key) }));
  const read = entries.map((entry) => ({ ...entry, address: addressOf(entry.fields, family) }));
  const routes = keysLike(keyfile, family, "route").map((key) => ({ key, ...readRoute(keyfile, family, key) }));
  const servers = listOf(keyfile, family, "dns");
  const skipped = [
    ...read.flatMap(({ key, value, address }) => (address === undefined ? [{ key, value }] : [])),
    ...servers.filter((value) => !isServerText(value)).map((value) => ({ key: "dns", value })),
    ...routes.flatMap(({ key, value, route }) => (route === undefined ? [{ key, value }] : [])),
  ];
  const gateways = [valueOf(keyfile, family, "gateway"), ...read.map(({ fields }) => fields[2])];
  const settings = {
    method,
    addresses: read.flatMap(({ address }) => address ?? []),
    gateway: gateways.find((gateway) => gateway !== undefined && !isUnspecified(gateway)) ?? null,
    routes: routes.flatMap(({ route }) => route ?? []),
    nameServers: servers.filter(isServerText),
  };
  return { settings, unknownMethod, skipped };
}

/**
 * The keys of a list in its order: `address`, `address0`, `address1` …, and the old plural after the singular of a
 * number. Others with that beginning, as `address-data`, mean something else.
 */
export function keysLike(keyfile: KeyFile, family: Family, word: "address" | "route"): string[] {
  const plural = word === "address" ? "addresses" : "routes";
  const form = new RegExp(`^(${plural}|${word})(0|[1-9]\\d{0,9})?$`);
  const found = keysOf(keyfile, family).flatMap((key) => {
    const [, name, number] = form.exec(key) ?? [];
    return name === undefined
      ? []
      : [{ key, index: number === undefined ? -1 : Number(number), isOld: name === plural }];
  });
  return found.sort((a, b) => a.index - b.index || Number(a.isOld) - Number(b.isOld)).map(({ key }) => key);
}

/** Address, prefix, gateway, metric. NetworkManager takes `/`, `,` and `;` for the same, and the last may be left out. */
function fieldsOf(keyfile: KeyFile, family: Family, key: string): { value: string; fields: string[] } {
  const value = valueOf(keyfile, family, key) ?? "";
  return { value, fields: value.replace(/[/,;]$/, "").split(/[/,;]/) };
}

function addressOf([address = "", prefix, , ...more]: readonly string[], family: Family): OwnAddress | undefined {
  const length = prefixOf(prefix, family, family === "ipv4" ? 24 : 64);
  if (!isAddressText(address, family) || length === undefined || more.length > 0) return;
  return { address, prefix: length };
}

function readRoute(keyfile: KeyFile, family: Family, key: string): { value: string; route: Route | undefined } {
  const { value, fields } = fieldsOf(keyfile, family, key);
  const [network = "", prefix, given = "", metric, ...more] = fields;
  const length = prefixOf(prefix, family, family === "ipv4" ? 24 : 128);
  // Written once for an IPv6 route without gateway: the metric in its place.
  const isMetric = family === "ipv6" && metric === undefined && /^\d+$/.test(given);
  const via = isMetric || given === "" || isUnspecified(given) ? null : given;
  const number = isMetric ? given : metric;
  const isRight =
    isAddressText(network, family) &&
    length !== undefined &&
    (via === null || isAddressText(via, family)) &&
    (number === undefined || /^\d{1,10}$/.test(number)) &&
    more.length === 0;
  if (!isRight) return { value, route: undefined };
  return { value, route: { to: `${network}/${length}`, via, metric: number === undefined ? null : Number(number) } };
}

/** Routes' further options, as `mtu=1400,table=5`, stand beside them. */
export function routeOptions(keyfile: KeyFile, family: Family): { to: string; via: string | null; options: string }[] {
  return keysLike(keyfile, family, "route").flatMap((key) => {
    const { route } = readRoute(keyfile, family, key);
    const options = valueOf(keyfile, family, `${key}_options`);
    return route === undefined || options === undefined ? [] : [{ to: route.to, via: route.via, options }];
  });
}

function prefixOf(text: string | undefined, family: Family, otherwise: number): number | undefined {
  if (text === undefined || text === "") return otherwise;
  const most = family === "ipv4" ? 32 : 128;
  return /^\d{1,3}$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

/** Not more than the form: whether it is an address is for the configuration's own rules to say. */
function isAddressText(text: string, family: Family): boolean {
  return family === "ipv4" ? /^[\d.]+$/.test(text) : /^[\da-f:.%]*:[\da-f:.%]*$/i.test(text);
}

/** An address, or a URI of one that is asked by TLS. Commas don't part servers. */
function isServerText(text: string): boolean {
  return !/[\s,]/.test(text);
}

function isUnspecified(address: string): boolean {
  return address === "" || address === "0.0.0.0" || address === "::";
}
