import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, writeDurably } from "../durable.ts";
import { metaEnding, profileFolders, runFileName } from "./profiles.ts";
import type { ProfileWrite } from "./write-profiles.ts";

/*
 * Profiles that are tried out lie in /run: NetworkManager prefers them to those of /etc with the same UUID, and a link
 * `UUID.nmmeta` to /dev/null hides one. So /etc holds only what was kept, and after a crash of the machine nothing has
 * to be taken back. Source: NetworkManager 1.52, nms-keyfile-plugin.c and nms-keyfile-utils.c.
 */

/** A file that lies in /run for a try, and what was there before; null: nothing. */
export type TriedFile = { name: string; before: string | null };

/**
 * The files that a try will put into /run, in one step or several; called before anything is written, so that a journal
 * can name them.
 */
export async function triedFiles(root: string, steps: readonly (readonly ProfileWrite[])[]): Promise<TriedFile[]> {
  const there = await namesIn(join(root, profileFolders.run));
  const names = new Set(steps.flatMap((writes) => namesFor(writes, there)));
  return Promise.all(
    [...names].map(async (name) => ({ name, before: await readFile(pathOf(root, name), "utf8").catch(() => null) })),
  );
}

function namesFor(writes: readonly ProfileWrite[], there: readonly string[]): string[] {
  const taken = new Set(there);
  return writes.flatMap((write) => {
    const own = ownName(write);
    if (write.text === null) return own === undefined ? tombstone(write) : [tombstone(write), own];
    const name = own ?? (taken.has(runFileName(write.file)) ? spareName(write) : runFileName(write.file));
    taken.add(name);
    return name;
  });
}

/** @param tried what {@link triedFiles} has said of them */
export async function writeTried(
  root: string,
  writes: readonly ProfileWrite[],
  tried: readonly TriedFile[],
): Promise<void> {
  const names = new Set(tried.map(({ name }) => name));
  await mkdir(join(root, profileFolders.run), { recursive: true, mode: 0o755 });
  for (const write of writes) {
    if (write.text !== null) {
      const name = ownName(write) ?? (names.has(spareName(write)) ? spareName(write) : runFileName(write.file));
      await writeDurably(pathOf(root, name), write.text);
      continue;
    }
    // One that was made for this boot only lies here itself.
    const own = ownName(write);
    if (own !== undefined) await rm(pathOf(root, own), { force: true });
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
  return namesIn(join(root, profileFolders.etc));
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}

/** Its name in /run, where it lies there already: made for this boot only. */
function ownName({ was }: ProfileWrite): string | undefined {
  return was?.place === "run" ? was.file : undefined;
}

/** Where somebody else's profile has the name in /run that one of /etc would be tried under. */
function spareName({ uuid }: ProfileWrite): string {
  return `${uuid}.nmconnection`;
}

function tombstone({ uuid }: ProfileWrite): string {
  return `${uuid}${metaEnding}`;
}

function pathOf(root: string, name: string): string {
  return join(root, profileFolders.run, name);
}

function unlessThere(error: unknown): void {
  if (errnoOf(error) !== "EEXIST") throw error;
}
