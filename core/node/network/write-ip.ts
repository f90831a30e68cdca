import type { Ipv4Settings, Ipv6Settings, OwnAddress, Route } from "../../model/network/configuration.ts";
import { type Family, keysLike, routeOptions } from "./ip-settings.ts";
import { type KeyFile, keysOf, withList, withValue } from "./keyfile.ts";

type Settings = Ipv4Settings | Ipv6Settings;

/**
 * The profile with the settings of a family. Only what differs from `before` is touched; null: everything is set.
 * Whatever else is in the group stays, as long as NetworkManager takes it beside the new method.
 */
export function withFamily(file: KeyFile, family: Family, before: Settings | null, after: Settings): KeyFile {
  const differs = (key: keyof Settings) =>
    before === null || JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  let result = file;
  if (differs("method")) result = withValue(result, family, "method", methodWord(family, after));
  if (after.method === "none") return differs("method") ? withoutAddresses(result, family) : result;
  if (differs("addresses") || differs("gateway")) result = withAddresses(result, family, after);
  if (differs("routes")) result = withRoutes(result, family, after.routes);
  if (differs("nameServers") || differs("method")) result = withNameServers(result, family, after.nameServers);
  return result;
}

function methodWord(family: Family, { method }: Settings): string {
  if (method === "none") return "disabled";
  if (method === "static") return "manual";
  return family === "ipv4" || method === "auto" ? "auto" : "dhcp";
}

/** NetworkManager refuses a profile with `method=disabled` and any of these. */
const notWhenDisabled = ["gateway", "dns", "dns-search", "ignore-auto-dns", "link-local"];

function withoutAddresses(file: KeyFile, family: Family): KeyFile {
  const lists = [...keysLike(file, family, "address"), ...routeKeys(file, family)];
  return withoutKeys(file, family, [...lists, ...notWhenDisabled]);
}

function withAddresses(file: KeyFile, family: Family, { addresses, gateway }: Settings): KeyFile {
  const [first, ...more] = addresses;
  // A gateway without an address is refused.
  const via = first === undefined ? null : gateway;
  const own = keysOf(file, family).includes("gateway");
  const text = ({ address, prefix }: OwnAddress) => `${address}/${prefix}`;
  const values =
    first === undefined ? [] : [`${text(first)}${via === null || own ? "" : `,${via}`}`, ...more.map(text)];
  let result = withNumbered(file, family, keysLike(file, family, "address"), "address", values);
  if (own) result = withValue(result, family, "gateway", via);
  // A profile that must never have the default route is refused when it has a gateway.
  return via === null ? result : withValue(result, family, "never-default", null);
}

function withRoutes(file: KeyFile, family: Family, routes: readonly Route[]): KeyFile {
  const options = routeOptions(file, family);
  const values = routes.map(({ to, via, metric }) => {
    if (metric === null) return via === null ? to : `${to},${via}`;
    return `${to},${via ?? (family === "ipv4" ? "0.0.0.0" : "::")},${metric}`;
  });
  const result = withNumbered(file, family, routeKeys(file, family), "route", values);
  return routes.reduce((all, { to, via }, index) => {
    const same = options.filter((each) => each.to === to);
    const kept = same.find((each) => each.via === via) ?? (same.length === 1 ? same[0] : undefined);
    return kept === undefined ? all : withValue(all, family, `route${index + 1}_options`, kept.options);
  }, result);
}

function routeKeys(file: KeyFile, family: Family): string[] {
  const options = keysOf(file, family).filter((key) => /^routes?\d*_options$/.test(key));
  return [...keysLike(file, family, "route"), ...options];
}

/** Keys that keep their names keep their places. */
function withNumbered(file: KeyFile, family: Family, old: string[], word: string, values: readonly string[]): KeyFile {
  const names = values.map((_, index) => `${word}${index + 1}`);
  const surplus = old.filter((key) => !names.includes(key));
  const rest = withoutKeys(file, family, surplus);
  return names.reduce((all, key, index) => withValue(all, family, key, values[index] ?? null), rest);
}

/** Given servers are asked alone, not beside those of DHCP. */
function withNameServers(file: KeyFile, family: Family, servers: readonly string[]): KeyFile {
  const result = withList(file, family, "dns", servers);
  return withValue(result, family, "ignore-auto-dns", servers.length === 0 ? null : "true");
}

function withoutKeys(file: KeyFile, family: Family, keys: readonly string[]): KeyFile {
  return keys.reduce((all, key) => withValue(all, family, key, null), file);
}
