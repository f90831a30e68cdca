import { rename } from "node:fs/promises";
import { NodeError } from "../model/error.ts";
import { type AuditEntry, auditEntry } from "../model/records.ts";
import type { Secret } from "../model/secret.ts";
import { errnoOf, whyNotWritten } from "./durable.ts";
import { appendLine, linesFromEnd } from "./record-file.ts";
import { Turns } from "./turns.ts";

/** A value before or after a change; a secret is written as `[secret]`. */
type Shown = string | Secret | null;
export type AuditedAction = { console: string; action: string; before?: Shown; after?: Shown; detail?: Shown };

export type AuditOptions = {
  file: string;
  now: () => number;
  log: { error(what: object, sentence: string): void };
  /** A file that is larger is put aside as `FILE.1`, `.2` … */
  maxBytes?: number;
  keep?: number;
};

/** Entries that wait for room on the disk; older ones are then only in the log. */
const longestQueue = 200;
const longestText = 1_000;

/**
 * The record of who did what: JSON lines, only ever appended to, each synced before the caller goes on.
 *
 * A record that can't be written does not stop an action: on a node whose disk is full a technician must still be able
 * to log in, make room and reboot. The entry then goes to the log, stays readable here, and is written before the next
 * one as soon as there is room.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #turns = new Turns();
  /** Not on the disk yet, oldest first. */
  #waiting: AuditEntry[] = [];

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Entries that could not be written yet. */
  get unwritten(): number {
    return this.#waiting.length;
  }

  /** @throws AUDIT.NOT_WRITTEN; the entry is in the log then, and is tried again with the next one */
  append(entry: Omit<AuditEntry, "at">): Promise<void> {
    const full = bounded({ at: this.#options.now(), ...entry });
    return this.#turns.take(async () => {
      this.#waiting.push(full);
      try {
        await this.#write();
      } catch (error) {
        this.#options.log.error({ audit: full, errno: errnoOf(error) }, "an audit entry could not be written");
        this.#waiting = this.#waiting.slice(-longestQueue);
        throw new NodeError("AUDIT.NOT_WRITTEN", `The audit log was not written because ${whyNotWritten(error)}.`, {
          cause: error,
        });
      }
    });
  }

  /**
   * Does something and records how it ended: `ok`, `refused` (what was asked may not be, such as a wrong password) or
   * `failed`. Gives or throws what `act` gave or threw, whether or not the record could be written.
   *
   * @param describe the value before and after, where only the result tells
   */
  async audited<T>(
    { console, action, ...shown }: AuditedAction,
    act: () => Promise<T>,
    describe: (result: T) => Pick<AuditedAction, "before" | "after" | "detail"> = () => ({}),
  ): Promise<T> {
    const record = (result: AuditEntry["result"], more: Pick<AuditedAction, "before" | "after" | "detail">) => {
      const { before = null, after = null, detail = null } = { ...shown, ...more };
      return this.append({ console, action, result, before: text(before), after: text(after), detail: text(detail) });
    };
    let value: T;
    try {
      value = await act();
    } catch (error) {
      await record(isRefusal(error) ? "refused" : "failed", { detail: reasonOf(error) }).catch(alreadyInLog);
      throw error;
    }
    await record("ok", describe(value)).catch(alreadyInLog);
    return value;
  }

  /**
   * For what ends this program, a reboot: recorded as `ok` before it is done, and once more as `failed` if it is not.
   */
  async auditedFirst<T>({ console, action, ...shown }: AuditedAction, act: () => Promise<T>): Promise<T> {
    const { before = null, after = null, detail = null } = shown;
    const entry = { console, action, before: text(before), after: text(after), detail: text(detail) };
    await this.append({ ...entry, result: "ok" }).catch(alreadyInLog);
    try {
      return await act();
    } catch (error) {
      const result = isRefusal(error) ? "refused" : "failed";
      await this.append({ ...entry, result, detail: reasonOf(error) }).catch(alreadyInLog);
      throw error;
    }
  }

  /** The newest entries, newest first, and how many damaged lines, or whole files, were passed over on the way. */
  read(limit: number): Promise<{ entries: AuditEntry[]; damaged: number }> {
    return this.#turns.take(() => this.#read(limit));
  }

  async #read(limit: number): Promise<{ entries: AuditEntry[]; damaged: number }> {
    const entries = this.#waiting.toReversed().slice(0, limit);
    let damaged = 0;
    for (const file of this.#files()) {
      if (entries.length >= limit) break;
      try {
        for await (const line of linesFromEnd(file)) {
          const entry = parsed(line);
          if (entry === undefined) damaged += 1;
          else entries.push(entry);
          if (entries.length >= limit) break;
        }
      } catch (error) {
        // A folder in its place, a bad disk: what the other files hold is still worth reading.
        this.#options.log.error({ err: error }, "an audit file can't be read");
        damaged += 1;
      }
    }
    return { entries, damaged };
  }

  async #write(): Promise<void> {
    const { file, maxBytes = 5 * 1024 * 1024 } = this.#options;
    for (let entry = this.#waiting[0]; entry !== undefined; entry = this.#waiting[0]) {
      const size = await appendLine(file, entry);
      this.#waiting.shift();
      if (size > maxBytes) await this.#rotate();
    }
  }

  /** A file that can't be moved goes on growing: better than an entry that is lost. */
  async #rotate(): Promise<void> {
    const files = this.#files();
    for (let i = files.length - 1; i > 0; i--) {
      const [from, to] = [files[i - 1], files[i]];
      if (from === undefined || to === undefined) continue;
      await rename(from, to).catch((error: unknown) => {
        if (errnoOf(error) !== "ENOENT") this.#options.log.error({ err: error }, "an audit file was not put aside");
      });
    }
  }

  /** The present file first, then those put aside, newest first. */
  #files(): string[] {
    const { file, keep = 5 } = this.#options;
    return [file, ...Array.from({ length: keep }, (_, i) => `${file}.${i + 1}`)];
  }
}

/** `append` has told the log already, and the outcome of the action stands. */
function alreadyInLog(): void {}

function text(shown: Shown): string | null {
  return shown === null ? null : String(shown);
}

function bounded(entry: AuditEntry): AuditEntry {
  const cut = (value: string | null) => (value === null ? null : value.slice(0, longestText));
  return { ...entry, before: cut(entry.before), after: cut(entry.after), detail: cut(entry.detail) };
}

function parsed(line: string): AuditEntry | undefined {
  try {
    return auditEntry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Codes of what was tried and did not work; every other NodeError refuses what may not be. */
const failures =
  /^(RUN|SYS|FILE|DOCUMENT|CLOUD|STORE)\.|\.(FAILED|TIMEOUT|STORE_UNCERTAIN|NOT_(SAVED|CHANGED|CHECKED|DONE|WRITTEN|STARTED|STOPPED|RESTARTED|RESET|RENEWED|KEPT))$/;

function isRefusal(error: unknown): boolean {
  return error instanceof NodeError && !failures.test(error.code);
}

/** The words of a NodeError are meant for people and hold no secrets; those of other errors are for the log only. */
function reasonOf(error: unknown): string {
  return error instanceof NodeError ? `${error.code}: ${error.message}` : "SYS.INTERNAL";
}
