import { appendFile, readFile, rm } from "node:fs/promises";
import { writeDurably } from "./durable.ts";
import { plainLine } from "./plain-text.ts";

/** Lines of one job that are kept; older ones are dropped. */
export const keptLines = 2000;
const maxLineLength = 400;
/** Lines reach the file this long after they were written, so that a chatty job costs few writes. */
const flushAfterMs = 500;

/** Lines with the number of the first one, counted from 0 since the job began. */
export type Lines = { first: number; lines: string[] };

/**
 * The log of one job: the last lines in memory while it runs, and in a file, so that they outlive the agent. The file
 * begins with the number of its first line, written as digits, on a line of its own.
 *
 * A file that can't be written costs nothing but the lines after a restart: they stay in memory then.
 */
export class JobLog {
  readonly #file: string;
  /** Number of the first line in `#lines`. */
  #first = 0;
  #lines: string[] = [];
  /** Number of the first line that is not in the file yet, and how many lines the file has. */
  #written = 0;
  #fileLines = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #broken = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** Lines so far, those that were dropped included. */
  get count(): number {
    return this.#first + this.#lines.length;
  }

  /** Adds what a job says, each of its lines made safe to show. */
  add(text: string): void {
    for (const line of text.replace(/\r?\n$/, "").split(/\r?\n/)) this.#lines.push(plainLine(line, maxLineLength));
    // Dropped in slices: one line at a time would move the whole list at every line.
    if (this.#lines.length > keptLines * 1.25) this.#dropOld();
    if (this.#timer !== undefined || this.#broken) return;
    this.#timer = setTimeout(() => void this.flush(), flushAfterMs);
    this.#timer.unref();
  }

  /** Lines from number `from` on, as far as they are kept. */
  read(from: number): Lines {
    this.#dropOld();
    return cut({ first: this.#first, lines: this.#lines }, from);
  }

  /** Writes what is not in the file yet. Resolves to false when the file does not hold all of it. */
  async flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
    return !this.#broken;
  }

  async #write(): Promise<void> {
    if (this.#broken || this.#written === this.count) return;
    const { first, lines } = this.read(this.#written);
    const next = this.count;
    // Whole when it is new, when it would grow too long, or when lines were dropped before they could be written.
    const whole = this.#fileLines === 0 || this.#fileLines + lines.length > keptLines * 2 || first > this.#written;
    try {
      if (whole) {
        const all = this.read(0);
        await writeDurably(this.#file, `${all.first}\n${joined(all.lines)}`);
        this.#fileLines = all.lines.length;
      } else {
        await appendFile(this.#file, joined(lines));
        this.#fileLines += lines.length;
      }
      this.#written = next;
    } catch {
      this.#broken = true;
    }
  }

  #dropOld(): void {
    const excess = this.#lines.length - keptLines;
    if (excess <= 0) return;
    this.#lines.splice(0, excess);
    this.#first += excess;
  }
}

/** The lines that a job left in its file; none when there is no such file. A last line that a crash tore is dropped. */
export async function readJobLog(file: string, from = 0): Promise<Lines> {
  const text = await readFile(file, "utf8").catch(() => "");
  const [head = "", ...lines] = text.split("\n");
  lines.pop();
  if (!/^\d{1,15}$/.test(head)) return { first: 0, lines: [] };
  const all = { first: Number(head), lines };
  return cut(all, Math.max(from, all.first + lines.length - keptLines));
}

export async function removeJobLog(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => undefined);
}

function cut(all: Lines, from: number): Lines {
  const skip = Math.min(Math.max(from - all.first, 0), all.lines.length);
  return { first: all.first + skip, lines: all.lines.slice(skip) };
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
