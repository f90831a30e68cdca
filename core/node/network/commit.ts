import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { jsonOrNothing } from "../../model/json.ts";
import { errnoOf, syncFolder, writeDurably } from "../durable.ts";

/*
 * Several files that change as one. First the list of all changes is made durable, then each file is written, then the
 * list goes. After a power cut whoever finds the list writes the files once more: the whole change is there, or nothing
 * of it. The list is on the disk before the first file is touched, so its presence means: go on.
 */

const fileChange = z.object({
  /** Below the root of the system. */
  path: z.string().regex(/^\/etc\/[^\0]+$/),
  /** null: the file is removed. */
  text: z.string().nullable(),
  mode: z.number(),
});
export type FileChange = z.infer<typeof fileChange>;

const journal = z.object({ id: z.string(), after: z.array(fileChange), before: z.array(fileChange) });

/**
 * Makes the changes, all or none: when one fails, those before it are undone. The list stays: {@link forgetCommit}.
 *
 * @param file the list's place; it must be on a file system that keeps it over a power cut
 * @param root "" on a node; the folder that stands for `/` otherwise
 * @throws the system's error when nothing was changed
 */
export async function commitFiles(file: string, root: string, id: string, after: readonly FileChange[]): Promise<void> {
  const before = await Promise.all(after.map((change) => presentOf(root, change)));
  await writeDurably(file, JSON.stringify({ id, after, before }));
  try {
    await writeAll(root, after);
  } catch (error) {
    const isUndone = await undo(root, before);
    // What can't be undone now is undone by the next start, not made whole.
    if (isUndone) await forgetCommit(file);
    else await writeDurably(file, JSON.stringify({ id: `${id} back`, after: before, before: after }));
    throw error;
  }
}

/** Goes on over what fails: each file that is as before is one less that belongs to another network than the rest. */
async function undo(root: string, before: readonly FileChange[]): Promise<boolean> {
  let isUndone = true;
  for (const change of before) {
    await write(root, change).catch(() => {
      isUndone = false;
    });
  }
  return isUndone;
}

/**
 * Goes on with a change that a crash or a power cut has interrupted: its id, or undefined when there was none. A list
 * that can't be read was never whole, so nothing was changed yet. What somebody has written since stays as it is. Where
 * there is no room to go on, all goes back: undefined then, too. Otherwise the list stays.
 *
 * @throws the system's error when neither can be done; the list stays
 */
export async function resumeCommit(file: string, root: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = journal.safeParse(jsonOrNothing(text));
  if (!parsed.success) {
    await forgetCommit(file);
    return undefined;
  }
  const { id, after, before } = parsed.data;
  const open = await Promise.all(after.map(async (change) => ((await isOurs(root, change, before)) ? [change] : [])));
  try {
    await writeAll(root, open.flat());
  } catch (error) {
    const paths = new Set(open.flat().map(({ path }) => path));
    const former = before.filter(({ path }) => paths.has(path));
    if (!(await undo(root, former))) throw error;
    await forgetCommit(file);
    return undefined;
  }
  return id;
}

/** What the files of a change that was made were before it, by their paths; empty when there is no list any more. */
export async function filesBefore(file: string): Promise<ReadonlyMap<string, string | null>> {
  const parsed = journal.safeParse(jsonOrNothing(await readFile(file, "utf8").catch(() => "")));
  return new Map(parsed.success ? parsed.data.before.map(({ path, text }) => [path, text]) : []);
}

/** Whether a file has one of the two texts that the change knows: each was written whole, so a third is another's. */
async function isOurs(root: string, after: FileChange, before: readonly FileChange[]): Promise<boolean> {
  const { text } = await presentOf(root, after);
  return text === after.text || before.some((each) => each.path === after.path && each.text === text);
}

async function presentOf(root: string, { path, mode }: FileChange): Promise<FileChange> {
  const text = await readFile(join(root, path), "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  return { path, text, mode };
}

async function writeAll(root: string, changes: readonly FileChange[]): Promise<void> {
  for (const change of changes) await write(root, change);
}

async function write(root: string, change: FileChange): Promise<void> {
  const { path, text, mode } = change;
  const file = join(root, path);
  // A disk that is full or can't be written is no reason to fail where there is nothing to do.
  if (await isThere(root, change)) return syncIfThere(dirname(file));
  if (text === null) {
    await rm(file, { force: true });
    return syncIfThere(dirname(file));
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  await writeDurably(file, text, mode);
}

async function isThere(root: string, change: FileChange): Promise<boolean> {
  const { path, text, mode } = change;
  if ((await presentOf(root, change)).text !== text) return false;
  return text === null || ((await stat(join(root, path))).mode & 0o777) === mode;
}

async function syncIfThere(folder: string): Promise<void> {
  await syncFolder(folder).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
  });
}

/**
 * Removes the list: whoever keeps book of the change knows now how it ended.
 *
 * @param id of the change; the list of a way back that is still to be gone has another one and stays
 */
export async function forgetCommit(file: string, id?: string): Promise<void> {
  if (id !== undefined) {
    const text = await readFile(file, "utf8").catch(() => "");
    const parsed = journal.safeParse(jsonOrNothing(text));
    if (parsed.success && parsed.data.id !== id) return;
  }
  await rm(file, { force: true });
  await syncFolder(dirname(file));
}
