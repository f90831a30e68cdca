import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LogRange } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import { KnownSecrets, type MaskOptions, masked, maskText, maskValue } from "../../model/mask.ts";
import { plainLine } from "../plain-text.ts";
import { type Content, contentsOf, isProfile } from "./contents.ts";
import { type JournalLine, readJournal } from "./journal.ts";
import { sizeBelow } from "./shelf.ts";
import { type ArchiveWorld, inWords, reserveBytes } from "./world.ts";

/** Commands that run at the same time: some wait for a dead disk until their limit. */
const atOnce = 3;
/** Share of the work that is done when all but the journal is there. */
const othersShare = 0.3;
/** A word of a path in the archive; Windows must be able to unpack it. */
const badInName = /[^A-Za-z0-9._@+-]/g;

export type GatherOptions = {
  range: LogRange;
  /** Where the files go; it is there. */
  folder: string;
  /** The journal's expected size; null when not known. */
  journalBytes: number | null;
  signal: AbortSignal;
  log: (text: string) => void;
  /** 0 to 1. */
  progress: (share: number) => void;
  source?: readonly string[];
};

type Missed = { file: string; why: string };

/**
 * Gathers this node's logs into a folder, masked, with an INDEX.txt that says what is there and what could not be had.
 *
 * @throws NodeError COLLECT.NO_SPACE; the signal's reason; the system's error of a write
 */
export async function gatherLogs(world: ArchiveWorld, options: GatherOptions): Promise<{ missed: number }> {
  const { signal, log, progress } = options;
  const { machine } = world;
  const startedAt = machine.now();
  const known = new KnownSecrets();
  const missed: Missed[] = [];
  const contents = await contentsOf(machine, world.sources);
  log(`Gathering ${contents.length} outputs, files and facts`);
  let done = 0;
  const gather = async (content: Content) => {
    signal.throwIfAborted();
    const why = await gatherOne(world, options, content, known);
    if (why !== undefined) {
      missed.push({ file: content.file, why });
      log(`Not had: ${content.file}: ${why}`);
    }
    done += 1;
    progress((done / contents.length) * othersShare);
  };
  // First, one after the other: what they keep secret is masked everywhere.
  const secretive = contents.filter(isProfile);
  for (const content of secretive) await gather(content);
  await inTurns(
    contents.filter((content) => !secretive.includes(content)),
    gather,
  );

  log("Reading the journal");
  const lines = await gatherJournal(world, options, known).catch((error: unknown) => {
    if (signal.aborted || isNoSpace(error)) throw error;
    const why = reasonOf(error);
    missed.push({ file: "journal", why });
    log(`Not had: the journal: ${why}`);
    return 0;
  });
  log(`Lines of the journal: ${lines}`);
  await writeFile(join(options.folder, "INDEX.txt"), await indexOf(world, options, { startedAt, lines, missed }));
  return { missed: missed.length };
}

/** Writes one file. @returns why there is nothing in it, undefined when there is */
async function gatherOne(
  { machine }: ArchiveWorld,
  { folder, signal }: GatherOptions,
  content: Content,
  known: KnownSecrets,
): Promise<string | undefined> {
  const late = new AbortController();
  // A command has the same limit and says more; this one is for what is no command.
  const cancel = machine.after(content.timeoutMs + 2_000, () => late.abort());
  const limit = AbortSignal.any([signal, late.signal]);
  let value: unknown;
  try {
    value = await orAborted(content.get(machine, limit), limit);
  } catch (error) {
    signal.throwIfAborted();
    return limit.aborted ? `no answer within ${content.timeoutMs / 1000} s` : reasonOf(error);
  } finally {
    cancel();
  }
  if (typeof value === "string" && isProfile(content)) known.learnProfile(value);
  const mask: MaskOptions = { known, settings: content.settings === true };
  const path = join(folder, ...content.file.split("/").map((part) => part.replace(badInName, "_")));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, maskedText(value, mask));
  return undefined;
}

/** JSON is laid out for people, its secrets masked by their names; everything else line by line. */
function maskedText(value: unknown, mask: MaskOptions): string {
  if (typeof value !== "string") return `${JSON.stringify(maskValue(value, mask), null, 2)}\n`;
  if (/^\s*[[{]/.test(value)) {
    try {
      return `${JSON.stringify(maskValue(JSON.parse(value), mask), null, 2)}\n`;
    } catch {
      // Not JSON after all.
    }
  }
  return maskText(value, mask);
}

async function gatherJournal(world: ArchiveWorld, options: GatherOptions, known: KnownSecrets): Promise<number> {
  const { machine, freeBytes } = world;
  const { folder, range, signal, journalBytes, progress, source } = options;
  const units = join(folder, "journal/units");
  await mkdir(units, { recursive: true, mode: 0o700 });
  let written = 0;
  const onLines = async (lines: readonly JournalLine[]) => {
    if ((await freeBytes(folder)) < reserveBytes / 2) throw noSpace();
    const byUnit = Map.groupBy(lines, ({ unit }) => unit);
    const whole = lines.map(({ unit, head, message }) => `${head} (${unit}): ${message}\n`).join("");
    await appendFile(join(folder, "journal/journal.log"), whole);
    for (const [unit, own] of byUnit) {
      const file = `${unit.replace(badInName, "_").replace(/^\./, "_").slice(0, 120)}.log`;
      await appendFile(join(units, file), own.map(({ head, message }) => `${head}: ${message}\n`).join(""));
    }
    written += whole.length * 2;
    if (journalBytes !== null && journalBytes > 0)
      progress(othersShare + Math.min(written / journalBytes, 1) * (1 - othersShare));
  };
  const mask = { known };
  return readJournal({ machine, range, mask, signal, onLines, ...(source === undefined ? {} : { source }) });
}

async function indexOf(
  world: ArchiveWorld,
  { range, folder }: GatherOptions,
  found: { startedAt: number; lines: number; missed: readonly Missed[] },
): Promise<string> {
  const hostname = (await world.machine.readFile("/proc/sys/kernel/hostname").catch(() => "-")).trim();
  const ranges: Record<LogRange, string> = {
    hour: "the last hour",
    day: "the last 24 hours",
    week: "the last 7 days",
    boot: "since this node was started",
  };
  const missed = found.missed.map(({ file, why }) => `  ${file}: ${why}`);
  return [
    `Logs of the node ${hostname}`,
    "",
    `Collected      ${new Date(found.startedAt).toISOString()}`,
    `Time range     ${ranges[range]}`,
    `Version        Binnacle ${world.sources.version}`,
    `Journal        ${found.lines} lines`,
    `Size           ${inWords(await sizeBelow(folder))}`,
    "",
    "This node only. Times are UTC.",
    `Passwords, their hashes, keys and tokens are replaced by ${masked}. Look through it all the same before you pass`,
    "it on: names, addresses and serial numbers are in it.",
    "",
    "journal/journal.log   the whole journal        journal/units/   the same by unit",
    "system/               kernel, units, packages  network/         addresses, routes, profiles, firewall",
    "storage/              disks, RAID, mounts      virtual-machines/ domains, logs of QEMU",
    "node/                 facts, findings, audit   jobs/            what was done, with its logs",
    "",
    ...(missed.length === 0 ? ["Everything could be had."] : ["What could not be had:", ...missed.sort()]),
    "",
  ].join("\n");
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const turn = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: atOnce }, turn));
}

/** What never answers must not hold the others up; it may go on by itself. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof NodeError) return maskText(plainLine(error.message, 300));
  return error instanceof Error ? maskText(plainLine(error.message, 300)) : "not known";
}

export function noSpace(): NodeError {
  return new NodeError("COLLECT.NO_SPACE", "The data file system became full while the logs were gathered.", {
    remedy: "Choose a shorter time range, or delete former archives and backups.",
  });
}

function isNoSpace(error: unknown): boolean {
  if (error instanceof NodeError) return error.code === "COLLECT.NO_SPACE";
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
