import { isDeepStrictEqual } from "node:util";
import {
  type LinkSettings,
  linkOf,
  masterOf,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
} from "../../model/network/configuration.ts";
import { type BoundProfile, bindProfiles, type PresentLink } from "./bind-profiles.ts";
import { formatKeyFile, type KeyFile, parseKeyFile, valueOf, withoutGroup, withValue } from "./keyfile.ts";
import { type EffectiveProfiles, type Profile, profileFolders } from "./profiles.ts";
import { portsOf } from "./read-configuration.ts";
import { type LinkSpec, withLink } from "./write-link.ts";

export type ProfileWrite = {
  uuid: string;
  /** Name of the file in /etc; what it is tried under in /run is for `overlay.ts` to say. */
  file: string;
  /** null: the profile goes, and with it the files that it hides. */
  text: string | null;
  /** The profile as it was; null: it is new. */
  was: Profile | null;
};

export type ProfileChange = {
  before: Pick<EffectiveProfiles, "profiles" | "fileNames">;
  /** What `readConfiguration` said of `before`. */
  previous: NetworkConfiguration;
  configuration: NetworkConfiguration;
  present: readonly PresentLink[];
  /** New names of interfaces by their old ones. Without it a renamed one is another, with a profile of its own. */
  renames?: Readonly<Record<string, string>>;
  newUuid: () => string;
};

/**
 * What to write so that the profiles stand for `configuration`: those only of which something differs. A changed one
 * keeps its UUID, its id, the name of its file, and all that the configuration does not know of.
 * @throws NET.PROFILE_KEY for an option whose name can't stand in a profile.
 */
export function writeProfiles(change: ProfileChange): ProfileWrite[] {
  const { bound, strays } = bindProfiles(change.before.profiles, change.present);
  const renames = change.renames ?? {};
  const oldNames = new Map(Object.entries(renames).map(([from, to]) => [to, from]));
  const previous = specsOf(change.previous);
  const next = specsOf(change.configuration);
  const kept = new Map<string, BoundProfile>();
  for (const [name, { settings }] of next) {
    const found = bound.get(oldNames.get(name) ?? name);
    const stray = strays.get(name);
    const isTaken = found !== undefined && (renames[found.link] ?? found.link) !== name;
    if (found !== undefined && !isTaken && found.kind === settings.kind) kept.set(name, found);
    else if (stray?.kind === settings.kind) kept.set(name, stray);
  }
  const stays = new Set([...kept.values()].map(({ profile }) => profile.uuid));
  const gone = [...bound.values()].filter(({ link, profile }) => previous.has(link) && !stays.has(profile.uuid));
  // References by UUID hold as long as the profile stays.
  const linkOfUuid = new Map([...kept].map(([name, { profile }]) => [profile.uuid, name]));
  const fileNames = new Set(change.before.fileNames);
  // One that lies elsewhere may have the name that another one has in /etc.
  const fileFor = (was: Profile): string => {
    if (!isForeign(was, change.before.profiles)) return was.file;
    const file = fileOf(freeName(was.id.replace(/[^\w.+-]/g, "_").replace(/^\./, "_"), fileNames));
    fileNames.add(file);
    return file;
  };
  const writes = [...next].flatMap(([name, spec]): ProfileWrite[] => {
    const was = kept.get(name)?.profile ?? null;
    if (was === null) {
      const uuid = change.newUuid();
      const id = freeId(spec, fileNames);
      fileNames.add(fileOf(id));
      const text = formatKeyFile(withLink(newProfile(spec, id, uuid), null, spec, linkOfUuid));
      return [{ uuid, file: fileOf(id), text, was }];
    }
    const old = previous.get(oldNames.get(name) ?? name) ?? null;
    const keyfile = withLink(was.keyfile, old, spec, linkOfUuid);
    if (isDeepStrictEqual(keyfile, was.keyfile)) return [];
    return [{ uuid: was.uuid, file: fileFor(was), text: formatKeyFile(withIdentity(keyfile, was)), was }];
  });
  const deletions = gone.map(({ profile }) => ({
    uuid: profile.uuid,
    file: fileFor(profile),
    text: null,
    was: profile,
  }));
  return [...writes, ...deletions];
}

/** Every interface that needs a profile: those with an entry, and the legs and ports that have none. */
function specsOf(configuration: NetworkConfiguration): Map<string, LinkSpec> {
  const names = new Set(configuration.links.flatMap((link) => [link.name, ...portsOf(link)]));
  return new Map(
    [...names].map((name) => {
      const master = masterOf(configuration, name);
      const isPort = master?.kind === "bond" || master?.kind === "bridge";
      const controller = isPort ? { link: master.name, kind: master.kind } : null;
      const bare: LinkSettings = { kind: "ethernet", name, mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
      return [name, { settings: linkOf(configuration, name) ?? bare, controller }];
    }),
  );
}

/** As the installer's: before profiles that somebody may have added without a thought of priority. */
const priority = 10;

function newProfile({ settings }: LinkSpec, id: string, uuid: string): KeyFile {
  let file = parseKeyFile("[connection]\n", "");
  const set = (key: string, value: string | number) => {
    file = withValue(file, "connection", key, value);
  };
  set("id", id);
  set("uuid", uuid);
  set("type", settings.kind);
  set("interface-name", settings.name);
  set("autoconnect-priority", priority);
  /*
   * Activating the bond or bridge takes its legs and ports along, also one that is up with the profile that it had
   * before: without it NetworkManager 1.52 leaves such a one, and the bridge stays without a carrier. `may-fail` stays
   * as it is, yes: a family that gets no address must not take down the other one, which may be the only way to the
   * machine.
   */
  if (settings.kind === "bond" || settings.kind === "bridge") set("autoconnect-slaves", 1);
  return file;
}

/** What a file without them has by its name, which may not be that of the copy in /run; and no notes on that copy. */
function withIdentity(keyfile: KeyFile, { id, uuid }: Profile): KeyFile {
  const own = { id, uuid };
  const missing = (["id", "uuid"] as const).filter((key) => valueOf(keyfile, "connection", key) === undefined);
  const named = missing.reduce((all, key) => withValue(all, "connection", key, own[key]), keyfile);
  return withoutGroup(named, ".nmmeta");
}

function freeId({ settings, controller }: LinkSpec, taken: ReadonlySet<string>): string {
  const name = settings.name.replace(/[^\w.+-]/g, "_").replace(/^\./, "_");
  return freeName(controller !== null && settings.kind === "ethernet" ? `leg-${name}` : name, taken);
}

/** Whether the profile's file in /etc would be that of another one. */
function isForeign({ uuid, file, place }: Profile, all: readonly Profile[]): boolean {
  if (place === "etc") return false;
  return all.some(
    (each) =>
      each.uuid !== uuid &&
      ((each.place === "etc" && each.file === file) || each.hidden.includes(`${profileFolders.etc}/${file}`)),
  );
}

function freeName(first: string, taken: ReadonlySet<string>): string {
  let id = first;
  for (let number = 2; taken.has(fileOf(id)); number += 1) id = `${first}-${number}`;
  return id;
}

function fileOf(id: string): string {
  return `${id}.nmconnection`;
}
