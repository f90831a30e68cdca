import { NodeError } from "../error.ts";
import { shown } from "../quote.ts";
import {
  kindWords,
  type LinkKind,
  type LinkSettings,
  linkOf,
  masterOf,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
  vlansOn,
} from "./configuration.ts";
import { namedLinks } from "./survey.ts";

/** What operations work on: the configuration as far as it has come, and the names that are there besides. */
export type Workbench = {
  configuration: NetworkConfiguration;
  /** Physical interfaces under the names that they have by now; null: not known. */
  cards: ReadonlySet<string> | null;
  otherNames: ReadonlySet<string>;
};

export function link({ configuration }: Workbench, name: string): LinkSettings | undefined {
  return linkOf(configuration, name);
}

/**
 * Whether there is such a link. Where the machine is not known, any name may be that of a card; `named`: no, it must
 * be in the configuration then.
 */
export function isKnown(bench: Workbench, name: string, where: "anywhere" | "named" = "anywhere"): boolean {
  if (bench.cards === null && where === "anywhere") return true;
  return bench.cards?.has(name) === true || namedLinks(bench.configuration).has(name);
}

export function isTaken(bench: Workbench, name: string): boolean {
  return bench.otherNames.has(name) || isKnown(bench, name, "named");
}

/** The link's entry, or a first one for a card that has none. */
export function forSettings(bench: Workbench, name: string): LinkSettings {
  const entry = link(bench, name);
  if (entry !== undefined) return entry;
  if (!isKnown(bench, name)) throw unknownLink(name);
  return { kind: "ethernet", name, mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
}

/** Puts the entry in the place of that of the same name, or at the end. */
export function withLink(bench: Workbench, entry: LinkSettings): Workbench {
  const { links } = bench.configuration;
  const isThere = links.some(({ name }) => name === entry.name);
  return withLinks(bench, isThere ? links.map((each) => (each.name === entry.name ? entry : each)) : [...links, entry]);
}

export function withoutLink(bench: Workbench, name: string): Workbench {
  return withLinks(
    bench,
    bench.configuration.links.filter((each) => each.name !== name),
  );
}

function withLinks(bench: Workbench, links: LinkSettings[]): Workbench {
  return { ...bench, configuration: { ...bench.configuration, links } };
}

/** The entry of a kind, to work on it. NET.LINK_UNKNOWN, NET.KIND. */
export function entryOf<K extends LinkKind>(
  bench: Workbench,
  name: string,
  kind: K,
): Extract<LinkSettings, { kind: K }> {
  const entry = link(bench, name);
  if (isOfKind(entry, kind)) return entry;
  const other = entry?.kind ?? (bench.cards?.has(name) === true ? "ethernet" : undefined);
  if (other === undefined) throw unknownLink(name, kind);
  throw new NodeError("NET.KIND", `${shown(name)} is no ${kindWords[kind]}: it is a ${kindWords[other]}.`, {
    remedy: `Name a ${kindWords[kind]}.`,
    values: { link: name, kind: other, asked: kind },
  });
}

function isOfKind<K extends LinkKind>(
  entry: LinkSettings | undefined,
  kind: K,
): entry is Extract<LinkSettings, { kind: K }> {
  return entry?.kind === kind;
}

export function unknownLink(name: string, kind?: LinkKind): NodeError {
  const what = kind === undefined ? "network interface" : kindWords[kind];
  return new NodeError("NET.LINK_UNKNOWN", `There is no ${what} ${shown(name)}.`, {
    remedy: "See which there are: zs-show-network lists them.",
    values: { link: name },
  });
}

export function nameTaken(bench: Workbench, name: string): NodeError {
  const kind = link(bench, name)?.kind ?? (bench.cards?.has(name) === true ? "ethernet" : undefined);
  const owner = kind === undefined ? "an interface" : `a ${kindWords[kind]}`;
  return new NodeError("NET.NAME_TAKEN", `There is ${owner} of the name ${shown(name)} already.`, {
    remedy: "Choose another name.",
    values: { link: name },
  });
}

/** Bonds, bridges and VLANs that are made of a link or lie on it. */
export function usersOf({ configuration }: Workbench, name: string): string[] {
  const master = masterOf(configuration, name);
  return [...(master === undefined ? [] : [master.name]), ...vlansOn(configuration, name).map((each) => each.name)];
}
