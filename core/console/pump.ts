import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** Bytes on their way to a page that does not read; the host's stream waits then. */
const [mostWaiting, fewWaiting] = [512 * 1024, 128 * 1024];

/** Carries bytes between a page and a host's stream, neither faster than the other end takes them. */
export class Pump {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  #waiting = 0;
  /** When the host's stream gave something last, and the page: of `performance.now()`. */
  heardOfHost = performance.now();
  heardOfPage = performance.now();

  /** `onTyped`: the page has sent something. The stream's end, and the page's, are the caller's to see. */
  constructor(socket: WebSocket, stream: Duplex, onTyped: () => void) {
    this.#socket = socket;
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#toPage(chunk));
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) return;
      this.heardOfPage = performance.now();
      onTyped();
      this.#toHost(data);
    });
  }

  /** Whether the page does not read what is on its way to it. */
  get isHeldUp(): boolean {
    return this.#stream.isPaused();
  }

  /** Bytes that have been taken from the host and not been sent to the page. */
  get waiting(): number {
    return this.#waiting;
  }

  #toPage(chunk: Buffer): void {
    this.heardOfHost = performance.now();
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#waiting += chunk.length;
    if (this.#waiting > mostWaiting) this.#stream.pause();
    this.#socket.send(chunk, { binary: true }, () => {
      this.#waiting -= chunk.length;
      if (this.#waiting <= fewWaiting && this.#stream.isPaused()) this.#stream.resume();
    });
  }

  #toHost(data: Buffer): void {
    if (this.#stream.destroyed || this.#stream.write(data)) return;
    this.#socket.pause();
    this.#stream.once("drain", () => this.#socket.resume());
  }
}
