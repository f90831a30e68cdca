import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import type { Machine, RunResult } from "../../core/node/machine.ts";
import { plainLine } from "../../core/node/plain-text.ts";
import type { Layout } from "./layout.ts";
import type { Manifest } from "./manifest.ts";

/** What is to be installed, decided before the first step: the steps ask nobody. */
export type Job = {
  draft: Draft;
  hardware: Hardware;
  manifest: Manifest;
  layout: Layout;
  /** Kernel consoles of the installed system, the main one last. */
  consoles: readonly string[];
};

/** Where things are while an installation runs. */
export type Places = {
  /** The medium's file system. */
  medium: string;
  /** Folder of the engine for mounts and scratch files. */
  work: string;
};

export type StepContext = {
  job: Job;
  places: Places;
  machine: Machine;
  signal: AbortSignal;
  log(line: string): void;
  /** The share of this step that is done, 0 to 1. */
  share(value: number): void;
  /** A new UUID; tests give theirs. */
  newUuid(): string;
};

export type StepRunOptions = {
  reason: string;
  timeoutMs?: number;
  /** Never logged. */
  input?: string;
  /** Exit codes that are as good as 0. */
  accept?: readonly number[];
};

/** A command of a step that failed: what the technician is shown. */
export class CommandFailure extends Error {
  readonly command: string;
  readonly lastLines: string[];
  readonly reason: string;

  constructor(command: string, reason: string, why: string, lastLines: string[]) {
    super(why);
    this.name = "CommandFailure";
    this.command = command;
    this.reason = reason;
    this.lastLines = lastLines;
  }
}

const defaultTimeoutMs = 60_000;
const shownLines = 12;
const lineLength = 300;

/**
 * Runs one command of a step: logs it as one would type it, and what it says. A secret goes into `input` only.
 * @throws CommandFailure when it can't be run, takes too long or ends with another code than 0
 */
export async function runStep(
  context: Pick<StepContext, "machine" | "log" | "signal">,
  command: string,
  args: readonly string[],
  options: StepRunOptions,
): Promise<RunResult> {
  const line = typed(command, args);
  const { reason, input, accept = [] } = options;
  context.log(`$ ${line}`);
  let result: RunResult;
  try {
    result = await context.machine.run(command, args, {
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      reason,
      signal: context.signal,
      ...(input === undefined ? {} : { input }),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.log(why);
    throw new CommandFailure(line, reason, why, [why]);
  }
  const said = linesOf(`${result.stdout}\n${result.stderr}`);
  for (const text of said.slice(-shownLines)) context.log(text);
  if (result.code !== 0 && !accept.includes(result.code))
    throw new CommandFailure(line, reason, `${command} ended with code ${result.code}.`, said.slice(-shownLines));
  return result;
}

/** As `runStep`, for what may fail: gives whether it succeeded. */
export async function tryStep(
  context: Pick<StepContext, "machine" | "log" | "signal">,
  command: string,
  args: readonly string[],
  options: StepRunOptions,
): Promise<boolean> {
  try {
    await runStep(context, command, args, options);
    return true;
  } catch (error) {
    if (error instanceof CommandFailure && !context.signal.aborted) return false;
    throw error;
  }
}

/** A command as one would type it in a shell. */
export function typed(command: string, args: readonly string[]): string {
  return [command, ...args]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

function linesOf(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map((line) => plainLine(line, lineLength))
    .filter((line) => line.trim() !== "");
}
