import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ManagerKey } from "../../../core/model/manager-configuration.ts";
import { bundle, ensureBuilt, nodeFlags } from "../../../scripts/dev/build.ts";
import { freePorts } from "../ports.ts";
import { RootClient } from "./root-client.ts";

/* The manager's program itself, in a folder of its own, which may be killed and started again. */

export type DaemonOptions = {
  folder: string;
  /** Where its hosts' agents listen. */
  hostPort: number;
  settings?: Partial<Record<ManagerKey, string>>;
  /** Options of Node before the program. */
  nodeArgs?: readonly string[];
  /** Starts the program with its command behind this: a network of its own. */
  through?: readonly string[];
};

/** How it ended: by a signal, or by itself. */
export type DaemonEnd = { code: number | null; signal: NodeJS.Signals | null };

/** Until it serves, or says what is waited for: long, for a machine that is busy with other things. */
const patienceMs = 120_000;

export const daemonPassword = "a long enough secret";

export class ManagerDaemon {
  readonly folder: string;
  readonly socketPath: string;
  readonly tlsFolder: string;
  readonly storeFile: string;
  readonly apiPort: number;
  readonly metricsPort: number;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<DaemonEnd> = Promise.resolve({ code: null, signal: null });
  #output = "";

  private constructor(options: DaemonOptions, [apiPort = 0, metricsPort = 0]: readonly number[]) {
    const { folder } = options;
    this.#options = options;
    this.folder = folder;
    this.socketPath = join(folder, "run/manager.sock");
    this.tlsFolder = join(folder, "tls");
    this.storeFile = join(folder, "store/store.db");
    [this.apiPort, this.metricsPort] = [apiPort, metricsPort];
  }

  /** Its files are made, and it is not started yet. */
  static async prepare(options: DaemonOptions): Promise<ManagerDaemon> {
    await ensureBuilt();
    const daemon = new ManagerDaemon(options, await freePorts(2));
    for (const folder of ["run", "tls", "store"])
      mkdirSync(join(options.folder, folder), { recursive: true, mode: 0o700 });
    const settings: Partial<Record<ManagerKey, string>> = {
      "api.address": "127.0.0.1",
      "api.port": String(daemon.apiPort),
      "metrics.address": "127.0.0.1",
      "metrics.port": String(daemon.metricsPort),
      "tls.folder": daemon.tlsFolder,
      "store.file": daemon.storeFile,
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(options.folder, "manager.conf"), lines.join(""), { mode: 0o600 });
    writeFileSync(join(options.folder, "admin-password"), `${daemonPassword}\n`, { mode: 0o600 });
    return daemon;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What it has written since its last start: JSON lines, which are its log. */
  get output(): string {
    return this.#output;
  }

  /** Lines of its log of a level that somebody has to look at. */
  get errors(): string[] {
    return this.#output.split("\n").filter((line) => /^\{"level":[56]0/.test(line) || (line !== "" && line[0] !== "{"));
  }

  /** Resolves when it has ended, however that was. */
  get ended(): Promise<DaemonEnd> {
    return this.#ended;
  }

  /** Resolves when it has written a text since its last start. @throws Error when it has ended before, or in two minutes */
  said(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#output.includes(text)) resolve();
    };
    const late = () => reject(new Error(`the manager does not say ${text}: ${this.#output}`));
    const timer = setTimeout(late, patienceMs);
    const { stderr } = this.#child ?? {};
    stderr?.on("data", look);
    void this.#ended.then(({ code, signal }) => {
      reject(new Error(`the manager ended with ${code ?? signal}: ${this.#output}`));
    });
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      stderr?.off("data", look);
    });
  }

  /** Resolves when it serves. @throws Error when it has ended before */
  async start(): Promise<void> {
    const { ready } = this.spawn();
    await ready;
  }

  /** Starts the process. `ready`: as of {@link start}; nobody has to wait for it. */
  spawn(): { ready: Promise<void> } {
    if (this.isRunning) throw new Error("The manager runs already.");
    const { folder, hostPort, nodeArgs = [], through = [] } = this.#options;
    const file = (name: string) => join(folder, name);
    const args = ["--configuration", file("manager.conf"), "--socket", this.socketPath];
    const more = ["--admin-password", file("admin-password"), "--host-port", String(hostPort), "--console-port", "0"];
    const command = [process.execPath, ...nodeFlags.manager, ...nodeArgs, bundle("manager"), ...args, ...more];
    const [program = "", ...rest] = [...through, ...command];
    const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.#output = "";
    this.#ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    const ready = this.said('"msg":"manager started"');
    // Who starts it to kill it does not wait.
    ready.catch(() => undefined);
    return { ready };
  }

  /** As a crash or a power loss of its process ends it. */
  kill(): Promise<DaemonEnd> {
    this.#child?.kill("SIGKILL");
    return this.#ended;
  }

  /** As systemd ends it. */
  stop(): Promise<DaemonEnd> {
    if (this.isRunning) {
      this.#child?.kill("SIGCONT");
      this.#child?.kill("SIGTERM");
    }
    return this.#ended;
  }

  client(): RootClient {
    return new RootClient(this.socketPath);
  }
}
