import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import type { LogLine } from "../model/records.ts";
import type { LogQuery } from "./logs.ts";
import { plainLine } from "./plain-text.ts";

const fields = ["MESSAGE", "PRIORITY", "_SYSTEMD_UNIT", "UNIT", "SYSLOG_IDENTIFIER", "_COMM"];
const maxMessageLength = 2000;
/** syslog's "informational", for lines that name no priority. */
const defaultPriority = 6;
/** Stands for a message that journalctl left out because it has more than 4,096 bytes. */
export const unknownMessage = "[over 4096 bytes]";

/** A query as arguments of journalctl. */
export class LogFilter {
  readonly #query: LogQuery;

  /** @throws NodeError LOGS.BAD_QUERY */
  constructor(query: LogQuery) {
    this.#query = query;
    if (query.unit !== undefined && !/^[A-Za-z0-9:_.\\@-]+$/.test(query.unit)) throw badQuery("unit");
    if (query.before !== undefined && !/^[A-Za-z0-9=;+-]+$/.test(query.before)) throw badQuery("before");
  }

  pageArguments(): string[] {
    const { before, since, until } = this.#query;
    // journalctl takes a cursor or a beginning in time, not both; whatever is before the cursor is before `until` too.
    if (before !== undefined) return [...this.followArguments(), `--after-cursor=${before}`];
    return [
      ...this.followArguments(),
      ...(since === undefined ? [] : [`--since=${timestamp(since)}`]),
      ...(until === undefined ? [] : [`--until=${timestamp(until)}`]),
    ];
  }

  followArguments(): string[] {
    const { unit, priority, match } = this.#query;
    return [
      `--output-fields=${fields.join(",")}`,
      ...(priority === undefined ? [] : [`--priority=${priority}`]),
      ...(match === undefined || match === "" ? [] : [`--grep=${literal(match)}`, "--case-sensitive=no"]),
      ...(unit === undefined ? [] : [isUnit(unit) ? `--unit=${unit}` : `SYSLOG_IDENTIFIER=${unit}`]),
    ];
  }

  /** Whether a line is not older than what was asked for: pages behind a cursor go back beyond `since`. */
  reaches(line: LogLine): boolean {
    return this.#query.since === undefined || line.at >= this.#query.since;
  }
}

/** A line of `journalctl -o json`; undefined when it is none. Message and unit are made safe to show. */
export function parseEntry(text: string): LogLine | undefined {
  const entry = journalEntry(text);
  if (entry === undefined) return undefined;
  const { cursor, at, priority, unit, message, field } = entry;
  return {
    cursor,
    at,
    priority,
    unit: plainLine(unit ?? field("SYSLOG_IDENTIFIER") ?? field("_COMM") ?? "", 256),
    message: plainLine(message, maxMessageLength),
  };
}

export type JournalEntry = {
  cursor: string;
  at: number;
  priority: number;
  /** The unit that the line belongs to, where it does to one. */
  unit: string | undefined;
  message: string;
  field(name: string): string | undefined;
};

/** The same as journald has it, with its other fields. */
export function journalEntry(text: string): JournalEntry | undefined {
  const entry = text.startsWith("{") ? jsonOrNothing(text) : undefined;
  if (typeof entry !== "object" || entry === null) return undefined;
  const field = (name: string) => fieldOf(Reflect.get(entry, name));
  const cursor = field("__CURSOR");
  const at = Math.floor(Number(field("__REALTIME_TIMESTAMP")) / 1000);
  if (cursor === undefined || !Number.isFinite(at)) return undefined;
  const priority = field("PRIORITY") ?? "";
  const systemd = field("_SYSTEMD_UNIT");
  return {
    cursor,
    at,
    priority: /^[0-7]$/.test(priority) ? Number(priority) : defaultPriority,
    // What systemd says about a unit belongs to that unit.
    unit: systemd === "init.scope" ? (field("UNIT") ?? systemd) : systemd,
    message: Reflect.get(entry, "MESSAGE") === null ? unknownMessage : (field("MESSAGE") ?? ""),
    field,
  };
}

/** A field is a text, a list of bytes when it is not valid text, or a list of either when an entry has it twice. */
function fieldOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  if (value.every((byte) => typeof byte === "number")) return Buffer.from(value).toString("utf8");
  return fieldOf(value[0]);
}

function isUnit(name: string): boolean {
  return /\.(service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$/.test(name);
}

/** A PCRE2 pattern that finds the text itself. */
function literal(text: string): string {
  // An argument may hold no NUL, and no message shows the other controls.
  const printable = text.replace(/\p{Cc}/gu, " ");
  return printable.replace(/[^\p{L}\p{N}\p{M}_ ]/gu, (sign) => (isAscii(sign) ? `\\${sign}` : sign));
}

function isAscii(sign: string): boolean {
  return sign.charCodeAt(0) < 0x80;
}

function timestamp(at: number): string {
  return `@${(at / 1000).toFixed(3)}`;
}

function badQuery(what: string): NodeError {
  return new NodeError("LOGS.BAD_QUERY", `The ${what} of this search in the log can't be used.`, { values: { what } });
}
