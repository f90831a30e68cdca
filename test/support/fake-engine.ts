import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { NodeError } from "../../core/model/error.ts";
import { firstDraft } from "../../core/model/installation/defaults.ts";
import { draftPlan } from "../../core/model/installation/disk-problems.ts";
import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import { draftProblems } from "../../core/model/installation/problems.ts";
import {
  type InstallerCall,
  type InstallerState,
  installerCalls,
  installerProtocolVersion,
  installerRequest,
} from "../../core/model/installation/protocol.ts";
import { passwordProblems } from "../../core/model/password.ts";
import { installMachines } from "./install-machines.ts";

/*
 * An engine that speaks the installer's protocol over a real socket and touches nothing: the draft is kept, problems and
 * plan are the model's own, and what happens then is what a test says. By hand:
 *   node test/support/fake-engine.ts --socket /tmp/engine.sock --machine server
 *   node tui/installer/main.ts --socket /tmp/engine.sock --console tty1
 */

/** What came in: the call, its arguments without passwords, and who sent it. */
export type Received = { call: string; console: string; args: unknown };

export type FakeEngine = {
  readonly state: InstallerState;
  readonly draft: Draft;
  readonly received: readonly Received[];
  /** Every byte that was sent to front ends. */
  sent(): string;
  /** Changes the state and tells every front end. */
  set(change: Partial<InstallerState>): void;
  /** Answers a call otherwise than usual; what it throws is the refusal. It may wait. */
  answer(call: InstallerCall, how: (args: unknown) => unknown): void;
  /** Breaks every connection; new ones are taken. */
  dropAll(): void;
  /** Sends bytes as they are to every front end. */
  write(bytes: Buffer): void;
  close(): Promise<void>;
};

type Front = { socket: Socket; console: string };

const version = "0.1.0";
/** Of nothing that anybody types here. */
const someHash = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";

export async function startFakeEngine(
  socketPath: string,
  hardware: Hardware,
  options: { state?: Partial<InstallerState>; leader?: string } = {},
): Promise<FakeEngine> {
  let draft = firstDraft(hardware);
  let phase: Partial<InstallerState> = {
    phase: "questions",
    leader: options.leader ?? null,
    progress: null,
    failure: null,
    refusal: [],
    medium: { check: "pass", share: 1, file: null },
    log: [],
    ...options.state,
  };
  const fronts = new Set<Front>();
  const received: Received[] = [];
  const answers = new Map<string, (args: unknown) => unknown>();
  let sent = "";

  const state = (): InstallerState => {
    const { passwords, ...seen } = draft;
    return {
      version,
      phase: "questions",
      leader: null,
      question: "locale",
      hardware,
      draft: { ...seen, passwordsSet: { root: passwords.root !== null, admin: passwords.admin !== null } },
      problems: draftProblems({ ...draft, disk: { ...draft.disk, erase: true } }, hardware),
      plan: draftPlan(draft, hardware),
      progress: null,
      failure: null,
      refusal: [],
      medium: { check: "pass", share: 1, file: null },
      log: [],
      vnc: null,
      ...phase,
    };
  };
  const write = (socket: Socket, bytes: string | Buffer) => {
    sent += String(bytes);
    socket.write(bytes);
  };
  const tell = (only?: Front) => {
    const line = `${JSON.stringify({ event: "state", state: state() })}\n`;
    for (const front of only === undefined ? fronts : [only]) write(front.socket, line);
  };
  const set = (change: Partial<InstallerState>) => {
    phase = { ...phase, ...change };
    tell();
  };
  const edit = (change: Partial<Draft>) => {
    draft = { ...draft, ...change };
  };

  function carryOut(front: Front, call: InstallerCall, args: unknown): unknown {
    if (call === "hello") {
      const { protocol, console } = installerCalls.hello.args.parse(args);
      if (protocol !== installerProtocolVersion)
        throw new NodeError("PROTOCOL.VERSION", `This engine speaks version ${installerProtocolVersion}.`);
      front.console = console;
      return {};
    }
    if (call !== "lead" && phase.leader !== null && phase.leader !== front.console)
      throw new NodeError("LEAD.OTHER", `${phase.leader} leads.`, { values: { leader: String(phase.leader) } });
    phase = { ...phase, leader: front.console };
    const special = answers.get(call);
    if (special !== undefined) return special(args);
    switch (call) {
      case "turnTo":
        phase = { ...phase, ...installerCalls.turnTo.args.parse(args) };
        return {};
      case "setLocale":
        return edit({ locale: installerCalls.setLocale.args.parse(args) });
      case "setRole":
        return edit(installerCalls.setRole.args.parse(args));
      case "setDisk":
        return edit({ disk: { ...installerCalls.setDisk.args.parse(args), erase: false } });
      case "setNetwork":
        return edit({ network: installerCalls.setNetwork.args.parse(args) });
      case "setPassword": {
        const { which, password } = installerCalls.setPassword.args.parse(args);
        const [problem] = passwordProblems(password);
        if (problem !== undefined) throw new NodeError(problem, "That password can't be used.");
        return edit({ passwords: { ...draft.passwords, [which]: someHash } });
      }
      case "tryDhcp":
        return { address: "192.0.2.21/24", gateway: "192.0.2.1", nameServers: ["192.0.2.1"], seconds: 2 };
      case "install": {
        const { typed } = installerCalls.install.args.parse(args);
        if (typed !== draft.disk.disk) throw new NodeError("CONFIRM.NAME", "That is not the name of the disk.");
        if (state().problems.some(({ severity }) => severity === "error"))
          throw new NodeError("DRAFT.PROBLEMS", "Some answers are wrong.");
        edit({ disk: { ...draft.disk, erase: true } });
        phase = { ...phase, phase: "installing", progress: firstProgress };
        return {};
      }
      case "retry":
        phase = { ...phase, phase: "installing", failure: null };
        return {};
      case "backToQuestions":
        phase = { ...phase, phase: "questions", failure: null, progress: null };
        return {};
      case "collect":
        return { place: "/binnacle-install.tar.gz" };
      default:
        return {};
    }
  }

  async function answer(front: Front, line: string): Promise<void> {
    const { id, call, args } = installerRequest.parse(JSON.parse(line));
    const name = callName(call);
    received.push({ call, console: front.console, args: call === "setPassword" ? {} : args });
    let reply: object;
    try {
      if (name === undefined) throw new NodeError("CALL.UNKNOWN", `There is no call ${call}.`);
      reply = { id, ok: (await carryOut(front, name, args)) ?? {} };
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      reply = { id, ...error.toBody() };
    }
    write(front.socket, `${JSON.stringify(reply)}\n`);
    if (call === "hello") tell(front);
    else tell();
  }

  const server = createServer((socket) => {
    const front: Front = { socket, console: "" };
    fronts.add(front);
    socket.setEncoding("utf8");
    let rest = "";
    socket.on("data", (chunk: string) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) void answer(front, line);
    });
    socket.on("error", () => {});
    socket.on("close", () => fronts.delete(front));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const dropAll = () => {
    for (const { socket } of fronts) socket.destroy();
  };
  return {
    get state() {
      return state();
    },
    get draft() {
      return draft;
    },
    received,
    sent: () => sent,
    set,
    answer: (call, how) => void answers.set(call, how),
    dropAll,
    write: (bytes) => {
      for (const { socket } of fronts) write(socket, bytes);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      dropAll();
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}

const firstProgress = { step: "check", stepShare: 0, share: 0, elapsedSeconds: 0, remainingSeconds: null } as const;

function callName(call: string): InstallerCall | undefined {
  return isCall(call) ? call : undefined;
}

function isCall(call: string): call is InstallerCall {
  return Object.hasOwn(installerCalls, call);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      socket: { type: "string", default: "/tmp/engine.sock" },
      machine: { type: "string", default: "server" },
    },
  });
  const machine = Object.entries(installMachines).find(([name]) => name === values.machine)?.[1];
  if (machine === undefined) throw new Error(`There are: ${Object.keys(installMachines).join(", ")}`);
  rmSync(values.socket, { force: true });
  await startFakeEngine(values.socket, machine);
}
