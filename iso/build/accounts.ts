import * as fs from "node:fs";
import * as path from "node:path";
import { type AccountIds, idsOf, type Moves, movesTo, renumbered } from "./ids.ts";
import { run } from "./run.ts";

/** The ids of a tree's users and groups. */
export function idsIn(tree: string): AccountIds {
  const read = (list: string) => idsOf(fs.readFileSync(path.join(tree, "etc", list), "utf8"));
  return { users: read("passwd"), groups: read("group") };
}

/**
 * Gives every user and group of a tree its id of the table, in the lists and as owner of files. It is done to the
 * finished tree because each way of making accounts has a trap: adduser makes no home for a user who was there before
 * it, systemd-sysusers and useradd know nothing of adduser's pools. Access lists (ACL) are not changed: systemd-tmpfiles
 * sets those of the image at each boot, by name.
 * @throws IsoError ISO.IDS for accounts that can't have it, before anything is changed.
 */
export async function pinAccounts(tree: string, table: AccountIds): Promise<void> {
  const moves = movesTo(table, idsIn(tree));
  for (const list of ["passwd", "group"] as const) {
    const file = path.join(tree, "etc", list);
    fs.writeFileSync(file, renumbered(list, fs.readFileSync(file, "utf8"), moves));
  }
  await changeOwners(tree, moves);
}

type Change = { file: string; uid: number; gid: number; mode: number | undefined };

async function changeOwners(tree: string, moves: Moves): Promise<void> {
  // All are looked at before the first is changed: an id that one account leaves may be where another moves to, and a
  // file with two names is met twice.
  const changes = changesBelow(tree, moves);
  if (changes.length === 0) return;
  const capabilities = await capabilitiesOf(changes.filter(({ mode }) => mode !== undefined).map(({ file }) => file));
  for (const { file, uid, gid, mode } of changes) {
    fs.lchownSync(file, uid, gid);
    // chown(2) takes away the set-user-ID and set-group-ID bits, and capabilities.
    if (mode !== undefined) fs.chmodSync(file, mode);
  }
  for (const [file, text] of capabilities) await run("setcap", [text, file]);
}

function changesBelow(folder: string, moves: Moves): Change[] {
  // Not readdir's own `recursive`: it goes through symbolic links, and those of a tree lead to the builder's files.
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    const below = entry.isDirectory() ? changesBelow(file, moves) : [];
    const now = fs.lstatSync(file);
    const [uid, gid] = [moves.users.get(now.uid) ?? now.uid, moves.groups.get(now.gid) ?? now.gid];
    if (uid === now.uid && gid === now.gid) return below;
    return [...below, { file, uid, gid, mode: entry.isSymbolicLink() ? undefined : now.mode & 0o7777 }];
  });
}

/** Files that have capabilities, with these as setcap takes them. */
async function capabilitiesOf(files: readonly string[]): Promise<[string, string][]> {
  const lines = files.length === 0 ? [] : (await run("getcap", files)).split("\n").filter((line) => line !== "");
  // "FILE CLAUSE CLAUSE": either may hold blanks.
  return lines.flatMap((line) => {
    const file = files.find((name) => line.startsWith(`${name} `));
    return file === undefined ? [] : [[file, line.slice(file.length + 1)]];
  });
}
