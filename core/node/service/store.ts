import { chown, lstat, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { Keeping, StoreLook } from "../../model/service.ts";
import { errnoOf, syncFolder, whyNotWritten } from "../durable.ts";
import type { Machine } from "../machine.ts";

/** The store of a management node, as far as resetting needs it. */
export type Store = {
  /** What is in it. Never fails: what can't be read is `unreadable`. */
  look(signal: AbortSignal): Promise<StoreLook>;
  /**
   * Leaves an empty store behind, and gives the folder that now holds the former one; null when `mayDelete` and there
   * is no room for it. The manager must not be running.
   *
   * @throws SERVICE.NO_ROOM, SERVICE.NOT_KEPT: the store is as it was
   */
  empty(mayDelete: boolean, signal: AbortSignal): Promise<string | null>;
};

type StorePaths = {
  /** The store's own folder. */
  folder: string;
  /** Former stores, each in a folder named by the time at which it was put there. */
  kept: string;
};

/** Left free beside a copy, so that the node can go on writing. */
const reserveBytes = 256 * 1024 * 1024;
/** A client waits ten seconds for the whole answer. */
const countTimeoutMs = 5_000;
const copyTimeoutMs = 10 * 60_000;

/**
 * The embedded store: SQLite files below one folder.
 *
 * A store is moved, not copied, where its folder and that of former stores are on one file system: that needs no room
 * and is done at once or not at all.
 */
export function embeddedStore(machine: Machine, paths: StorePaths): Store {
  const { folder } = paths;
  return {
    async look(signal) {
      const files = await filesBelow(folder).catch(() => undefined);
      if (files === undefined) return unreadable("its folder can't be read", 0, await keepingOf(machine, paths, 0));
      if (files.length === 0) return { state: "none" };
      const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
      const keeping = await keepingOf(machine, paths, sizeBytes);
      const databases = await databasesOf(files).catch(() => []);
      if (databases.length === 0) return unreadable("no database is in its folder", sizeBytes, keeping);
      try {
        let records = 0;
        for (const file of databases) records += await countRecords(machine, file, signal);
        return { state: "readable", records, sizeBytes, keeping };
      } catch (error) {
        return unreadable(error instanceof Error ? error.message : "it can't be opened", sizeBytes, keeping);
      }
    },
    async empty(mayDelete, signal) {
      const files = await filesBelow(folder);
      if (files.length === 0) return null;
      const keeping = await keepingOf(
        machine,
        paths,
        files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
      if (keeping.how === "noRoom") {
        if (!mayDelete) throw noRoom(keeping);
        await clear(folder);
        return null;
      }
      try {
        await mkdir(paths.kept, { recursive: true, mode: 0o700 });
        if (keeping.how === "move") await move(folder, keeping.to);
        else await copy(machine, folder, keeping.to, signal);
      } catch (error) {
        throw notKept(keeping.to, error);
      }
      return keeping.to;
    },
  };
}

export function noRoom({ neededBytes, freeBytes }: Keeping & { how: "noRoom" }): NodeError {
  return new NodeError(
    "SERVICE.NO_ROOM",
    "There is no room for a copy of the store, and nobody agreed to do without.",
    {
      remedy: "Make room below /var/lib/binnacle, or agree to lose the store for good.",
      values: { neededBytes, freeBytes },
    },
  );
}

function unreadable(why: string, sizeBytes: number, keeping: Keeping): StoreLook {
  return { state: "unreadable", why, sizeBytes, keeping };
}

type StoreFile = { path: string; sizeBytes: number; isRegular: boolean };

async function filesBelow(folder: string): Promise<StoreFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const files: StoreFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    // A manager that runs makes and removes files all the time.
    const found = await lstat(path).catch(() => undefined);
    if (found !== undefined) files.push({ path, sizeBytes: found.size, isRegular: found.isFile() });
  }
  return files;
}

/** Whether there is room for what is in the store, and where it goes. */
async function keepingOf(machine: Machine, { folder, kept }: StorePaths, sizeBytes: number): Promise<Keeping> {
  const name = new Date(machine.now()).toISOString().replaceAll(":", "").replace(/\..*/, "Z");
  const to = join(kept, name);
  const parent = dirname(kept);
  try {
    // A folder that is a file system of its own can't be renamed, wherever that would lead.
    const beside = await stat(kept).catch(() => stat(parent));
    const [of, above] = await Promise.all([stat(folder), stat(dirname(folder))]);
    if (of.dev === beside.dev && of.dev === above.dev) return { how: "move", to };
    const { bavail, bsize } = await statfs(parent);
    const [neededBytes, freeBytes] = [sizeBytes + reserveBytes, bavail * bsize];
    return neededBytes <= freeBytes ? { how: "copy", to } : { how: "noRoom", neededBytes, freeBytes };
  } catch {
    return { how: "noRoom", neededBytes: sizeBytes + reserveBytes, freeBytes: 0 };
  }
}

async function move(folder: string, to: string): Promise<void> {
  const { mode, uid, gid } = await stat(folder);
  await rename(folder, to);
  await mkdir(folder, { mode: mode & 0o7777 });
  await chown(folder, uid, gid);
  await syncFolder(dirname(folder));
  await syncFolder(dirname(to));
}

/** The store is emptied only once its copy is complete and on the disk. */
async function copy(machine: Machine, folder: string, to: string, signal: AbortSignal): Promise<void> {
  const options = { timeoutMs: copyTimeoutMs, signal, reason: "a copy of the store is kept" };
  for (const [command, ...args] of [
    ["cp", "--archive", "--", folder, to],
    ["sync", "--file-system", to],
  ] as const) {
    const { code, stderr } = await machine.run(command, args, options);
    if (code === 0) continue;
    await rm(to, { recursive: true, force: true });
    throw new Error(stderr.trim().split("\n")[0] ?? command);
  }
  await clear(folder);
}

async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  await syncFolder(folder);
}

function notKept(to: string, error: unknown): NodeError {
  const why = errnoOf(error) === undefined && error instanceof Error ? error.message : whyNotWritten(error);
  return new NodeError("SERVICE.NOT_KEPT", `The store could not be kept in ${to}: ${why}. It is as it was.`, {
    remedy: "Look at the file system of /var/lib/binnacle, and try again.",
    values: { to },
    cause: error,
  });
}

/** SQLite files begin so. Source: sqlite.org, "Database File Format". */
const magic = "SQLite format 3\0";

async function databasesOf(files: readonly StoreFile[]): Promise<string[]> {
  const found: string[] = [];
  for (const { path, isRegular } of files) {
    // To open a pipe would wait for whoever writes into it.
    if (!isRegular) continue;
    const handle = await open(path, "r");
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
      if (buffer.toString("latin1", 0, bytesRead) === magic) found.push(path);
    } finally {
      await handle.close();
    }
  }
  return found;
}

/** In a process of its own: a damaged or busy file must hold up nothing here. */
const countProgram = `
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(process.argv[1], { readOnly: true });
let records = 0;
for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
  if (!name.startsWith("sqlite_"))
    records += database.prepare('SELECT count(*) AS n FROM "' + name.replaceAll('"', '""') + '"').get().n;
process.stdout.write(String(records));
`;

async function countRecords(machine: Machine, file: string, signal: AbortSignal): Promise<number> {
  const args = ["--no-warnings", "--eval", countProgram, file];
  const { code, stdout, stderr } = await machine.run(process.execPath, args, { timeoutMs: countTimeoutMs, signal });
  if (code === 0 && /^\d+$/.test(stdout)) return Number(stdout);
  const said = /^Error: (.*)$/m.exec(stderr)?.[1] ?? "it can't be opened";
  throw new Error(said.slice(0, 200));
}
