import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createSecureContext, type SecureContext } from "node:tls";
import * as z from "zod";
import {
  hostCalls,
  hostProtocol,
  protocolHeader,
  requestHeader,
  serverNameOf,
} from "../../../core/api/host/contract.ts";

/*
 * Thousands of agents in one process: each address of the private network is a host, which joins, is pinged and carries
 * out commands by the real protocol, over TLS with a certificate of its own, and does nothing besides. They share one key.
 */

const setup = z.object({
  key: z.string(),
  /** What a host shows before it has joined, and its request for a certificate. */
  ownCertificate: z.string(),
  request: z.string(),
  authority: z.string(),
  port: z.number(),
  /** Certificates of those that have joined already. */
  certificates: z.array(z.string()),
});
export type FleetSetup = z.infer<typeof setup>;

const counts = z.object({ pings: z.number(), pingedHosts: z.number(), commands: z.number() });
export type Counts = z.infer<typeof counts>;

export type Fleet = {
  /** Since the call before. */
  counts(): Promise<Counts>;
  close(): Promise<void>;
};

/** Starts them in a process of its own. `through` goes before its command. */
export async function startFleet(folder: string, wanted: FleetSetup, through: readonly string[]): Promise<Fleet> {
  const file = join(folder, "fleet.json");
  writeFileSync(file, JSON.stringify(wanted), { mode: 0o600 });
  const [program = "", ...args] = [...through, process.execPath, import.meta.filename, file];
  const child: ChildProcess = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("The fleet can't be talked to.");
  const lines = createInterface({ input: stdout });
  const gone = once(child, "exit");
  await once(lines, "line");
  return {
    async counts() {
      const answer = once(lines, "line");
      stdin.write("counts\n");
      return counts.parse(JSON.parse(String((await answer)[0])));
    },
    async close() {
      child.kill();
      await gone;
    },
  };
}

class Agents {
  readonly #setup: FleetSetup;
  readonly #certificates = new Map<string, string>();
  readonly #contexts = new Map<string, SecureContext>();
  #counts = { pings: 0, commands: 0 };
  #pinged = new Set<string>();

  constructor(given: FleetSetup) {
    this.#setup = given;
    for (const certificate of given.certificates) this.#learn(certificate);
  }

  counts(): Counts {
    const now = { ...this.#counts, pingedHosts: this.#pinged.size };
    this.#counts = { pings: 0, commands: 0 };
    this.#pinged = new Set();
    return now;
  }

  async listen(): Promise<void> {
    const { key, ownCertificate, port } = this.#setup;
    const server = createServer(
      {
        key,
        cert: ownCertificate,
        ca: this.#setup.authority,
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: "TLSv1.3",
        keepAliveTimeout: 180_000,
        SNICallback: (name, done) => done(null, this.#contextOf(name)),
      },
      (request, response) => void this.#answer(request, response),
    );
    server.listen({ port, host: "0.0.0.0", backlog: 4096 });
    await once(server, "listening");
  }

  #learn(certificate: string): void {
    this.#certificates.set(serverNameOf(new X509Certificate(certificate).fingerprint256), certificate);
  }

  #contextOf(name: string): SecureContext | undefined {
    const known = this.#contexts.get(name);
    const cert = this.#certificates.get(name);
    if (known !== undefined || cert === undefined) return known;
    const { key, authority: ca } = this.#setup;
    const made = createSecureContext({ key, cert, ca, minVersion: "TLSv1.3" });
    this.#contexts.set(name, made);
    return made;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += String(part);
    if (request.url === hostCalls.watch.path) return this.#hold(request, response, text);
    const answer = JSON.stringify(this.#reply(request, text));
    response.setHeader(protocolHeader, hostProtocol);
    response.setHeader(requestHeader, request.headers[requestHeader] ?? "");
    response.setHeader("content-type", "application/json");
    response.end(answer);
  }

  /** A ping that is held: nothing ever changes here. */
  #hold(request: IncomingMessage, response: ServerResponse, text: string): void {
    this.#counts.pings += 1;
    this.#pinged.add(request.socket.localAddress ?? "");
    const { after, holdMs } = hostCalls.watch.body.parse(JSON.parse(text));
    response.setHeader(protocolHeader, hostProtocol);
    response.setHeader(requestHeader, request.headers[requestHeader] ?? "");
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const answer = JSON.stringify({ bootId: "boot", version: "bench", protocol: hostProtocol, serial: "1" });
    const timer = setTimeout(() => response.end(answer), after === "1" ? holdMs : 0);
    response.once("close", () => clearTimeout(timer));
  }

  #reply({ url, socket }: IncomingMessage, text: string): unknown {
    switch (url) {
      case hostCalls.ping.path:
        this.#counts.pings += 1;
        this.#pinged.add(socket.localAddress ?? "");
        return { bootId: "boot", version: "bench", protocol: hostProtocol };
      case hostCalls.command.path:
        this.#counts.commands += 1;
        return {};
      case hostCalls.hello.path:
        return { protocol: hostProtocol, version: "bench", hostname: "bench", cloud: null, time: Date.now() };
      case hostCalls.join.path:
        return { nonce: "n".repeat(43), request: this.#setup.request };
      case hostCalls.certify.path:
        this.#learn(z.object({ certificate: z.string() }).parse(JSON.parse(text)).certificate);
        return {};
      case hostCalls.report.path:
        return {
          ...{ hostname: "bench", bootId: "boot", version: "bench", protocol: hostProtocol, driver: "simulated" },
          ...{ cpuCores: 64, cpuModel: "Bench CPU", memoryTotalBytes: 2 ** 39, tags: ["hypervisor::simulated"] },
        };
      case hostCalls.machines.path:
        return [];
      case hostCalls.storage.path:
        return { totalBytes: 2 ** 50, availableBytes: 2 ** 50 };
      default:
        return {};
    }
  }
}

if (import.meta.main) {
  const agents = new Agents(setup.parse(JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))));
  await agents.listen();
  process.stdout.write("ready\n");
  for await (const line of createInterface({ input: process.stdin }))
    if (line === "counts") process.stdout.write(`${JSON.stringify(agents.counts())}\n`);
}
