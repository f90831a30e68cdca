import { parseAddress } from "../../../core/model/address.ts";
import {
  type Ipv4Settings,
  type Ipv6Settings,
  type LinkSettings,
  noIpv4,
  noIpv6,
  type OwnAddress,
  type Route,
} from "../../../core/model/network/configuration.ts";
import { addressKey, familyOfText, routeKey } from "../../../core/model/network/one-entry.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";

type Changing<V> = {
  readonly id: string;
  /** As it is in force; null: it is new. */
  readonly before: V | null;
  /** As it will be; null: it goes. */
  readonly after: V | null;
};
export type AddressEntry = Changing<OwnAddress> & {
  readonly kind: "address";
  /** The address that the interface is known by, with its gateway: the form of the interface has it. */
  readonly isFirst: boolean;
};
export type RouteEntry = Changing<Route> & { readonly kind: "route" };
export type Entry = AddressEntry | RouteEntry;

/** All addresses and routes of one interface, as they are and as somebody wants them; nothing of it has happened yet. */
export class EntryDraft {
  readonly #link: string;
  readonly #present: Pick<LinkSettings, "ipv4" | "ipv6">;
  #entries: Entry[];
  #made = 0;

  constructor(link: string, settings: LinkSettings | undefined) {
    this.#link = link;
    this.#present = settings ?? { ipv4: noIpv4, ipv6: noIpv6 };
    const families = [this.#present.ipv4, this.#present.ipv6];
    this.#entries = [
      ...families.flatMap(({ method, addresses }) =>
        addresses.map((address, i) => this.#addressEntry(address, address, method === "static" && i === 0)),
      ),
      ...families.flatMap(({ routes }) => routes.map((route) => this.#routeEntry(route, route))),
    ];
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get isChanged(): boolean {
    return this.operations().length > 0;
  }

  /** The settings of a family with the addresses and routes of the draft. */
  settings(family: 4 | 6): Ipv4Settings | Ipv6Settings {
    const addresses = this.#addresses().filter(({ address }) => familyOfText(address) === family);
    const entries = this.#entries.flatMap((entry) =>
      entry.kind === "route" && entry.after !== null ? entry.after : [],
    );
    const routes = entries.filter(({ to }) => familyOfText(to) === family);
    return family === 4 ? { ...this.#present.ipv4, addresses, routes } : { ...this.#present.ipv6, addresses, routes };
  }

  /** Whether another entry than this one gives the interface the address already. */
  hasAddress(text: string, but: AddressEntry | undefined): boolean {
    const value = parseAddress(text)?.value;
    return this.#addresses(but).some(({ address }) => parseAddress(address)?.value === value);
  }

  /** Whether another entry than this one leads to the network, with the same metric. */
  hasRoute({ to, metric }: Pick<Route, "to" | "metric">, but: RouteEntry | undefined): boolean {
    const key = routeKey({ to, via: null, metric });
    const routes = this.#entries.flatMap((entry) => (entry.kind === "route" && entry.id !== but?.id ? [entry] : []));
    return routes.some(({ after }) => after !== null && routeKey({ ...after, via: null }) === key);
  }

  /** Puts an address into the place of an entry, or behind the last address. Returns the id of its entry. */
  putAddress(address: OwnAddress, at: AddressEntry | undefined): string {
    if (at !== undefined) return this.#replace({ ...at, after: address });
    const entry = this.#addressEntry(null, address, false);
    const routes = this.#entries.findIndex(({ kind }) => kind === "route");
    this.#entries = this.#entries.toSpliced(routes < 0 ? this.#entries.length : routes, 0, entry);
    return entry.id;
  }

  putRoute(route: Route, at: RouteEntry | undefined): string {
    if (at !== undefined) return this.#replace({ ...at, after: route });
    const entry = this.#routeEntry(null, route);
    this.#entries = [...this.#entries, entry];
    return entry.id;
  }

  /** Takes an entry away, or leaves it as it was where it was to go already. What was never in force is forgotten. */
  remove(entry: Entry): void {
    if (entry.before === null) this.#entries = this.#entries.filter(({ id }) => id !== entry.id);
    else if (entry.kind === "address") this.#replace({ ...entry, after: entry.after === null ? entry.before : null });
    else this.#replace({ ...entry, after: entry.after === null ? entry.before : null });
  }

  /** What goes comes first, so that its place is free for what comes. */
  operations(): NetworkOperation[] {
    const link = this.#link;
    const changed = this.#entries.filter((entry) => stateOf(entry) !== "asBefore");
    const gone = changed.filter(({ after }) => after === null);
    return [...gone, ...changed.filter(({ after }) => after !== null)].map((entry) =>
      entry.kind === "address"
        ? { do: "oneAddress", link, before: entry.before, after: entry.after }
        : { do: "oneRoute", link, before: entry.before, after: entry.after },
    );
  }

  #addresses(but?: AddressEntry): OwnAddress[] {
    return this.#entries.flatMap((entry) =>
      entry.kind === "address" && entry.after !== null && entry.id !== but?.id ? [entry.after] : [],
    );
  }

  #replace(entry: Entry): string {
    this.#entries = this.#entries.map((each) => (each.id === entry.id ? entry : each));
    return entry.id;
  }

  #addressEntry(before: OwnAddress | null, after: OwnAddress, isFirst: boolean): AddressEntry {
    return { kind: "address", id: String(this.#made++), before, after, isFirst };
  }

  #routeEntry(before: Route | null, after: Route): RouteEntry {
    return { kind: "route", id: String(this.#made++), before, after };
  }
}

export function stateOf(entry: Entry): "asBefore" | "new" | "changed" | "gone" {
  if (entry.after === null) return "gone";
  if (entry.before === null) return "new";
  const isSame =
    entry.kind === "address"
      ? addressKey(entry.before) === addressKey(entry.after)
      : routeKey(entry.before) === routeKey(entry.after);
  return isSame ? "asBefore" : "changed";
}
