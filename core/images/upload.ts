import { mkdir, open } from "node:fs/promises";
import { contentIn, readNote, writeNote } from "./arriving.ts";
import { otherSize } from "./refusals.ts";

export type Piece = { offset: number; totalBytes: number; content: Uint8Array };
export type Uploaded = { offset: number; isWhole: boolean };

/**
 * Takes a piece of an image that a client sends. One that does not begin where the last one has ended is left aside: the
 * answer says where to go on. @throws STORAGE.1022; the system's error
 */
export async function takePiece(folder: string, { offset, totalBytes, content }: Piece): Promise<Uploaded> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await readNote(folder);
  // It is being examined: nothing of it changes any more, whatever somebody says that it should be.
  if (known?.isWhole === true) return { offset: known.safeBytes, isWhole: true };
  const validator = `upload ${totalBytes}`;
  // Another total is another file: it begins anew.
  const before = known?.validator === validator ? known : { safeBytes: 0, validator, isWhole: false };
  if (offset !== before.safeBytes) return { offset: before.safeBytes, isWhole: false };
  const end = offset + content.length;
  if (end > totalBytes) throw otherSize(totalBytes, end);
  const handle = await open(contentIn(folder), "a+", 0o600);
  try {
    // What came of a piece after the last note counts for nothing.
    await handle.truncate(offset);
    for (let at = 0; at < content.length; ) at += (await handle.write(content, at)).bytesWritten;
    await handle.sync();
  } finally {
    await handle.close();
  }
  const isWhole = end === totalBytes;
  await writeNote(folder, { safeBytes: end, validator, isWhole });
  return { offset: end, isWhole };
}

/** How much of an upload is there; null until the first piece. */
export async function uploadedOf(folder: string): Promise<(Uploaded & { totalBytes: number }) | null> {
  const known = await readNote(folder);
  const totalBytes = Number(/^upload (\d+)$/.exec(known?.validator ?? "")?.[1] ?? Number.NaN);
  if (known === undefined || Number.isNaN(totalBytes)) return null;
  return { offset: known.safeBytes, isWhole: known.isWhole, totalBytes };
}
