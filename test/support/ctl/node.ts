import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type * as z from "zod/mini";
import { ManagerDoor } from "../../../core/api/manager-door.ts";
import type { CallOutput, CloudCallName, CloudCalls } from "../../../core/model/cloud/calls/index.ts";
import type { RunResult } from "../../../core/node/command.ts";
import { runCommand } from "../../../core/node/command.ts";
import { readArguments } from "../../../scripts/ctl/arguments.ts";
import { carryOut } from "../../../scripts/ctl/carry-out.ts";
import type { CtlWorld } from "../../../scripts/ctl/world.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { root, temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";

/*
 * A management node in a folder: the real daemon on an address of its own on loopback, and a systemctl that knows its
 * unit. zstack-ctl works on it as on a node.
 */

const managerUnit = "binnacle-manager.service";
const startMs = 60_000;

export type NodeBed = {
  folder: string;
  configurationFile: string;
  socketPath: string;
  backups: string;
  store: string;
  tls: string;
  world: CtlWorld;
  /** What zstack-ctl has said since it was asked last. */
  said(): string;
  /** Units that were restarted, beside the manager's. */
  restarted: string[];
  /** Answers a question: undefined, there is no terminal. */
  answer: boolean | undefined;
  /** Called at the question. */
  atQuestion: (() => Promise<void>) | undefined;
  /** One command of zstack-ctl, by its words; gives its exit status. */
  ctl(...words: string[]): Promise<number>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  isRunning(): boolean;
  ask<N extends CloudCallName>(name: N, input: z.input<CloudCalls[N]["input"]>): Promise<CallOutput<N>>;
  /** Finished backups, and what else lies in their folder. */
  inBackups(): string[];
};

export type NodeOptions = {
  /** Lines of manager.conf. */
  settings?: readonly string[];
  /** A program that is run instead of the manager. */
  program?: string;
};

export async function nodeBed(t: TestContext, { settings = [] }: NodeOptions = {}): Promise<NodeBed> {
  await ensureBuilt();
  const temporary = temporaryFolder();
  undoAfter(t, temporary.dispose);
  const folder = temporary.path;
  const place = (...names: string[]) => join(folder, ...names);
  // Another address for each, and ports that no service of this machine has on all addresses: none need be looked for.
  const address = `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`;
  mkdirSync(place("tls"), { mode: 0o755 });
  mkdirSync(place("run"), { mode: 0o700 });
  const configurationFile = place("manager.conf");
  const lines = [
    `api.address=${address}`,
    `api.port=${randomInt(20_000, 26_000)}`,
    `metrics.port=${randomInt(26_000, 32_000)}`,
    `metrics.address=${address}`,
    `tls.folder=${place("tls")}`,
    `store.file=${place("manager", "store.db")}`,
    `backup.folder=${place("backups")}`,
    ...settings,
  ];
  writeFileSync(configurationFile, `${lines.join("\n")}\n`);
  writeFileSync(place("admin-password"), "a first password of the cloud\n");
  const socketPath = place("run", "m.sock");
  const door = new ManagerDoor(socketPath);
  let child: ChildProcess | undefined;
  let output = "";
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const start = async () => {
    if (isRunning()) return;
    output = "";
    const args = [join(root, "build/manager.js"), "--configuration", configurationFile, "--socket", socketPath];
    args.push("--console-port", "0");
    const started = spawn(process.execPath, [...args, "--admin-password", place("admin-password")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", TZ: "UTC" },
    });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    const deadline = performance.now() + startMs;
    for (;;) {
      const ready = await door.ask("IsReady", {}, { timeoutMs: 5_000 }).catch(() => undefined);
      if (ready?.ready === true) return;
      if (!isRunning()) throw new Error(`the manager ended: ${output}`);
      if (performance.now() > deadline) throw new Error(`the manager did not answer: ${output}`);
      await pause(20);
    }
  };
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child === undefined || !isRunning()) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };
  undoAfter(t, () => stop());

  const heard: string[] = [];
  const restarted: string[] = [];
  const done: RunResult = { code: 0, stdout: "", stderr: "" };
  const systemctl = async ([verb = "", ...rest]: readonly string[]): Promise<RunResult> => {
    const units = rest.filter((word) => word.endsWith(".service"));
    const isManager = units.includes(managerUnit);
    if (verb === "show") {
      const load = isManager ? "loaded" : units[0] === "binnacle-identity.service" ? "loaded" : "not-found";
      const active = isManager && isRunning() ? "active" : "inactive";
      const pid = isManager && isRunning() ? child?.pid : 0;
      return { ...done, stdout: `LoadState=${load}\nActiveState=${active}\nMainPID=${pid}\n` };
    }
    restarted.push(...(verb === "restart" ? units.filter((unit) => unit !== managerUnit) : []));
    if (!isManager) return done;
    try {
      if (verb !== "start") await stop();
      if (verb !== "stop") await start();
      return done;
    } catch (error) {
      return { ...done, code: 1, stderr: String(error) };
    }
  };
  const bed: NodeBed = {
    folder,
    configurationFile,
    socketPath,
    backups: place("backups"),
    store: place("manager", "store.db"),
    tls: place("tls"),
    restarted,
    answer: undefined,
    atQuestion: undefined,
    world: {
      configurationFile,
      door,
      agentSocket: place("run", "a.sock"),
      run: (command, args, options) => (command === "systemctl" ? systemctl(args) : runCommand(command, args, options)),
      voice: { say: (line) => void heard.push(line), warn: (line) => void heard.push(`! ${line}`) },
      ask: undefined,
      now: Date.now,
      addresses: () => [address, "10.9.8.7"],
      sshOptions: [],
      patienceMs: startMs,
    },
    said: () => heard.join("\n"),
    async ctl(...words) {
      heard.length = 0;
      const { answer, atQuestion } = bed;
      const ask = async (question: string) => {
        heard.push(question);
        await atQuestion?.();
        return answer === true;
      };
      const world = { ...bed.world, ask: answer === undefined ? undefined : ask };
      return carryOut(world, readArguments(words), new AbortController().signal);
    },
    start,
    stop,
    isRunning,
    ask: (name, input) => door.ask(name, input, { timeoutMs: 120_000 }),
    inBackups: () => readdirSync(place("backups")).sort(),
  };
  return bed;
}
