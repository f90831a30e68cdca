import { constants } from "node:fs";
import { copyFile, mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type * as z from "zod/mini";
import { type Damage, keepBeside } from "./document.ts";
import { errnoOf, syncFolder, writeDurably } from "./durable.ts";

export type LineJournalOptions<T> = {
  /** Its folder is made with it. Without a file everything is kept in memory by the caller alone. */
  file?: string | undefined;
  schema: z.ZodMiniType<T>;
  /** What is still of use: the file is rewritten with these entries when it has grown far beyond them. */
  live: { count(): number; entries(): Iterable<T> };
  onDamage?: ((damage: Damage) => void) | undefined;
};

type Waiting = { line: string; applied: () => void; resolve: () => void; reject: (error: unknown) => void };

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
/** A file with fewer lines is not worth rewriting. */
const fewLines = 1000;

/**
 * A file of JSON lines that grows by one for each entry: an append and a sync, shared by all entries that come while
 * another one is being written. Neither a file is held open nor the event loop stopped, as SQLite would: an agent
 * shows a console beside it, and thousands of simulated hosts have one each.
 */
export class LineJournal<T extends object> {
  readonly #options: LineJournalOptions<T>;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #lines: number;
  #sizeBytes: number;
  /** Behind `#sizeBytes` there may be a part of a line, which a crash or a full disk cut off. */
  #isTorn: boolean;
  #rewriteAbove = fewLines;
  #isDamaged = false;

  private constructor(options: LineJournalOptions<T>, found: { lines: number; sizeBytes: number; isTorn: boolean }) {
    this.#options = options;
    this.#lines = found.lines;
    this.#sizeBytes = found.sizeBytes;
    this.#isTorn = found.isTorn;
  }

  /**
   * The journal and what stands in it, oldest first. A last line that was cut off is no damage; other lines that are
   * none of ours are left out, after the file was copied.
   * @throws the system's error
   */
  static async open<T extends object>(
    options: LineJournalOptions<T>,
  ): Promise<{ journal: LineJournal<T>; entries: T[] }> {
    const bytes = options.file === undefined ? Buffer.alloc(0) : await bytesOf(options.file);
    const sizeBytes = bytes.lastIndexOf("\n") + 1;
    const lines = bytes.toString("utf8", 0, sizeBytes).split("\n").slice(0, -1);
    const entries: T[] = [];
    const bad: string[] = [];
    for (const [at, line] of lines.entries()) {
      const entry = parse(options.schema, line);
      if (entry === undefined) bad.push(`line ${at + 1}`);
      else entries.push(entry);
    }
    const isTorn = sizeBytes < bytes.length;
    const journal = new LineJournal(options, { lines: lines.length, sizeBytes, isTorn });
    const { file } = options;
    if (bad.length > 0 && file !== undefined) {
      const keptAs = await keepBeside(file, (to) => copyFile(file, to));
      journal.#isDamaged = true;
      options.onDamage?.({ file, kind: "repaired", fields: bad.slice(0, 20), keptAs, why: "bad lines" });
    }
    return { journal, entries };
  }

  /**
   * Adds an entry. Resolves when it is durable; `applied` is called just before, in the order of the file, so that what
   * is `live` never lacks an entry that the file has.
   * @throws the system's error; the entry is not in the file then
   */
  append(entry: T, applied: () => void = () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, applied, resolve, reject });
      if (!this.#isWriting) void this.#writeWaiting();
    });
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        if (this.#options.file !== undefined) await this.#write(this.#options.file, batch);
        for (const { applied } of batch) applied();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      if (this.#options.file !== undefined) await this.#rewriteWhenLong(this.#options.file);
    }
    this.#isWriting = false;
  }

  async #write(file: string, batch: readonly Waiting[]): Promise<void> {
    const isNew = this.#sizeBytes === 0;
    if (isNew) await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
    const handle = await open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    try {
      if (this.#isTorn) await handle.truncate(this.#sizeBytes);
      this.#isTorn = true;
      await handle.appendFile(bytes);
      await handle.datasync();
      this.#isTorn = false;
    } catch (error) {
      // When even that fails, the next write begins with it.
      await handle.truncate(this.#sizeBytes).then(
        () => {
          this.#isTorn = false;
        },
        () => undefined,
      );
      throw error;
    } finally {
      await handle.close();
    }
    if (isNew) await syncFolder(dirname(file));
    this.#sizeBytes += bytes.length;
    this.#lines += batch.length;
  }

  /** When that fails, the file goes on growing, and it is tried again later. */
  async #rewriteWhenLong(file: string): Promise<void> {
    const { live } = this.#options;
    const isLong = this.#lines > this.#rewriteAbove && this.#lines > 2 * live.count() + fewLines;
    if (!isLong && !this.#isDamaged) return;
    const lines = Array.from(live.entries(), (entry) => `${JSON.stringify(entry)}\n`);
    try {
      const bytes = Buffer.from(lines.join(""));
      await writeDurably(file, bytes);
      this.#lines = lines.length;
      this.#sizeBytes = bytes.length;
      this.#rewriteAbove = fewLines;
      this.#isDamaged = false;
    } catch {
      this.#rewriteAbove = this.#lines + fewLines;
    }
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function parse<T>(schema: z.ZodMiniType<T>, line: string): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
