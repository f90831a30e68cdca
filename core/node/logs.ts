import type * as z from "zod";
import type { logQuery } from "../api/contract.ts";
import { NodeError } from "../model/error.ts";
import type { LogLine } from "../model/records.ts";
import { LogFilter, parseEntry, unknownMessage } from "./log-entry.ts";
import type { Machine } from "./machine.ts";

export type LogQuery = z.output<typeof logQuery>;
/** Newest line first. `more`: there are older lines that fit; ask for those before the last cursor. */
export type LogPage = { lines: LogLine[]; more: boolean };

const timeoutMs = 10_000;
/** Messages of over 4,096 bytes come without text; so many of a page are asked for once more. */
const maxLongMessages = 20;

/**
 * The node's journal, read by journalctl. Every call may fail with LOGS.NO_JOURNAL (no systemd here, or nothing is
 * kept), LOGS.DENIED, LOGS.TIMEOUT, LOGS.BAD_QUERY or LOGS.FAILED.
 */
export class Logs {
  readonly #machine: Machine;
  readonly #source: readonly string[];

  /** `source`: arguments that choose another journal than the node's own, for instance `--directory=…`. */
  constructor(machine: Machine, source: readonly string[] = []) {
    this.#machine = machine;
    this.#source = source;
  }

  /** The newest lines that fit, or the newest before `query.before`; at most `query.limit`. */
  async read(query: LogQuery): Promise<LogPage> {
    const filter = new LogFilter(query);
    const wanted = query.limit + 1;
    let output: string;
    try {
      output = await this.#run([...filter.pageArguments(), "--reverse", `--lines=${wanted}`]);
    } catch (error) {
      // Many huge messages: fewer of them then, and the rest on the next page.
      if (error instanceof NodeError && error.code === "RUN.TOO_LONG" && query.limit > 1)
        return { ...(await this.read({ ...query, limit: Math.floor(query.limit / 2) })), more: true };
      throw failed(error);
    }
    if (output === "") await this.#requireJournal();
    const found = output.split("\n").flatMap((text) => parseEntry(text) ?? []);
    const fitting = found.filter((line) => filter.reaches(line));
    const lines = fitting.slice(0, query.limit);
    return { lines: await this.#withLongMessages(lines), more: fitting.length > query.limit };
  }

  /** Names that `query.unit` takes: `kernel`, and each unit that has lines. */
  async units(): Promise<string[]> {
    const output = await this.#run(["--field=_SYSTEMD_UNIT"]).catch((error: unknown) => {
      throw failed(error);
    });
    if (output === "") await this.#requireJournal();
    const units = output.split("\n").filter((unit) => unit !== "" && !passing.test(unit));
    return ["kernel", ...units.sort()];
  }

  /**
   * Hands over each new line that fits, oldest first, until the function that it returns is called. `onEnd` is called
   * once when it ends by itself.
   */
  follow(query: LogQuery, onLine: (line: LogLine) => void, onEnd: (error: NodeError) => void): () => void {
    const args = [...new LogFilter(query).followArguments(), "--follow", "--lines=0"];
    const probing = new AbortController();
    let ended = false;
    const stop = () => {
      ended = true;
      probing.abort();
      stream.stop();
    };
    const end = (error: NodeError) => {
      if (ended) return;
      stop();
      onEnd(error);
    };
    const stream = this.#machine.stream("journalctl", this.#arguments(args), (text, from) => {
      const line = ended || from === "stderr" ? undefined : parseEntry(text);
      if (line !== undefined) onLine(line);
    });
    // Where there is no journal, journalctl ends or waits for one, without a word.
    const readable = this.#requireJournal(probing.signal);
    readable.catch((error: unknown) => end(failed(error)));
    stream.done
      .then(() => readable)
      .then(
        () => end(new NodeError("LOGS.FAILED", "journalctl stopped following the journal.")),
        (error: unknown) => end(failed(error)),
      );
    return stop;
  }

  async #run(args: readonly string[], maxBytes?: number): Promise<string> {
    const limits = { timeoutMs, reason: "Logs", ...(maxBytes === undefined ? {} : { maxBytes }) };
    const { code, stdout, stderr } = await this.#machine.run("journalctl", this.#arguments(args), limits);
    if (stdout !== "") return stdout;
    const why = noJournal(stderr);
    if (why !== undefined) throw why;
    // 1 without a complaint: nothing fits the pattern.
    const complaint = stderr.trim().split("\n").at(-1) ?? "";
    if (code !== 0 && complaint !== "" && !complaint.startsWith("-- "))
      throw new NodeError("LOGS.FAILED", `journalctl said: ${complaint.slice(0, 200)}`);
    return stdout;
  }

  /**
   * Throws when there is nothing that could be read. With JSON output journalctl says nothing about it and exits with
   * 0, so it is asked for something else.
   */
  async #requireJournal(signal?: AbortSignal): Promise<void> {
    const args = [...this.#source, "--no-pager", "--field=PRIORITY"];
    const limits = { timeoutMs, reason: "Logs", ...(signal === undefined ? {} : { signal }) };
    const probe = this.#machine.run("journalctl", args, limits);
    const { stdout, stderr } = await probe.catch((error: unknown) => {
      throw failed(error);
    });
    const why = stdout === "" ? noJournal(stderr) : undefined;
    if (why !== undefined) throw why;
  }

  #arguments(args: readonly string[]): string[] {
    return [...this.#source, "--output=json", "--no-pager", ...args];
  }

  async #withLongMessages(lines: LogLine[]): Promise<LogLine[]> {
    let budget = maxLongMessages;
    const out: LogLine[] = [];
    for (const line of lines) {
      const fetch = line.message === unknownMessage && budget-- > 0;
      out.push(fetch ? await this.#withMessage(line) : line);
    }
    return out;
  }

  async #withMessage(line: LogLine): Promise<LogLine> {
    const args = ["--all", "--output-fields=MESSAGE", `--cursor=${line.cursor}`, "--lines=1"];
    const output = await this.#run(args, 1024 * 1024).catch(() => "");
    const whole = parseEntry(output.split("\n")[0] ?? "");
    return whole?.cursor === line.cursor ? { ...line, message: whole.message } : line;
  }
}

/** Units that come and go by the thousand. */
const passing = /^(session-\d+|run-.*)\.(scope|service)$/;

/** What journalctl's complaint means, if it is that there is nothing to read. */
function noJournal(stderr: string): NodeError | undefined {
  if (/No journal files were opened due to insufficient permissions|not seeing messages from other users/.test(stderr))
    return new NodeError("LOGS.DENIED", "This user may not read the node's journal.", {
      remedy: "Run as root, or as a member of the group systemd-journal.",
    });
  if (/No journal files were (found|opened)/.test(stderr))
    return new NodeError("LOGS.NO_JOURNAL", "No journal is kept on this machine.", {
      remedy: "Nothing is wrong in a container; otherwise look at systemd-journald.",
    });
  return undefined;
}

function failed(error: unknown): NodeError {
  if (!(error instanceof NodeError))
    return new NodeError("LOGS.FAILED", "The journal can't be read.", { cause: error });
  switch (error.code) {
    case "RUN.NOT_FOUND":
      return new NodeError("LOGS.NO_JOURNAL", "This machine has no journal: journalctl is not installed.", {
        cause: error,
      });
    case "RUN.DENIED":
      return new NodeError("LOGS.DENIED", "This user may not run journalctl.", { cause: error });
    case "RUN.TIMEOUT":
      return new NodeError("LOGS.TIMEOUT", `Searching the journal took over ${timeoutMs / 1000} s.`, {
        remedy: "Narrow it: a unit, a priority, a shorter range of time.",
        cause: error,
      });
    default:
      return error.code.startsWith("LOGS.") ? error : new NodeError("LOGS.FAILED", error.message, { cause: error });
  }
}
