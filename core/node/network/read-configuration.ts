import { NodeError } from "../../model/error.ts";
import { type LinkSettings, type NetworkConfiguration, noIpv4, noIpv6 } from "../../model/network/configuration.ts";
import {
  type BoundProfile,
  bindProfiles,
  bondModeOf,
  ethernetValue,
  features,
  type OtherProfile,
  type PresentLink,
} from "./bind-profiles.ts";
import { type FamilyReading, readIpv4, readIpv6 } from "./ip-settings.ts";
import { type KeyFile, keysOf, valueOf } from "./keyfile.ts";
import { isTrue, type Profile } from "./profiles.ts";

export type ConfigurationSources = {
  profiles: readonly Profile[];
  hostname: string;
  timeServers: readonly string[];
  managementLink: string | null;
  present: readonly PresentLink[];
};

export type ConfigurationReading = {
  configuration: NetworkConfiguration;
  /** Profiles that are not in it, and what of a profile isn't. */
  others: OtherProfile[];
  /** Values that NetworkManager skips: NET.PROFILE_VALUE. */
  problems: NodeError[];
};

/** The configuration that the effective profiles stand for. */
export function readConfiguration(sources: ConfigurationSources): ConfigurationReading {
  const { bound, others } = bindProfiles(sources.profiles, sources.present);
  const all = [...bound.values()];
  const kept = all.flatMap(({ profile, link }) =>
    features(profile).map((what): OtherProfile => ({ link, file: profile.file, code: "feature", what })),
  );
  const configuration: NetworkConfiguration = {
    hostname: sources.hostname,
    timeServers: [...sources.timeServers],
    managementLink: sources.managementLink,
    links: all.map((each) => linkSettingsOf(each, all)),
  };
  return {
    configuration: canonicalConfiguration(configuration),
    others: [...others, ...kept],
    problems: all.flatMap(({ profile, controller }) => (controller === null ? skippedValues(profile) : [])),
  };
}

function linkSettingsOf({ profile, link, kind, controller, parent }: BoundProfile, all: readonly BoundProfile[]) {
  const { keyfile } = profile;
  // NetworkManager pays no attention to the addresses of a port.
  const isPort = controller !== null;
  const common = {
    name: link,
    mtu: mtuOf(keyfile),
    ipv4: isPort ? noIpv4 : (readIpv4(keyfile)?.settings ?? noIpv4),
    ipv6: isPort ? noIpv6 : (readIpv6(keyfile)?.settings ?? noIpv6),
  };
  const ports = all.filter((each) => each.controller?.link === link).map((each) => each.link);
  const settings: Readonly<Record<typeof kind, () => LinkSettings>> = {
    ethernet: () => ({ kind: "ethernet", ...common }),
    bond: () => ({ kind: "bond", ...common, bond: { ...bondOf(keyfile), legs: ports } }),
    vlan: () => ({
      kind: "vlan",
      ...common,
      vlan: { parent: parent ?? "", id: Number(valueOf(keyfile, "vlan", "id")) },
    }),
    bridge: () => ({ kind: "bridge", ...common, bridge: { ports, stp: stpOf(keyfile) } }),
  };
  return settings[kind]();
}

function bondOf(keyfile: KeyFile) {
  const options = bondOptionKeys(keyfile).map((key): [string, string] => [key, valueOf(keyfile, "bond", key) ?? ""]);
  return { mode: bondModeOf(keyfile) ?? ("balance-rr" as const), options: Object.fromEntries(options) };
}

/** Every key of the group is an option of the driver, but for the old place of the interface's name. */
export function bondOptionKeys(keyfile: KeyFile): string[] {
  return keysOf(keyfile, "bond").filter((key) => key !== "mode" && key !== "interface-name");
}

/** A bridge has the spanning tree protocol unless told otherwise. */
function stpOf(keyfile: KeyFile): boolean {
  const text = valueOf(keyfile, "bridge", "stp");
  return text === undefined || isTrue(text);
}

/** 0 and `auto` leave the choice to the kernel. */
function mtuOf(keyfile: KeyFile): number | null {
  const text = ethernetValue(keyfile, "mtu")?.trim() ?? "";
  return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : null;
}

function skippedValues({ keyfile, path }: Profile): NodeError[] {
  const skipped = (family: string, reading: FamilyReading<unknown> | undefined) =>
    (reading?.skipped ?? []).map(
      ({ key, value }) =>
        new NodeError("NET.PROFILE_VALUE", `${path}: ${key}=${value} in [${family}] is no value that can be used.`, {
          remedy: "NetworkManager skips it. Set the addresses and routes of the interface anew.",
          values: { file: path, group: family, key, value },
        }),
    );
  return [...skipped("ipv4", readIpv4(keyfile)), ...skipped("ipv6", readIpv6(keyfile))];
}

const order = new Intl.Collator("en", { numeric: true }).compare;

/**
 * The same configuration in the one form in which profiles tell it: links, legs and ports by name, and no entry for a
 * physical leg that only says what goes without saying. Two that mean the same are equal in this form.
 */
export function canonicalConfiguration(configuration: NetworkConfiguration): NetworkConfiguration {
  const { links } = configuration;
  const ports = new Set(links.flatMap(portsOf));
  const kept = links.filter((link) => link.kind !== "ethernet" || link.mtu !== null || !ports.has(link.name));
  return {
    ...configuration,
    links: kept
      .map((link) => ({ ...link, ...(ports.has(link.name) ? { ipv4: noIpv4, ipv6: noIpv6 } : {}) }))
      .map((link): LinkSettings => {
        if (link.kind === "bond") return { ...link, bond: { ...link.bond, legs: link.bond.legs.toSorted(order) } };
        if (link.kind !== "bridge") return link;
        return { ...link, bridge: { ...link.bridge, ports: link.bridge.ports.toSorted(order) } };
      })
      .sort((a, b) => order(a.name, b.name)),
  };
}

/** The names of a link's legs or ports. */
export function portsOf(link: LinkSettings): string[] {
  if (link.kind === "bond") return link.bond.legs;
  return link.kind === "bridge" ? link.bridge.ports : [];
}
