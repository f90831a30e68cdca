import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "../../core/api/client.ts";
import { buildFolder, ensureBuilt, nodeFlags } from "../../scripts/dev/build.ts";
import { root } from "../support/programs.ts";
import { BenchScreen, type ScreenOptions } from "./screen.ts";

/** What a run keeps on the disk: removed when it ends, however it ends. */
export class Workshop {
  readonly #folders: string[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #screens = new Set<BenchScreen>();
  #programs = "";

  constructor() {
    process.once("exit", () => this.#removeAll());
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  }

  /** Copies the bundles: a source that is saved during a run must not change what is measured. */
  async build(): Promise<void> {
    await ensureBuilt();
    // Below the project, for the bundles look for blessed in its node_modules.
    this.#programs = mkdtempSync(join(buildFolder(), "bench-"));
    this.#folders.push(this.#programs);
    for (const name of ["agent.js", "tui.js", "chunks"])
      cpSync(join(buildFolder(), name), join(this.#programs, name), { recursive: true });
  }

  /** A private folder. Short, because a unix socket's path is. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "bn-"));
    this.#folders.push(folder);
    return folder;
  }

  /** Starts the agent as a preview, on this machine or on a recorded one, and waits until every fact has been read. */
  async agent(options: { fixture?: string } = {}): Promise<Agent> {
    const home = this.folder();
    const socketPath = join(home, "agent.sock");
    const args = [
      ...nodeFlags.agent,
      join(this.#programs, "agent.js"),
      "--preview",
      "--home",
      home,
      "--socket",
      socketPath,
    ];
    if (options.fixture !== undefined) args.push("--fixture", options.fixture);
    const child = spawn(process.execPath, args, {
      stdio: "ignore",
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8" },
    });
    this.#children.add(child);
    const client = new Client({ socketPath, console: "bench" });
    await untilRead(client, child);
    return { socketPath, pid: child.pid ?? 0, client, stop: () => this.#end(child, client) };
  }

  async #end(child: ChildProcess, client: Client): Promise<void> {
    client.close();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    await ended;
    this.#children.delete(child);
  }

  /** The command line of the console. */
  console(socketPath: string, name: string, ...more: string[]): [string, ...string[]] {
    const program = join(this.#programs, "tui.js");
    return [process.execPath, ...nodeFlags.tui, program, "--socket", socketPath, "--console", name, ...more];
  }

  open(options: ScreenOptions): BenchScreen {
    const screen = new BenchScreen(options);
    this.#screens.add(screen);
    return screen;
  }

  async close(...screens: readonly BenchScreen[]): Promise<void> {
    for (const screen of screens) {
      this.#screens.delete(screen);
      await screen.close();
    }
  }

  /** A process that keeps one core busy for a share of the time that rises and falls, so that graphs have something to show. */
  wave(): { stop(): void } {
    const child = spawn(process.execPath, ["--eval", waveProgram], { stdio: "ignore" });
    this.#children.add(child);
    return { stop: () => void child.kill("SIGKILL") };
  }

  #removeAll(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const { pid } of this.#screens) killIfThere(pid);
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export type Agent = { socketPath: string; pid: number; client: Client; stop(): Promise<void> };

/** Up to half a core, up and down in 40 s. */
const waveProgram = `
  function burn() {
    const busyMs = 25 - 25 * Math.cos(performance.now() / 1000 * 2 * Math.PI / 40);
    const end = performance.now() + busyMs;
    while (performance.now() < end);
    setTimeout(burn, 100 - busyMs);
  }
  burn();`;

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

async function untilRead(client: Client, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const facts = await client.call("facts", {}).catch(() => undefined);
    if (facts !== undefined && !Object.values(facts).some(isPending)) return;
    if (child.exitCode !== null) throw new Error(`The agent ended with ${child.exitCode}.`);
    if (performance.now() > deadline) {
      if (facts === undefined) throw new Error("The agent does not answer.");
      return;
    }
    await wait(50);
  }
}

function isPending(reading: { state: string; why?: { code: string } }): boolean {
  return reading.state === "missing" && reading.why?.code === "pending";
}

/** A program that people know, measured beside ours. */
export type Peer = {
  name: string;
  /** Why it can't be measured. */
  absent: string | undefined;
  command: [string, ...string[]];
  env: Record<string, string>;
  /** Whether its screen holds everything that belongs there. */
  isComplete(text: string): boolean;
};

/** htop refreshing each second, htop as it comes (each 1.5 s), and btop refreshing each second. */
export function peers(workshop: Workshop): { htop: Peer; htopDefault: Peer; btop: Peer } {
  const settings = workshop.folder();
  mkdirSync(join(settings, "btop"));
  writeFileSync(join(settings, "btop/btop.conf"), "update_ms = 1000\n");
  const env = { HOME: settings, XDG_CONFIG_HOME: settings };
  const isHtop = (text: string) => text.includes("Load average:") && text.includes("F10Quit");
  const isBtop = (text: string) =>
    ["LAV:", "Total:", "download", "Pid:"].every((word) => text.includes(word)) && /\d\/\d+└/.test(text);
  const htop = { env, absent: whyAbsent("htop"), isComplete: isHtop };
  return {
    htop: { ...htop, name: "htop -d 10", command: ["htop", "-d", "10"] },
    htopDefault: { ...htop, name: "htop", command: ["htop"] },
    btop: { env, name: "btop", absent: whyAbsent("btop"), command: ["btop"], isComplete: isBtop },
  };
}

function whyAbsent(command: string): string | undefined {
  return spawnSync(command, ["--version"]).error === undefined ? undefined : `${command} is not installed`;
}

/** Whether the home screen holds every panel, and none of them waits for its first figures. */
export function isHomeComplete(text: string): boolean {
  const headings = ["NODE INFO", "TIME INFO", "DISK INFO", "NIC INFO", "HOST INFO", "VM INFO"];
  return (
    headings.every((heading) => text.includes(heading)) &&
    /CPU USAGE +\d+ %/.test(text) &&
    /MEM USAGE +\d+ %/.test(text) &&
    /Time +\d\d:/.test(text) &&
    text.includes("F2 Configure") &&
    !text.includes("not read yet")
  );
}

export const fixtureFolder = join(root, "test/fixtures/machines");
