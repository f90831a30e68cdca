import { open } from "node:fs/promises";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Bytes of what was printed before that a new viewer is shown. */
const historyBytes = 64 * 1024;
/** Bytes that wait for a viewer who does not read; what comes beyond them is left out for it. */
const mostWaiting = 256 * 1024;

/**
 * One connection to a machine's serial line, shared by its viewers: all see what it prints, and each may type. It ends
 * with its last viewer.
 */
export class SerialLine {
  readonly #socket: Socket;
  readonly #viewers = new Set<Viewer>();
  readonly #before: Promise<void>;
  /** The last of what was printed. */
  #history = Buffer.alloc(0);

  /** @param log what was printed before anybody was connected; it may be absent */
  constructor(socket: Socket, log: string) {
    this.#socket = socket;
    socket.pause();
    this.#before = this.#begin(log);
    // Whatever ends it, `close` follows.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      for (const viewer of this.#viewers) viewer.finish();
    });
  }

  get isOver(): boolean {
    return this.#socket.destroyed;
  }

  /** A way to see and to type. */
  async view(): Promise<Duplex> {
    await this.#before;
    const viewer = new Viewer(this.#socket);
    this.#viewers.add(viewer);
    viewer.print(this.#history);
    if (this.#socket.destroyed) viewer.finish();
    viewer.once("close", () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#socket.destroy();
    });
    return viewer;
  }

  async #begin(log: string): Promise<void> {
    this.#history = await endOf(log);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#history = Buffer.concat([this.#history, chunk]).subarray(-historyBytes);
      for (const viewer of this.#viewers) viewer.print(chunk);
    });
    this.#socket.resume();
  }
}

class Viewer extends Duplex {
  readonly #socket: Socket;
  #leftOut = 0;

  constructor(socket: Socket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
  }

  /** Without waiting: a viewer that is slow misses something, and is told. */
  print(chunk: Buffer): void {
    if (this.destroyed || this.readableEnded || chunk.length === 0) return;
    if (this.readableLength + chunk.length > mostWaiting) this.#leftOut += chunk.length;
    else this.push(chunk);
  }

  finish(): void {
    if (this.destroyed || this.readableEnded) return;
    this.push(null);
    this.end();
  }

  override _read(): void {
    if (this.#leftOut === 0) return;
    const note = `\r\n[${this.#leftOut} bytes were left out]\r\n`;
    this.#leftOut = 0;
    this.push(note);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A guest that does not read what is typed lets its typist wait, and nobody else.
    this.#socket.write(chunk, (error) => done(error));
  }
}

/** The end of a file, from the beginning of a line where it is cut. */
async function endOf(file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      const from = Math.max(0, size - historyBytes);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(historyBytes), 0, historyBytes, from);
      const text = buffer.subarray(0, bytesRead);
      return from === 0 ? text : text.subarray(text.indexOf("\n") + 1);
    } finally {
      await handle.close();
    }
  } catch {
    return Buffer.alloc(0);
  }
}
