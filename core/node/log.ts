import { closeSync, constants, openSync, renameSync, statSync, writeSync } from "node:fs";
import pino from "pino";

export type Log = pino.Logger;

export type LogOptions = {
  level: "debug" | "info" | "warn" | "error" | "silent";
  /** File to append to, mode 0600; standard error, thus the journal, when left out. */
  file?: string;
};

/** A log file that is larger when the agent starts becomes `FILE.1`, in place of the former one. */
const largestFileBytes = 5 * 1024 * 1024;

/** Names whose values are never logged, wherever they stand in what is logged, up to three levels deep. */
const secretNames = [
  "password",
  "old",
  "new",
  "next",
  "token",
  "authorization",
  "cookie",
  "secret",
  "input",
  "userData",
];
const redacted = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);

/**
 * The agent's log: JSON lines, written at once and without threads, so that the last line before a crash is there.
 * Secrets are masked by their type (`Secret`) and, for what comes in as a plain string, by these names. A disk that is
 * full or a reader that is gone costs lines, never the agent.
 */
export function createLog({ level, file }: LogOptions): Log {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    redact: { paths: redacted, censor: "[secret]" },
    serializers: { err: pino.stdSerializers.errWithCause },
  };
  return pino(options, lossyWriter(file === undefined ? process.stderr.fd : openFile(file)));
}

/**
 * pino's own destination would wait for a full pipe for ever (its EAGAIN loop) or keep what it could not write; here a
 * line that can't be written is dropped, and counted in the next one that can.
 */
export function lossyWriter(fd: number): pino.DestinationStream & { close(): void } {
  let lost = 0;
  return {
    write(line) {
      try {
        if (lost > 0)
          writeAll(fd, `${JSON.stringify({ level: 40, time: Date.now(), lost, msg: "lines were lost" })}\n`);
        lost = 0;
        writeAll(fd, line);
      } catch {
        lost += 1;
      }
    },
    close: () => closeSync(fd),
  };
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done);
}

function openFile(file: string): number {
  try {
    if (statSync(file).size > largestFileBytes) renameSync(file, `${file}.1`);
  } catch {
    // There is none yet, or it can't be moved: then it goes on growing.
  }
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  return openSync(file, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
}
