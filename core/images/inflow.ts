import type { Readable } from "node:stream";
import { brokeOff } from "./refusals.ts";

export type InflowLimits = {
  /** What is gathered before it is given, unless it comes slowly. */
  leastBytes: number;
  /** What may be there that nobody has taken: then the sender has to wait. */
  mostBytes: number;
  /** Milliseconds after which less than that is given, too. */
  slowMs: number;
};

/** What comes of a stream, gathered while what came before is being written: so neither waits for the other. */
export class Inflow {
  readonly #stream: Readable;
  readonly #limits: InflowLimits;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #heardAt = performance.now();

  constructor(stream: Readable, limits: InflowLimits) {
    this.#stream = stream;
    this.#limits = limits;
    stream.on("data", this.#take);
    stream.once("end", this.#end);
    stream.on("error", this.#broken);
    stream.once("close", this.#closed);
  }

  /** What has come, in its order; nothing at the end. @throws why it broke, once all that came was given */
  async next(): Promise<Uint8Array[]> {
    if (!this.#isDue) await this.#comes();
    const chunks = this.#chunks;
    [this.#chunks, this.#bytes] = [[], 0];
    if (chunks.length === 0 && this.#failure !== undefined) throw this.#failure;
    this.#stream.resume();
    return chunks;
  }

  /** Nothing more is taken of it. */
  readonly fail = (error: Error): void => {
    if (this.#isOver) return;
    this.#failure = error;
    this.#leave();
  };

  /** Stops listening; the stream stands still from then on. */
  close(): void {
    this.#leave();
    this.#chunks = [];
  }

  /** Milliseconds for which the sender could have sent something, and has not. */
  get silentMs(): number {
    const isHeldUp = this.#isOver || this.#bytes >= this.#limits.mostBytes;
    return isHeldUp ? 0 : performance.now() - this.#heardAt;
  }

  get #isDue(): boolean {
    return this.#isOver || this.#bytes >= this.#limits.leastBytes;
  }

  async #comes(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setInterval(() => {
      if (this.#bytes > 0) resolve();
    }, this.#limits.slowMs);
    await promise;
    clearInterval(timer);
    this.#wake = undefined;
  }

  readonly #take = (chunk: Uint8Array): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#heardAt = performance.now();
    if (this.#bytes >= this.#limits.mostBytes) this.#stream.pause();
    if (this.#isDue) this.#wake?.();
  };

  readonly #end = (): void => this.#leave();

  readonly #broken = (error: Error): void => this.fail(brokeOff("The connection broke.", error));

  readonly #closed = (): void => this.fail(brokeOff("The connection broke."));

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.off("data", this.#take);
    this.#stream.off("end", this.#end);
    this.#stream.off("close", this.#closed);
    this.#stream.pause();
    this.#wake?.();
  }
}
