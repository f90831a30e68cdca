import { readSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import xterm from "@xterm/headless";
import { type Pty, spawnPty } from "../support/node-pty.ts";

export type ScreenOptions = {
  command: readonly [string, ...string[]];
  term: string;
  env?: Readonly<Record<string, string>>;
  columns?: number;
  rows?: number;
  /** A line that takes no more than this; as fast as the program writes when left out. */
  bytesPerSecond?: number;
};

/** Bytes that came at one time; `at` is monotonic, in milliseconds. `total` counts from the start of the program. */
export type Arrival = { at: number; total: number };

/**
 * A program on a pseudo terminal, its screen as it is after each piece of output, with the time at which that piece
 * arrived.
 */
export class BenchScreen {
  readonly startedAt: number;
  readonly #pty: Pty;
  readonly #terminal: xterm.Terminal;
  readonly #exited: Promise<unknown>;
  #ended = false;
  #arrival: Arrival;
  /** The newest arrival that the screen already shows. */
  #shown: Arrival;
  #onShown: ((arrival: Arrival) => void)[] = [];

  constructor(options: ScreenOptions) {
    const { columns = 80, rows = 24 } = options;
    const [program, ...args] = options.command;
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.startedAt = performance.now();
    this.#pty = spawnPty(program, args, { name: options.term, cols: columns, rows, env: environment(options) });
    this.#arrival = { at: this.startedAt, total: 0 };
    this.#shown = this.#arrival;
    this.#exited = new Promise<void>((resolve) => {
      this.#pty.onExit(() => {
        this.#ended = true;
        resolve();
      });
    });
    if (options.bytesPerSecond === undefined) this.#pty.onData((bytes) => this.#take(bytes));
    else
      readSlowly(
        this.#pty,
        options.bytesPerSecond,
        (bytes) => this.#take(bytes),
        () => this.#ended,
      );
  }

  get pid(): number {
    return this.#pty.pid;
  }

  get bytes(): number {
    return this.#arrival.total;
  }

  #take(bytes: Buffer): void {
    const arrival = { at: performance.now(), total: this.#arrival.total + bytes.length };
    this.#arrival = arrival;
    this.#terminal.write(bytes, () => {
      this.#shown = arrival;
      for (const listener of this.#onShown) listener(arrival);
    });
  }

  /** The screen's lines without blanks at their ends. */
  lines(): string[] {
    const buffer = this.#terminal.buffer.active;
    return Array.from(
      { length: this.#terminal.rows },
      (_, y) => buffer.getLine(buffer.viewportY + y)?.translateToString(true) ?? "",
    );
  }

  text(): string {
    return this.lines().join("\n");
  }

  /** Characters and styles of the lines below the first, which holds a clock. */
  body(): string {
    return this.#cells(1, (cell) => `${cell.getChars()} ${cell.getFgColor()} ${cell.isBold()} ${ground(cell)}`);
  }

  /** Backgrounds only: where the selection is on a screen whose text moves by itself. */
  backgrounds(): string {
    return this.#cells(0, ground);
  }

  #cells(fromRow: number, describe: (cell: Cell) => string): string {
    const buffer = this.#terminal.buffer.active;
    const seen: string[] = [];
    for (let y = fromRow; y < this.#terminal.rows; y++) {
      const line = buffer.getLine(buffer.viewportY + y);
      for (let x = 0; x < this.#terminal.cols; x++) {
        const cell = line?.getCell(x);
        seen.push(cell === undefined ? "" : describe(cell));
      }
    }
    return seen.join("|");
  }

  /** Writes bytes as a keyboard would; returns when. */
  type(bytes: string): number {
    const at = performance.now();
    this.#pty.write(bytes);
    return at;
  }

  /** The arrival after which `holds` was true for the first time from now on; undefined when that takes too long. */
  until(holds: () => boolean, timeoutMs: number): Promise<Arrival | undefined> {
    if (holds()) return Promise.resolve(this.#shown);
    return new Promise((resolve) => {
      const finish = (found: Arrival | undefined) => {
        clearTimeout(timer);
        this.#onShown = this.#onShown.filter((one) => one !== listener);
        resolve(found);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      const listener = (arrival: Arrival) => {
        if (holds()) finish(arrival);
      };
      this.#onShown = [...this.#onShown, listener];
    });
  }

  /** As `until`, but throws with the screen when it takes too long. */
  async expect(what: string | RegExp, timeoutMs = 15_000): Promise<Arrival> {
    const holds = () => (typeof what === "string" ? this.text().includes(what) : what.test(this.text()));
    const found = await this.until(holds, timeoutMs);
    if (found === undefined) throw new Error(`The screen never showed ${String(what)}:\n${this.text()}`);
    return found;
  }

  /** The last arrival before the first pause of `pauseMs`. */
  async pause(pauseMs: number): Promise<Arrival> {
    for (;;) {
      const before = this.#arrival;
      const restMs = before.at + pauseMs - performance.now();
      if (restMs <= 0 && this.#shown === before) return before;
      await wait(Math.max(restMs, 1));
    }
  }

  /** The last arrival that changed `look`, once it has not changed for `stillMs`. */
  async still(look: () => string, stillMs: number): Promise<Arrival> {
    let last = this.#shown;
    for (;;) {
      const before = look();
      const changed = await this.until(() => look() !== before, stillMs);
      if (changed === undefined) return last;
      last = changed;
    }
  }

  async close(): Promise<void> {
    if (!this.#ended) process.kill(this.pid, "SIGKILL");
    await this.#exited;
    this.#terminal.dispose();
  }
}

type Cell = NonNullable<ReturnType<NonNullable<ReturnType<xterm.Terminal["buffer"]["active"]["getLine"]>>["getCell"]>>;

function ground(cell: Cell): string {
  return `${cell.isInverse()} ${cell.getBgColor()}`;
}

function environment(options: ScreenOptions): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: "/", LANG: "C.UTF-8", TERM: options.term, ...options.env };
}

/** How many bytes a serial chip sends without a pause, and so the most that may arrive at once. */
const burstBytes = 16;
const everyMs = 10;

/**
 * Reads a terminal as a serial line would send it. node-pty reads as much as there is, so its reading is stopped for
 * good, and the descriptor is read here: what is not read stays in the kernel, which stops the program when it is full.
 */
function readSlowly(pty: Pty, bytesPerSecond: number, take: (bytes: Buffer) => void, hasEnded: () => boolean): void {
  pty.pause();
  let credit = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    if (hasEnded()) return clearInterval(timer);
    const now = performance.now();
    // A timer that comes late is made up for; a line that was silent has saved nothing.
    credit += ((now - before) * bytesPerSecond) / 1000;
    before = now;
    const bytes = Buffer.alloc(Math.floor(credit));
    const count = bytes.length === 0 ? 0 : readNow(pty.fd, bytes);
    credit = count < bytes.length ? Math.min(credit - count, burstBytes) : credit - count;
    if (count > 0) take(bytes.subarray(0, count));
  }, everyMs);
}

function readNow(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into, 0, into.length, null);
  } catch {
    // Nothing there at the moment (EAGAIN), or the program has ended.
    return 0;
  }
}
