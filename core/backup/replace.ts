import { rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { syncFolder, textOrNothing, writeDurably } from "../node/durable.ts";

/*
 * Several files that take their places together. What is to be done is written down first, in the folder of the store:
 * whoever finds that file carries it to the end. So a power cut leaves all of the old ones or, after the next start of
 * the manager or of zstack-ctl, all of the new ones.
 */

const replacement = z.array(
  z.object({
    /** New content, complete and synced, on the same file system as its place. */
    from: z.string(),
    to: z.string(),
    /** What belongs to the old content and would spoil the new one: a write-ahead log. */
    remove: z.array(z.string()),
  }),
);
export type Replacement = z.infer<typeof replacement>;

const noteFile = "restore.json";

/** @throws the system's error: before the note is durable nothing has changed, afterwards it can be finished */
export async function replaceFiles(folder: string, files: Replacement): Promise<void> {
  await writeDurably(join(folder, noteFile), JSON.stringify(files));
  await finishReplacement(folder);
}

/** Whether a replacement was begun and is not finished. */
export async function isReplacing(folder: string): Promise<boolean> {
  return (await stat(join(folder, noteFile)).catch(() => undefined)) !== undefined;
}

/**
 * Carries out what was noted; nothing where nothing was. Gives whether there was something. To be called before the
 * store is opened. @throws BACKUP.HALF_RESTORED; the system's error
 */
export async function finishReplacement(folder: string): Promise<boolean> {
  const note = join(folder, noteFile);
  const text = await textOrNothing(note);
  if (text === undefined) return false;
  const files = replacement.safeParse(jsonOrNothing(text));
  if (!files.success)
    throw new NodeError("BACKUP.HALF_RESTORED", `A restore was interrupted, and its note ${note} can't be read.`, {
      remedy: `Remove ${note}, and restore the backup once more: zstack-ctl restore_mysql -f FILE`,
    });
  for (const { from, to, remove } of files.data) {
    // It is in its place already, and what lies beside it is its own.
    if ((await stat(from).catch(() => undefined)) === undefined) continue;
    for (const each of remove) await rm(each, { force: true });
    await rename(from, to);
    await syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
  }
  await rm(note);
  await syncFolder(folder);
  return true;
}
