import * as http from "node:http";
import type { Duplex } from "node:stream";
import type * as z from "zod/mini";
import { errorBody, NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import {
  type CallName,
  type Calls,
  calls,
  consoleHeader,
  type EventData,
  type EventName,
  events,
  eventsPath,
  followPath,
  protocol,
} from "./contract.ts";
import { followEvents, type Subscription } from "./event-follower.ts";
import { openSerial } from "./serial.ts";

export type { Subscription };

type Part<K extends string, S extends z.ZodMiniType> = S extends z.ZodMiniUndefined
  ? { [P in K]?: undefined }
  : Record<K, z.input<S>>;
/** What a call takes: `body`, `query` and `params`, each where the contract has one. */
export type Args<N extends CallName> = Part<"body", Calls[N]["body"]> &
  Part<"query", Calls[N]["query"]> &
  Part<"params", Calls[N]["params"]>;
export type Answer<N extends CallName> = z.output<Calls[N]["response"]>;

export type EventHandlers = {
  [N in EventName]?: (data: EventData<N>) => void;
} & {
  /** The stream is open. */
  onOpen?: () => void;
  /** The stream broke or could not be opened; it is tried again by itself. */
  onLost?: (error: NodeError) => void;
};

type Answered = { status: number; text: string };

/**
 * Calls an agent over its unix socket. Every failure is a NodeError: what the agent said, or
 * AGENT.ABSENT (nothing listens), AGENT.DENIED (the socket's permissions), AGENT.TIMEOUT, AGENT.LOST (it went away in
 * the middle), AGENT.NONSENSE (not the protocol), AGENT.PROTOCOL (another version of it).
 */
export class Client {
  /** Token of the session that this console holds, once it gave the password. */
  token: string | undefined;
  readonly #socketPath: string;
  readonly #console: string;
  readonly #timeoutMs: number;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

  constructor(options: { socketPath: string; console: string; timeoutMs?: number }) {
    this.#socketPath = options.socketPath;
    this.#console = options.console;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  async call<N extends CallName>(name: N, args: Args<N>): Promise<Answer<N>> {
    const { method, path, response } = calls[name];
    const url = fillIn(path, args.params ?? {}) + queryString(args.query ?? {});
    const answered = await this.#request(method, url, args.body);
    const json = jsonOrNothing(answered.text);
    if (answered.status >= 400) throw toError(json, answered.status);
    const parsed = response.safeParse(json);
    if (!parsed.success) throw nonsense(`${method} ${path}`, parsed.error.issues[0]?.path.join("."));
    return parsed.data as Answer<N>;
  }

  /** Follows the agent's events, reconnecting until closed. Handlers are never called after `close`. */
  events(handlers: EventHandlers): Subscription {
    return this.#follow(eventsPath, handlers, (name, data) => {
      if (!isEventName(name)) return;
      const parsed = events[name].safeParse(data);
      if (!parsed.success) {
        handlers.onLost?.(nonsense(`event ${name}`, parsed.error.issues[0]?.path.join(".")));
        return;
      }
      // The name picks the schema, and so the handler's type; the compiler can't follow that through a union.
      const handler = handlers[name] as ((value: typeof parsed.data) => void) | undefined;
      handler?.(parsed.data);
    });
  }

  /** Follows new lines of the log; `onLine` gets each as it was sent, to be checked by the caller's schema. */
  followLogs(
    query: Record<string, string | number | undefined>,
    onLine: (line: unknown) => void,
    onLost?: (e: NodeError) => void,
  ): Subscription {
    return this.#follow(followPath + queryString(query), onLost === undefined ? {} : { onLost }, (name, data) => {
      if (name === "line") onLine(data);
    });
  }

  /** The serial line of a virtual machine; to leave it is to destroy the stream. Whatever ends it, `close` tells. */
  openSerial(uuid: string): Promise<Duplex> {
    return openSerial({
      ...{ socketPath: this.#socketPath, uuid, headers: this.#headers(), timeoutMs: serialTimeoutMs },
      refused: toError,
      broken: (error) => connectionError(error, this.#socketPath),
      late: () => timeout("serial", serialTimeoutMs),
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #follow(
    path: string,
    handlers: { onOpen?: () => void; onLost?: (error: NodeError) => void },
    onEvent: (name: string, data: unknown) => void,
  ): Subscription {
    return followEvents({
      target: () => ({ socketPath: this.#socketPath, path, headers: this.#headers() }),
      silenceMs: streamSilenceMs,
      longestPauseMs: 2000,
      onOpen: handlers.onOpen,
      onLost: handlers.onLost,
      onEvent,
      faults: {
        nonsense: (where) => nonsense(path, where),
        refused: toError,
        silent: (ms) => timeout(path, ms),
        broken: (error) => connectionError(error, this.#socketPath),
        ended: () => new NodeError("AGENT.LOST", "The agent ended the connection."),
      },
    });
  }

  #headers(): Record<string, string> {
    return {
      [consoleHeader]: this.#console,
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
    };
  }

  #request(method: string, path: string, body: unknown): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const request = http.request({
        socketPath: this.#socketPath,
        agent: this.#agent,
        method,
        path,
        headers: {
          ...this.#headers(),
          ...(payload === undefined
            ? {}
            : { "content-type": "application/json", "content-length": String(Buffer.byteLength(payload)) }),
        },
      });
      const timer = setTimeout(() => request.destroy(timeout(path, this.#timeoutMs)), this.#timeoutMs);
      const failed = (error: Error) => {
        clearTimeout(timer);
        reject(connectionError(error, this.#socketPath));
      };
      request.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > maxAnswer) request.destroy(nonsense(path, "size"));
        });
        response.on("end", () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, text });
        });
        response.on("error", failed);
      });
      request.on("error", failed);
      request.end(payload);
    });
  }
}

const streamSilenceMs = 15_000;
/** The agent itself waits 10 s for libvirt, and 10 s for the line. */
const serialTimeoutMs = 25_000;
const maxAnswer = 16_000_000;

/** Throws AGENT.PROTOCOL when the agent speaks another version than this client. */
export function checkProtocol(theirs: number): void {
  if (theirs === protocol) return;
  throw new NodeError(
    "AGENT.PROTOCOL",
    `The agent speaks version ${theirs} of the protocol, this console version ${protocol}.`,
    {
      remedy: "Both belong to one release: restart the older one.",
      values: { theirs, ours: protocol },
    },
  );
}

function isEventName(name: string): name is EventName {
  return Object.hasOwn(events, name);
}

function fillIn(path: string, params: object): string {
  const values = new Map<string, unknown>(Object.entries(params));
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(values.get(name) ?? "")));
}

function queryString(query: object): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs.map(([k, v]): [string, string] => [k, String(v)]))}`;
}

function toError(json: unknown, status: number): NodeError {
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) return nonsense(`status ${status}`, "error");
  const { code, description, remedy, values } = parsed.data.error;
  return new NodeError(code, description, {
    ...(remedy === undefined ? {} : { remedy }),
    ...(values === undefined ? {} : { values }),
  });
}

function nonsense(what: string, where: string | undefined): NodeError {
  return new NodeError(
    "AGENT.NONSENSE",
    `The agent's answer to ${what} can't be understood${where ? ` (${where})` : ""}.`,
    {
      remedy: "Agent and console may be of different releases: restart the agent.",
      values: { what, where: where ?? "" },
    },
  );
}

function timeout(path: string, ms: number): NodeError {
  return new NodeError("AGENT.TIMEOUT", `The agent did not answer ${path} within ${ms / 1000} s.`, {
    remedy: "It is tried again by itself. If it lasts, restart the agent.",
    values: { seconds: ms / 1000 },
  });
}

function connectionError(error: Error & { code?: string }, socketPath: string): NodeError {
  if (error instanceof NodeError) return error;
  const values = { socket: socketPath };
  if (error.code === "EACCES" || error.code === "EPERM")
    return new NodeError("AGENT.DENIED", `This user may not open the agent's socket ${socketPath}.`, {
      remedy: "Log in as a member of the socket's group, or start the console as its service does.",
      values,
    });
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED")
    return new NodeError("AGENT.ABSENT", `No agent listens on ${socketPath}.`, {
      remedy: "Wait until it is started again, or start it.",
      values,
    });
  // The parser's complaint: what answers there does not speak HTTP.
  if (error.code?.startsWith("HPE_")) return nonsense("HTTP", error.code);
  return new NodeError("AGENT.LOST", `The connection to the agent broke: ${error.message}.`, { values, cause: error });
}
