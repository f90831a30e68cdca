import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Replaces `file` by `text` so that a reader, a crash or a power cut finds the old text or the new one, never a part:
 * temporary file in the same folder, fsync, rename, fsync of the folder. Mode 0600 unless told.
 *
 * lowdb's own adapter renames too, but never syncs: after a power cut ext4 and XFS may show an empty file.
 * Two writers of one file at the same time would share the temporary file; the caller serialises them.
 *
 * @throws the system's error (ENOSPC, EROFS, EACCES …); the old file is untouched then.
 */
export async function writeDurably(file: string, text: string | Uint8Array, mode = 0o600): Promise<void> {
  const folder = dirname(file);
  const temporary = temporaryOf(file);
  await rm(temporary, { force: true });
  try {
    // "wx" never follows a link that somebody left at this name.
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(text, "utf8");
      // Only now: the umask must not have its say, nor anybody read a part of it.
      if (mode !== 0o600) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/** Where a file is while it is written: what a killed program leaves beside it. */
export function temporaryOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.tmp`);
}

/** Makes names created in or renamed into `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems can't sync a folder; there is nothing better to do on them.
    const code = errnoOf(error);
    if (code !== "EINVAL" && code !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}

/** The text of a file; undefined when there is none. @throws the system's error when it can't be read */
export async function textOrNothing(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The system's name of an error, for instance `ENOSPC`; undefined when it has none. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** A few words for a failed write, to stand after "because". */
export function whyNotWritten(error: unknown): string {
  const code = errnoOf(error);
  switch (code) {
    case "ENOSPC":
      return "the file system is full";
    case "EDQUOT":
      return "the disk quota is used up";
    case "EROFS":
      return "the file system is read-only";
    case "EACCES":
    case "EPERM":
      return "permission was denied";
    case "EIO":
      return "the disk reported an error";
    case "ENOENT":
      return "the folder does not exist";
    default:
      return code ?? "of an unknown error";
  }
}
