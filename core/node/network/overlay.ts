import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, writeDurably } from "../durable.ts";

/*
 * Profiles that are tried out lie in /run: NetworkManager prefers them to those of /etc with the same UUID, and a link
 * `UUID.nmmeta` to /dev/null hides one. So /etc holds only what was kept, and after a crash of the machine nothing has
 * to be taken back. Source: NetworkManager 1.52, nms-keyfile-plugin.c and nms-keyfile-utils.c.
 */

export const committedFolder = "/etc/NetworkManager/system-connections";
export const triedFolder = "/run/NetworkManager/system-connections";

/** A profile that changes: its key file, or null where the profile goes. */
export type ProfileChange = { uuid: string; name: string; text: string | null };

/** A file that lies in /run for a try, and what was there before; null: nothing. */
export type TriedFile = { name: string; before: string | null };

/** The files that a try will put into /run; called before anything is written, so that a journal can name them. */
export async function triedFiles(root: string, changes: readonly ProfileChange[]): Promise<TriedFile[]> {
  return Promise.all(
    changes.map(async (change) => {
      const name = nameOf(change);
      const before = await readFile(join(root, triedFolder, name), "utf8").catch(() => null);
      return { name, before };
    }),
  );
}

export async function writeTried(root: string, changes: readonly ProfileChange[]): Promise<void> {
  const folder = join(root, triedFolder);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const change of changes) {
    const file = join(folder, nameOf(change));
    if (change.text === null) await symlink("/dev/null", file).catch(unlessThere);
    else await writeDurably(file, change.text);
  }
}

/** Takes away what a try has put into /run. */
export async function removeTried(root: string, files: readonly TriedFile[]): Promise<void> {
  for (const { name, before } of files) {
    const file = join(root, triedFolder, name);
    if (before === null) await rm(file, { force: true });
    else await writeDurably(file, before);
  }
}

function nameOf({ uuid, name, text }: ProfileChange): string {
  return text === null ? `${uuid}.nmmeta` : name;
}

function unlessThere(error: unknown): void {
  if (errnoOf(error) !== "EEXIST") throw error;
}
