import { createHash } from "node:crypto";
import { NodeError } from "../../model/error.ts";
import { decodeKeyFile, hasGroup, type KeyFile, valueOf } from "./keyfile.ts";

/*
 * Which profiles are in force, of all the files in NetworkManager's folders. Source: NetworkManager 1.52,
 * src/core/settings/plugins/keyfile/nms-keyfile-{plugin,storage,utils}.c.
 */

/** A folder of profiles, the one that NetworkManager prefers first. */
export const profilePlaces = ["run", "etc", "lib"] as const;
export type ProfilePlace = (typeof profilePlaces)[number];

export const profileFolders: Readonly<Record<ProfilePlace, string>> = {
  run: "/run/NetworkManager/system-connections",
  etc: "/etc/NetworkManager/system-connections",
  lib: "/usr/lib/NetworkManager/system-connections",
};

/** What is in one of the folders, as the file system tells it. */
export type ProfileFile = {
  place: ProfilePlace;
  /** The name in the folder. */
  name: string;
  path: string;
} & (
  | { kind: "file"; bytes: Uint8Array; mode: number; uid: number; mtimeMs: number }
  /** A symbolic link that stands for itself, as a tombstone is: the folder's own links are followed. */
  | { kind: "link"; target: string; uid: number }
  | { kind: "unreadable"; why: string }
);

export type Profile = {
  /** Name of the file in its folder. */
  file: string;
  path: string;
  place: ProfilePlace;
  uuid: string;
  id: string;
  interfaceName: string | null;
  /** NetworkManager's name: `802-3-ethernet`, `bond`. "" for a profile that doesn't tell. */
  type: string;
  keyfile: KeyFile;
  /** Files of the same UUID that this one hides: they come to light when it goes. */
  hidden: string[];
};

export type EffectiveProfiles = {
  profiles: Profile[];
  /** Names of files in any of the folders: a new one must have another. */
  fileNames: string[];
  /** Files that can't be read, or that NetworkManager refuses: NET.PROFILE_BROKEN, NET.PROFILE_REFUSED. */
  problems: NodeError[];
};

type Entry = { file: ProfileFile; uuid: string; mtimeMs: number; profile: Omit<Profile, "hidden"> | null };

/**
 * The profiles that NetworkManager takes from these files: of several with one UUID that of /run, then of /etc, then of
 * /usr/lib; in one folder the newest. A tombstone, `UUID.nmmeta` that points to /dev/null, hides all but those of a
 * better folder. Profiles that NetworkManager made by itself, for devices of others or for want of a profile, are no
 * configuration and left out.
 */
export function effectiveProfiles(files: readonly ProfileFile[]): EffectiveProfiles {
  const problems: NodeError[] = [];
  const entries = files.flatMap((file): Entry[] => {
    try {
      return tombstone(file) ?? entry(file);
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      problems.push(error);
      return [];
    }
  });
  const byUuid = Map.groupBy(entries.sort(byPreference), ({ uuid }) => uuid);
  const profiles = [...byUuid.values()].flatMap(([first, ...rest]) => {
    const profile = first?.profile;
    if (profile === null || profile === undefined || isGenerated(profile.keyfile)) return [];
    return [{ ...profile, hidden: rest.map(({ file }) => file.path) }];
  });
  return { profiles, fileNames: [...new Set(files.map(({ name }) => name))], problems };
}

function byPreference(a: Entry, b: Entry): number {
  return (
    profilePlaces.indexOf(a.file.place) - profilePlaces.indexOf(b.file.place) ||
    Number(a.profile !== null) - Number(b.profile !== null) ||
    b.mtimeMs - a.mtimeMs ||
    (a.file.path < b.file.path ? 1 : -1)
  );
}

const uuidForm = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
export const metaEnding = ".nmmeta";
const profileEnding = ".nmconnection";
const nothing = "/dev/null";

/** undefined: no file of that kind. An empty list: one that NetworkManager pays no attention to. */
function tombstone(file: ProfileFile): Entry[] | undefined {
  if (!file.name.endsWith(metaEnding)) return;
  const uuid = file.name.slice(0, -metaEnding.length);
  if (!uuidForm.test(uuid) || file.place === "lib" || file.kind === "unreadable") return [];
  if (refusal(file) !== undefined) return [];
  if (file.kind === "link") return file.target === nothing ? [{ file, uuid, mtimeMs: 0, profile: null }] : [];
  const keyfile = decodeKeyFile(file.bytes, file.path);
  const isDead = valueOf(keyfile, "nmmeta", "uuid") === uuid && valueOf(keyfile, "nmmeta", "loaded-path") === nothing;
  return isDead ? [{ file, uuid, mtimeMs: 0, profile: null }] : [];
}

function entry(file: ProfileFile): Entry[] {
  if (isIgnoredName(file.name, file.place) || file.kind === "link") return [];
  const refused = refusal(file);
  if (refused !== undefined) throw refused;
  if (file.kind === "unreadable") return [];
  const profile = profileOf(file, decodeKeyFile(file.bytes, file.path));
  return [{ file, uuid: profile.uuid, mtimeMs: file.mtimeMs, profile }];
}

/** Only /etc may have profiles without the ending, as they were written long ago. */
function isIgnoredName(name: string, place: ProfilePlace): boolean {
  if (name.startsWith(".")) return true;
  if (place !== "etc") return !name.endsWith(profileEnding) || name === profileEnding;
  return name.endsWith("~") || /\.[A-Za-z\d]{6}$/.test(name) || /.\.(pem|der)$/i.test(name);
}

function refusal(file: ProfileFile): NodeError | undefined {
  const why =
    file.kind === "unreadable"
      ? file.why
      : file.uid !== 0
        ? `it belongs to user ${file.uid}, not to root`
        : file.kind === "file" && (file.mode & 0o077) !== 0
          ? `others than root may open it (mode ${(file.mode & 0o777).toString(8).padStart(4, "0")})`
          : undefined;
  if (why === undefined) return;
  return new NodeError("NET.PROFILE_REFUSED", `NetworkManager does not use the profile ${file.path}: ${why}.`, {
    remedy: `If it is meant to be used: chown root:root and chmod 600 ${file.path}.`,
    values: { file: file.path, why },
  });
}

function profileOf(file: ProfileFile, keyfile: KeyFile): Omit<Profile, "hidden"> {
  const { name, path, place } = file;
  const own = (key: string) => valueOf(keyfile, "connection", key);
  const bases = baseGroups.filter((group) => hasGroup(keyfile, group));
  const type = own("type") ?? (bases.length === 1 ? bases[0] : undefined) ?? "";
  const isOldName = type !== "" && own("interface-name") === undefined && own("type") !== undefined;
  const interfaceName = own("interface-name") ?? (isOldName ? valueOf(keyfile, type, "interface-name") : undefined);
  return {
    file: name,
    path,
    place,
    uuid: own("uuid")?.toLowerCase() || uuidOfName(name),
    id: own("id") ?? (name.endsWith(profileEnding) ? name.slice(0, -profileEnding.length) : name),
    interfaceName: interfaceName === undefined || interfaceName === "" ? null : interfaceName,
    type: typeNames[type] ?? type,
    keyfile,
  };
}

const typeNames: Readonly<Record<string, string>> = { ethernet: "802-3-ethernet", wifi: "802-11-wireless" };

/** Groups of which one alone tells the type of a profile that doesn't tell itself. */
const baseGroups = ["bond", "vlan", "bridge", "team", "wireguard", "vpn", "wifi", "802-11-wireless", "infiniband"];
baseGroups.push("802-3-ethernet", "ethernet");

/** NetworkManager's namespace for what it derives from texts. Source: nm-uuid.c, `nm_uuid_ns_1`. */
const nameSpace = Buffer.from("b425e9fb759844b49e3b5a2e3aaa4905", "hex");

/** The UUID of a profile that has none: derived from the path in /etc, wherever it is (RFC 9562, version 3). */
function uuidOfName(name: string): string {
  const text = `keyfile\0${profileFolders.etc}/${name}\0`;
  const digest = createHash("md5").update(nameSpace).update(text).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x30, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  return digest.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** NetworkManager keeps in memory, and in /run, what it made up for interfaces that others have set up. */
function isGenerated(keyfile: KeyFile): boolean {
  return ["nm-generated", "external", "volatile"].some((key) => isTrue(valueOf(keyfile, ".nmmeta", key)));
}

/** Whether a text means yes to NetworkManager. Source: `_nm_utils_ascii_str_to_bool`. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["true", "yes", "on", "1"].includes(text.trim().toLowerCase());
}

/** The name under which a profile can be tried out in /run, where the ending is a must. */
export function runFileName(file: string): string {
  return file.endsWith(profileEnding) ? file : `${file}${profileEnding}`;
}
