import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { Client } from "../../../core/api/client.ts";
import { CloudClient } from "../../../core/api/cloud-client.ts";
import type { Language } from "../../../core/model/records.ts";
import { ensureBuilt, nodeFlags } from "../../../scripts/dev/build.ts";
import { type ConsoleBed, openConsole } from "../console.ts";
import { root, temporaryFolder } from "../programs.ts";
import { filesBelow, watchCommandLines } from "../secret-search.ts";
import { undoAfter } from "../undo.ts";
import { FakeSystemd } from "./systemd.ts";

/*
 * A management node of real parts: the agent, as root, with PAM and a password of its own; the manager; the console. They
 * run in a mount namespace whose /etc, /run and /var/lib are the test's, and in a network without a way out. Only
 * systemd is played.
 */

/** Where hosts may be in the node's network. */
export const hostAddresses = ["10.64.0.2", "10.64.0.3"] as const;

export const rootPassword = "plAnted-root-1 lantern";
export const adminPassword = "plAnted-admin-2 harbour";
const limitMs = 60_000;

export type ServiceNode = {
  systemd: FakeSystemd;
  /** A file of the node as it is seen from here. */
  path(file: string): string;
  /** In front of a command, what puts it into the node's network; hosts have addresses of `hostAddresses` there. */
  network: readonly string[];
  startAgent(): Promise<void>;
  killAgent(): Promise<void>;
  /** Resolves when the agent has ended. */
  agentGone(): Promise<void>;
  /** The agent as a console asks it, with a session. */
  agent(): Promise<Client>;
  /** What a console shows from now on. */
  setLanguage(console: string, language: Language): Promise<void>;
  /** The manager, through root's door. */
  cloud: CloudClient;
  console(options?: { locale?: string; name?: string }): Promise<ConsoleBed>;
  /** Runs a command of root on the node. */
  run(...command: string[]): Promise<void>;
  /** Everything in which a secret could have been left. */
  traces(): { file: string; text: string }[];
};

/** Started as far as asked: `agent` alone, or with the manager. */
export async function serviceNode(t: TestContext, configuration: readonly string[] = []): Promise<ServiceNode> {
  await ensureBuilt();
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const place = (name: string) => join(folder.path, name);
  for (const name of ["etc", "run", "lib", "bin", "log"]) fs.mkdirSync(place(name), { mode: 0o755 });
  const holder = await hold(folder.path);
  undoAfter(t, async () => {
    const gone = once(holder, "exit");
    holder.kill("SIGKILL");
    await gone;
  });
  const network = `--net=/proc/${holder.pid}/ns/net`;
  const inside = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, network, "--"] as const;
  // Never in this thread: systemd is played in it.
  const run = async (...command: string[]) => {
    await promisify(execFile)(inside[0], [...inside.slice(1), ...command]);
  };

  const etc = (name: string) => place(join("etc/binnacle", name));
  fs.mkdirSync(etc(""));
  fs.writeFileSync(etc("node.json"), JSON.stringify({ role: "management" }));
  fs.writeFileSync(etc("manager.conf"), configuration.map((line) => `${line}\n`).join(""));
  const hash = execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: adminPassword, encoding: "utf8" });
  fs.writeFileSync(etc("admin-password"), hash, { mode: 0o600 });
  execFileSync(inside[0], [...inside.slice(1), "chpasswd"], { input: `root:${rootPassword}\n` });

  const commands = watchCommandLines();
  undoAfter(t, () => commands.stop());
  let output = "";
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const command = [...inside.slice(1), process.execPath, ...args];
    const env = { PATH: process.env["PATH"] ?? "", TZ: "UTC" };
    const child = spawn(inside[0], command, { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += `${program}: ${text}`;
      });
    return child;
  };
  const managerArgs = [...nodeFlags.manager, join(root, "build/manager.js")];
  const systemd = await FakeSystemd.start({
    bin: place("bin"),
    run: place("run"),
    startManager: () => start("manager", managerArgs),
  });
  undoAfter(t, () => systemd.close());

  let agent: ChildProcess | undefined;
  const socketPath = place("run/binnacle/agent.sock");
  const clients: Client[] = [];
  const killAgent = async () => {
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const gone = once(agent, "exit");
    agent.kill("SIGKILL");
    await gone;
  };
  const cloud = new CloudClient({ socketPath: place("run/binnacle/manager.sock") });
  undoAfter(t, async () => {
    cloud.close();
    for (const client of clients) client.close();
    await killAgent();
  });
  const startAgent = async () => {
    agent = start("agent", [...nodeFlags.agent, join(root, "build/agent.js"), "--log", "/var/lib/binnacle/agent.log"]);
    const child = agent;
    const client = new Client({ socketPath, console: "probe" });
    clients.push(client);
    const until = Date.now() + limitMs;
    while (
      !(await client.call("status", {}).then(
        () => true,
        () => false,
      ))
    ) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`The agent does not answer: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await startAgent();
  return {
    systemd,
    path: (file) => place(file.replace(/^\/var\/lib\//, "/lib/")),
    network: ["nsenter", network, "--"],
    startAgent,
    killAgent,
    async agentGone() {
      if (agent !== undefined && agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
    },
    async agent() {
      const client = new Client({ socketPath, console: `test-${clients.length}` });
      clients.push(client);
      client.token = (await client.call("openSession", { body: { password: rootPassword } })).token;
      return client;
    },
    async setLanguage(console, language) {
      const client = new Client({ socketPath, console });
      clients.push(client);
      await client.call("setConsoleSettings", { body: { language } });
    },
    cloud,
    async console({ locale = "C.UTF-8", name = "tty1" } = {}) {
      const opened = await openConsole({ socketPath, locale, args: ["--console", name] });
      undoAfter(t, () => opened.close());
      return opened;
    },
    run,
    traces: () => [
      ...filesBelow(folder.path),
      ...commands.stop().map((text) => ({ file: "a command line", text })),
      { file: "what the programs wrote", text: output },
    ],
  };
}

/** Keeps a mount namespace in which the node's folders lie where they belong, and its network. */
async function hold(folder: string): Promise<ChildProcess> {
  const script = [
    "set -e",
    'cp -a /etc/. "$0/etc"',
    'mount --bind "$0/etc" /etc',
    'mount --bind "$0/lib" /var/lib',
    'mount --bind "$0/bin" /usr/local/sbin',
    // Last: what is mounted is noted there.
    'mount --bind "$0/run" /run',
    "ip link set lo up",
    ...hostAddresses.map((address) => `ip address add ${address}/32 dev lo`),
    "echo ready",
    "exec sleep infinity",
  ].join("\n");
  const unshare = ["--mount", "--net", "--propagation", "private", "--", "sh", "-c", script, folder];
  const holder = spawn("unshare", unshare, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  holder.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
  if (holder.exitCode !== null) throw new Error(`No mount namespace: ${said}`);
  return holder;
}
