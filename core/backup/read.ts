import { access, constants, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type BackupManifest,
  type BackupMember,
  backupFolder,
  backupFormat,
  backupManifest,
  backupMembers,
  backupProduct,
  manifestHead,
  manifestMember,
  storeMember,
} from "../model/backup.ts";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { quoted, shown } from "../model/quote.ts";
import { errnoOf, whyNotWritten } from "../node/durable.ts";
import { examineCopy } from "../store/sqlite/examine.ts";
import { isWholeGzip, takeMember } from "./tar.ts";

/** A backup that was found good, and where its members lie now. */
export type UnpackedBackup = { manifest: BackupManifest; files: Readonly<Partial<Record<BackupMember, string>>> };

const longestManifest = 1024 * 1024;

/**
 * Takes a backup apart into `folder`, which is empty, and checks all of it: manifest, checksums, the copy of the store
 * and its schema. Nothing in the file is trusted before.
 *
 * @throws BACKUP.UNREADABLE, BACKUP.NOT_ONE, BACKUP.OTHER_PRODUCT, BACKUP.NEWER, BACKUP.DAMAGED, BACKUP.NO_SPACE
 */
export async function unpackBackup(file: string, folder: string, signal?: AbortSignal): Promise<UnpackedBackup> {
  await requireReadable(file);
  // Also what lies between and behind the members: a file that has changed anywhere is on a bad disk.
  if (!(await isWholeGzip(file))) throw (await isGzip(file)) ? damaged(file, "it is not whole") : notOne(file);
  const manifest = await readManifest(file, join(folder, manifestMember), signal);
  const files: Partial<Record<BackupMember, string>> = {};
  for (const member of backupMembers) {
    const told = manifest.members[member];
    if (told === undefined) continue;
    const into = join(folder, member);
    const found = await take(file, member, into, told.sizeBytes, signal);
    if (found === undefined) throw damaged(file, `${member} is not whole`);
    if (found.sizeBytes !== told.sizeBytes || found.sha256 !== told.sha256)
      throw damaged(file, `${member} is not what the manifest says`);
    files[member] = into;
  }
  await checkStore(file, join(folder, storeMember), manifest, signal);
  return { manifest, files };
}

async function requireReadable(file: string): Promise<void> {
  let why: string;
  try {
    // A pipe would be waited for without end.
    if ((await stat(file)).isFile()) return await access(file, constants.R_OK);
    why = "it is no file";
  } catch (error) {
    why = errnoOf(error) === "ENOENT" ? "there is no such file" : whyNotWritten(error);
  }
  throw new NodeError("BACKUP.UNREADABLE", `The backup ${quoted(file)} can't be read: ${why}.`, {
    remedy: "Give the full path of a backup; they are kept in /var/lib/binnacle/backups.",
  });
}

async function readManifest(file: string, into: string, signal: AbortSignal | undefined): Promise<BackupManifest> {
  const found = await take(file, manifestMember, into, longestManifest, signal);
  const json = found === undefined ? undefined : jsonOrNothing(await readFile(into, "utf8"));
  const head = manifestHead.safeParse(json);
  if (!head.success || (head.data.product === backupProduct && head.data.kind !== "manager-backup")) throw notOne(file);
  const { product, format } = head.data;
  if (product !== backupProduct)
    throw new NodeError("BACKUP.OTHER_PRODUCT", `${quoted(file)} is a backup of ${shown(product)}, not of Binnacle.`, {
      remedy: "Give a backup that Binnacle has made.",
    });
  if (format > backupFormat)
    throw new NodeError("BACKUP.NEWER", `${quoted(file)} was made by a newer version, in a form unknown to this one.`, {
      remedy: "Install that version, and restore the backup with it.",
      values: { format, newest: backupFormat },
    });
  const manifest = backupManifest.safeParse(json);
  if (!manifest.success || manifest.data.members[storeMember] === undefined)
    throw damaged(file, "its manifest is not complete");
  const { members, cloud } = manifest.data;
  if (cloud !== null && (members["ca.crt"] === undefined || members["ca.key"] === undefined))
    throw damaged(file, "the authority is missing");
  return manifest.data;
}

async function take(file: string, member: string, into: string, mostBytes: number, signal: AbortSignal | undefined) {
  try {
    return await takeMember(file, `${backupFolder}/${member}`, into, mostBytes, signal);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    if (error instanceof Error && error.message.startsWith("more than "))
      throw damaged(file, `${member} is larger than the manifest says`);
    if (errnoOf(error) === "ENOSPC" || errnoOf(error) === "EDQUOT")
      throw new NodeError("BACKUP.NO_SPACE", `There is no room to unpack the backup in ${into}.`, {
        remedy: "Delete former backups or collected logs.",
        cause: error,
      });
    throw error;
  }
}

async function checkStore(
  file: string,
  copy: string,
  { store }: BackupManifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    const { records } = await examineCopy(copy, signal);
    const kinds = new Set([...Object.keys(records), ...Object.keys(store.records)]);
    for (const kind of kinds)
      if ((records[kind] ?? 0) !== (store.records[kind] ?? 0))
        throw damaged(file, `it has another number of ${shown(kind)} records than its manifest says`);
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    if (error.code === "STORE.NEWER_SCHEMA")
      throw new NodeError("BACKUP.NEWER", `${quoted(file)} was made by a newer version. ${error.message}`, {
        remedy: error.remedy ?? "",
        values: error.values,
        cause: error,
      });
    if (error.code === "STORE.DAMAGED") throw damaged(file, error.message.replace(/\.$/, ""), error);
    throw error;
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await handle.close();
  }
}

function notOne(file: string): NodeError {
  return new NodeError("BACKUP.NOT_ONE", `${quoted(file)} is no backup of a manager.`, {
    remedy: "Give a file that dump_mysql or the console's Backup Database has made.",
  });
}

function damaged(file: string, why: string, cause?: unknown): NodeError {
  return new NodeError("BACKUP.DAMAGED", `The backup ${quoted(file)} is damaged: ${why}.`, {
    remedy: "Take another backup; nothing was changed.",
    ...(cause === undefined ? {} : { cause }),
  });
}
