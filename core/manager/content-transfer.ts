import type { IncomingMessage, ServerResponse } from "node:http";
import { brokeOff } from "../images/refusals.ts";
import type { ImageContent } from "../orchestrator/images/image-store.ts";

/* The octets of images, between a connection and a store, with as little memory as keeps both busy. */

export type Part = { from: number; end: number };

export type Pace = {
  /** How often it is looked whether a client sends, in milliseconds. */
  everyMs: number;
  /** In that time; who sends less would keep its place from others for as long as it likes. */
  leastBytes: number;
};

/** 2 KiB a second: less than any line that an image ever comes by. */
export const usualPace: Pace = { everyMs: 30_000, leastBytes: 64 * 1024 };

const lingerMs = 2_000;
const readBytes = 512 * 1024;
/** Buffers of downloads that have ended are used again: else a server of many would wait for its garbage collector. */
const spare: Uint8Array[] = [];
const mostSpare = 8;

/**
 * Gives a part of a content to a client, whose head is sent already. While one piece goes, the next is read.
 * @throws STORAGE.1072 when the client goes, or does not keep up; what the content throws
 */
export async function sendContent(
  response: ServerResponse,
  content: ImageContent,
  { from, end }: Part,
  how: { signal: AbortSignal; pace: Pace },
): Promise<void> {
  const buffers = [bufferOf(), bufferOf()];
  let written = Promise.resolve();
  for (let at = from, turn = 0; at < end; turn++) {
    const piece = await content.read(at, Math.min(readBytes, end - at), buffers[turn % 2]);
    if (piece.length === 0) throw new Error("The content is shorter than it was.");
    await written;
    written = write(response, piece, how);
    // It is waited for in the next turn.
    written.catch(() => undefined);
    at += piece.length;
  }
  await written;
  response.end();
  // Of a write that broke nobody knows when its buffer is let go of: those are left to the garbage collector.
  spare.push(...buffers.slice(0, mostSpare - spare.length));
}

function bufferOf(): Uint8Array {
  return spare.pop() ?? new Uint8Array(readBytes);
}

function write(
  response: ServerResponse,
  piece: Uint8Array,
  { signal, pace: { everyMs, leastBytes } }: { signal: AbortSignal; pace: Pace },
): Promise<void> {
  // A short one, too, may have to wait for the pieces before it.
  const pieceMs = everyMs * Math.max(1, readBytes / leastBytes);
  return new Promise((resolve, reject) => {
    const end = (error?: Error | null) => {
      clearTimeout(timer);
      response.off("close", closed);
      signal.removeEventListener("abort", stop);
      if (error === undefined || error === null) resolve();
      else reject(error);
    };
    const closed = () => end(brokeOff("The client went away."));
    const stop = () => end(signal.reason);
    const timer = setTimeout(
      () => end(brokeOff(`Less than ${readBytes} bytes were taken within ${pieceMs / 1000} s.`)),
      pieceMs,
    );
    response.once("close", closed);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    else if (response.closed) closed();
    else response.write(piece, (error) => end(error == null ? undefined : brokeOff("The client went away.", error)));
  });
}

/**
 * Gives back the memory of a chunk at once: as garbage, a hundred mebibytes of them would lie about until the collector
 * takes the trouble, which sees of each only the small object that holds it.
 */
export function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  // One that shares its memory with others is small.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0);
}

/**
 * Takes what still comes of a body that is refused, for a moment: a connection that were closed at once would break while
 * its client sends, before that has read why.
 */
export function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), lingerMs);
  request.once("close", () => clearTimeout(timer)).resume();
}

/**
 * Aborts `lazy` when a client sends too little, though nothing that it has sent waits for us.
 * @returns what ends the watch
 */
export function watchPace(request: IncomingMessage, { everyMs, leastBytes }: Pace, lazy: AbortController): () => void {
  const { socket } = request;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    const came = socket.bytesRead - before;
    if (came < leastBytes && request.readableLength === 0)
      lazy.abort(brokeOff(`Only ${came} bytes came within ${everyMs / 1000} s.`));
    before = socket.bytesRead;
  }, everyMs);
  return () => clearInterval(timer);
}
