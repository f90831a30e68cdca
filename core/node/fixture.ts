import * as z from "zod";
import { cloudSummary } from "../model/cloud/summary.ts";
import { NodeError } from "../model/error.ts";
import { emptySeries, type Histories, historyStepMs, type Series } from "../model/history.ts";
import type { Millis } from "../model/reading.ts";
import { type Hardware, hardware } from "../model/records.ts";
import { type CloudFeed, noCloud } from "./cloud/feed.ts";
import type { Machine, OnLine, RunResult } from "./machine.ts";

const fault = z.enum(["denied", "failed"]);

/** Lines joined by line feeds, or the text itself; `json` is printed as the tools do it, only without blanks. */
const output = z.union([z.string(), z.array(z.string())]);

const commandOutcome = z.union([
  z.object({ error: z.enum(["notFound", "denied", "timeout"]) }),
  z.object({
    code: z.number().default(0),
    stdout: output.default(""),
    json: z.unknown().optional(),
    stderr: output.default(""),
    delayMs: z.number().default(0),
  }),
]);

/**
 * A machine in a file: what it answers to everything that is asked of it. A file that is not listed is absent, a
 * command that is not listed is not installed. Made by `scripts/dev/record-machine.ts` or by hand.
 */
export const recording = z.object({
  description: z.string().default(""),
  /** The clock stands still here. */
  now: z.number(),
  /** A list is what successive reads find; the last one stays. */
  files: z.record(z.string(), z.union([z.string(), z.array(z.string()).min(1), z.object({ error: fault })])),
  /** Folders; those of listed files and links need not be named. */
  dirs: z.record(z.string(), z.array(z.string())).default({}),
  links: z.record(z.string(), z.string()).default({}),
  /** By command line: the words joined by blanks. */
  commands: z.record(z.string(), commandOutcome),
  /** Commands that go on: their lines, one every `everyMs`; they end with `code`, or go on without a word. */
  streams: z
    .record(
      z.string(),
      z.object({
        lines: z.array(z.string()),
        everyMs: z.number().default(0),
        code: z.number().nullable().default(null),
      }),
    )
    .default({}),
  /** What the manager of this node says of the cloud; without it none is asked. */
  cloud: z.optional(cloudSummary),
  /** Shares measured in the past, oldest first, the last one in the step of `now`. */
  hardware: z.optional(hardware),
  histories: z
    .object({ cpu: z.array(z.number().nullable()), memory: z.array(z.number().nullable()) })
    .default({ cpu: [], memory: [] }),
});
export type Recording = z.infer<typeof recording>;

/** A machine that answers from a recording, with its clock standing still. */
export function fixtureMachine(recorded: Recording): Machine {
  const reads = new Map<string, number>();
  const folders = foldersOf(recorded);

  return {
    async readFile(path) {
      const content = recorded.files[path];
      if (content === undefined) throw fileFault(path, "absent");
      if (typeof content === "string") return content;
      if (!Array.isArray(content)) throw fileFault(path, content.error);
      const nth = reads.get(path) ?? 0;
      reads.set(path, nth + 1);
      return content[Math.min(nth, content.length - 1)] ?? "";
    },
    async readDir(path) {
      const names = folders.get(path);
      if (names === undefined) throw fileFault(path, "absent");
      return [...names].sort();
    },
    async readLink(path) {
      const target = recorded.links[path];
      if (target === undefined) throw fileFault(path, "absent");
      return target;
    },
    async run(command, args, options) {
      const outcome = recorded.commands[commandLine(command, args)];
      if (outcome === undefined) throw commandFault(command, "notFound");
      if ("error" in outcome) throw commandFault(command, outcome.error);
      const waitMs = Math.min(outcome.delayMs, options.timeoutMs);
      if (waitMs > 0) await pause(command, waitMs, options.signal);
      if (outcome.delayMs > options.timeoutMs) throw commandFault(command, "timeout");
      return resultOf(outcome);
    },
    stream(command, args, onLine, limits) {
      const script = recorded.streams[commandLine(command, args)];
      if (script === undefined) return { stop() {}, done: rejected(commandFault(command, "notFound")) };
      const playing = play(script.lines, script.everyMs, script.code, onLine);
      limits?.signal?.addEventListener("abort", playing.stop, { once: true });
      return playing;
    },
    now: () => recorded.now,
    monotonicMs: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** The histories that a recording starts with. */
export function recordedHistories(recorded: Recording): Histories {
  return {
    cpu: seriesOf(recorded.histories.cpu, recorded.now),
    memory: seriesOf(recorded.histories.memory, recorded.now),
  };
}

/** What the recorded machine's firmware tells; a machine whose firmware was not recorded has none. */
export function recordedHardware(recorded: Recording): () => Promise<Hardware> {
  return async () => {
    if (recorded.hardware !== undefined) return recorded.hardware;
    throw new NodeError("HARDWARE.UNKNOWN", "The firmware of this recorded machine is not known.");
  };
}

/** What the recorded machine's manager tells: always the same. */
export function recordedCloud({ cloud: summary }: Recording): CloudFeed {
  return summary === undefined ? noCloud : { ...noCloud, look: async () => ({ state: "answering", summary }) };
}

/** How a command is called in a recording. */
export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args].join(" ");
}

/** Keeps what a machine answers while it is used. `recorded` grows; commands' time-outs and faults are kept as such. */
export function recordingMachine(machine: Machine): { machine: Machine; recorded: Recording } {
  const recorded: Recording = recording.parse({ now: machine.now(), files: {}, commands: {} });

  return {
    recorded,
    machine: {
      ...machine,
      async readFile(path) {
        try {
          const text = await machine.readFile(path);
          recorded.files[path] = withOneMore(recorded.files[path], text);
          return text;
        } catch (error) {
          if (codeOf(error) === "FILE.DENIED") recorded.files[path] = { error: "denied" };
          if (codeOf(error) === "FILE.FAILED") recorded.files[path] = { error: "failed" };
          throw error;
        }
      },
      async readDir(path) {
        const names = await machine.readDir(path);
        recorded.dirs[path] = names;
        return names;
      },
      async readLink(path) {
        const target = await machine.readLink(path);
        recorded.links[path] = target;
        return target;
      },
      async run(command, args, options) {
        const line = commandLine(command, args);
        try {
          const result = await machine.run(command, args, options);
          recorded.commands[line] = recordedOutcome(result);
          return result;
        } catch (error) {
          if (codeOf(error) === "RUN.DENIED") recorded.commands[line] = { error: "denied" };
          if (codeOf(error) === "RUN.TIMEOUT") recorded.commands[line] = { error: "timeout" };
          throw error;
        }
      },
    },
  };
}

function recordedOutcome(result: RunResult): Recording["commands"][string] {
  const { code, stderr } = result;
  const base = { code, stderr, delayMs: 0 };
  try {
    const json: unknown = JSON.parse(result.stdout);
    if (typeof json === "object" && json !== null) return { ...base, stdout: "", json };
  } catch {
    // Not JSON: kept as it is.
  }
  return { ...base, stdout: result.stdout };
}

function withOneMore(before: Recording["files"][string] | undefined, text: string): string | string[] {
  if (before === undefined || (typeof before === "object" && !Array.isArray(before))) return text;
  const all = Array.isArray(before) ? before : [before];
  return all.at(-1) === text ? before : [...all, text];
}

function foldersOf(recorded: Recording): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  for (const [path, names] of Object.entries(recorded.dirs)) folders.set(path, new Set(names));
  for (const path of [...Object.keys(recorded.files), ...Object.keys(recorded.links)]) {
    const cut = path.lastIndexOf("/");
    const folder = path.slice(0, cut);
    const names = folders.get(folder) ?? new Set();
    folders.set(folder, names.add(path.slice(cut + 1)));
  }
  return folders;
}

function seriesOf(values: (number | null)[], now: Millis): Series {
  if (values.length === 0) return emptySeries();
  // The clock stands still: what is measured from now on belongs to the last step, and must not move its mean.
  return { stepMs: historyStepMs, bucket: Math.floor(now / historyStepMs), values, samples: 1_000_000 };
}

function resultOf(outcome: { code: number; stdout: string | string[]; stderr: string | string[]; json?: unknown }) {
  const stdout = outcome.json === undefined ? text(outcome.stdout) : `${JSON.stringify(outcome.json)}\n`;
  return { code: outcome.code, stdout, stderr: text(outcome.stderr) };
}

function text(lines: string | string[]): string {
  return typeof lines === "string" ? lines : lines.map((line) => `${line}\n`).join("");
}

function play(lines: string[], everyMs: number, code: number | null, onLine: OnLine) {
  let timer: NodeJS.Timeout | undefined;
  let end: (code: number | null) => void = () => {};
  const done = new Promise<number | null>((resolve) => {
    end = resolve;
  });
  let nth = 0;
  function next(): void {
    const line = lines[nth];
    nth += 1;
    if (line === undefined) {
      if (code !== null) end(code);
      return;
    }
    onLine(line, "stdout");
    timer = setTimeout(next, everyMs);
  }
  timer = setTimeout(next, everyMs);
  function stop(): void {
    clearTimeout(timer);
    end(null);
  }
  return { stop, done };
}

function pause(command: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, waitMs);
    const stop = () => {
      clearTimeout(timer);
      reject(new NodeError("RUN.ABORTED", `${command} was called off.`));
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function rejected(error: NodeError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof NodeError ? error.code : undefined;
}

function fileFault(path: string, kind: "absent" | z.infer<typeof fault>): NodeError {
  const faults = {
    absent: new NodeError("FILE.ABSENT", `There is no ${path}.`, { values: { path } }),
    denied: new NodeError("FILE.DENIED", `${path} may not be read.`, { values: { path } }),
    failed: new NodeError("FILE.FAILED", `${path} can't be read (EIO).`, { values: { path } }),
  };
  return faults[kind];
}

function commandFault(command: string, kind: "notFound" | "denied" | "timeout"): NodeError {
  const more = { values: { command } };
  const faults = {
    notFound: new NodeError("RUN.NOT_FOUND", `The command ${command} is not installed.`, more),
    denied: new NodeError("RUN.DENIED", `The command ${command} may not be run.`, more),
    timeout: new NodeError("RUN.TIMEOUT", `${command} did not end within its time.`, more),
  };
  return faults[kind];
}
