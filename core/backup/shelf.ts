import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readBackupName, surplusBackups } from "../model/backup.ts";
import { errnoOf, syncFolder } from "../node/durable.ts";

/*
 * The folder of finished backups. What is being made lies in `.NAME.PID.unfinished` and gets its own name when all of
 * it is on the disk. Beside each lies NAME.tar.gz.sha256, as sha256sum(1) reads it; a backup is one without it, too.
 */

export const sumEnding = ".sha256";
const unfinished = /^\..*\.(\d+)\.unfinished$/;
/** A number may belong to another program by now. */
const longestMs = 24 * 3600_000;

export function unfinishedName(file: string): string {
  return `.${file}.${process.pid}.unfinished`;
}

/** Makes the folder, root's alone, and removes what makers that have died left behind. */
export async function openBackups(folder: string, now: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const pid = unfinished.exec(name)?.[1];
    if (pid === undefined) continue;
    const place = join(folder, name);
    const found = await lstat(place).catch(() => undefined);
    if (found !== undefined && isAtWork(Number(pid), found.mtimeMs, now)) continue;
    await rm(place, { recursive: true, force: true });
  }
}

/** Whether the program that began something may still be at it. */
export function isAtWork(pid: number, sinceMs: number, now: number): boolean {
  if (now - sinceMs > longestMs) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

/** Names of all finished backups, the newest first; empty where there is no folder. */
export async function backupFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const known = names.flatMap((file) => {
    const told = readBackupName(file);
    return told === undefined ? [] : [{ file, order: told.order }];
  });
  return known.sort((a, b) => (a.order < b.order ? 1 : -1)).map(({ file }) => file);
}

/** Deletes what is beyond the newest `keep` backups; gives the files' names. */
export async function trimBackups(folder: string, keep: number, made?: string): Promise<string[]> {
  const surplus = surplusBackups(await backupFiles(folder), keep, { made });
  for (const file of surplus) await removeBackup(join(folder, file));
  if (surplus.length > 0) await syncFolder(folder);
  return surplus;
}

/** Removes a backup with its checksum. */
export async function removeBackup(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  for (const each of [file, `${file}${sumEnding}`]) await rm(each, { force: true });
}
