import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
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
    await writeAll(root, before);
    await forgetCommit(file);
    throw error;
  }
}

/**
 * Goes on with a change that a crash or a power cut has interrupted: its id, or undefined when there was none. A list
 * that can't be read was never whole, so nothing was changed yet. The list stays.
 */
export async function resumeCommit(file: string, root: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = journal.safeParse(jsonOf(text));
  if (!parsed.success) {
    await forgetCommit(file);
    return undefined;
  }
  await writeAll(root, parsed.data.after);
  return parsed.data.id;
}

async function presentOf(root: string, { path, mode }: FileChange): Promise<FileChange> {
  const text = await readFile(join(root, path), "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  return { path, text, mode };
}

async function writeAll(root: string, changes: readonly FileChange[]): Promise<void> {
  for (const { path, text, mode } of changes) {
    const file = join(root, path);
    if (text === null) {
      await rm(file, { force: true });
      await syncFolder(dirname(file)).catch((error: unknown) => {
        if (errnoOf(error) !== "ENOENT") throw error;
      });
      continue;
    }
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeDurably(file, text, mode);
  }
}

/** Removes the list: whoever keeps book of the change knows now that it was made. */
export async function forgetCommit(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncFolder(dirname(file));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
