import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, writeDurably } from "../durable.ts";
import { profileFolders, runFileName } from "./profiles.ts";
import type { ProfileWrite } from "./write-profiles.ts";

/*
 * Profiles that are tried out lie in /run: NetworkManager prefers them to those of /etc with the same UUID, and a link
 * `UUID.nmmeta` to /dev/null hides one. So /etc holds only what was kept, and after a crash of the machine nothing has
 * to be taken back. Source: NetworkManager 1.52, nms-keyfile-plugin.c and nms-keyfile-utils.c.
 */

/** A file that lies in /run for a try, and what was there before; null: nothing. */
export type TriedFile = { name: string; before: string | null };

/** The files that a try will put into /run; called before anything is written, so that a journal can name them. */
export async function triedFiles(root: string, writes: readonly ProfileWrite[]): Promise<TriedFile[]> {
  const names = writes.flatMap((write) =>
    write.text === null ? [tombstone(write), runFileName(write.file)] : nameOf(write),
  );
  return Promise.all(
    names.map(async (name) => ({ name, before: await readFile(pathOf(root, name), "utf8").catch(() => null) })),
  );
}

export async function writeTried(root: string, writes: readonly ProfileWrite[]): Promise<void> {
  await mkdir(join(root, profileFolders.run), { recursive: true, mode: 0o755 });
  for (const write of writes) {
    if (write.text !== null) {
      await writeDurably(pathOf(root, nameOf(write)), write.text);
      continue;
    }
    // One that was made for this boot only lies here itself.
    await rm(pathOf(root, runFileName(write.file)), { force: true });
    await symlink("/dev/null", pathOf(root, tombstone(write))).catch(unlessThere);
  }
}

/** Takes a try back: /run is as it was before. */
export async function removeTried(root: string, files: readonly TriedFile[]): Promise<void> {
  for (const { name, before } of files) {
    if (before === null) await rm(pathOf(root, name), { force: true });
    else await writeDurably(pathOf(root, name), before);
  }
}

/** What was tried is in /etc now, and nothing must hide it there. */
export async function forgetTried(root: string, files: readonly TriedFile[]): Promise<void> {
  for (const { name } of files) await rm(pathOf(root, name), { force: true });
}

/** Names of the files in /etc. */
export function keptFiles(root: string): Promise<string[]> {
  return readdir(join(root, profileFolders.etc)).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}

/**
 * Takes away what NetworkManager's own way back has put into /etc: it writes the former profile into a new file and
 * does not know that the old one still lies there. Only a file that was not there when the change began, and that has
 * the UUID of one that was, is such a one; somebody else's new profile stays.
 */
export async function removeRestored(root: string, kept: readonly string[]): Promise<void> {
  const folder = join(root, profileFolders.etc);
  const uuidOf = async (name: string) =>
    /^uuid=(\S+)$/m.exec(await readFile(join(folder, name), "utf8").catch(() => ""))?.[1];
  const names = await keptFiles(root);
  const known = new Set(await Promise.all(names.filter((name) => kept.includes(name)).map(uuidOf)));
  for (const name of names.filter((each) => !kept.includes(each))) {
    const uuid = await uuidOf(name);
    if (uuid !== undefined && known.has(uuid)) await rm(join(folder, name), { force: true });
  }
}

function nameOf({ file }: ProfileWrite): string {
  return runFileName(file);
}

function tombstone({ uuid }: ProfileWrite): string {
  return `${uuid}.nmmeta`;
}

function pathOf(root: string, name: string): string {
  return join(root, profileFolders.run, name);
}

function unlessThere(error: unknown): void {
  if (errnoOf(error) !== "EEXIST") throw error;
}
