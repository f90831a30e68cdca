import { Worker } from "node:worker_threads";
import * as z from "zod/mini";

export type Sums = { md5: string; sha256: string };

/**
 * Reads files in a thread of its own and sums them up: MD5 alone takes two milliseconds of each mebibyte, in which a
 * manager would answer nobody. What was just written comes out of the system's memory. It goes from file to file, a slice
 * each, so that no file waits for a large one, and what is called off ends soon. Text, because each program is one file.
 */
const work = `
const { createHash } = require("node:crypto");
const { closeSync, openSync, readSync } = require("node:fs");
const { parentPort } = require("node:worker_threads");
const buffer = Buffer.alloc(1024 * 1024);
const sliceBytes = 8 * buffer.length;
const files = new Map();
let isBusy = false;
parentPort.on("message", ({ id, file, bytes, isLast, isOver }) => {
  const known = files.get(id) ?? { id, file, at: 0, goal: 0, md5: createHash("md5"), sha256: createHash("sha256") };
  if (isOver) {
    if (known.fd !== undefined) closeSync(known.fd);
    files.delete(id);
    return;
  }
  files.set(id, { ...known, goal: bytes, isLast });
  if (!isBusy) setImmediate(turn);
  isBusy = true;
});
function turn() {
  isBusy = false;
  for (const each of files.values()) {
    if (each.isDone) continue;
    try {
      if (each.error === undefined) slice(each);
    } catch (error) {
      each.error = String(error.message);
    }
    if (each.error !== undefined && each.isLast) {
      each.isDone = true;
      parentPort.postMessage({ id: each.id, error: each.error });
    }
    isBusy ||= each.error === undefined && each.at < each.goal;
  }
  if (isBusy) setImmediate(turn);
}
function slice(each) {
  each.fd ??= openSync(each.file, "r");
  const end = Math.min(each.goal, each.at + sliceBytes);
  while (each.at < end) {
    const length = readSync(each.fd, buffer, 0, Math.min(buffer.length, end - each.at), each.at);
    if (length === 0) throw new Error("The file became shorter while it was read.");
    each.md5.update(buffer.subarray(0, length));
    each.sha256.update(buffer.subarray(0, length));
    each.at += length;
  }
  if (each.at < each.goal || !each.isLast) return;
  each.isDone = true;
  parentPort.postMessage({ id: each.id, md5: each.md5.digest("hex"), sha256: each.sha256.digest("hex") });
}
`;

const answer = z.union([
  z.object({ id: z.number(), md5: z.string(), sha256: z.string() }),
  z.object({ id: z.number(), error: z.string() }),
]);

type Order = { id: number; file: string; bytes: number; isLast: boolean; isOver: boolean };
type Waiting = { resolve: (sums: Sums) => void; reject: (error: Error) => void };

/** Bytes after which it is worth to tell the thread. */
const tellBytes = 4 * 1024 * 1024;
/** A thread without a file ends: it takes some mebibytes. */
const idleMs = 10_000;

/** The thread, while there are files. */
class SumThread {
  #worker: Worker | undefined;
  #lastId = 0;
  #ending: NodeJS.Timeout | undefined;
  readonly #open = new Set<number>();
  readonly #waiting = new Map<number, Waiting>();

  begin(): number {
    clearTimeout(this.#ending);
    this.#lastId += 1;
    this.#open.add(this.#lastId);
    return this.#lastId;
  }

  tell(order: Order): void {
    if (this.#open.has(order.id)) this.#running().postMessage(order);
  }

  ask(order: Order): Promise<Sums> {
    return new Promise((resolve, reject) => {
      if (!this.#open.has(order.id)) return reject(new Error("The thread of checksums has ended."));
      const worker = this.#running();
      this.#waiting.set(order.id, { resolve, reject });
      // The process lives as long as somebody waits.
      worker.ref();
      worker.postMessage(order);
    });
  }

  end(id: number): void {
    if (!this.#open.delete(id)) return;
    this.#waitsNoMore(id);
    this.#worker?.postMessage({ id, file: "", bytes: 0, isLast: false, isOver: true } satisfies Order);
    if (this.#open.size > 0) return;
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.#stop(), idleMs).unref();
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(work, { eval: true, resourceLimits: { maxYoungGenerationSizeMb: 2 } });
    worker.on("message", (message) => {
      const { id, ...found } = answer.parse(message);
      const waiting = this.#waitsNoMore(id);
      if ("error" in found) waiting?.reject(new Error(found.error));
      else waiting?.resolve(found);
    });
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", () => this.#lost(worker, new Error("The thread of checksums has ended.")));
    // Only now: who listens holds the process again.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  /** What it has summed up is lost with it. */
  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#open.clear();
    for (const id of [...this.#waiting.keys()])
      this.#waitsNoMore(id)?.reject(error instanceof Error ? error : new Error(String(error)));
  }

  #waitsNoMore(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    return waiting;
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}

const thread = new SumThread();

/** The checksums of a file that grows, which are made while it does. Whoever has made one ends it. */
export class FileSums {
  readonly #file: string;
  readonly #id = thread.begin();
  #told = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** So many bytes stand in the file, and will not change any more. */
  reached(bytes: number): void {
    if (bytes - this.#told < tellBytes) return;
    this.#told = bytes;
    thread.tell(this.#order(bytes, false));
  }

  /** Of the first bytes of the file. Once. @throws an Error that says why not; the signal's reason */
  async of(bytes: number, signal: AbortSignal): Promise<Sums> {
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([thread.ask(this.#order(bytes, true)), promise]);
    } finally {
      signal.removeEventListener("abort", stop);
      this.end();
    }
  }

  end(): void {
    thread.end(this.#id);
  }

  #order(bytes: number, isLast: boolean): Order {
    return { id: this.#id, file: this.#file, bytes, isLast, isOver: false };
  }
}
