import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../durable.ts";
import { largestKeyFileBytes } from "./keyfile.ts";
import { type ProfileFile, type ProfilePlace, profileFolders, profilePlaces } from "./profiles.ts";

/**
 * All files in NetworkManager's folders of profiles, with what decides whether it uses them. A file that can't be read
 * is there as `unreadable`; a folder that does not exist is empty.
 * @throws the system's error for a folder that is there and can't be read.
 */
export async function readProfileFiles(root = ""): Promise<ProfileFile[]> {
  const all = await Promise.all(
    profilePlaces.map(async (place) => {
      const folder = join(root, profileFolders[place]);
      const names = await namesIn(folder);
      const files = await Promise.all(names.map((name) => readProfileFile(place, folder, name)));
      return files.filter((file) => file !== undefined);
    }),
  );
  return all.flat();
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** undefined: it went in the meantime, or it is a folder. */
async function readProfileFile(place: ProfilePlace, folder: string, name: string): Promise<ProfileFile | undefined> {
  const path = join(folder, name);
  const common = { place, name, path };
  try {
    const own = await lstat(path);
    if (own.isSymbolicLink() && name.endsWith(".nmmeta"))
      return { ...common, kind: "link", target: await readlink(path), uid: own.uid };
    // Opened once, so that what is told and what is read belong together; a named pipe must not hold it up.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (stat.isDirectory()) return;
      if (!stat.isFile()) return { ...common, kind: "unreadable", why: "it is not a regular file" };
      const { mode, uid, mtimeMs } = stat;
      const bytes = new Uint8Array(Math.min(stat.size, largestKeyFileBytes + 1));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return { ...common, kind: "file", bytes: bytes.subarray(0, bytesRead), mode, uid, mtimeMs };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return;
    return { ...common, kind: "unreadable", why: `it can't be read (${code ?? "unknown"})` };
  }
}
