import { isDeepStrictEqual } from "node:util";
import type { LinkSettings } from "../../model/network/configuration.ts";
import {
  bondModeOf,
  type Controller,
  controllerKeyNames,
  controllerReference,
  ethernetGroups,
} from "./bind-profiles.ts";
import { hasGroup, type KeyFile, keysOf, valueOf, withGroup, withoutGroup, withValue } from "./keyfile.ts";
import { bondOptionKeys } from "./read-configuration.ts";
import { withFamily } from "./write-ip.ts";

/** An interface as its profile tells it. */
export type LinkSpec = { settings: LinkSettings; controller: Controller | null };

/** Names of the interfaces whose profiles stay, by the profiles' UUIDs. */
type Links = ReadonlyMap<string, string>;

/** A profile that stood for `before` (null: for nothing yet) made to stand for `after`. */
export function withLink(file: KeyFile, before: LinkSpec | null, after: LinkSpec, links: Links): KeyFile {
  let result = withName(file, before, after);
  result = withController(result, after, links);
  result = withKind(result, before?.settings ?? null, after.settings, links);
  result = withoutOtherPort(result, after);
  if (before === null || before.settings.mtu !== after.settings.mtu) result = withMtu(result, after.settings);
  return withAddresses(result, before, after);
}

function withName(file: KeyFile, before: LinkSpec | null, { settings }: LinkSpec): KeyFile {
  if (before === null || before.settings.name === settings.name) return file;
  const isBoundByMac = settings.kind === "ethernet" && valueOf(file, "connection", "interface-name") === undefined;
  if (isBoundByMac) return file;
  const named = withValue(file, "connection", "interface-name", settings.name);
  // Where it stood in the days before the one of the connection.
  return withValue(named, settings.kind, "interface-name", null);
}

function withController(file: KeyFile, { controller }: LinkSpec, links: Links): KeyFile {
  const keys = controllerKeyNames.flatMap(({ name, type }) => [name, type]);
  const reference = controllerReference(file);
  if (controller === null) {
    if (reference === undefined) return file;
    return keys.reduce((all, key) => withValue(all, "connection", key, null), file);
  }
  const kindKey = (each: (typeof controllerKeyNames)[number]) => valueOf(file, "connection", each.type);
  const isRightKind = controllerKeyNames.some((each) => kindKey(each) === controller.kind);
  if (reference !== undefined && isRightKind && isReference(reference, controller.link, links)) return file;
  // The names that the file has already; otherwise the old ones, which every NetworkManager takes.
  const used = controllerKeyNames.findLast(({ name }) => keysOf(file, "connection").includes(name));
  const { name, type } = used ?? controllerKeyNames[0];
  const rest = keys.filter((key) => key !== name && key !== type);
  const clean = rest.reduce((all, key) => withValue(all, "connection", key, null), file);
  return withValue(withValue(clean, "connection", name, controller.link), "connection", type, controller.kind);
}

/** NetworkManager refuses a profile with the settings of a port that it isn't. */
function withoutOtherPort(file: KeyFile, { controller }: LinkSpec): KeyFile {
  const others = (["bond", "bridge"] as const).filter((kind) => kind !== controller?.kind);
  return others.reduce((all, kind) => withoutGroup(all, `${kind}-port`), file);
}

/** Whether a name or a UUID in a profile leads to the link. */
function isReference(text: string, link: string, links: Links): boolean {
  return (links.get(text.toLowerCase()) ?? text) === link;
}

function withKind(file: KeyFile, before: LinkSettings | null, after: LinkSettings, links: Links): KeyFile {
  switch (after.kind) {
    case "ethernet":
      // NetworkManager adds it by itself; a person who reads a new file finds where the MTU goes.
      return before === null && !ethernetGroups.some((group) => hasGroup(file, group))
        ? withGroup(file, "ethernet")
        : file;
    case "bond":
      return withBond(file, before?.kind === "bond" ? before.bond : null, after.bond);
    case "vlan": {
      const old = before?.kind === "vlan" ? before.vlan : null;
      const named = old?.id === after.vlan.id ? file : withValue(file, "vlan", "id", after.vlan.id);
      const parent = valueOf(file, "vlan", "parent");
      // Without the key it may be told by its MAC address.
      const isRight =
        parent === undefined ? old?.parent === after.vlan.parent : isReference(parent, after.vlan.parent, links);
      return isRight ? named : withValue(named, "vlan", "parent", after.vlan.parent);
    }
    case "bridge": {
      const old = before?.kind === "bridge" ? before.bridge.stp : null;
      return old === after.bridge.stp ? file : withValue(file, "bridge", "stp", String(after.bridge.stp));
    }
  }
}

type Bond = Extract<LinkSettings, { kind: "bond" }>["bond"];

function withBond(file: KeyFile, before: Bond | null, after: Bond): KeyFile {
  const isSameMode = before !== null && bondModeOf(file) === after.mode;
  const result = isSameMode ? file : withValue(file, "bond", "mode", after.mode);
  if (isDeepStrictEqual(before?.options, after.options)) return result;
  const surplus = bondOptionKeys(file).filter((key) => !(key in after.options));
  const rest = surplus.reduce((all, key) => withValue(all, "bond", key, null), result);
  return Object.entries(after.options).reduce((all, [key, value]) => withValue(all, "bond", key, value), rest);
}

/** The MTU of any kind stands in the group of Ethernet. */
function withMtu(file: KeyFile, { kind, mtu }: LinkSettings): KeyFile {
  const group = ethernetGroups.find((each) => keysOf(file, each).includes("mtu"));
  if (mtu !== null) return withValue(file, group ?? "ethernet", "mtu", mtu);
  const clean = ethernetGroups.reduce((all, each) => withValue(all, each, "mtu", null), file);
  const isEmpty = group !== undefined && keysOf(clean, group).length === 0;
  return isEmpty && kind !== "ethernet" ? withoutGroup(clean, group) : clean;
}

/** A leg or port has none: NetworkManager would leave them out. */
function withAddresses(file: KeyFile, before: LinkSpec | null, after: LinkSpec): KeyFile {
  if (after.controller !== null) {
    const isNew = before === null || before.controller === null;
    return isNew ? withoutGroup(withoutGroup(file, "ipv4"), "ipv6") : file;
  }
  const old = before === null || before.controller !== null ? null : before.settings;
  const four = withFamily(file, "ipv4", old?.ipv4 ?? null, after.settings.ipv4);
  return withFamily(four, "ipv6", old?.ipv6 ?? null, after.settings.ipv6);
}
