import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../core/api/client.ts";
import { ensureBuilt, nodeFlags } from "../../scripts/dev/build.ts";

/** The folder of the repository. */
export const root = join(import.meta.dirname, "../..");

/** A folder for one test, removed when `dispose` is called. Short, because a unix socket's path is. */
export function temporaryFolder(): { path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), "bn-"));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export type RunningAgent = {
  home: string;
  socketPath: string;
  pid: number;
  /** Everything that it wrote to standard output and error. */
  output(): string;
  client(console?: string): Client;
  /** Waits until it answers. */
  ready(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
};

const running = new Set<RunningAgent>();

/** Stops every agent that a test has left running: for `afterEach`, so that a failed test ends too. */
export async function stopAgents(): Promise<void> {
  await Promise.all([...running].map((agent) => agent.stop()));
}

/** Starts the real agent, as a preview in a private folder, on this machine or on a recorded one. */
export async function startAgent(
  options: {
    home?: string;
    /** In the home unless told. */
    socketPath?: string;
    fixture?: string;
    args?: readonly string[];
    env?: NodeJS.ProcessEnv;
    /** Starts this program with the agent's own command behind its arguments: `unshare …`. */
    through?: readonly string[];
  } = {},
): Promise<RunningAgent> {
  await ensureBuilt();
  const folder = options.home === undefined ? temporaryFolder() : undefined;
  const home = options.home ?? folder?.path ?? "";
  const socketPath = options.socketPath ?? join(home, "agent.sock");
  const [program = process.execPath, ...args] = [
    ...(options.through ?? []),
    process.execPath,
    ...nodeFlags.agent,
    join(root, "build/agent.js"),
    ...["--preview", "--home", home, "--socket", socketPath],
    ...(options.fixture === undefined
      ? []
      : ["--fixture", join(root, "test/fixtures/machines", `${options.fixture}.json`)]),
    ...(options.args ?? []),
  ];
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TZ: "UTC", ...options.env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const clients: Client[] = [];
  const client = (console = "test") => {
    const made = new Client({ socketPath, console });
    clients.push(made);
    return made;
  };
  const ready = async () => {
    await answered(client("probe"), child, () => output);
    // Its console comes first: what goes wrong with its end of the manager's channel must not keep people out.
    if (options.args?.includes("--host-port")) await listening(child, () => output);
  };
  const kill = (signal: NodeJS.Signals = "SIGKILL") => ended(child, signal);
  await ready().catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  const agent: RunningAgent = {
    home,
    socketPath,
    pid: child.pid ?? 0,
    output: () => output,
    client,
    ready,
    kill,
    async stop() {
      running.delete(agent);
      for (const made of clients) made.close();
      // One that was stopped by a test hears nothing else.
      child.kill("SIGCONT");
      await kill("SIGTERM");
      folder?.dispose();
    },
  };
  running.add(agent);
  return agent;
}

async function answered(client: Client, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await client.call("status", {});
      return;
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}: ${output()}`);
      if (Date.now() > deadline) throw new Error(`the agent did not answer: ${String(error)}\n${output()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Until an agent has said that everything is up. */
async function listening(child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!output().includes('"agent started"')) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the agent does not listen: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}
