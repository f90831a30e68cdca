import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type CallName, calls, consoleHeader, eventsPath, protocol } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";
import type { Facts } from "../../core/model/facts.ts";
import { emptySeries } from "../../core/model/history.ts";
import { version } from "../../core/version.ts";
import { event } from "./fake-agent.ts";
import type { FakeNetwork } from "./fake-network.ts";

export type FakeNetworkAgent = {
  /** Takes the agent away; `network` and its transaction stay. */
  stop(): Promise<void>;
  /** Brings it back, at the same socket; as after a restart it knows no session. */
  start(options?: { sessions: "kept" | "lost" }): Promise<void>;
};

type Stream = { response: ServerResponse; hasSession: boolean };

/**
 * An agent that answers what a console asks for, about a recorded machine, and of its network what a script says. Any
 * password is right.
 */
export async function startFakeNetworkAgent(
  socketPath: string,
  network: FakeNetwork,
  { facts, now }: { facts: Facts; now: number },
): Promise<FakeNetworkAgent> {
  const streams = new Set<Stream>();
  const sockets = new Set<Socket>();
  let lost = false;
  const console = { language: "en", profile: "auto" };
  const status = {
    product: "Binnacle",
    version,
    protocol,
    mode: "node",
    startedAt: now,
    passwordSet: true,
    publicView: "panels",
    lockMinutes: 10,
  };
  const nodeSettings = { lockMinutes: 10, publicView: "panels", pingTarget: "114.114.114.114" };
  const plain: Partial<Record<CallName, unknown>> = {
    status,
    facts,
    nodeSettings,
    consoleSettings: console,
    history: { cpu: emptySeries(), memory: emptySeries() },
    openSession: { token: "token", console: "tty1", openedAt: now, idleMs: 600_000 },
    jobs: [],
  };

  function open({ headers }: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const hasToken = headers.authorization !== undefined;
    const stream = { response, hasSession: hasToken && !lost };
    streams.add(stream);
    const heartbeat = setInterval(() => response.write(": \n\n"), 2_000);
    response.on("close", () => {
      clearInterval(heartbeat);
      streams.delete(stream);
    });
    for (const name of ["status", "nodeSettings", "consoleSettings", "history"] as const)
      response.write(event(name, plain[name]));
    tell(stream);
    response.write(event("facts", facts));
    if (hasToken && lost) response.write(event("locked", { why: "revoked" }));
  }

  /** Without a session nothing of what is changed. */
  function tell({ response, hasSession }: Stream): void {
    const { transaction } = network;
    const told = transaction === null || hasSession ? transaction : { ...transaction, changes: [], probes: [] };
    response.write(event("networkChange", told));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "";
    if (url === eventsPath) {
      open(request, response);
      return;
    }
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const name = callAt(request.method ?? "", url);
    const send = (code: number, answer: unknown) => {
      response.writeHead(code, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? {}));
    };
    try {
      const asked = { body: body === "" ? undefined : JSON.parse(body) };
      const answer = network.answer(name ?? "", asked, String(request.headers[consoleHeader]));
      send(200, answer ?? (name === undefined ? {} : plain[name]));
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      send(409, error.toBody());
    }
  }

  const server = createServer((request, response) => void handle(request, response));
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  network.listen(() => {
    for (const stream of streams) tell(stream);
  });
  const listen = () => new Promise<void>((resolve) => server.listen(socketPath, resolve));
  await listen();
  return {
    async start({ sessions } = { sessions: "kept" }) {
      lost = sessions === "lost";
      await listen();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}

/** The contract's call at a path: `/v1/network/changes/:id` stands for any id. */
function callAt(method: string, url: string): CallName | undefined {
  const [path = ""] = url.split("?");
  return (Object.keys(calls) as CallName[]).find((name) => {
    const pattern = calls[name].path.replace(/:\w+/g, "[^/]+");
    return calls[name].method === method && new RegExp(`^${pattern}$`).test(path);
  });
}
