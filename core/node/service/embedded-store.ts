import { chown, link, lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { jsonOrNothing } from "../../model/json.ts";
import type { Keeping, StoreLook } from "../../model/service.ts";
import { errnoOf, syncFolder } from "../durable.ts";
import type { Machine } from "../machine.ts";
import { inUse, keptAt, noRoom, notKept, roomFor, type Store } from "./store.ts";

type StorePaths = {
  /** The store's own folder. */
  folder: string;
  /** Name of the store's file where its folder holds other things too: then only this file and those beside it count. */
  file?: string;
  /** Former stores, each in a folder named by the time at which it was put there. */
  kept: string;
};

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
      const files = await filesOf(paths).catch(() => undefined);
      if (files === undefined) return unreadable("its folder can't be read", 0, await keepingOf(machine, paths, 0));
      if (files.length === 0) return { state: "none" };
      const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
      const keeping = await keepingOf(machine, paths, sizeBytes);
      const databases = await databasesOf(files).catch(() => []);
      if (databases.length === 0) return unreadable("no database is in its folder", sizeBytes, keeping);
      try {
        const found = await Promise.all(databases.map((file) => countRecords(machine, file, signal)));
        const sum = (name: keyof Counts) => found.reduce((all, counts) => all + counts[name], 0);
        const [records, hosts, machines] = [sum("records"), sum("hosts"), sum("machines")];
        return { state: "readable", records, hosts, machines, sizeBytes, keeping };
      } catch (error) {
        if (isLocked(error)) return { state: "open", sizeBytes, keeping };
        return unreadable(error instanceof Error ? error.message : "it can't be opened", sizeBytes, keeping);
      }
    },
    async empty(mayDelete, signal) {
      const files = await filesOf(paths);
      if (files.length === 0) return null;
      for (const file of await databasesOf(files).catch(() => [])) await requireUnused(machine, file, signal);
      const keeping = await keepingOf(
        machine,
        paths,
        files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
      if (keeping.how === "noRoom") {
        if (!mayDelete) throw noRoom(keeping);
        await clear(paths);
        return null;
      }
      try {
        await mkdir(paths.kept, { recursive: true, mode: 0o700 });
        if (keeping.how === "copy") await copy(machine, paths, keeping.to, signal);
        else if (paths.file === undefined) await move(folder, keeping.to);
        else await moveFiles(paths, files, keeping.to);
      } catch (error) {
        throw notKept(keeping.to, error);
      }
      return keeping.to;
    },
  };
}

function unreadable(why: string, sizeBytes: number, keeping: Keeping): StoreLook {
  return { state: "unreadable", why, sizeBytes, keeping };
}

type StoreFile = { path: string; sizeBytes: number; isRegular: boolean };

/** The file itself first. */
async function filesOf({ folder, file }: StorePaths): Promise<StoreFile[]> {
  const all = await filesBelow(folder);
  if (file === undefined) return all;
  const main = join(folder, file);
  const isOurs = ({ path }: StoreFile) =>
    path === main || /^(-wal|-shm|-journal|\.schema-\d+)$/.test(beyond(path, main));
  return all.filter(isOurs).sort((a, b) => a.path.length - b.path.length);
}

function beyond(path: string, main: string): string {
  return path.startsWith(main) ? path.slice(main.length) : "";
}

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
async function keepingOf(machine: Machine, { folder, file, kept }: StorePaths, sizeBytes: number): Promise<Keeping> {
  const to = keptAt(kept, machine.now());
  try {
    const beside = await stat(kept).catch(() => stat(dirname(kept)));
    const [of, above] = await Promise.all([stat(folder), stat(dirname(folder))]);
    // A folder that is a file system of its own can't be renamed, wherever that would lead; its files can.
    if (of.dev === beside.dev && (file !== undefined || of.dev === above.dev)) return { how: "move", to };
    const room = await roomFor(kept, sizeBytes);
    return room === undefined ? { how: "copy", to } : room;
  } catch {
    return { how: "noRoom", neededBytes: sizeBytes, freeBytes: 0 };
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

/** Each file has both names before it loses the former one: what ends us in between loses nothing. */
async function moveFiles(paths: StorePaths, files: readonly StoreFile[], to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const { path } of files) await link(path, join(to, path.slice(paths.folder.length + 1)));
  await syncFolder(to);
  await syncFolder(dirname(to));
  await clear(paths);
}

/** The store is emptied only once its copy is complete and on the disk. */
async function copy(machine: Machine, paths: StorePaths, to: string, signal: AbortSignal): Promise<void> {
  const options = { timeoutMs: copyTimeoutMs, signal, reason: "a copy of the store is kept" };
  const files = (await filesOf(paths)).map(({ path }) => path);
  const commands =
    paths.file === undefined
      ? [["cp", "--archive", "--", paths.folder, to]]
      : [
          ["mkdir", "--mode=0700", "--", to],
          ["cp", "--archive", "--target-directory", to, "--", ...files],
        ];
  for (const [command = "", ...args] of [...commands, ["sync", "--file-system", to]]) {
    const { code, stderr } = await machine.run(command, args, options);
    if (code === 0) continue;
    await rm(to, { recursive: true, force: true });
    throw new Error(stderr.trim().split("\n")[0] ?? command);
  }
  await clear(paths);
}

/** The file itself goes first: SQLite takes no log for one that is not there. */
async function clear(paths: StorePaths): Promise<void> {
  const { folder, file } = paths;
  const names = await readdir(folder);
  const left = file === undefined ? names.map((name) => join(folder, name)) : (await filesOf(paths)).map((f) => f.path);
  for (const path of left) await rm(path, { recursive: true });
  await syncFolder(folder);
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

/**
 * In a process of its own: a damaged or busy file must hold up nothing here. What the store keeps for itself, such as
 * entries of indexes, is no record.
 */
const countProgram = `
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(process.argv[1], { readOnly: true, timeout: 0 });
const one = (sql) => database.prepare(sql).get().n;
const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all().map((row) => row.name);
const ours = tables.includes("record") && tables.includes("entry");
const counted = ours ? ["record"] : tables.filter((name) => !name.startsWith("sqlite_"));
const records = counted.reduce((sum, name) => sum + one('SELECT count(*) AS n FROM "' + name.replaceAll('"', '""') + '"'), 0);
const of = (kind) => (ours ? one("SELECT count(*) AS n FROM record WHERE kind = '" + kind + "'") : 0);
process.stdout.write(JSON.stringify({ records, hosts: of("Host"), machines: of("VmInstance") }));
`;

const counts = z.object({ records: z.number(), hosts: z.number(), machines: z.number() });
type Counts = z.infer<typeof counts>;

async function countRecords(machine: Machine, file: string, signal: AbortSignal): Promise<Counts> {
  const args = ["--no-warnings", "--eval", countProgram, file];
  const { code, stdout, stderr } = await machine.run(process.execPath, args, { timeoutMs: countTimeoutMs, signal });
  const found = code === 0 ? counts.safeParse(jsonOrNothing(stdout)).data : undefined;
  if (found !== undefined) return found;
  const said = /^Error: (.*)$/m.exec(stderr)?.[1] ?? "it can't be opened";
  throw new Error(said.slice(0, 200));
}

/** A file that is damaged is opened by nobody. @throws SERVICE.STORE_IN_USE */
async function requireUnused(machine: Machine, file: string, signal: AbortSignal): Promise<void> {
  const error = await countRecords(machine, file, signal).then(
    () => undefined,
    (why: unknown) => why,
  );
  if (isLocked(error)) throw inUse(`another program has ${file} open`);
}

/** SQLite's words for SQLITE_BUSY. A manager that runs keeps its file locked. */
function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is locked/.test(error.message);
}
