import { connect, type Socket } from "node:net";
import * as z from "zod/mini";
import { NodeError } from "../model/error.ts";
import {
  type InstallerCall,
  type InstallerState,
  installerCalls,
  installerMessage,
  installerProtocolVersion,
} from "../model/installation/protocol.ts";
import { jsonOrNothing } from "../model/json.ts";

type Calls = typeof installerCalls;
export type InstallerArgs<N extends InstallerCall> = z.input<Calls[N]["args"]>;
type Answers = { [N in InstallerCall]: z.output<Calls[N]["result"]> };
export type InstallerAnswer<N extends InstallerCall> = Answers[N];

export type InstallerHandlers = {
  /** What the engine knows now; the first one comes right after each connection. */
  onState(state: InstallerState): void;
  /** The connection broke or could not be made; it is tried again by itself. */
  onLost(error: NodeError): void;
};

export type InstallerClientOptions = {
  socketPath: string;
  /** The name that this front end leads by: `tty1`, `ttyS0`. */
  console: string;
  /** How long an answer may take; calls for which the engine has to wait itself take longer. */
  timeoutMs?: number;
};

/** The contract's schemas in a form in which a call's name picks its answer. */
const calls: { readonly [N in InstallerCall]: { readonly result: z.ZodMiniType<Answers[N]> } } = installerCalls;

/** Bytes of a line that are read and sent at most. */
const longestLine = 1024 ** 2;
const shortestWaitMs = 100;
const longestWaitMs = 2_000;

/** Calls behind which the engine waits for somebody else: a DHCP server, slow disks, a USB stick. */
const patience: Partial<Record<InstallerCall, number>> = {
  tryDhcp: 90_000,
  probe: 120_000,
  install: 60_000,
  retry: 60_000,
  collect: 600_000,
};

type Pending = { settle(ok: unknown): void; fail(error: NodeError): void };

/**
 * Speaks with the installer's engine over its unix socket, a line of JSON for each message. Every failure is a
 * NodeError: what the engine said, or INSTALLER.ABSENT (nothing listens), INSTALLER.DENIED (the socket's permissions),
 * INSTALLER.TIMEOUT, INSTALLER.LOST (it went away in the middle), INSTALLER.NONSENSE (not the protocol),
 * INSTALLER.TOO_LONG (more than a line may hold).
 */
export class InstallerClient {
  readonly #options: InstallerClientOptions;
  readonly #timeoutMs: number;
  #handlers: InstallerHandlers | undefined;
  #socket: Socket | undefined;
  /** Whether the engine has answered `hello` on this connection. */
  #greeted = false;
  #why: NodeError;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = shortestWaitMs;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();

  constructor(options: InstallerClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#why = absent(options.socketPath);
  }

  /** Connects, and again whenever the connection breaks, until closed. Handlers are never called after `close`. */
  open(handlers: InstallerHandlers): void {
    this.#handlers = handlers;
    this.#connect();
  }

  close(): void {
    this.#handlers = undefined;
    clearTimeout(this.#retry);
    this.#drop(lost("closed"));
  }

  /** Asks the engine; without a connection it fails at once with the reason. */
  async call<N extends InstallerCall>(name: N, args: InstallerArgs<N>): Promise<InstallerAnswer<N>> {
    if (!this.#greeted) throw this.#why;
    return this.#ask(name, args);
  }

  async #ask<N extends InstallerCall>(name: N, args: InstallerArgs<N>): Promise<InstallerAnswer<N>> {
    const socket = this.#socket;
    if (socket === undefined) throw this.#why;
    const id = this.#nextId++;
    const line = `${JSON.stringify({ id, call: name, args })}\n`;
    if (Buffer.byteLength(line) > longestLine)
      throw new NodeError("INSTALLER.TOO_LONG", `What ${name} sends is longer than ${longestLine} bytes.`, {
        remedy: "Give less.",
      });
    const timeoutMs = Math.max(this.#timeoutMs, patience[name] ?? 0);
    const ok = await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.#pending.get(id)?.fail(timeout(name, timeoutMs)), timeoutMs);
      const end = () => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      this.#pending.set(id, {
        settle: (answer) => {
          end();
          resolve(answer);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      });
      socket.write(line);
    });
    const parsed = z.safeParse(calls[name].result, ok);
    if (!parsed.success) throw nonsense(name);
    return parsed.data;
  }

  #connect(): void {
    this.#retry = undefined;
    const socket = connect(this.#options.socketPath);
    this.#socket = socket;
    const failed = (error: NodeError) => {
      if (this.#socket === socket) this.#lost(error);
    };
    socket.setEncoding("utf8");
    socket.on("connect", () => void this.#greet(failed));
    let rest = "";
    socket.on("data", (chunk: string) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (this.#socket === socket) this.#line(line, failed);
      if (Buffer.byteLength(rest) > longestLine) failed(nonsense("a line without an end"));
    });
    socket.on("error", (error) => failed(connectionError(error, this.#options.socketPath)));
    socket.on("close", () => failed(lost("the engine ended it")));
  }

  async #greet(failed: (error: NodeError) => void): Promise<void> {
    try {
      await this.#ask("hello", { protocol: installerProtocolVersion, console: this.#options.console });
      this.#greeted = true;
    } catch (error) {
      failed(error instanceof NodeError ? error : nonsense("hello"));
    }
  }

  #line(line: string, failed: (error: NodeError) => void): void {
    if (Buffer.byteLength(line) > longestLine) {
      failed(nonsense("a line that is too long"));
      return;
    }
    const parsed = installerMessage.safeParse(jsonOrNothing(line));
    if (!parsed.success) {
      failed(nonsense(parsed.error.issues[0]?.path.join(".") || "a line"));
      return;
    }
    const message = parsed.data;
    if ("event" in message) {
      // Only now: an engine that greets and then talks nonsense is not asked ten times a second.
      this.#waitMs = shortestWaitMs;
      this.#greeted = true;
      this.#handlers?.onState(message.state);
      return;
    }
    // An answer that nobody waits for any more came after its time-out.
    const pending = this.#pending.get(message.id);
    if ("error" in message) pending?.fail(toError(message.error));
    else pending?.settle(message.ok);
  }

  #lost(error: NodeError): void {
    this.#drop(error);
    if (this.#handlers === undefined) return;
    this.#retry = setTimeout(() => this.#connect(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, longestWaitMs);
    this.#handlers.onLost(error);
  }

  #drop(error: NodeError): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#greeted = false;
    this.#why = error;
    socket?.destroy();
    for (const pending of [...this.#pending.values()]) pending.fail(error);
  }
}

type Refusal = Extract<z.output<typeof installerMessage>, { error: unknown }>["error"];

function toError({ code, description, remedy, values }: Refusal): NodeError {
  return new NodeError(code, description, {
    ...(remedy === undefined ? {} : { remedy }),
    ...(values === undefined ? {} : { values }),
  });
}

function connectionError(error: NodeJS.ErrnoException, socketPath: string): NodeError {
  if (error.code === "EACCES" || error.code === "EPERM")
    return new NodeError("INSTALLER.DENIED", `This user may not open the installer's socket ${socketPath}.`, {
      remedy: "Start the console as its service does.",
      values: { socket: socketPath },
    });
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED") return absent(socketPath);
  return lost(error.message);
}

function absent(socketPath: string): NodeError {
  return new NodeError("INSTALLER.ABSENT", `The installer's engine does not listen on ${socketPath}.`, {
    remedy: "Wait until it is started again.",
    values: { socket: socketPath },
  });
}

function lost(why: string): NodeError {
  return new NodeError("INSTALLER.LOST", `The connection to the installer's engine broke: ${why}.`, {
    remedy: "It is made again by itself.",
  });
}

function timeout(name: string, ms: number): NodeError {
  return new NodeError("INSTALLER.TIMEOUT", `The installer's engine did not answer ${name} within ${ms / 1000} s.`, {
    remedy: "Try again.",
    values: { call: name, seconds: ms / 1000 },
  });
}

function nonsense(where: string): NodeError {
  return new NodeError("INSTALLER.NONSENSE", `What the installer's engine says can't be understood (${where}).`, {
    remedy: "Engine and console must come from the same medium.",
    values: { where },
  });
}
