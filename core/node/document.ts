import { copyFile, readFile, rename, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Low } from "lowdb";
import type * as z from "zod";
import { NodeError } from "../model/error.ts";
import { errnoOf, whyNotWritten, writeDurably } from "./durable.ts";
import { repair } from "./repair.ts";

/** What was found wrong with a document when it was opened. */
export type Damage = {
  file: string;
  /** `repaired`: the bad fields took their defaults. `setAside`: nothing could be kept. */
  kind: "repaired" | "setAside";
  /** Fields that were dropped, as paths: `node.lockMinutes`. */
  fields: string[];
  /** Where the damaged text is kept; null when even that could not be done. */
  keptAs: string | null;
  /** Why, for a log: a parser's or the system's words, never a value of the document. */
  why: string;
};

export type DocumentOptions<T> = {
  file: string;
  /** Make its objects `loose()` where fields that a newer version wrote must survive. */
  schema: z.ZodType<T>;
  /** The value of a document that does not exist yet. */
  empty: T;
  onDamage?: (damage: Damage) => void;
  /** Code of the error when a write fails; `DOCUMENT.NOT_SAVED` unless told. */
  notSaved?: string;
  /** How many values it may have: {@link usualValues} unless told. */
  mostValues?: number;
  /** The wall clock, for the name of a file that is set aside. */
  now?: () => number;
  write?: (file: string, text: string) => Promise<void>;
};

/** Far above what any document of a node needs; a file that is larger is somebody else's. */
const maxBytes = 4 * 1024 * 1024;
/**
 * Far above what most documents of a node have: strings, numbers, lists and so on, each counted. A check tells of every
 * bad field of every element, so that 600 kB of `{}` would become millions of findings.
 */
const usualValues = 10_000;

/**
 * A small JSON document of the node: read once, kept in memory, written whole, atomically and synced, at every change.
 * The value in memory is always one that is on the disk: it changes after the write, and not at all when that fails.
 */
export class Document<T extends object> {
  readonly #db: Low<T>;
  readonly #options: DocumentOptions<T>;
  #value: T;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: DocumentOptions<T>, db: Low<T>, value: T) {
    this.#options = options;
    this.#db = db;
    this.#value = value;
  }

  /**
   * Opens or starts the document. Never fails because of what is in the file: bad fields take their defaults, and a
   * file that can't be used at all is set aside as `FILE.damaged-TIME`; `onDamage` is told of either.
   */
  static async open<T extends object>(options: DocumentOptions<T>): Promise<Document<T>> {
    const write = options.write ?? writeDurably;
    const { value, repaired } = await load(options);
    const adapter = {
      read: async () => null,
      write: (data: T) => write(options.file, `${JSON.stringify(data, null, 2)}\n`),
    };
    const document = new Document(options, new Low<T>(adapter, value), value);
    // Written at once, so that the next start finds it whole. When it can't be written, the next start repairs again.
    if (repaired) await document.#save(value).catch(() => undefined);
    return document;
  }

  /** The present value; not to be changed in place. */
  get value(): Readonly<T> {
    return this.#value;
  }

  /**
   * Changes the document: `change` edits a copy in place, or returns a new value. Calls run one after the other, each
   * seeing the result of the one before. Resolves when the change is on the disk. What changes nothing is not written.
   *
   * @throws NodeError with the code `notSaved` when it can't be written; the value stays as it was.
   * @throws whatever `change` throws; nothing is written then.
   */
  update(change: (draft: T) => T | undefined | void): Promise<void> {
    const turn = this.#last.then(() => this.#write(change));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #write(change: (draft: T) => T | undefined | void): Promise<void> {
    const draft = structuredClone(this.#value);
    const next = this.#options.schema.parse(change(draft) ?? draft);
    if (!isDeepStrictEqual(next, this.#value)) await this.#save(next);
  }

  async #save(next: T): Promise<void> {
    this.#db.data = next;
    try {
      await this.#db.write();
    } catch (error) {
      this.#db.data = this.#value;
      throw notSaved(this.#options, error);
    }
    this.#value = next;
  }
}

async function load<T extends object>(options: DocumentOptions<T>): Promise<{ value: T; repaired: boolean }> {
  const { file, schema } = options;
  const useless = async (why: string) => {
    await setAside(options, why);
    return { value: structuredClone(options.empty), repaired: false };
  };
  let text: string;
  try {
    const found = await stat(file);
    if (!found.isFile()) return await useless("not a file");
    if (found.size > maxBytes) return await useless(`larger than ${maxBytes} bytes`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") return useless(errnoOf(error) ?? "unreadable");
    return { value: structuredClone(options.empty), repaired: false };
  }

  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return useless(text.trim() === "" ? "empty file" : "not JSON");
  }

  const mostValues = options.mostValues ?? usualValues;
  if (hasTooManyValues(raw, mostValues)) return useless(`more than ${mostValues} values`);
  const usable = whatIsUsable(schema, raw);
  if (usable === undefined) return useless("not of the expected form");
  if (usable.dropped.length === 0) return { value: usable.value, repaired: false };
  const keptAs = await keepBeside(file, (to) => copyFile(file, to), options.now);
  options.onDamage?.({ file, kind: "repaired", fields: usable.dropped, keptAs, why: "bad fields" });
  return { value: usable.value, repaired: true };
}

/** Counts no further than it must, and without recursion: nesting may be deeper than the stack. */
function hasTooManyValues(raw: unknown, most: number): boolean {
  const uncounted: unknown[] = [raw];
  for (let count = 1; uncounted.length > 0; count++) {
    const value = uncounted.pop();
    if (typeof value !== "object" || value === null) continue;
    const inside = Object.values(value);
    if (count + uncounted.length + inside.length > most) return true;
    uncounted.push(...inside);
  }
  return false;
}

/** Undefined also for what is nested too deeply: checking or copying it overflows the stack. */
function whatIsUsable<T>(schema: z.ZodType<T>, raw: unknown): { value: T; dropped: string[] } | undefined {
  try {
    const usable = repair(schema, raw);
    // Every change starts with a copy: a value that can't be copied could never be changed.
    structuredClone(usable?.value);
    return usable;
  } catch {
    return undefined;
  }
}

async function setAside<T>(options: DocumentOptions<T>, why: string): Promise<void> {
  const keptAs = await keepBeside(options.file, (to) => rename(options.file, to), options.now);
  options.onDamage?.({ file: options.file, kind: "setAside", fields: [], keptAs, why });
}

/** Keeps what is damaged as `FILE.damaged-TIME`: the name, or null when even that could not be done. */
export async function keepBeside(
  file: string,
  how: (to: string) => Promise<void>,
  now: () => number = Date.now,
): Promise<string | null> {
  const at = new Date(now()).toISOString().replaceAll(":", "").replace(/\..*/, "Z");
  const to = `${file}.damaged-${at}`;
  try {
    await how(to);
    return to;
  } catch {
    return null;
  }
}

function notSaved<T>(options: DocumentOptions<T>, error: unknown): NodeError {
  const name = basename(options.file);
  return new NodeError(
    options.notSaved ?? "DOCUMENT.NOT_SAVED",
    `The change was not saved in ${name} because ${whyNotWritten(error)}; the former values are still in force.`,
    {
      remedy: `Make room on, or repair, the file system of ${dirname(options.file)} and try again.`,
      values: { file: name, errno: errnoOf(error) ?? "unknown" },
      cause: error,
    },
  );
}
