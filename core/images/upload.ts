import { type FileHandle, mkdir, open } from "node:fs/promises";
import { contentIn, readNote, writeNote } from "./arriving.ts";
import { otherSize } from "./refusals.ts";

export type Piece = { offset: number; totalBytes: number; content: Uint8Array };
export type Uploaded = { offset: number; isWhole: boolean };

/** What may be lost with a crash, and is asked for again then: to wait for the disk at each piece takes most of the time. */
const unsyncedBytes = 64 * 1024 * 1024;

type Reached = { size: number; safeBytes: number; validator: string };

/** Images that clients send, each by its folder. A folder's pieces have to come one after the other. */
export class Uploads {
  readonly #unsyncedBytes: number;
  /** Of those that this process takes: how far it has come beyond the note. */
  readonly #reached = new Map<string, Reached>();

  constructor(unsynced = unsyncedBytes) {
    this.#unsyncedBytes = unsynced;
  }

  /**
   * Takes a piece. One that does not begin where the last one has ended is left aside: the answer says where to go on,
   * which is further back after a crash, or when another manager of the same store has taken pieces meanwhile.
   * @throws STORAGE.1022; the system's error
   */
  async take(folder: string, { offset, totalBytes, content }: Piece): Promise<Uploaded> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const known = await readNote(folder);
    // It is being examined: nothing of it changes any more, whatever somebody says that it should be.
    if (known?.isWhole === true) return { offset: known.safeBytes, isWhole: true };
    const validator = `upload ${totalBytes}`;
    // Another total is another file: it begins anew.
    const noted = known?.validator === validator ? known.safeBytes : 0;
    const handle = await open(contentIn(folder), "a+", 0o600);
    try {
      const from = await this.#reachedOf(folder, handle, { safeBytes: noted, validator });
      if (offset !== from) return { offset: from, isWhole: false };
      const end = offset + content.length;
      if (end > totalBytes) throw otherSize(totalBytes, end);
      // What came of a piece before, and is not counted, counts for nothing.
      await handle.truncate(offset);
      for (let at = 0; at < content.length; ) at += (await handle.write(content, at)).bytesWritten;
      const isWhole = end === totalBytes;
      const isSafe = isWhole || end - noted >= this.#unsyncedBytes || known?.validator !== validator;
      if (isSafe) {
        await handle.sync();
        await writeNote(folder, { safeBytes: end, validator, isWhole });
      }
      if (isWhole) this.#reached.delete(folder);
      else this.#reached.set(folder, { size: end, safeBytes: isSafe ? end : noted, validator });
      return { offset: end, isWhole };
    } finally {
      await handle.close();
    }
  }

  /** Nothing more comes for it. */
  forget(folder: string): void {
    this.#reached.delete(folder);
  }

  /** What this process has taken beyond the note counts while nobody else has changed anything. */
  async #reachedOf(folder: string, handle: FileHandle, noted: Omit<Reached, "size">): Promise<number> {
    const reached = this.#reached.get(folder);
    const isOwn = reached?.safeBytes === noted.safeBytes && reached.validator === noted.validator;
    if (reached === undefined || !isOwn) return noted.safeBytes;
    return (await handle.stat()).size === reached.size ? reached.size : noted.safeBytes;
  }
}

/** How much of an upload is there; null until the first piece. */
export async function uploadedOf(folder: string): Promise<(Uploaded & { totalBytes: number }) | null> {
  const known = await readNote(folder);
  const totalBytes = Number(/^upload (\d+)$/.exec(known?.validator ?? "")?.[1] ?? Number.NaN);
  if (known === undefined || Number.isNaN(totalBytes)) return null;
  return { offset: known.safeBytes, isWhole: known.isWhole, totalBytes };
}
