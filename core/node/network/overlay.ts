import { mkdir, readFile, rm, symlink } from "node:fs/promises";
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
  const names = writes.flatMap((write) => (write.text === null ? [tombstone(write), runFileName(write.file)] : nameOf(write)));
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
