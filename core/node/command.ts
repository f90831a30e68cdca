import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { NodeError } from "../model/error.ts";
import type { OnLine } from "./machine.ts";

export type Limits = {
  /** Why the command is run, for whoever reads the log. */
  reason?: string;
  signal?: AbortSignal;
  /** What `Stream.stop` sends first; SIGTERM unless told. SIGKILL follows when that has no effect. */
  stopSignal?: NodeJS.Signals;
};

export type RunOptions = Limits & {
  timeoutMs: number;
  /** Goes to the command's standard input. The only place for a secret: it is never logged nor put into an error. */
  input?: string;
  /** Instead of `input`: an open file, of which the command reads from where it stands. */
  inputFrom?: number;
  /** More output than this ends the command with RUN.TOO_LONG. */
  maxBytes?: number;
};

export type RunResult = { code: number; stdout: string; stderr: string };

export type Stream = {
  /** Ends the command with everything that it started. */
  stop(): void;
  /** The exit code, null when a signal ended it. Rejects with RUN.NOT_FOUND, RUN.DENIED or RUN.FAILED. */
  done: Promise<number | null>;
};

export type Conversation = {
  /** Goes to the command's standard input. */
  say(text: string): void;
  /** Kills it. */
  stop(): void;
};

/** `text`: what it prints, errors among it in their order. `end`: it has ended, or could not be started; called once. */
export type Listener = { text(text: string): void; end(): void };

const defaultMaxBytes = 8 * 1024 * 1024;
/** A line of a stream that is longer is cut. */
const maxLineLength = 64 * 1024;
const stopGraceMs = 2000;

/**
 * Commands that were killed and are still there: a process that waits for a dead disk can't be ended. Starting the
 * same command again would only pile up more of them.
 */
const undead = new Set<string>();

/** Runs a command to its end. Contract: `Machine.run`. */
export function runCommand(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const line = [command, ...args].join(" ");
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(aborted(command));
    if (undead.has(line)) return reject(timedOut(command, options.timeoutMs));
    const child = start(command, args, options.inputFrom ?? (options.input === undefined ? "ignore" : "pipe"));
    const output = { stdout: new Collector(), stderr: new Collector() };
    let settled = false;

    const timer = setTimeout(() => giveUp(timedOut(command, options.timeoutMs)), options.timeoutMs);
    const onAbort = () => giveUp(aborted(command));
    options.signal?.addEventListener("abort", onAbort, { once: true });

    function settle(): boolean {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      return true;
    }
    function giveUp(error: NodeError): void {
      if (!settle()) return;
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) undead.add(line);
      killGroup(child, "SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.stdin?.destroy();
      child.unref();
      reject(error);
    }

    const maxBytes = options.maxBytes ?? defaultMaxBytes;
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (chunk: Buffer) => {
        output[name].add(chunk);
        if (output[name].bytes > maxBytes) giveUp(tooLong(command, maxBytes));
      });
    }
    child.once("exit", () => undead.delete(line));
    child.once("error", (error) => {
      if (settle()) reject(startError(command, error));
    });
    child.once("close", (code, signal) => {
      if (!settle()) return;
      if (code === null) return reject(endedBy(command, signal));
      resolve({ code, stdout: output.stdout.text(), stderr: output.stderr.text() });
    });
    // A command that ends before it has read its input is no fault of ours; its exit code says what happened.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
  });
}

/** Runs a command that goes on by itself. Contract: `Machine.stream`. */
export function streamCommand(command: string, args: readonly string[], onLine: OnLine, limits: Limits = {}): Stream {
  const child = start(...endingWithUs(command, args), "ignore");
  streaming.add(child);
  child.once("close", () => streaming.delete(child));
  const done = new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(startError(command, error)));
    child.once("close", (code) => resolve(code));
  });
  // Whoever only wants the lines need not look at the end.
  done.catch(() => {});
  for (const name of ["stdout", "stderr"] as const) {
    const lines = new LineSplitter((line) => onLine(line, name));
    child[name]?.on("data", (chunk: Buffer) => lines.add(chunk));
    child[name]?.once("end", () => lines.end());
  }
  function stop(): void {
    if (child.exitCode !== null || child.signalCode !== null) return;
    killGroup(child, limits.stopSignal ?? "SIGTERM");
    const timer = setTimeout(() => killGroup(child, "SIGKILL"), stopGraceMs);
    child.once("exit", () => clearTimeout(timer));
  }
  if (limits.signal?.aborted) stop();
  else limits.signal?.addEventListener("abort", stop, { once: true });
  return { stop, done };
}

/**
 * Starts a command that is talked to. It sees that we are gone by the end of its input, and holds up nobody's end.
 * Contract: `Machine.talk`.
 */
export function talkTo(command: string, args: readonly string[], listener: Listener): Conversation {
  // One pipe for both of its outputs keeps them in order.
  const child = start("sh", ["-c", 'exec "$@" 2>&1', "sh", command, ...args], "pipe");
  const decoder = new StringDecoder("utf8");
  let isOver = false;
  const end = () => {
    if (!isOver) listener.end();
    isOver = true;
  };
  child.once("error", end);
  child.once("close", end);
  child.stdin?.on("error", () => {});
  child.stdout?.on("data", (chunk: Buffer) => listener.text(decoder.write(chunk)));
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  return { say: (text) => void child.stdin?.write(text), stop: () => killGroup(child, "SIGKILL") };
}

/**
 * A stream such as `ip monitor` is silent for days and would not notice that nobody reads it any more. However this
 * program ends, the streams end too: at an ordinary end they are told, and the kernel sees to it when we are killed
 * (PR_SET_PDEATHSIG, set by util-linux' setpriv; a program with file capabilities that a user starts loses it again).
 */
const streaming = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of streaming) killGroup(child, "SIGTERM");
});

/** The command behind setpriv, where both are there; else as it is, so that its absence is told as ever. */
function endingWithUs(command: string, args: readonly string[]): [command: string, args: readonly string[]] {
  if (!isExecutable("setpriv") || !isExecutable(command)) return [command, args];
  return ["setpriv", ["--pdeathsig", "TERM", "--", command, ...args]];
}

function isExecutable(command: string): boolean {
  const places = command.includes("/") ? [command] : commandPath.split(":").map((folder) => join(folder, command));
  return places.some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Its own process group, so that what the command starts ends with it; nothing of our environment but the paths. */
function start(command: string, args: readonly string[], input: "pipe" | "ignore" | number): ChildProcess {
  return spawn(command, args, {
    detached: true,
    cwd: "/",
    env: environment,
    stdio: [input, "pipe", "pipe"],
  });
}

/** Where commands are looked for, whatever the caller's environment says. */
export const commandPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The C locale for stable output, in its UTF-8 form: names of virtual machines and disks may hold any letter.
 * Debian's C library has it built in.
 */
const environment: NodeJS.ProcessEnv = {
  PATH: commandPath,
  LC_ALL: "C.UTF-8",
  ...kept("HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "TZ"),
};

function kept(...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already, or belongs to another user: nothing that could be done here.
  }
}

class Collector {
  bytes = 0;
  readonly #chunks: Buffer[] = [];

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#chunks.push(chunk);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, maxLineLength);
    for (const line of lines) this.#onLine(line.slice(0, maxLineLength));
  }

  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (last !== "") this.#onLine(last);
  }
}

function startError(command: string, error: Error): NodeError {
  const errno = "code" in error ? String(error.code) : "unknown";
  if (errno === "ENOENT") {
    return new NodeError("RUN.NOT_FOUND", `The command ${command} is not installed.`, {
      remedy: `Install the package that has ${command}.`,
      values: { command },
      cause: error,
    });
  }
  const more = { values: { command }, cause: error };
  if (errno === "EACCES" || errno === "EPERM") {
    return new NodeError("RUN.DENIED", `The command ${command} may not be run.`, more);
  }
  return new NodeError("RUN.FAILED", `The command ${command} can't be started (${errno}).`, more);
}

function endedBy(command: string, signal: NodeJS.Signals | null): NodeError {
  return new NodeError("RUN.FAILED", `${command} was ended by ${signal ?? "a signal"}.`, { values: { command } });
}

function timedOut(command: string, timeoutMs: number): NodeError {
  return new NodeError("RUN.TIMEOUT", `${command} did not end within ${timeoutMs / 1000} s.`, {
    values: { timeoutMs },
  });
}

function aborted(command: string): NodeError {
  return new NodeError("RUN.ABORTED", `${command} was called off.`, { values: { command } });
}

function tooLong(command: string, maxBytes: number): NodeError {
  return new NodeError("RUN.TOO_LONG", `${command} printed more than ${maxBytes} bytes.`, {
    values: { command, maxBytes },
  });
}
