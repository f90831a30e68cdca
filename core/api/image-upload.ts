import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { NodeError } from "../model/error.ts";
import { type CloudClient, isPassing } from "./cloud-client.ts";

export type ImageToSend = {
  sizeBytes: number;
  /** The image from an offset on. */
  read: (offset: number) => Readable;
};

export type UploadOptions = {
  signal?: AbortSignal;
  /** Told how many bytes have gone. */
  onSent?: (bytes: number) => void;
  /** Milliseconds for which nothing of it may come through before it is given up. */
  patienceMs?: number;
};

const pauseMs = 500;

/**
 * Sends an image in one request, and goes on from where the manager has it when the connection breaks or the manager is
 * started anew. @throws CallRefused; CLOUD.…, when nothing comes through any more
 */
export async function uploadImage(
  client: Pick<CloudClient, "sendImage">,
  uuid: string,
  { sizeBytes: totalBytes, read }: ImageToSend,
  { signal, onSent, patienceMs = 60_000 }: UploadOptions = {},
): Promise<void> {
  let furthest = -1;
  let failsSince: number | undefined;
  for (;;) {
    try {
      const { offset, isWhole } = await client.sendImage(uuid, { offset: 0, totalBytes }, signal);
      if (offset > furthest) [furthest, failsSince] = [offset, undefined];
      onSent?.(offset);
      if (isWhole) return;
      // All of it is there, and goes to the disk.
      if (offset === totalBytes) failsSince ??= performance.now();
      else {
        const content = counted(read(offset), (bytes) => onSent?.(offset + bytes));
        if ((await client.sendImage(uuid, { offset, totalBytes, content }, signal)).isWhole) return;
      }
    } catch (error) {
      // Another connection sends it: our own one, of which the manager has not noticed yet that it broke; or somebody.
      const isOwn = failsSince !== undefined && codeOf(error) === "STORAGE.1070";
      if (!isOwn && !isPassing(error) && !passing.has(codeOf(error))) throw error;
      failsSince ??= performance.now();
      if (performance.now() - failsSince > patienceMs) throw error;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** It goes on elsewhere; it broke off; others send so much already. */
const passing: ReadonlySet<string> = new Set(["STORAGE.1071", "STORAGE.1072", "SYS.1013"]);

function codeOf(error: unknown): string {
  return error instanceof NodeError ? error.code : "";
}

function counted(stream: Readable, onBytes: (bytes: number) => void): Readable {
  let bytes = 0;
  stream.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    onBytes(bytes);
  });
  stream.pause();
  return stream;
}
