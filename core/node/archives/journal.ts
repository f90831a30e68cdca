import { setImmediate } from "node:timers/promises";
import type { LogRange } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import { Masker, type MaskOptions } from "../../model/mask.ts";
import { journalEntry } from "../log-entry.ts";
import type { Machine } from "../machine.ts";
import { plainLine } from "../plain-text.ts";

const fields = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER,_COMM,_PID";
const severities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/** A page is read, masked and written before the next one is asked for: memory stays small however long the journal. */
const page = { lines: 5_000, characters: 8 * 1024 * 1024, timeoutMs: 60_000 };
/** Lines that are masked in one go, so that the agent answers in between. */
const atOnce = 250;
const hourMs = 3_600_000;

/** `head`: time, severity and program; `message` may have several lines. */
export type JournalLine = { cursor: string; at: number; unit: string; head: string; message: string };

/** Arguments of journalctl that begin a range. */
export function rangeArguments(range: LogRange, now: number): string[] {
  if (range === "boot") return ["--boot"];
  const hours = { hour: 1, day: 24, week: 7 * 24 }[range];
  return [`--since=@${((now - hours * hourMs) / 1000).toFixed(3)}`];
}

export type JournalOptions = {
  machine: Machine;
  range: LogRange;
  mask: MaskOptions;
  signal: AbortSignal;
  /** Arguments that choose another journal than the node's own. */
  source?: readonly string[];
  /** Lines of a page, where a test wants another number. */
  pageLines?: number;
  /** Called with each page's lines, masked. */
  onLines: (lines: readonly JournalLine[]) => Promise<void>;
};

/**
 * Reads the journal from the range's beginning to now, oldest first.
 *
 * @returns how many lines there were
 * @throws NodeError RUN.*, JOURNAL.SILENT when journalctl says nothing for a minute
 */
export async function readJournal(options: JournalOptions): Promise<number> {
  const { machine, range, signal, source = [], pageLines = page.lines, onLines } = options;
  // What is logged while this runs would have no end.
  const newest = await newestEntry(machine, source, signal);
  if (newest === undefined) return 0;
  const maskers = new Map<string, Masker>();
  const maskerOf = (unit: string) => {
    const known = maskers.get(unit) ?? new Masker(options.mask);
    maskers.set(unit, known);
    return known;
  };
  let from = rangeArguments(range, machine.now());
  for (let count = 0; ; ) {
    signal.throwIfAborted();
    const args = [...source, "--output=json", "--no-pager", `--output-fields=${fields}`, ...from];
    const { lines, ended } = await readPage(machine, args, pageLines, signal);
    const entries = lines.flatMap((line) => parseLine(line) ?? []);
    const endAt = entries.findIndex(({ cursor }) => cursor === newest.cursor);
    const fitting = endAt < 0 ? entries : entries.slice(0, endAt + 1);
    for (const [nth, entry] of fitting.entries()) {
      entry.message = maskMessage(entry.message, maskerOf(entry.unit));
      if (nth % atOnce === atOnce - 1) await setImmediate();
    }
    await onLines(fitting);
    count += fitting.length;
    const last = entries.at(-1);
    if (ended || last === undefined || endAt >= 0) return count;
    from = [`--after-cursor=${last.cursor}`];
  }
}

/** The last entry of the journal, as it is; undefined when it is empty. @throws NodeError RUN.*, JOURNAL.ABSENT */
export async function newestEntry(
  machine: Machine,
  source: readonly string[],
  signal: AbortSignal,
): Promise<JournalLine | undefined> {
  const args = [...source, "--output=json", "--no-pager", `--output-fields=${fields}`, "--lines=1"];
  const { stdout, stderr } = await machine.run("journalctl", args, {
    timeoutMs: 20_000,
    reason: "Collect Logs",
    signal,
  });
  const newest = parseLine(stdout);
  if (newest !== undefined || stderr.trim() === "") return newest;
  throw new NodeError("JOURNAL.ABSENT", plainLine(stderr.trim(), 200));
}

/** The first line stands behind the head, the others behind four blanks. */
function maskMessage(message: string, masker: Masker): string {
  return message
    .split("\n")
    .map((line) => masker.line(line))
    .join("\n    ");
}

/** A line of `journalctl -o json` in its parts; undefined when it is none. */
export function parseLine(text: string): JournalLine | undefined {
  const entry = journalEntry(text);
  // Beyond what a date can be there is no line of ours.
  if (entry === undefined || Math.abs(entry.at) > 8.64e15) return undefined;
  const { cursor, at, unit, message, priority, field } = entry;
  const name = field("SYSLOG_IDENTIFIER") ?? field("_COMM") ?? "";
  const pid = field("_PID");
  const severity = severities[priority] ?? "info";
  const head = `${new Date(at).toISOString()} ${severity.padEnd(7)} ${name}${pid === undefined ? "" : `[${pid}]`}`;
  return { cursor, at, unit: unitName(unit ?? name), head, message };
}

/** Sessions and transient units come and go by the thousand: they share a file. */
function unitName(unit: string): string {
  if (/^session-.*\.scope$|^user@?.*\.(slice|service)$/.test(unit)) return "sessions";
  if (/^run-.*\.(scope|service)$/.test(unit)) return "transient";
  return unit === "" ? "others" : unit;
}

type Page = { lines: string[]; ended: boolean };

function readPage(machine: Machine, args: readonly string[], pageLines: number, signal: AbortSignal): Promise<Page> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    let characters = 0;
    let settled = false;
    const cancel = machine.after(page.timeoutMs, () => (lines.length > 0 ? finish(false) : fail(silent())));
    const end = () => {
      settled = true;
      cancel();
      stream.stop();
    };
    const finish = (ended: boolean) => {
      if (settled) return;
      end();
      resolve({ lines, ended });
    };
    const fail = (error: unknown) => {
      if (settled) return;
      end();
      reject(error);
    };
    const onLine = (line: string, from: "stdout" | "stderr") => {
      if (settled || from === "stderr") return;
      lines.push(line);
      characters += line.length;
      if (lines.length >= pageLines || characters >= page.characters) finish(false);
    };
    const stream = machine.stream("journalctl", args, onLine, { reason: "Collect Logs", signal });
    stream.done.then(() => (signal.aborted ? fail(signal.reason) : finish(true)), fail);
  });
}

function silent(): NodeError {
  return new NodeError("JOURNAL.SILENT", `journalctl said nothing within ${page.timeoutMs / 1000} s.`);
}
