import { type LogEstimate, type LogRange, logRanges } from "../../model/archives.ts";
import type { Machine } from "../machine.ts";
import { type JournalLine, newestEntry, parseLine, rangeArguments } from "./journal.ts";
import { type ArchiveWorld, reserveBytes } from "./world.ts";

const timeoutMs = 10_000;
/** Lines that the usual length is taken from. */
const sampleLines = 200;
/** Time, severity and program before a message, and the rest of a line. */
const headBytes = 60;
/** What is gathered beside the journal: outputs of commands, facts, jobs. Generous. */
const otherBytes = 8 * 1024 * 1024;
/** Each line stands in the whole journal and in the file of its unit. */
const copies = 2;
/** The archive beside the folder; logs shrink to an eighth and less. */
const packedShare = 1 / 5;
/** Of a line for which no number is known: the journal's own files hold indexes and more fields than the text. */
const textOfJournal = 0.5;

/** How much room the logs of each range take, in one look at the journal. */
export async function estimateLogs(world: ArchiveWorld, source: readonly string[] = []): Promise<LogEstimate[]> {
  const { machine, paths } = world;
  const freeBytes = await world.freeBytes(paths.logs);
  const signal = AbortSignal.timeout(2 * timeoutMs);
  const journal = await lookAt(machine, source, signal).catch(() => undefined);
  return Promise.all(
    logRanges.map(async (range) => {
      const journalBytes =
        journal === undefined ? null : await bytesOf(machine, source, journal, range, signal).catch(() => null);
      const logBytes = journalBytes === null ? null : journalBytes * copies + otherBytes;
      return { range, logBytes, neededBytes: neededBytes(logBytes ?? otherBytes), freeBytes };
    }),
  );
}

export function neededBytes(logBytes: number): number {
  return Math.round(logBytes * (1 + packedShare)) + reserveBytes;
}

type Journal = { newest: JournalLine; lineBytes: number; diskBytes: number };

async function lookAt(machine: Machine, source: readonly string[], signal: AbortSignal): Promise<Journal | undefined> {
  const newest = await newestEntry(machine, source, signal);
  if (newest === undefined) return undefined;
  const limits = { timeoutMs, reason: "size of the logs", signal };
  const args = [...source, "--output=cat", "--no-pager", `--lines=${sampleLines}`];
  const { stdout } = await machine.run("journalctl", args, limits);
  const lines = stdout.split("\n").length - 1;
  const usage = await machine.run("journalctl", [...source, "--disk-usage"], limits).catch(() => undefined);
  return {
    newest,
    lineBytes: headBytes + (lines > 0 ? Buffer.byteLength(stdout) / lines : 0),
    diskBytes: parseDiskUsage(usage?.stdout ?? "") ?? 0,
  };
}

async function bytesOf(
  machine: Machine,
  source: readonly string[],
  { newest, lineBytes, diskBytes }: Journal,
  range: LogRange,
  signal: AbortSignal,
): Promise<number> {
  const first = await firstEntry(machine, [...source, ...rangeArguments(range, machine.now())], signal);
  if (first === undefined) return 0;
  const [from, to] = [sequenceOf(first.cursor), sequenceOf(newest.cursor)];
  // The journal was begun anew in between: no more than all of it.
  if (from.id !== to.id || to.number < from.number) return Math.round(diskBytes * textOfJournal);
  return Math.round((to.number - from.number + 1) * lineBytes);
}

/** The first line that journalctl would print; undefined when there is none within the time limit. */
function firstEntry(machine: Machine, args: readonly string[], signal: AbortSignal): Promise<JournalLine | undefined> {
  return new Promise((resolve) => {
    let settled = false;
    const finish = (line?: JournalLine) => {
      if (settled) return;
      settled = true;
      cancel();
      stream.stop();
      resolve(line);
    };
    const cancel = machine.after(timeoutMs, () => finish());
    const all = ["--output=json", "--no-pager", "--output-fields=_PID", ...args];
    const stream = machine.stream("journalctl", all, (text) => finish(parseLine(text)), { signal });
    stream.done.then(
      () => finish(),
      () => finish(),
    );
  });
}

/** A cursor holds the number that journald gave the entry: `s=ID;i=HEX;…`. */
function sequenceOf(cursor: string): { id: string; number: number } {
  const part = (letter: string) => new RegExp(`(?:^|;)${letter}=([0-9a-f]+)`).exec(cursor)?.[1] ?? "";
  return { id: part("s"), number: Number.parseInt(part("i"), 16) };
}

/** `Archived and active journals take up 56.0M in the file system.` */
export function parseDiskUsage(text: string): number | undefined {
  const [, figure, unit = ""] = /take up (\d+(?:\.\d+)?)([BKMGT])\b/.exec(text) ?? [];
  return figure === undefined ? undefined : Number(figure) * 1024 ** "BKMGT".indexOf(unit);
}
