import { formatAddress, parseAddress } from "../address.ts";
import { NodeError } from "../error.ts";
import { shown } from "../quote.ts";
import type { LinkSettings, OwnAddress, Route } from "./configuration.ts";
import type { NetworkOperation } from "./operation.ts";
import { forSettings, type Workbench, withLink } from "./workbench.ts";

/* One address or one route of a link comes, goes, or is another one afterwards; all others stay where they are. */

type Operation<D extends NetworkOperation["do"]> = Extract<NetworkOperation, { do: D }>;

export function oneAddress(bench: Workbench, { link, before, after }: Operation<"oneAddress">): Workbench {
  const entry = forSettings(bench, link);
  const [four, six] = families(entry, ({ addresses }) => addresses, before, after, {
    key: addressKey,
    familyOf: ({ address }) => familyOfText(address),
    gone(given) {
      const description = `${shown(link)} has no address ${shown(addressKey(given))}.`;
      return new NodeError("NET.ADDRESS_GONE", description, goneBecause(link, addressKey(given)));
    },
  });
  const [ipv4, ipv6] = [
    { ...entry.ipv4, addresses: four },
    { ...entry.ipv6, addresses: six },
  ];
  return withLink(bench, { ...entry, ipv4, ipv6 });
}

export function oneRoute(bench: Workbench, { link, before, after }: Operation<"oneRoute">): Workbench {
  const entry = forSettings(bench, link);
  const [four, six] = families(entry, ({ routes }) => routes, before, after, {
    key: routeKey,
    familyOf: ({ to }) => familyOfText(to),
    gone(given) {
      const description = `${shown(link)} has no such route to ${shown(given.to)}.`;
      return new NodeError("NET.ROUTE_GONE", description, goneBecause(link, given.to));
    },
  });
  const [ipv4, ipv6] = [
    { ...entry.ipv4, routes: four },
    { ...entry.ipv6, routes: six },
  ];
  return withLink(bench, { ...entry, ipv4, ipv6 });
}

/** By its look: whether it is an address at all is asked when the whole configuration is. */
export function familyOfText(text: string): 4 | 6 {
  return text.includes(":") ? 6 : 4;
}

/** In one form, so that fd00:0::5/64 is fd00::5/64. */
export function addressKey({ address, prefix }: OwnAddress): string {
  return `${canonical(address)}/${prefix}`;
}

export function routeKey({ to, via, metric }: Route): string {
  const [address = "", prefix = ""] = to.split("/");
  return JSON.stringify([canonical(address), prefix, via === null ? null : canonical(via), metric]);
}

type About<T> = {
  key: (each: T) => string;
  familyOf: (each: T) => 4 | 6;
  /** The refusal to change what is not there. */
  gone: (given: T) => NodeError;
};

/** What a link has of IPv4 and of IPv6 afterwards. One that is of the other family then changes its list. */
function families<T>(
  { ipv4, ipv6 }: LinkSettings,
  of: (settings: LinkSettings["ipv4"] | LinkSettings["ipv6"]) => readonly T[],
  before: T | null,
  after: T | null,
  { key, familyOf, gone }: About<T>,
): [four: T[], six: T[]] {
  const isBefore = (each: T) => before !== null && key(each) === key(before);
  const exchanged = (list: readonly T[], family: 4 | 6): T[] => {
    const fresh = after !== null && familyOf(after) === family ? [after] : [];
    const at = before !== null && familyOf(before) === family ? list.findIndex(isBefore) : list.length;
    if (before !== null && at < 0) throw gone(before);
    return list.toSpliced(at, 1, ...fresh);
  };
  return [exchanged(of(ipv4), 4), exchanged(of(ipv6), 6)];
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

function goneBecause(link: string, given: string) {
  return {
    remedy: "Look at what it has now: somebody else may have changed it.",
    values: { link: link.slice(0, 64), given: given.slice(0, 64) },
  };
}
