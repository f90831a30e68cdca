import { constants, type FileHandle, open, readlink, realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CloudError } from "../model/cloud/refusal.ts";
import { errnoOf } from "../node/durable.ts";
import type { Source, Wanted } from "./http-source.ts";
import { badFile } from "./refusals.ts";

/** Not even below these: what lies there is no file, whatever it looks like. */
const forbidden = ["/proc", "/sys", "/dev", "/run"];
const chunkBytes = 1024 * 1024;

/**
 * A file of this computer, opened at a byte. Only one that everybody here may read: whoever administrates the cloud gets
 * to see no more of the management node than that. @throws STORAGE.1020
 */
export async function openFile(url: string, { from, validator, signal }: Wanted): Promise<Source> {
  const handle = await opened(url);
  try {
    const { size, ino, dev, mtimeMs } = await handle.stat();
    const now = `${dev}-${ino}-${size}-${mtimeMs}`;
    const begin = now === validator ? from : 0;
    return {
      from: begin,
      totalBytes: size,
      validator: now,
      content: chunksOf(handle, begin, size, signal),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function opened(url: string): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    // Before it is opened: some devices begin to work by that.
    const path = await realpath(fileURLToPath(url));
    requirePlace(path);
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const found = await handle.stat();
    if (!found.isFile()) throw badFile("It is no file.", "Give the path of a file.");
    requirePlace(await readlink(`/proc/self/fd/${handle.fd}`));
    if ((found.mode & 0o004) !== 0) return handle;
    const remedy = "Let everybody read it (chmod a+r), if nothing of it is a secret.";
    throw badFile("Not everybody on the management node may read the file.", remedy);
  } catch (error) {
    await handle?.close();
    throw asTold(error);
  }
}

function asTold(error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof CloudError || code === undefined) return error;
  // A path that no file can have, such as one with a zero byte, is refused by Node itself.
  if (error instanceof TypeError) return badFile("The address names no file.", "Give it as file:///path.");
  const details = code === "ENOENT" ? "There is no such file on the management node." : `It can't be read (${code}).`;
  // As a service, it is shielded from these.
  return badFile(details, "Give the path of a file that the manager sees: not below /root, /home or /tmp.");
}

function requirePlace(path: string): void {
  const place = forbidden.find((each) => path === each || path.startsWith(`${each}/`));
  if (place !== undefined) throw badFile(`It lies under ${place}.`, "Give the path of a file in another folder.");
}

async function* chunksOf(
  handle: FileHandle,
  from: number,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(chunkBytes);
  for (let at = from; at < size; ) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(chunkBytes, size - at), at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
