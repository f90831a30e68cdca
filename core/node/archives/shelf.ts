import { lstat, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Archive, ArchiveKind } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import type { ArchivePaths } from "./world.ts";

/*
 * Finished archives. Collected logs are NAME.tar.gz and the folder NAME of the same; a backup is NAME.tar.gz with
 * NAME.tar.gz.sha256, made by core/backup. What is being made ends in `.unfinished` and gets its name when all of it is
 * on the disk.
 */

export const unfinished = ".unfinished";
const ending = ".tar.gz";
/** An archive's name as it comes in a call: never a path. */
const goodName = /^(?!\.)[A-Za-z0-9._-]{1,120}$/;

export const kept = {
  /** The newest ones, and of those only as many as take no more room together. The newest is always kept. */
  logs: { count: 3, bytes: 8 * 1024 ** 3 },
  backup: { count: 14, bytes: Number.POSITIVE_INFINITY },
} as const satisfies Record<ArchiveKind, { count: number; bytes: number }>;

/** The files of an archive: the one to fetch first, then what lies beside it. */
export function filesOf(kind: ArchiveKind, name: string): [file: string, beside: string] {
  const file = `${name}${ending}`;
  return [file, kind === "logs" ? name : `${file}.sha256`];
}

export function shelfOf(paths: ArchivePaths, kind: ArchiveKind): string {
  return kind === "logs" ? paths.logs : paths.backups;
}

/** All finished archives of a kind, the newest first. */
export async function listArchives(paths: ArchivePaths, kind: ArchiveKind): Promise<Archive[]> {
  const folder = shelfOf(paths, kind);
  const found: Archive[] = [];
  for (const file of await readdir(folder).catch(() => [])) {
    const name = file.slice(0, -ending.length);
    if (!file.endsWith(ending) || !goodName.test(name)) continue;
    const known = await lstat(join(folder, file)).catch(() => undefined);
    if (known?.isFile() !== true) continue;
    const [, beside] = filesOf(kind, name);
    const sum = kind === "backup" ? await readFile(join(folder, beside), "utf8").catch(() => "") : "";
    found.push({
      kind,
      name,
      at: Math.round(known.mtimeMs),
      sizeBytes: known.size,
      diskBytes: known.size + (await sizeBelow(join(folder, beside))),
      sha256: /^[0-9a-f]{64}\b/.exec(sum)?.[0] ?? null,
    });
  }
  return found.sort((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1));
}

/** @throws NodeError ARCHIVE.UNKNOWN */
export async function findArchive(paths: ArchivePaths, kind: ArchiveKind, name: string): Promise<Archive> {
  const found = goodName.test(name) ? (await listArchives(paths, kind)).find((one) => one.name === name) : undefined;
  if (found !== undefined) return found;
  throw new NodeError("ARCHIVE.UNKNOWN", "There is no such archive any more.", { remedy: "Look at the list anew." });
}

/** @throws NodeError ARCHIVE.UNKNOWN; or the system's error */
export async function removeArchive(paths: ArchivePaths, kind: ArchiveKind, name: string): Promise<Archive> {
  const found = await findArchive(paths, kind, name);
  for (const file of filesOf(kind, name)) await rm(join(shelfOf(paths, kind), file), { recursive: true, force: true });
  return found;
}

/** Removes what is too much; gives the names. `inUse` is never removed. */
export async function trimShelf(paths: ArchivePaths, kind: ArchiveKind, inUse?: string): Promise<string[]> {
  const removed: string[] = [];
  let bytes = 0;
  for (const [nth, { name, diskBytes }] of (await listArchives(paths, kind)).entries()) {
    bytes += diskBytes;
    if (nth === 0 || name === inUse || (nth < kept[kind].count && bytes <= kept[kind].bytes)) continue;
    await removeArchive(paths, kind, name);
    removed.push(name);
  }
  return removed;
}

/** Makes the folder of collected logs, private to the agent, and removes what a former job left behind. */
export async function openShelf({ logs: folder }: ArchivePaths): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder))
    if (name.endsWith(unfinished)) await rm(join(folder, name), { recursive: true, force: true });
  return folder;
}

/** A name for collected logs that is free, from the node's and the time: `mgmt01-logs-20261121-140307`, UTC. */
export async function archiveName({ logs }: ArchivePaths, hostname: string, at: number): Promise<string> {
  const first = nameOf(hostname, at);
  const taken = new Set(await readdir(logs).catch(() => []));
  const isFree = (name: string) => filesOf("logs", name).every((file) => !taken.has(file));
  let name = first;
  for (let nth = 2; !isFree(name); nth++) name = `${first}-${nth}`;
  return name;
}

function nameOf(hostname: string, at: number): string {
  const host = hostname.replace(/[^A-Za-z0-9-]/g, "").slice(0, 40);
  const time = new Date(at)
    .toISOString()
    .replace(/[-:]|\..*/g, "")
    .replace("T", "-");
  return [host === "" ? "node" : host, "logs", time].join("-");
}

/** Bytes of a file, or of all files below a folder. Symbolic links count nothing. */
export async function sizeBelow(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isSymbolicLink()) return 0;
  if (!found.isDirectory()) return found.size;
  let bytes = 0;
  for (const name of await readdir(path)) bytes += await sizeBelow(join(path, name));
  return bytes;
}
