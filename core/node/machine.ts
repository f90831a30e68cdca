import { readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { uptime } from "node:os";
import { NodeError } from "../model/error.ts";
import type { Millis } from "../model/reading.ts";
import {
  type Conversation,
  type Limits,
  type Listener,
  type RunOptions,
  type RunResult,
  runCommand,
  type Stream,
  streamCommand,
  talkTo,
} from "./command.ts";

/**
 * The one way in which this room sees and touches the machine: files, commands, time. Facts, logs, diagnostics and
 * passwords take a `Machine`, so that a recorded machine can stand in for the real one (`fixture.ts`).
 */
export type Machine = {
  /**
   * Contents of a small text file. For `/proc`, `/sys`, `/etc` and `/run` only: a read from a file system that hangs
   * (a dead NFS server) would hold one of Node's few file threads for good. Other places are looked at by a command.
   * Errors: FILE.ABSENT, FILE.DENIED, FILE.FAILED.
   */
  readFile(path: string): Promise<string>;
  /** Names in a folder, sorted. Same places and errors as `readFile`. */
  readDir(path: string): Promise<string[]>;
  /** What a symbolic link says, not resolved. Same places and errors as `readFile`. */
  readLink(path: string): Promise<string>;
  /**
   * Runs a command to its end and gives its exit code and output, whatever the code is.
   * Errors: RUN.NOT_FOUND, RUN.DENIED, RUN.TIMEOUT, RUN.ABORTED, RUN.TOO_LONG, RUN.FAILED.
   */
  run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult>;
  /** Runs a command that goes on by itself and hands over each line as it comes. */
  stream(command: string, args: readonly string[], onLine: OnLine, limits?: Limits): Stream;
  /** Starts a command that answers what it is told, one line after the other. A recorded machine has none. */
  talk?(command: string, args: readonly string[], listener: Listener): Conversation;
  /** The machine's clock. It can step in both directions. */
  now(): Millis;
  /** Never steps, starts anywhere: for durations and schedules. */
  monotonicMs(): number;
  /** Calls `action` once, `delayMs` from now; gives a function that calls it off. */
  after(delayMs: number, action: () => void): () => void;
};

export type OnLine = (line: string, from: "stdout" | "stderr") => void;
export type { Conversation, Limits, Listener, RunOptions, RunResult, Stream } from "./command.ts";

/** The machine that this process runs on. */
export function realMachine(): Machine {
  return {
    readFile: (path) => reading(path, () => readText(path)),
    readDir: (path) => reading(path, async () => (await readdir(path)).sort()),
    readLink: (path) => reading(path, () => readlink(path)),
    run: runCommand,
    stream: streamCommand,
    talk: talkTo,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/**
 * Milliseconds since the machine was booted, the time asleep included (CLOCK_BOOTTIME, in steps of 10 ms), where
 * `monotonicMs` stands still: for what must not outlive a suspend.
 */
export function sinceBootMs(): Millis {
  return Math.round(uptime() * 1000);
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function sleep(machine: Machine, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = machine.after(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    function stop() {
      cancel();
      resolve();
    }
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** The file's text, or undefined when there is no such file. Other errors are thrown. */
export async function readIfThere(machine: Machine, path: string): Promise<string | undefined> {
  try {
    return await machine.readFile(path);
  } catch (error) {
    if (error instanceof NodeError && error.code === "FILE.ABSENT") return undefined;
    throw error;
  }
}

/** The file's text without surrounding blanks, or undefined when it can't be read for whatever reason. */
export async function readOrNothing(machine: Machine, path: string): Promise<string | undefined> {
  return machine.readFile(path).then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** What a link says, or undefined when it can't be read for whatever reason. */
export function linkOrNothing(machine: Machine, path: string): Promise<string | undefined> {
  return machine.readLink(path).catch(() => undefined);
}

/**
 * `/proc` is memory and answers at once, and a thread for it costs ten times the read. `/sys` may wait for a driver,
 * and `/etc` for a disk: they must not stop the event loop.
 */
async function readText(path: string): Promise<string> {
  return path.startsWith("/proc/") ? readFileSync(path, "utf8") : readFile(path, "utf8");
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw fileError(path, error);
  }
}

const fileCodes: Record<string, "FILE.ABSENT" | "FILE.DENIED"> = {
  ENOENT: "FILE.ABSENT",
  ENOTDIR: "FILE.ABSENT",
  ENODEV: "FILE.ABSENT",
  EACCES: "FILE.DENIED",
  EPERM: "FILE.DENIED",
};

function fileError(path: string, error: unknown): NodeError {
  const errno = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const code = fileCodes[errno];
  const more = { values: { path }, cause: error };
  if (code === "FILE.ABSENT") return new NodeError(code, `There is no ${path}.`, more);
  if (code === "FILE.DENIED") return new NodeError(code, `${path} may not be read.`, more);
  return new NodeError("FILE.FAILED", `${path} can't be read (${errno}).`, more);
}
