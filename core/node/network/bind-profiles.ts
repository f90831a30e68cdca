import { type BondMode, bondModes, type LinkKind } from "../../model/network/configuration.ts";
import { readIpv4, readIpv6 } from "./ip-settings.ts";
import { hasGroup, type KeyFile, keysOf, valueOf } from "./keyfile.ts";
import { isTrue, type Profile } from "./profiles.ts";

/* Which profile sets up which interface, and which ones are not of the configuration's kind. */

/** An interface of the machine. `mac` is the one that it was made with: a leg of a bond shows that of the bond. */
export type PresentLink = { name: string; kind: string; mac: string | null };

export type Controller = { link: string; kind: "bond" | "bridge" };

export type BoundProfile = {
  profile: Profile;
  link: string;
  kind: LinkKind;
  /** What it is a leg or a port of. */
  controller: Controller | null;
  /** The link below a VLAN. */
  parent: string | null;
};

/** A profile that the configuration leaves alone, or tells only a part of. */
export type OtherProfile = {
  /** "" where it is bound to none. */
  link: string;
  file: string;
  code: "type" | "feature" | "unbound" | "notAutomatic" | "outranked" | "controller" | "invalid";
  /** A sentence's end, after the profile's name: `is for a wireless network`. */
  what: string;
};

const kinds: Readonly<Record<string, LinkKind>> = {
  "802-3-ethernet": "ethernet",
  bond: "bond",
  vlan: "vlan",
  bridge: "bridge",
};

const otherKinds: Readonly<Record<string, string>> = {
  "802-11-wireless": "a wireless network",
  team: "a team of interfaces",
  vpn: "a virtual private network",
  wireguard: "a WireGuard tunnel",
  vxlan: "a VXLAN tunnel",
  "ip-tunnel": "an IP tunnel",
  infiniband: "an InfiniBand interface",
  tun: "a TUN or TAP interface",
  dummy: "a dummy interface",
  macvlan: "a MACVLAN interface",
  veth: "a pair of virtual interfaces",
  vrf: "a routing domain (VRF)",
  loopback: "the loopback interface",
  pppoe: "a PPPoE connection",
  gsm: "a mobile network",
};

type Candidate = { profile: Profile; link: string; kind: LinkKind };
export type Binding = {
  bound: Map<string, BoundProfile>;
  /** Ports of what is not there. They are no part of the configuration, but would get in the way of a new profile. */
  strays: Map<string, BoundProfile>;
  others: OtherProfile[];
};

/**
 * One profile for each interface: of several the one with the highest autoconnect-priority, as NetworkManager does when
 * it starts. Equal ones are taken by UUID, as nothing better is in the files (NetworkManager: the last one used).
 */
export function bindProfiles(profiles: readonly Profile[], present: readonly PresentLink[]): Binding {
  const others: OtherProfile[] = [];
  const tell = ({ file }: Profile, link: string, code: OtherProfile["code"], what: string) => {
    others.push({ link, file, code, what });
  };
  const candidates = profiles.flatMap((profile): Candidate[] => {
    const kind = kinds[profile.type];
    const link = linkOfProfile(profile, profiles, present);
    if (profile.type === "") {
      tell(profile, link ?? "", "invalid", "does not tell its type");
      return [];
    }
    if (kind === undefined) {
      tell(profile, link ?? "", "type", `is for ${otherKinds[profile.type] ?? `a connection of type ${profile.type}`}`);
      return [];
    }
    if (link === undefined) {
      tell(profile, "", "unbound", "is bound to no interface of this machine");
      return [];
    }
    const wrong = objection(profile, kind);
    if (wrong !== undefined) tell(profile, link, "invalid", wrong);
    else if (!isAutomatic(profile, profiles)) tell(profile, link, "notAutomatic", "is not activated by itself");
    else return [{ profile, link, kind }];
    return [];
  });
  const bound = new Map<string, BoundProfile>();
  const strays = new Map<string, BoundProfile>();
  for (const [link, [best, ...rest]] of Map.groupBy(candidates.sort(byRank), (each) => each.link)) {
    if (best === undefined) continue;
    for (const { profile } of rest) tell(profile, link, "outranked", `gives way to ${best.profile.file}`);
    const parent = best.kind === "vlan" ? parentReference(best.profile.keyfile, profiles, present) : null;
    if (parent === undefined) tell(best.profile, link, "invalid", "does not tell the interface below the VLAN");
    else bound.set(link, { ...best, controller: null, parent });
  }
  // A port whose bond goes because its own bridge is missing has to go too.
  for (let before = -1; before !== bound.size; ) {
    before = bound.size;
    for (const each of [...bound.values()]) {
      const controller = controllerOf(each.profile, bound);
      if (controller !== undefined) {
        bound.set(each.link, { ...each, controller });
        continue;
      }
      const { name, type } = controllerKeys(each.profile.keyfile);
      tell(each.profile, each.link, "controller", `is a port of ${name} (${type}), of which there is no profile`);
      bound.delete(each.link);
      strays.set(each.link, each);
    }
  }
  return { bound, strays, others };
}

function byRank(a: Candidate, b: Candidate): number {
  return priorityOf(b.profile) - priorityOf(a.profile) || (a.profile.uuid < b.profile.uuid ? -1 : 1);
}

function priorityOf({ keyfile }: Profile): number {
  const text = valueOf(keyfile, "connection", "autoconnect-priority")?.trim() ?? "";
  return /^-?\d{1,4}$/.test(text) ? Number(text) : 0;
}

/** A port may leave it to its bond or bridge to bring it up. */
function isAutomatic({ keyfile }: Profile, profiles: readonly Profile[]): boolean {
  const own = valueOf(keyfile, "connection", "autoconnect");
  if (own === undefined || !/^\s*(false|no|off|0)\s*$/i.test(own)) return true;
  const { name } = controllerKeys(keyfile);
  if (name === undefined) return false;
  const controller = profiles.find((each) => each.uuid === name || each.interfaceName === name);
  return ["autoconnect-ports", "autoconnect-slaves"].some(
    (key) => controller !== undefined && isTrue(valueOf(controller.keyfile, "connection", key)),
  );
}

/** Why NetworkManager would refuse the profile. */
function objection({ keyfile }: Profile, kind: LinkKind): string | undefined {
  const { name, type } = controllerKeys(keyfile);
  if (name !== undefined && type === undefined) return "names a controller without port-type";
  if (name === undefined && readIpv4(keyfile) === undefined) return "has no right method in [ipv4]";
  if (name === undefined && readIpv6(keyfile) === undefined) return "has no right method in [ipv6]";
  if (kind === "bond" && bondModeOf(keyfile) === undefined) return "has a mode in [bond] that the kernel does not know";
  if (kind === "vlan" && !/^\d{1,4}$/.test(valueOf(keyfile, "vlan", "id") ?? "")) return "has no id in [vlan]";
  return;
}

/** The driver takes names and numbers; without either it is balance-rr. */
export function bondModeOf(keyfile: KeyFile): BondMode | undefined {
  const text = valueOf(keyfile, "bond", "mode") ?? "balance-rr";
  return bondModes.find((mode, index) => mode === text || String(index) === text);
}

/** Old and new names of the keys that make a profile a port. */
export const controllerKeyNames = [
  { name: "master", type: "slave-type" },
  { name: "controller", type: "port-type" },
] as const;

function controllerKeys(keyfile: KeyFile): { name: string | undefined; type: string | undefined } {
  const own = (key: string) => valueOf(keyfile, "connection", key) || undefined;
  return { name: own("controller") ?? own("master"), type: own("port-type") ?? own("slave-type") };
}

/** What the profile names as its controller, as it stands there: a name or a UUID. */
export function controllerReference(keyfile: KeyFile): string | undefined {
  return controllerKeys(keyfile).name;
}

/** null: it is no port. undefined: of something that is not there, or of no bond and no bridge. */
function controllerOf({ keyfile }: Profile, bound: ReadonlyMap<string, BoundProfile>): Controller | null | undefined {
  const { name, type } = controllerKeys(keyfile);
  if (name === undefined) return null;
  const found = bound.get(name) ?? [...bound.values()].find(({ profile }) => profile.uuid === name.toLowerCase());
  if (found === undefined || found.kind !== type) return;
  return type === "bond" || type === "bridge" ? { link: found.link, kind: type } : undefined;
}

function linkOfProfile(
  { interfaceName, keyfile, type }: Profile,
  profiles: readonly Profile[],
  present: readonly PresentLink[],
): string | undefined {
  if (interfaceName !== null) return interfaceName;
  if (kinds[type] === "ethernet") return linkOfMac(keyfile, present);
  if (kinds[type] !== "vlan") return;
  const parent = parentReference(keyfile, profiles, present);
  const id = valueOf(keyfile, "vlan", "id");
  return parent === undefined || id === undefined ? undefined : `${parent}.${id}`;
}

/** The interface below a VLAN is told by its name, by its profile's UUID, or by its MAC address. */
export function parentReference(
  keyfile: KeyFile,
  profiles: readonly Profile[],
  present: readonly PresentLink[],
): string | undefined {
  const text = valueOf(keyfile, "vlan", "parent") || undefined;
  const profile = profiles.find(({ uuid }) => uuid === text?.toLowerCase());
  if (profile === undefined) return text ?? linkOfMac(keyfile, present);
  // One step is enough: a VLAN on a VLAN has a name of its own.
  return profile.interfaceName ?? linkOfMac(profile.keyfile, present);
}

function linkOfMac(keyfile: KeyFile, present: readonly PresentLink[]): string | undefined {
  const mac = ethernetValue(keyfile, "mac-address")?.trim().toLowerCase().replaceAll("-", ":");
  if (mac === undefined || mac === "") return;
  return present.find((link) => link.kind === "ethernet" && link.mac?.toLowerCase() === mac)?.name;
}

/** The group has two names; NetworkManager looks into the long one first. */
export const ethernetGroups = ["802-3-ethernet", "ethernet"] as const;

export function ethernetValue(keyfile: KeyFile, key: string): string | undefined {
  const group = ethernetGroups.find((each) => keysOf(keyfile, each).includes(key));
  return group === undefined ? undefined : valueOf(keyfile, group, key);
}

/** What the configuration can't tell of a profile that it does tell. */
export function features({ keyfile }: Profile): string[] {
  const methods = [readIpv4(keyfile), readIpv6(keyfile)].flatMap((family) => family?.unknownMethod ?? []);
  return [
    ...(hasGroup(keyfile, "802-1x") ? ["signs on to the switch by 802.1X, which is kept as it is"] : []),
    ...methods.map((method) => `has the IP method ${method}, which is kept until addresses are set`),
  ];
}
