import { setTimeout as pause } from "node:timers/promises";
import { CloudError } from "../model/cloud/refusal.ts";
import { errnoOf } from "../node/durable.ts";
import type { Fetched, Fetching, Uploaded } from "../orchestrator/images/image-store.ts";
import { Arriving } from "./arriving.ts";
import { openFile } from "./file-source.ts";
import type { FileSums } from "./file-sums.ts";
import { openHttp, type Source, type Wanted } from "./http-source.ts";
import { folderFailed, noRoom, otherChecksum, otherSize, SourceFailed, silent } from "./refusals.ts";

export type FetchOptions = {
  /** Of this image, below the store's. */
  folder: string;
  /** Of the store, for errors. */
  storeUrl: string;
  availableBytes: () => Promise<number>;
  checkpointBytes: number;
  /** Resolves when a client has sent something of this image, or after some time. @throws the signal's reason */
  sent: (signal: AbortSignal) => Promise<void>;
  /** How much has come; null before the first byte. */
  uploaded: () => Promise<(Uploaded & { totalBytes: number }) | null>;
  /** Of the whole, where they were made while it came. */
  uploadSums: () => FileSums | undefined;
  /** Before an attempt to go on with what broke. */
  pauseMs: (attempt: number) => number;
};

/** Attempts without a new byte after which a source has failed. */
const mostAttempts = 4;

/** Fetches an image into a folder, or goes on with that; see `ImageStore.fetch`. Memory is a chunk. */
export async function fetchImage(fetching: Fetching, options: FetchOptions): Promise<Fetched> {
  const { folder, storeUrl, checkpointBytes } = options;
  const { signal, md5: expected } = fetching;
  try {
    const isUpload = fetching.url.startsWith("upload:");
    if (isUpload) await arriveByClient(fetching, options);
    const arriving = await Arriving.open(folder, checkpointBytes, isUpload ? options.uploadSums() : undefined);
    try {
      if (!arriving.isWhole) await arrive(arriving, fetching, options);
      const sizeBytes = arriving.size;
      const sums = await arriving.sums(signal);
      if (expected !== null && sums.md5 !== expected) throw otherChecksum(expected, sums.md5);
      return { sizeBytes, ...sums };
    } finally {
      await arriving.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isFull(error)) throw noRoom(storeUrl, 1, 0);
    throw error instanceof CloudError ? error : folderFailed(storeUrl, error);
  }
}

/** The file system, or what may be taken of it, is used up. */
export function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "");
}

/** A client sends it: all of it is there when this resolves. */
async function arriveByClient({ url, idleMs, onProgress, signal }: Fetching, { uploaded: look, sent }: FetchOptions) {
  let [heard, heardAt] = [0, performance.now()];
  for (;;) {
    signal.throwIfAborted();
    const uploaded = await look();
    if (uploaded?.isWhole === true) return;
    if (uploaded !== null && uploaded.offset !== heard) {
      [heard, heardAt] = [uploaded.offset, performance.now()];
      onProgress(Math.floor((100 * heard) / uploaded.totalBytes));
    }
    if (performance.now() - heardAt > idleMs) throw silent(new URL(url), idleMs);
    await sent(signal);
  }
}

async function arrive(arriving: Arriving, fetching: Fetching, options: FetchOptions): Promise<void> {
  const { signal, url, idleMs } = fetching;
  let furthest = arriving.size;
  let hasAnswered = furthest > 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const from = arriving.validator === null ? 0 : arriving.size;
      const source = await openSource(url, { from, validator: arriving.validator, idleMs, signal });
      hasAnswered = true;
      await once(arriving, source, fetching, options);
      await arriving.checkpoint(true);
      return;
    } catch (error) {
      // Whatever came is not lost for the next attempt, or the next manager.
      await arriving.checkpoint().catch(() => undefined);
      signal.throwIfAborted();
      if (!(error instanceof SourceFailed)) throw error;
      if (arriving.size > furthest) [furthest, attempt] = [arriving.size, 0];
      // One that was never there is told of at once.
      if (!hasAnswered || attempt >= mostAttempts) throw error.told;
    }
    await pause(options.pauseMs(attempt), undefined, { signal });
  }
}

function openSource(url: string, wanted: Wanted): Promise<Source> {
  return url.startsWith("file:") ? openFile(url, wanted) : openHttp(url, wanted);
}

async function once(arriving: Arriving, source: Source, fetching: Fetching, options: FetchOptions): Promise<void> {
  const { totalBytes, content, validator, from } = source;
  try {
    if (from !== arriving.size) await arriving.restart();
    await requireRoom(totalBytes === null ? 1 : totalBytes - from, fetching, options);
    await arriving.isOf(validator);
    let told: number | null = null;
    for await (const chunk of content) {
      if (totalBytes !== null && arriving.size + chunk.length > totalBytes)
        throw otherSize(totalBytes, arriving.size + chunk.length);
      if (await arriving.add(chunk)) await requireRoom(1, fetching, options);
      const percent: number | null = totalBytes === null ? null : Math.floor((100 * arriving.size) / totalBytes);
      if (percent !== told) fetching.onProgress(percent);
      told = percent;
    }
    if (totalBytes !== null && arriving.size !== totalBytes)
      throw new SourceFailed(otherSize(totalBytes, arriving.size));
  } catch (error) {
    // What broke after some of it had come has sent less than it said.
    if (error instanceof SourceFailed && totalBytes !== null)
      throw new SourceFailed(otherSize(totalBytes, arriving.size));
    throw error;
  } finally {
    await source.close();
  }
}

/** @throws STORAGE.1029 */
async function requireRoom(bytes: number, { reservedBytes }: Fetching, options: FetchOptions): Promise<void> {
  const available = (await options.availableBytes()) - reservedBytes;
  if (bytes > available) throw noRoom(options.storeUrl, bytes, available);
}
