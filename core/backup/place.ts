import { copyFile, link, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openStore } from "../manager/open-store.ts";
import { NodeError } from "../model/error.ts";
import type { ManagerConfiguration } from "../model/manager-configuration.ts";
import { errnoOf } from "../node/durable.ts";
import { fingerprintOf } from "../pki/fingerprint.ts";
import { recordsOfCopy } from "../store/sqlite/records.ts";
import type { BackupsOptions } from "./backups.ts";
import { type Replacement, replaceFiles } from "./replace.ts";

/** The files of the manager on this node. */
export type Place = Omit<BackupsOptions, "store">;

/** What was there before a restore. `sound`: in a backup; `broken`: kept in files beside the store, nothing for etcd. */
export type Standing =
  | { state: "none"; file: undefined }
  | { state: "sound"; file: string }
  | { state: "broken"; file: undefined; why: string; kept: string | undefined };

/** What SQLite keeps beside a store. */
const besides = ["-wal", "-shm"];

/** The fingerprint of the authority that this node has. */
export async function presentFingerprint({ configuration }: Place): Promise<string | undefined> {
  const text = await readFile(join(configuration["tls.folder"], "ca.crt"), "utf8").catch(() => undefined);
  try {
    return text === undefined ? undefined : fingerprintOf(text);
  } catch {
    return undefined;
  }
}

/** Keeps the files of a store that can't be read, under a second name: nothing is ever lost by a restore. */
export async function whatStands({ configuration, now }: Place, error: Error): Promise<Standing> {
  const why = error.message.replace(/\.$/, "");
  if (configuration["store.type"] === "etcd") return { state: "broken", file: undefined, why, kept: undefined };
  const file = configuration["store.file"];
  const kept = `${file}.damaged-${new Date(now()).toISOString().replaceAll(/[-:]|\..*/g, "")}`;
  for (const end of ["", ...besides]) await linkIfThere(`${file}${end}`, `${kept}${end}`);
  return { state: "broken", file: undefined, why, kept };
}

/** What is to lie in the places: a store, and the authority when that is to be replaced. */
export type Content = {
  /** A copy of a store, or what stood there before. */
  store: string | Exclude<Standing, { state: "sound" }>;
  /** A folder with ca.key and ca.crt; one that lacks them stands for no authority. */
  authority?: string;
};

/** Puts a store, and an authority where one is given, in their places; see {@link requireAlone}. */
export async function putInPlace(place: Place, { store, authority }: Content, work: string): Promise<void> {
  const { configuration } = place;
  const to = configuration["store.file"];
  const files = authority === undefined ? [] : await authorityFiles(authority, configuration["tls.folder"]);
  if (configuration["store.type"] === "etcd") {
    if (typeof store === "string") await replaceInEtcd(place, store);
  } else {
    if (typeof store === "string") {
      // The copy stays for a second attempt.
      const from = join(work, "store.new");
      await copySynced(store, from);
      files.push({ from, to, remove: besides.map((end) => `${to}${end}`) });
    } else if (store.state === "broken" && store.kept !== undefined)
      files.push(...(await brokenFiles(to, store.kept, work)));
    else for (const end of ["", ...besides]) await rm(`${to}${end}`, { force: true });
  }
  await replaceFiles(dirname(to), files);
}

/** Copies of the present authority, for the way back. */
export async function keepAuthority({ configuration }: Place, folder: string): Promise<void> {
  for (const name of ["ca.key", "ca.crt"]) {
    const from = join(configuration["tls.folder"], name);
    if ((await stat(from).catch(() => undefined)) !== undefined) await copySynced(from, join(folder, name));
  }
}

/**
 * Makes sure that nobody works with the store: one that is open would go on being written after it lost its name.
 *
 * @throws STORE.LOCKED, BACKUP.OTHER_MANAGERS
 */
export async function requireAlone({ configuration }: Place): Promise<void> {
  if (configuration["store.type"] === "etcd") await requireNoManagers(configuration);
  else await requireClosed(configuration["store.file"]);
}

async function requireClosed(file: string): Promise<void> {
  if ((await stat(file).catch(() => undefined)) === undefined) return;
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const db = new DatabaseSync(file, { timeout: 0 });
    try {
      db.exec("BEGIN IMMEDIATE; COMMIT");
    } finally {
      db.close();
    }
  } catch (error) {
    const isLocked = error instanceof Error && "errcode" in error && error.errcode === 5;
    if (!isLocked) return;
    throw new NodeError("STORE.LOCKED", `The store ${file} can't be replaced: another program has it open.`, {
      remedy: "Stop the other manager, or whatever has the file open.",
      cause: error,
    });
  }
}

/** New ca.key and ca.crt beside the present ones; the key first, as they are made. */
async function authorityFiles(folder: string, tlsFolder: string): Promise<Replacement> {
  const found: Replacement = [];
  for (const [name, mode] of [
    ["ca.key", 0o600],
    ["ca.crt", 0o644],
  ] as const) {
    const [from, to] = [join(tlsFolder, `.${name}.restored`), join(tlsFolder, name)];
    if ((await stat(join(folder, name)).catch(() => undefined)) === undefined) await rm(to, { force: true });
    else {
      await mkdir(tlsFolder, { recursive: true, mode: 0o755 });
      await copySynced(join(folder, name), from, mode);
      found.push({ from, to, remove: [] });
    }
  }
  return found;
}

async function brokenFiles(file: string, kept: string, work: string): Promise<Replacement> {
  const found: Replacement = [];
  for (const end of ["", ...besides]) {
    const from = join(work, `broken${end}`);
    if (await linkIfThere(`${kept}${end}`, from)) found.push({ from, to: `${file}${end}`, remove: [] });
  }
  return found;
}

async function linkIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rm(to, { force: true });
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

async function copySynced(from: string, to: string, mode = 0o600): Promise<void> {
  await rm(to, { force: true });
  await copyFile(from, to);
  const handle = await open(to, "r+");
  try {
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function requireNoManagers(configuration: ManagerConfiguration): Promise<void> {
  const { store } = await openStore(configuration, { isRestoring: true });
  try {
    const { records } = await store.list({ kind: "ManagementNode" });
    if (records.length === 0) return;
    const names = records.map(({ key, value }) => String(value["hostname"] ?? key)).join(", ");
    throw new NodeError("BACKUP.OTHER_MANAGERS", `Managers still use the store: ${names}. Nothing was changed.`, {
      remedy: "Stop them on their nodes with zstack-ctl stop; one that was killed is forgotten after a minute.",
    });
  } finally {
    await store.close();
  }
}

async function replaceInEtcd({ configuration }: Place, copy: string): Promise<void> {
  const { store, replaceAll } = await openStore(configuration, { isRestoring: true });
  try {
    await replaceAll?.(recordsOfCopy(copy));
  } finally {
    await store.close();
  }
}
