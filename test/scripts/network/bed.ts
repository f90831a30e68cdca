import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Answer } from "../../../core/api/client.ts";
import {
  type LinkSettings,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
} from "../../../core/model/network/configuration.ts";
import type { NetworkPlan, NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { type AnsweringAgent, type Replies, startAnsweringAgent } from "../../support/answering-agent.ts";
import { type Pty, spawnPty } from "../../support/node-pty.ts";
import { root, temporaryFolder } from "../../support/programs.ts";

export const program = join(root, "build/zs-network.js");

const none = { mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
const eno1: LinkSettings = {
  ...none,
  kind: "ethernet",
  name: "eno1",
  ipv4: {
    method: "static",
    addresses: [{ address: "10.0.0.2", prefix: 24 }],
    gateway: "10.0.0.1",
    routes: [{ to: "10.1.0.0/16", via: "10.0.0.3", metric: null }],
    nameServers: ["10.0.0.1"],
  },
};
/** A bond of the storage network, as the commands make it, and some links besides. */
export const configuration: NetworkConfiguration = {
  hostname: "node-1",
  timeServers: [],
  managementLink: "eno1",
  links: [
    eno1,
    {
      ...none,
      kind: "bond",
      name: "bond0",
      bond: { mode: "802.3ad", options: { miimon: "100", xmit_hash_policy: "layer2+3" }, legs: ["p5p1", "p5p2"] },
    },
    { ...none, kind: "bridge", name: "br_eno2", bridge: { ports: ["eno2"], stp: false } },
    { ...none, kind: "vlan", name: "office", vlan: { parent: "eno1", id: 7 } },
  ],
};
export const network: Answer<"network"> = { configuration, others: [], transaction: null };

export const plan: NetworkPlan = {
  problems: [],
  changes: [
    { link: "eno1", what: "address", key: "", before: "10.0.0.2/24", after: "10.0.0.9/24" },
    { link: "eno1", what: "mtu", key: "", before: null, after: "9000" },
  ],
  cutsOff: [],
  configuration,
};

export function transaction(more: Partial<NetworkTransaction> = {}): NetworkTransaction {
  return {
    id: "t1",
    console: "root",
    phase: "applying",
    startedAt: Date.now() - 12_000,
    endedAt: null,
    remainingMs: null,
    changes: plan.changes,
    probes: [],
    why: null,
    error: null,
    ...more,
  };
}
export const committed = transaction({ phase: "committed", why: "probesPassed", endedAt: Date.now() });

/** The answers of an agent on which every change succeeds. */
export const willing: Replies = {
  network,
  planNetwork: plan,
  changeNetwork: transaction(),
  networkChange: committed,
};

export type Outcome = { code: number | null; stdout: string; stderr: string };
export type Bed = {
  agent: AnsweringAgent;
  socket: string;
  /** Without a terminal. */
  run(...args: string[]): Promise<Outcome>;
  start(...args: string[]): { child: ChildProcess; end: Promise<Outcome> };
  /** On a terminal. */
  type(...args: string[]): Typed;
  dispose(): Promise<void>;
};
export type Typed = { pty: Pty; text(): string; said(text: string): Promise<void>; end: Promise<number> };

/** The program with an agent whose answers are given. */
export async function networkBed(replies: Replies): Promise<Bed> {
  await ensureBuilt();
  const folder = temporaryFolder();
  const socket = join(folder.path, "root.sock");
  const agent = await startAnsweringAgent(socket, replies);
  const running = new Set<() => void>();
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [program, ...args, "--socket", socket], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(() => child.kill("SIGKILL"));
    return { child, end: outcomeOf(child) };
  };
  return {
    agent,
    socket,
    start,
    run: (...args) => start(...args).end,
    type(...args) {
      const typed = onTerminal([...args, "--socket", socket]);
      running.add(() => typed.pty.destroy());
      return typed;
    },
    async dispose() {
      for (const kill of running) kill();
      await agent.close();
      folder.dispose();
    },
  };
}

/** The program without an agent. */
export async function runAlone(...args: string[]): Promise<Outcome> {
  await ensureBuilt();
  return outcomeOf(spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] }));
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  const [code] = await once(child, "close");
  return { code, ...output };
}

function onTerminal(args: readonly string[]): Typed {
  const env = { PATH: process.env["PATH"] ?? "", TERM: "xterm" };
  const pty = spawnPty(process.execPath, [program, ...args], { name: "xterm", cols: 132, rows: 40, env });
  let text = "";
  let hasEnded = false;
  let wake = () => {};
  pty.onData((data) => {
    text += data.toString("utf8");
    wake();
  });
  const end = new Promise<number>((resolve) =>
    pty.onExit(({ exitCode }) => {
      hasEnded = true;
      wake();
      resolve(exitCode);
    }),
  );
  return {
    pty,
    text: () => text,
    end,
    async said(part) {
      while (!text.includes(part)) {
        if (hasEnded) throw new Error(`It ended without saying ${part}:\n${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
