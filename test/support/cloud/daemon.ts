import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { CallRefused, requestOf } from "../../../core/api/cloud-client.ts";
import type { CloudCall } from "../../../core/model/cloud/calls/call.ts";
import {
  type CallInput,
  type CallOutput,
  type CloudCallName,
  cloudCalls,
} from "../../../core/model/cloud/calls/index.ts";
import { cloudErrorBody } from "../../../core/model/cloud/refusal.ts";
import type { ManagerKey } from "../../../core/model/manager-configuration.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { bundle, ensureBuilt, nodeFlags } from "../../../scripts/dev/build.ts";
import { freePorts } from "../ports.ts";

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

/** Until it serves: long, for a machine that is busy with other things. */
const readyMs = 120_000;

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
    const more = ["--admin-password", file("admin-password"), "--host-port", String(hostPort)];
    const command = [process.execPath, ...nodeFlags.manager, ...nodeArgs, bundle("manager"), ...args, ...more];
    const [program = "", ...rest] = [...through, ...command];
    const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.#output = "";
    this.#ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`the manager is not ready: ${this.#output}`)), readyMs);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      if (!this.#output.includes('"msg":"manager started"')) return;
      clearTimeout(timer);
      resolve();
    });
    void this.#ended.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`the manager ended with ${code ?? signal}: ${this.#output}`));
    });
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

/** The manager did not answer: what was asked may be done or not. */
export class NoAnswer extends Error {}

/** What a call was answered, whichever way. */
export type Answer = { value: object } | { refused: CallRefused };

/** A client at root's door, which says nothing of its own accord and repeats nothing. */
export class RootClient {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** `key`: of idempotency. @throws NoAnswer */
  async send(name: CloudCallName, input: object, key?: string): Promise<Answer> {
    const call: CloudCall = cloudCalls[name];
    const { method, path, body } = requestOf(call, { ...input });
    const { status, text } = await this.#exchange(method, path, body, key);
    const json: unknown = JSON.parse(text);
    if (status < 300 && typeof json === "object" && json !== null) return { value: json };
    const parsed = cloudErrorBody.safeParse(json);
    if (!parsed.success) throw new Error(`${name} was answered with ${status}: ${text.slice(0, 500)}`);
    return { refused: new CallRefused(parsed.data.error) };
  }

  /** @throws CallRefused, NoAnswer */
  async call<N extends CloudCallName>(name: N, input: Partial<CallInput<N>>, key?: string): Promise<CallOutput<N>> {
    const answer = await this.send(name, input, key);
    if ("refused" in answer) throw answer.refused;
    return cloudCalls[name].output.parse(answer.value) as CallOutput<N>;
  }

  /** Starts a task and waits for its end. @throws CallRefused, NoAnswer */
  async done(name: CloudCallName, input: object): Promise<RecordOf<"Task">> {
    const answer = await this.send(name, input);
    if ("refused" in answer) throw answer.refused;
    const { task } = answer.value as { task: RecordOf<"Task"> };
    return this.taskEnd(task.uuid);
  }

  /** Until a task has ended; it is told by the manager's own stream. @throws CallRefused, NoAnswer */
  async taskEnd(uuid: string): Promise<RecordOf<"Task">> {
    // The stream ends with the task.
    const { status } = await this.#exchange("GET", `/v1/tasks/${uuid}/events`, undefined, undefined);
    const { inventory } = await this.call("GetTask", { uuid });
    if (status === 200 && inventory.endDate === null) return this.taskEnd(uuid);
    return inventory;
  }

  /** What comes on a stream of events, part by part, until nobody looks any more. @throws NoAnswer */
  async *events(path: string): AsyncGenerator<string, void> {
    const asked = request({ socketPath: this.#socketPath, path });
    asked.end();
    try {
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      for await (const part of response.setEncoding("utf8")) yield String(part);
    } catch (error) {
      throw new NoAnswer(`GET ${path}: ${String(error)}`);
    } finally {
      asked.destroy();
    }
    throw new NoAnswer(`GET ${path}: the stream has ended`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(
    method: string,
    path: string,
    body: string | undefined,
    key: string | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const lost = (error: Error) => reject(new NoAnswer(`${method} ${path}: ${error.message}`));
      const headers = {
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      };
      const asked = request({ socketPath: this.#socketPath, method, path, headers, agent: this.#agent });
      asked.on("error", lost);
      asked.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("error", lost);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.end(body);
    });
  }
}
