import { copyFile, link, lstat, mkdir, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type BackupInfo,
  type BackupManifest,
  type BackupMember,
  backupEnding,
  backupFileName,
  backupFolder,
  backupFormat,
  backupMembers,
  backupProduct,
  manifestMember,
  storeMember,
} from "../model/backup.ts";
import { NodeError } from "../model/error.ts";
import { errnoOf, syncFolder, whyNotWritten, writeDurably } from "../node/durable.ts";
import { fingerprintOf } from "../pki/fingerprint.ts";
import { examineCopy, sha256Of } from "../store/sqlite/examine.ts";
import { cloudNameOf } from "./cloud-name.ts";
import { openBackups, sumEnding, trimBackups, unfinishedName } from "./shelf.ts";
import { packMembers } from "./tar.ts";

/** The store of whoever has it open. */
export type CopiedStore = {
  type: BackupManifest["store"]["type"];
  /** About how large a copy is. */
  sizeBytes(): Promise<number>;
  /** Makes a SQLite copy of one instant of it in a new file. */
  copyTo(file: string): Promise<void>;
};

export type BackupOptions = {
  /** Where finished backups are kept; made when absent. */
  folder: string;
  store: CopiedStore;
  /** manager.conf; it need not be there. */
  configurationFile: string;
  /** Where ca.key and ca.crt lie, if the cloud has an authority. */
  tlsFolder: string;
  hostname: string;
  version: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Older ones are deleted once the new one is complete; undefined: all stay. */
  keepAmount?: number | undefined;
  signal?: AbortSignal | undefined;
  /** What goes on, a short sentence each. */
  log?: (line: string) => void;
  freeBytes?: (folder: string) => Promise<number>;
};

export type BackupMade = { backup: BackupInfo; removed: string[] };

/** Left free, so that a backup does not fill the disk that the store lives on. */
const reserveBytes = 64 * 1024 * 1024;
/** Copy and archive lie there at the same time. */
const copies = 2;

/**
 * Makes a backup: complete, checked and on the disk when this resolves. Whatever ends it before leaves nothing that
 * looks like one.
 *
 * @throws BACKUP.NO_SPACE, BACKUP.FAILED; what the store throws, STORE.…; the signal's reason
 */
export async function makeBackup(options: BackupOptions): Promise<BackupMade> {
  const { folder, store, signal, log = () => undefined } = options;
  try {
    await openBackups(folder, options.now);
    await requireRoom(options);
  } catch (error) {
    throw failed(folder, error);
  }
  const work = join(folder, unfinishedName(backupFileName(options.hostname, options.now)));
  try {
    const inside = join(work, backupFolder);
    await mkdir(inside, { recursive: true, mode: 0o700 });
    log(`Copying the store (${store.type})`);
    await store.copyTo(join(inside, storeMember));
    signal?.throwIfAborted();
    const { schema, records } = await examineCopy(join(inside, storeMember), signal);
    log("The copy was checked and is sound");
    const cloud = await takeFiles(options, inside);
    const members: BackupManifest["members"] = {};
    for (const member of backupMembers) {
      const file = join(inside, member);
      const found = await stat(file).catch(() => undefined);
      if (found !== undefined) members[member] = { sizeBytes: found.size, sha256: await sha256Of(file, signal) };
    }
    const manifest: BackupManifest = {
      product: backupProduct,
      kind: "manager-backup",
      format: backupFormat,
      version: options.version,
      madeAt: options.now,
      hostname: options.hostname,
      cloud,
      store: { type: store.type, schema, records },
      members,
    };
    await writeFile(join(inside, manifestMember), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    const packed = join(work, "packed");
    const names = [manifestMember, ...backupMembers.filter((member) => members[member] !== undefined)];
    log("Packing");
    await packMembers(
      packed,
      work,
      names.map((name) => `${backupFolder}/${name}`),
      signal,
    );
    const sha256 = await sha256Of(packed, signal);
    signal?.throwIfAborted();
    const file = await finish(options, packed, sha256);
    const { size } = await stat(join(folder, file));
    const removed = options.keepAmount === undefined ? [] : await trimBackups(folder, options.keepAmount, file);
    const backup = {
      name: file.slice(0, -backupEnding.length),
      file: join(folder, file),
      madeAt: options.now,
      sizeBytes: size,
      sha256,
      records: Object.values(records).reduce((sum, each) => sum + each, 0),
    };
    return { backup, removed };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof NodeError) throw error;
    throw failed(folder, error);
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function requireRoom({ folder, store, freeBytes = freeBytesOf }: BackupOptions): Promise<void> {
  const [needed, free] = [(await store.sizeBytes()) * copies + reserveBytes, await freeBytes(folder)];
  if (free < needed) throw noSpace(folder, `it needs about ${inMegabytes(needed)}, and ${inMegabytes(free)} are free`);
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}

/** Copies what is to go with the store; gives the cloud that the authority is of. */
async function takeFiles({ configurationFile, tlsFolder }: BackupOptions, inside: string) {
  const sources: [BackupMember, string][] = [
    ["manager.conf", configurationFile],
    ["ca.crt", join(tlsFolder, "ca.crt")],
    ["ca.key", join(tlsFolder, "ca.key")],
  ];
  for (const [member, from] of sources)
    await copyFile(from, join(inside, member)).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
    });
  const certificate = await readFile(join(inside, "ca.crt"), "utf8").catch(() => undefined);
  const hasKey = (await stat(join(inside, "ca.key")).catch(() => undefined)) !== undefined;
  if (certificate !== undefined && hasKey)
    return { name: cloudNameOf(certificate), fingerprint: fingerprintOf(certificate) };
  // One without the other is of no use to anybody.
  for (const member of ["ca.crt", "ca.key"]) await rm(join(inside, member), { force: true });
  return null;
}

/** Gives the archive its name, which no other has; `link` never replaces a file. */
async function finish({ folder, hostname, now }: BackupOptions, packed: string, sha256: string): Promise<string> {
  for (let nth = 1; ; nth++) {
    const file = backupFileName(hostname, now, nth);
    if ((await lstat(join(folder, file)).catch(() => undefined)) !== undefined) continue;
    // First: one without its checksum would look as if nobody had checked it.
    await writeDurably(join(folder, `${file}${sumEnding}`), `${sha256}  ${file}\n`);
    try {
      await link(packed, join(folder, file));
    } catch (error) {
      if (errnoOf(error) === "EEXIST") continue;
      await rm(join(folder, `${file}${sumEnding}`), { force: true });
      throw error;
    }
    await syncFolder(folder);
    return file;
  }
}

function failed(folder: string, error: unknown): NodeError {
  if (error instanceof NodeError) return error;
  const code = errnoOf(error);
  const words = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
  if (code === "ENOSPC" || code === "EDQUOT" || words.includes("No space left on device"))
    return noSpace(folder, "the file system is full", error);
  const why = code === undefined ? words : whyNotWritten(error);
  return new NodeError("BACKUP.FAILED", `The backup could not be made in ${folder}: ${why}. None was kept.`, {
    remedy: "Look at the folder and its disk; the store itself is untouched.",
    values: { folder },
    cause: error,
  });
}

function noSpace(folder: string, why: string, cause?: unknown): NodeError {
  return new NodeError("BACKUP.NO_SPACE", `The backup can't be made in ${folder}: ${why}. None was kept.`, {
    remedy: "Delete former backups or collected logs.",
    values: { folder },
    ...(cause === undefined ? {} : { cause }),
  });
}
