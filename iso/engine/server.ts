import { chmodSync, chownSync, lstatSync, rmSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { claimSocket } from "../../core/api/listen.ts";
import { NodeError } from "../../core/model/error.ts";
import {
  type InstallerCall,
  type InstallerState,
  installerCalls,
  installerProtocolVersion,
  installerRequest,
} from "../../core/model/installation/protocol.ts";
import type { Machine } from "../../core/node/machine.ts";
import { plainLine } from "../../core/node/plain-text.ts";
import type { Call } from "./decide.ts";
import { LineReader } from "./line-reader.ts";

/** What the server serves; the engine. */
export type Served = {
  state(): InstallerState;
  call(from: string, call: Call): Promise<object>;
  gone(name: string): void;
};

/** Front ends at the same time: consoles, and some to spare. */
const mostClients = 32;
/** States are sent at most this often. */
const statePauseMs = 100;
/** What a front end that does not read may have waiting before it is cut off. */
const mostWaitingBytes = 8 * 1024 * 1024;
const nameLength = 40;

type Client = { socket: Socket; name: string | null; missedState: boolean };

/**
 * The protocol's engine side (core/model/installation/protocol.ts): answers calls in the order in which they finish, and
 * tells everybody of each new state. A front end that goes, stops reading or talks nonsense is no trouble to the others.
 */
export class InstallerServer {
  readonly #served: Served;
  readonly #machine: Pick<Machine, "after" | "monotonicMs">;
  readonly #clients = new Set<Client>();
  readonly #server = createServer((socket) => this.#connected(socket));
  #sentMs = Number.NEGATIVE_INFINITY;
  #waiting = false;

  constructor(served: Served, machine: Pick<Machine, "after" | "monotonicMs">) {
    this.#served = served;
    this.#machine = machine;
  }

  /**
   * Listens on a unix socket that its owner and one group may use: `gid`, or the group of its folder.
   * @returns what removes the socket and all connections
   * @throws NodeError AGENT.SOCKET_PATH, AGENT.SOCKET_FOLDER, AGENT.ALREADY_RUNNING
   */
  async listen(path: string, gid?: number): Promise<() => void> {
    await claimSocket(path);
    // Nobody may connect before the group is set.
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen(path, () => {
          this.#server.off("error", reject);
          resolve();
        });
      });
    } finally {
      process.umask(before);
    }
    chownSync(path, process.getuid?.() ?? 0, gid ?? statSync(dirname(path)).gid);
    chmodSync(path, 0o660);
    const { ino } = lstatSync(path);
    return () => {
      this.#server.close();
      for (const { socket } of this.#clients) socket.destroy();
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
    };
  }

  /** The state may have changed: everybody is told, soon, and once for many changes. */
  changed(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const waitMs = Math.max(0, this.#sentMs + statePauseMs - this.#machine.monotonicMs());
    this.#machine.after(waitMs, () => {
      this.#waiting = false;
      this.#sentMs = this.#machine.monotonicMs();
      const line = stateLine(this.#served.state());
      for (const client of this.#clients) if (client.name !== null) sendState(client, line);
    });
  }

  #connected(socket: Socket): void {
    const client: Client = { socket, name: null, missedState: false };
    if (this.#clients.size >= mostClients) {
      answer(client, 0, new NodeError("PROTOCOL.TOO_MANY", `${mostClients} consoles are connected already.`));
      socket.end();
      return;
    }
    this.#clients.add(client);
    const reader = new LineReader(
      (line) => void this.#line(client, line),
      () => {
        answer(client, 0, new NodeError("PROTOCOL.TOO_LONG", "A line is longer than 1 MiB."));
        socket.end();
      },
    );
    socket.on("data", (chunk: Buffer) => reader.add(chunk));
    socket.on("drain", () => {
      if (!client.missedState) return;
      client.missedState = false;
      sendState(client, stateLine(this.#served.state()));
    });
    // The end of a connection follows an error; who is gone needs no answer.
    socket.on("error", () => {});
    socket.once("close", () => this.#left(client));
  }

  #left(client: Client): void {
    this.#clients.delete(client);
    const { name } = client;
    const others = [...this.#clients].some((other) => other.name === name);
    if (name !== null && !others) this.#served.gone(name);
  }

  async #line(client: Client, line: string): Promise<void> {
    let id = 0;
    try {
      const request = requestOf(line);
      id = request.id;
      const call = callOf(request);
      if (call.call === "hello") return this.#hello(client, id, call.args);
      if (client.name === null) throw new NodeError("PROTOCOL.HELLO_FIRST", "The first call is hello.");
      answer(client, id, await this.#served.call(client.name, call));
    } catch (error) {
      answer(client, id, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #hello(client: Client, id: number, { protocol, console }: { protocol: number; console: string }): void {
    const name = plainLine(console, nameLength).trim();
    if (protocol !== installerProtocolVersion)
      throw new NodeError(
        "PROTOCOL.VERSION",
        `The engine speaks version ${installerProtocolVersion}, not ${protocol}.`,
      );
    if (name === "") throw new NodeError("PROTOCOL.ARGUMENTS", "A console needs a name.");
    client.name = name;
    answer(client, id, {});
    sendState(client, stateLine(this.#served.state()));
  }
}

function requestOf(line: string): { id: number; call: string; args?: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new NodeError("PROTOCOL.NOT_JSON", "A line is no JSON.");
  }
  const parsed = installerRequest.safeParse(json);
  if (!parsed.success) throw new NodeError("PROTOCOL.REQUEST", "A line is no request: it needs id and call.");
  return parsed.data;
}

function isCall(name: string): name is InstallerCall {
  return Object.hasOwn(installerCalls, name);
}

function callOf({ call, args }: { call: string; args?: unknown }): Call {
  if (!isCall(call)) throw new NodeError("PROTOCOL.UNKNOWN_CALL", `There is no call '${plainLine(call, nameLength)}'.`);
  return checked(call, args ?? {});
}

/** One line for each call, so that the compiler knows which arguments belong to which. */
function checked(call: InstallerCall, args: unknown): Call {
  switch (call) {
    case "hello":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "turnTo":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "setLocale":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "setRole":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "setDisk":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "setNetwork":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "setPassword":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "install":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "collect":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    case "finish":
      return { call, args: parsedArgs(installerCalls[call].args, args) };
    default:
      return { call, args: parsedArgs(installerCalls[call].args, args) };
  }
}

type Parser<T> = {
  safeParse(
    given: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
};

/** Says where the arguments are wrong, never what they were: one of them may be a password. */
function parsedArgs<T>(schema: Parser<T>, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new NodeError("PROTOCOL.ARGUMENTS", `The arguments are wrong${path === "" ? "" : `, at ${path}`}.`, {
    values: { path },
  });
}

function stateLine(state: InstallerState): string {
  return `${JSON.stringify({ event: "state", state })}\n`;
}

/** A front end on a slow line misses states in between; it gets the newest one when it has caught up. */
function sendState(client: Client, line: string): void {
  if (client.socket.writableNeedDrain) client.missedState = true;
  else client.socket.write(line);
}

function answer(client: Client, id: number, outcome: object): void {
  if (!client.socket.writable) return;
  const body = outcome instanceof Error ? errorOf(outcome) : { ok: outcome };
  client.socket.write(`${JSON.stringify({ id, ...body })}\n`);
  if (client.socket.writableLength > mostWaitingBytes) client.socket.destroy();
}

function errorOf(error: Error): object {
  if (error instanceof NodeError) return error.toBody();
  return { error: { code: "ENGINE.FAILED", description: plainLine(error.message, 300) } };
}
