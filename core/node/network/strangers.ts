import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { syncFolder, writeDurably } from "../durable.ts";
import { readIpv4, readIpv6 } from "./ip-settings.ts";
import type { RunningChange } from "./journal.ts";
import { decodeKeyFile, formatKeyFile, groupsOf, type KeyFile, keysOf, parseKeyFile, valueOf } from "./keyfile.ts";
import { keptFiles } from "./overlay.ts";
import { metaEnding, profileFolders } from "./profiles.ts";
import type { ProfileWrite } from "./write-profiles.ts";

/*
 * Profiles of a change that NetworkManager has put into /etc while it was tried: it does not know that the file with the
 * same UUID still lies there, and would take the newer one of the two. It does so when it goes back by itself, and when
 * somebody modifies a profile that is on trial: the try is in that file as well then. When somebody deletes such a
 * profile, a link `UUID.nmmeta` hides the file in /etc for good. Source: NetworkManager 1.52.
 */

/** NetworkManager passes over files with such a name, and so does a person who looks for what is in force. */
const asideEnding = "~";

type Change = Pick<RunningChange, "kept" | "tried" | "uuids" | "renames">;

export type Strangers = {
  /** Whether there was one. */
  isAny: boolean;
  /** Paths of what was set aside. */
  aside: string[];
};

/**
 * Takes them out of force. What NetworkManager has only brought back goes; what somebody has written stays beside it,
 * under a name that counts for nothing. Somebody's profile with a UUID of its own is not touched.
 *
 * @param replaced the change was kept: what its files in /etc were before
 */
export async function takeStrangersAway(
  root: string,
  { kept, tried, uuids, renames }: Change,
  replaced: ReadonlyMap<string, string | null> | null,
): Promise<Strangers> {
  const folder = join(root, profileFolders.etc);
  const names = await keptFiles(root);
  const texts = new Map<string, string>();
  for (const name of names) texts.set(name, await readFile(join(folder, name), "utf8").catch(() => ""));
  const formerTexts = kept.map((name) => replaced?.get(`${profileFolders.etc}/${name}`) ?? texts.get(name) ?? "");
  const former = new Map(formerTexts.map((text) => [uuidIn(text), text]));
  const own = new Set(
    replaced !== null ? tried.flatMap(({ name }) => [name, name.replace(/\.nmconnection$/, "")]) : [],
  );
  const gone = tried.map(({ name }) => /^(.*)\.nmmeta$/.exec(name)?.[1]);
  const known = new Set([...former.keys(), ...uuids, ...gone]);
  const found: Strangers = { isAny: false, aside: [] };
  for (const name of uuids.map((uuid) => `${uuid}${metaEnding}`)) {
    if (!texts.has(name) || kept.includes(name)) continue;
    found.isAny = true;
    await rm(join(folder, name), { force: true });
  }
  for (const [name, text] of texts) {
    const uuid = uuidIn(text);
    const isOld = kept.includes(name) || own.has(name) || name.endsWith(asideEnding);
    if (isOld || uuid === undefined || !known.has(uuid)) continue;
    found.isAny = true;
    const before = former.get(uuid);
    if (before !== undefined && !isChanged(before, text, renames)) {
      await rm(join(folder, name), { force: true });
      continue;
    }
    await rename(join(folder, name), join(folder, `${name}${asideEnding}`));
    found.aside.push(`${profileFolders.etc}/${name}${asideEnding}`);
  }
  if (found.isAny) await syncFolder(folder);
  return found;
}

/**
 * Keeps what somebody has written into a profile in /etc since the change was planned, beside it: the change is about to
 * write its own there.
 *
 * @returns paths of what was kept so
 */
export async function keepEdited(root: string, writes: readonly Pick<ProfileWrite, "was">[]): Promise<string[]> {
  const edited = writes.map(async ({ was }): Promise<string[]> => {
    if (was?.place !== "etc") return [];
    const path = `${profileFolders.etc}/${was.file}`;
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    if (bytes === undefined || isText(bytes, formatKeyFile(was.keyfile), path)) return [];
    await writeDurably(join(root, `${path}${asideEnding}`), bytes, 0o600);
    return [`${path}${asideEnding}`];
  });
  return (await Promise.all(edited)).flat();
}

function isText(bytes: Uint8Array, text: string, path: string): boolean {
  try {
    return formatKeyFile(decodeKeyFile(bytes, path)) === text;
  } catch {
    return false;
  }
}

function uuidIn(text: string): string | undefined {
  return /^uuid=(\S+)$/m.exec(text)?.[1];
}

/** Whether somebody has changed a profile, or NetworkManager has only written it in its own way, or under a new name. */
function isChanged(before: string, now: string, renames: Change["renames"]): boolean {
  try {
    const [old, fresh] = [parseKeyFile(before, ""), parseKeyFile(now, "")];
    if (!isDeepStrictEqual(familiesOf(old), familiesOf(fresh))) return true;
    return groupsOf(fresh).some((group) =>
      keysOf(fresh, group).some(
        (key) =>
          !isRewritten(group, key) &&
          valueOf(fresh, group, key) !== valueOf(old, group, key) &&
          !renames.some(([from, to]) => from === valueOf(old, group, key) && to === valueOf(fresh, group, key)),
      ),
    );
  } catch {
    return true;
  }
}

function familiesOf(file: KeyFile) {
  return [readIpv4(file)?.settings, readIpv6(file)?.settings];
}

/** Keys that NetworkManager adds, or writes by another name or in another form. */
function isRewritten(group: string, key: string): boolean {
  if (group === "ipv4" || group === "ipv6")
    return /^(method|addr-gen-mode|gateway|dns|(address|route)(es)?\d*)$/.test(key);
  if (group !== "connection") return false;
  return /^(id|type|timestamp|permissions|master|controller|slave-type|port-type|autoconnect-(slaves|ports))$/.test(
    key,
  );
}
