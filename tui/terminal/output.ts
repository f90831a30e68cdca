import * as fs from "node:fs";

/** How much may lie in the kernel's buffer of a paced line, in time. More would delay the answer to the next key. */
const aheadMs = 300;
/** Pause before trying again when the line takes nothing at the moment; doubled each time, up to the longest. */
const retryMs = 15;
const longestRetryMs = 240;

type WriteCallback = (error: NodeJS.ErrnoException | null, written: number) => void;

export type OutputOptions = {
  readonly fd: number;
  /** Speed of a real serial line, bits a second; absent for everything that isn't one. */
  readonly baud?: number | undefined;
  /** Everything given to `write` has been handed to the kernel. */
  onIdle(): void;
  /** The line is dead (hung up, closed). Called once; nothing is written any more. */
  onGone(error: NodeJS.ErrnoException): void;
  /** For tests: as fs.write. */
  readonly writeTo?: (fd: number, bytes: Uint8Array, callback: WriteCallback) => void;
  /** For tests: milliseconds of a clock that never steps back. */
  readonly now?: () => number;
};

/**
 * Writes to a terminal without ever blocking the event loop: process.stdout on a terminal is synchronous, and a line at
 * 9600 baud, or one stopped by flow control, would stop the program. One write is under way at a time, in Node's thread
 * pool, because a virtual terminal may also block in the kernel; on a descriptor of our own that doesn't block, because
 * a process whose thread hangs in a write can't even exit. With `baud` no more than 0.3 s of output is given to the
 * kernel ahead, which would otherwise take 4 s of it.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #now: () => number;
  readonly #writeTo: NonNullable<OutputOptions["writeTo"]>;
  /** The terminal opened anew, not blocking; null where that isn't allowed, and in tests. */
  #own: number | null = null;
  #retryMs = retryMs;
  #queue: Uint8Array[] = [];
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #gone = false;
  /** When a paced line will have sent what it was given. */
  #drainedAt = 0;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#writeTo = options.writeTo ?? ((fd, bytes, callback) => fs.write(fd, bytes, callback));
    if (options.writeTo === undefined) this.#own = openAnew(options.fd);
  }

  /** True while something given to `write` has not been handed to the kernel. */
  get busy(): boolean {
    return this.#writing || this.#queue.length > 0;
  }

  write(text: string): void {
    if (this.#gone || text === "") return;
    this.#queue.push(Buffer.from(text, "utf8"));
    this.#next();
  }

  /**
   * Forgets what has not been written, and writes `text` at once, for a crash or the end of the process. Gives up
   * rather than waits on a line that takes nothing, and returns false then. A sequence that was cut in the middle is
   * cancelled first.
   */
  writeNow(text: string): boolean {
    if (this.#gone) return false;
    const taken = writeAtOnce(this.#own ?? this.#options.fd, Buffer.from(this.busy ? `\x18${text}` : text, "utf8"));
    this.stop();
    return taken;
  }

  /** Forgets what has not been written; no callback comes any more. */
  stop(): void {
    this.#gone = true;
    this.#queue = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // While a write is under way its descriptor must not become somebody else's.
    if (!this.#writing) this.#closeOwn();
  }

  #closeOwn(): void {
    if (this.#own !== null) fs.closeSync(this.#own);
    this.#own = null;
  }

  #next(): void {
    const bytes = this.#queue[0];
    if (this.#writing || this.#timer !== null || this.#gone || bytes === undefined) return;
    const room = this.#room();
    if (room < Math.min(bytes.length, this.#slice())) {
      // Wait until half of what may lie ahead has gone, not for each byte.
      this.#later(aheadMs / 2);
      return;
    }
    this.#writing = true;
    this.#writeTo(this.#own ?? this.#options.fd, bytes.subarray(0, room), (error, written) => {
      this.#writing = false;
      if (this.#gone) this.#closeOwn();
      else this.#wrote(bytes, error, written);
    });
  }

  #wrote(bytes: Uint8Array, error: NodeJS.ErrnoException | null, written: number): void {
    if (error !== null && error.code !== "EAGAIN" && error.code !== "EINTR") {
      this.stop();
      this.#options.onGone(error);
      return;
    }
    const count = error === null ? written : 0;
    this.#queue.splice(0, 1, ...(count < bytes.length ? [bytes.subarray(count)] : []));
    if (this.#options.baud !== undefined)
      this.#drainedAt = Math.max(this.#drainedAt, this.#now()) + (count * 10_000) / this.#options.baud;
    if (count === 0) {
      this.#later(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
      return;
    }
    this.#retryMs = retryMs;
    if (this.#queue.length > 0) this.#next();
    else this.#options.onIdle();
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#next();
    }, ms);
  }

  /** How many bytes the line may be given now; ten bits make a byte. */
  #room(): number {
    const { baud } = this.#options;
    if (baud === undefined) return Number.MAX_SAFE_INTEGER;
    const ahead = Math.max(this.#drainedAt - this.#now(), 0);
    return Math.max(Math.floor(((aheadMs - ahead) * baud) / 10_000), 0);
  }

  /** The smallest piece worth a write on a paced line. */
  #slice(): number {
    const { baud } = this.#options;
    return baud === undefined ? 0 : Math.max(Math.floor((aheadMs * baud) / 20_000), 1);
  }
}

function openAnew(fd: number): number | null {
  try {
    if (!fs.fstatSync(fd).isCharacterDevice()) return null;
    const flags = fs.constants.O_WRONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;
    return fs.openSync(`/proc/self/fd/${fd}`, flags);
  } catch {
    // The terminal of another user, after su.
    return null;
  }
}

/** Tries for 0.2 s at most. */
function writeAtOnce(fd: number, bytes: Uint8Array): boolean {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  let at = 0;
  for (let tries = 0; at < bytes.length && tries < 20; tries++) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return false;
      Atomics.wait(nothing, 0, 0, 10);
    }
  }
  return at === bytes.length;
}
