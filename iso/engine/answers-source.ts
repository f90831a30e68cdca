import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runText } from "../../core/node/facts/source.ts";
import { type Machine, readOrNothing } from "../../core/node/machine.ts";
import { systemFolder } from "./manifest.ts";
import { diskTree, walk } from "./probe/block-devices.ts";

/** An answer file that was found: its name for people, and its text; or why it can't be read. */
export type FoundAnswers = { from: string; text: string } | { from: string; unreadable: string };

export type AnswerPlaces = {
  machine: Machine;
  medium: string;
  /** File or URL given to the engine; it is the only one looked at then. */
  given: string | undefined;
  /** Command that prints one file of a file system; it gets device, type and name. */
  peekFile: readonly string[];
  signal: AbortSignal;
  log(line: string): void;
};

const label = "ANSWERS";
const fileName = "answers.yaml";
const urlAttempts = 3;
const urlTimeoutMs = 20_000;
const urlPauseMs = 10_000;
const longest = 1024 * 1024;

/**
 * The answer file of this machine: from a partition labelled ANSWERS, from the URL on the kernel's command line, or from
 * the medium, in this order; undefined when there is none. One that is named and can't be read is an error, not absent.
 */
export async function findAnswers(places: AnswerPlaces): Promise<FoundAnswers | undefined> {
  const { machine, given, medium } = places;
  if (given !== undefined) return isUrl(given) ? fromUrl(places, given) : fromFile(given);
  const partition = await fromPartition(places);
  if (partition !== undefined) return partition;
  const url = answersUrl((await readOrNothing(machine, "/proc/cmdline")) ?? "");
  if (url !== undefined)
    return isUrl(url) ? fromUrl(places, url) : { from: url, unreadable: "it is no http or https URL" };
  const baked = join(systemFolder(medium), fileName);
  return fromFile(baked, true);
}

/** The value of `binnacle.answers=` on a kernel command line; the last one counts. */
export function answersUrl(commandLine: string): string | undefined {
  return [...commandLine.matchAll(/(?:^|\s)binnacle\.answers=(\S+)/g)].at(-1)?.[1];
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

async function fromPartition({ machine, peekFile, signal }: AnswerPlaces): Promise<FoundAnswers | undefined> {
  const tree = await diskTree(machine, signal).catch(() => []);
  const node = tree.flatMap(walk).find((one) => one.label?.toUpperCase() === label);
  const [command, ...args] = peekFile;
  if (node === undefined || command === undefined) return undefined;
  const from = `${node.name} (${label}): ${fileName}`;
  try {
    const all = [...args, node.path, node.content ?? "auto", fileName];
    return { from, text: await runText(machine, command, all, { timeoutMs: 30_000, signal }) };
  } catch (error) {
    return { from, unreadable: whyOf(error) };
  }
}

async function fromFile(path: string, mayBeAbsent = false): Promise<FoundAnswers | undefined> {
  try {
    return { from: path, text: await readFile(path, "utf8") };
  } catch (error) {
    const absent = error instanceof Error && "code" in error && error.code === "ENOENT";
    return absent && mayBeAbsent ? undefined : { from: path, unreadable: whyOf(error) };
  }
}

/** The network may need a moment after the start: three tries. */
async function fromUrl({ machine, log, signal }: AnswerPlaces, url: string): Promise<FoundAnswers> {
  let why = "";
  for (let attempt = 1; attempt <= urlAttempts && !signal.aborted; attempt += 1) {
    log(`answers: ${url}, try ${attempt} of ${urlAttempts}`);
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(urlTimeoutMs)]) });
      const text = await response.text();
      if (response.ok && text.length <= longest) return { from: url, text };
      why = response.ok ? "it is longer than 1 MiB" : `the server answered ${response.status}`;
    } catch (error) {
      why = whyOf(error);
    }
    log(`answers: ${why}`);
    if (attempt < urlAttempts) await new Promise<void>((resolve) => machine.after(urlPauseMs, resolve));
  }
  return { from: url, unreadable: why };
}

function whyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error instanceof Error ? error.message : String(error)}${cause}`;
}
