import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Place } from "./place.ts";

const answerMs = 10_000;
const logLimitBytes = 1_000_000;

/**
 * Makes sure that an agent answers on a place's socket: one that runs stays, unless it is older than its program;
 * otherwise a new one starts, apart from this process, with its log in `agent.log`. It is to end by itself when nobody
 * is connected any more.
 * @param command the agent's program and its arguments, for Node.
 * @throws when it ends or does not answer; the message has the end of its log.
 */
export async function startPreviewAgent(place: Place, command: readonly string[]): Promise<void> {
  if (await answers(place.socket)) {
    if (!(await stopOutdated(place, command))) return;
  }
  const logFile = path.join(place.home, "agent.log");
  rotate(logFile);
  const log = fs.openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, [...command], { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  fs.closeSync(log);
  if (child.pid !== undefined) fs.writeFileSync(pidFile(place), `${child.pid}\n`, { mode: 0o600 });
  try {
    await answering(place.socket, child);
  } catch (error) {
    const said = lastLines(logFile);
    throw new Error(`${error instanceof Error ? error.message : error}\nIts log, ${logFile}, ends with:\n${said}`);
  }
  child.unref();
}

/** Two starts at once may both find no agent: the one that comes second ends, and the first answers for both. */
async function answering(socket: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + answerMs;
  while (performance.now() < deadline) {
    if (await answers(socket)) return;
    if (child.exitCode !== null || child.signalCode !== null) {
      if (await answers(socket)) return;
      throw new Error(`The agent ended at once (${child.signalCode ?? `status ${child.exitCode}`}).`);
    }
    await wait(10);
  }
  child.kill();
  throw new Error(`The agent did not answer within ${answerMs / 1000} s.`);
}

/** Whether somebody listens on a socket, or on a port of TCP. */
export function answers(where: string | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = typeof where === "string" ? net.connect(where) : net.connect(where);
    const done = (answer: boolean) => {
      connection.destroy();
      resolve(answer);
    };
    connection.once("connect", () => done(true));
    connection.once("error", () => done(false));
  });
}

/** Stops the preview agent of this place when its program was built anew since it started; true when it is gone. */
async function stopOutdated(place: Place, command: readonly string[]): Promise<boolean> {
  try {
    const started = fs.statSync(pidFile(place)).mtimeMs;
    const [program = ""] = command;
    if (fs.statSync(program).mtimeMs <= started) return false;
    const pid = Number(fs.readFileSync(pidFile(place), "utf8"));
    // The number may belong to another process by now.
    const running = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (!running.includes(program) || !running.includes(place.home)) return false;
    process.kill(pid, "SIGTERM");
    // It keeps its socket while it gives its jobs two seconds to end.
    for (let tries = 0; tries < 500; tries++) {
      if (!(await answers(place.socket))) return true;
      await wait(10);
    }
    return false;
  } catch {
    return false;
  }
}

function pidFile(place: Place): string {
  return path.join(place.home, "agent.pid");
}

function rotate(file: string): void {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && found.size > logLimitBytes) fs.renameSync(file, `${file}.1`);
}

function lastLines(file: string): string {
  const text = fs.readFileSync(file, "utf8");
  return text.trimEnd().split("\n").slice(-10).join("\n");
}
