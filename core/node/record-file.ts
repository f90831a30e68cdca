import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, syncFolder } from "./durable.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
const lineFeed = 0x0a;

/**
 * Appends one JSON line to a file (mode 0600) and syncs it. A last line that a crash or a full disk cut off is ended
 * first, so that it spoils nothing but itself; a line that could not be written whole is taken off again.
 *
 * @returns the file's size in bytes
 * @throws the system's error
 */
export async function appendLine(file: string, record: object): Promise<number> {
  const handle = await open(file, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const torn = size > 0 && last[0] !== lineFeed;
    const bytes = Buffer.from(`${torn ? "\n" : ""}${JSON.stringify(record)}\n`);
    try {
      await handle.appendFile(bytes);
      await handle.datasync();
    } catch (error) {
      await handle.truncate(size).catch(() => undefined);
      throw error;
    }
    if (size === 0) await syncFolder(dirname(file));
    return size + bytes.length;
  } finally {
    await handle.close();
  }
}

/** Stands for a line that is longer than any of ours: no JSON, so whoever parses it finds it damaged. */
const overlong = Buffer.from("...");

/**
 * Lines of a file from the last to the first, blank ones left out, reading no more of it than is asked for. An absent
 * file has none.
 */
export async function* linesFromEnd(file: string, longestBytes = 64 * 1024): AsyncGenerator<string> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const chunk = Buffer.alloc(16 * 1024);
    let end = (await handle.stat()).size;
    // The end of a line whose beginning has not been read yet.
    let rest: Buffer = Buffer.alloc(0);
    while (end > 0) {
      const length = Math.min(chunk.length, end);
      const { bytesRead } = await handle.read(chunk, 0, length, end - length);
      if (bytesRead < length) throw new Error(`${file} became shorter while it was read`);
      end -= length;
      const part = Buffer.concat([chunk.subarray(0, length), rest]);
      const feed = part.indexOf(lineFeed);
      if (feed >= 0)
        yield* part
          .toString("utf8", feed + 1)
          .split("\n")
          .filter((line) => line !== "")
          .reverse();
      rest = feed >= 0 ? part.subarray(0, feed) : part;
      if (rest.length > longestBytes) rest = overlong;
    }
    if (rest.length > 0) yield rest.toString("utf8");
  } finally {
    await handle.close();
  }
}
