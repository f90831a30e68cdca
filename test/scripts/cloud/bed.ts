import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { type ConsoleBed, type ConsoleOptions, openConsole } from "../../support/console.ts";
import { root, temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { type ManagerBed, managerBed } from "./manager.ts";

export const program = join(root, "build/zstack-cli.js");

export type Outcome = { code: number | null; stdout: string; stderr: string };
export type CliBed = ManagerBed & {
  home: string;
  /** Program and arguments, with the server's options. */
  command(...args: string[]): [string, ...string[]];
  /** The command with the server's options, without a terminal. */
  run(...args: string[]): Promise<Outcome>;
  /** The same, with a text on standard input. */
  feed(text: string, ...args: string[]): Promise<Outcome>;
  start(...args: string[]): { kill(signal: NodeJS.Signals): void; end: Promise<Outcome> };
  /** The command on a terminal. */
  type(...args: string[]): Promise<ConsoleBed>;
  /** The same on the smallest terminal, with more in its environment. */
  typeSmall(env: Record<string, string>, ...args: string[]): Promise<ConsoleBed>;
  logIn(): Promise<void>;
  kept(name: "session" | "history"): string;
};

/** The real command with a real server and a home of its own. */
export async function cliBed(t: TestContext): Promise<CliBed> {
  await ensureBuilt();
  const manager = await managerBed(t);
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const server = ["-H", "127.0.0.1", "-p", String(manager.port), "--ca", manager.caFile];
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder.path, TZ: "UTC" };
  const begin = (text: string | undefined, args: readonly string[]) => {
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
    undoAfter(t, () => child.kill("SIGKILL"));
    child.stdin.on("error", () => {});
    child.stdin.end(text ?? "");
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        output[name] += chunk;
      });
    const end = once(child, "close").then(([code]): Outcome => ({ code, ...output }));
    return { kill: (signal: NodeJS.Signals) => void child.kill(signal), end };
  };
  const onTerminal = async (options: Partial<ConsoleOptions>, args: readonly string[]) => {
    const command = bed.command(...args);
    const own = { HOME: folder.path, ...options.env };
    const opened = await openConsole({ ...options, socketPath: "", command, env: own });
    undoAfter(t, () => opened.close());
    return opened;
  };
  const bed: CliBed = {
    ...manager,
    home: folder.path,
    command: (...args) => [process.execPath, program, ...server, ...args],
    start: (...args) => begin(undefined, [...server, ...args]),
    run: (...args) => begin(undefined, [...server, ...args]).end,
    feed: (text, ...args) => begin(text, [...server, ...args]).end,
    type: (...args) => onTerminal({ columns: 140, rows: 40 }, args),
    typeSmall: (more, ...args) => onTerminal({ columns: 80, rows: 24, env: more }, args),
    async logIn() {
      const { code, stderr } = await bed.feed(
        manager.account.password,
        "-P",
        "-",
        "LogInByAccount",
        "accountName=admin",
      );
      if (code !== 0) throw new Error(stderr);
    },
    kept: (name) => readFileSync(join(folder.path, ".zstack-cli", name), "utf8"),
  };
  return bed;
}

/** The command without a server. */
export async function runAlone(...args: string[]): Promise<Outcome> {
  await ensureBuilt();
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: folder.path, TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  const [code] = await once(child, "close");
  folder.dispose();
  return { code, ...output };
}

/** A text as it is kept beside the tests; UPDATE_GOLDEN=1 keeps the present one. */
export function golden(name: string, actual: string): string {
  const file = join(import.meta.dirname, "golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, actual);
  return readFileSync(file, "utf8");
}
