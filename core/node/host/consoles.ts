import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { FastifyBaseLogger } from "fastify";
import { consoleIn, consoleProtocol, hostProtocol, protocolHeader, requestHeader } from "../../api/host/contract.ts";
import { joinStreams } from "../../api/joined.ts";
import { toNodeError } from "../../api/server.ts";
import { NodeError } from "../../model/error.ts";
import type { HostWork } from "./work.ts";

export type ConsoleDoorOptions = {
  /** Who asks. @throws NodeError when it is no manager of this cloud */
  requireManager: (request: IncomingMessage) => Promise<void>;
  work: () => Pick<HostWork, "openConsole">;
  log: FastifyBaseLogger;
};

/** Consoles that are open at once, of all machines and of one. */
const [mostConsoles, mostOfOne] = [64, 16];
/** A manager that is gone is noticed after three times this long, also while nothing is printed. */
const keepAliveMs = 5_000;

/** The agent's end of consoles: a manager's request becomes the stream of one. See `core/api/host/contract.ts`. */
export class ConsoleDoor {
  readonly #options: ConsoleDoorOptions;
  /** The machine of each that is open. */
  readonly #open = new Map<Duplex, string>();

  constructor(options: ConsoleDoorOptions) {
    this.#options = options;
  }

  /** Never rejects. `head`: what came of the stream already. */
  async take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.on("error", () => undefined);
    socket.once("close", () => {
      gone.abort();
      this.#open.delete(socket);
    });
    const id = String(request.headers[requestHeader] ?? "").slice(0, 64);
    try {
      await this.#options.requireManager(request);
      const wanted = consoleIn(request.url ?? "");
      if (wanted === undefined || request.headers.upgrade !== consoleProtocol)
        throw new NodeError("API.UNKNOWN_CALL", "There is nothing of that name to upgrade a connection to.");
      this.#enter(socket, wanted.uuid);
      const stream = await this.#options.work().openConsole(wanted.uuid, wanted.kind, gone.signal);
      if (socket.destroyed) return void stream.destroy();
      if (socket instanceof TLSSocket) socket.setKeepAlive(true, keepAliveMs).setTimeout(0);
      socket.write(headOf("101 Switching Protocols", id, ["connection: upgrade", `upgrade: ${consoleProtocol}`]));
      if (head.length > 0) socket.unshift(head);
      joinStreams(socket, stream);
    } catch (error) {
      this.#refuse(socket, id, toNodeError(error));
    }
  }

  close(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  /** @throws HYPERVISOR.CONSOLE_LIMIT */
  #enter(socket: Duplex, uuid: string): void {
    const ofOne = [...this.#open.values()].filter((each) => each === uuid).length;
    if (this.#open.size >= mostConsoles || ofOne >= mostOfOne)
      throw new NodeError("HYPERVISOR.CONSOLE_LIMIT", "As many consoles are open on this host as it can have.", {
        remedy: "Close others first.",
        values: { open: this.#open.size, ofThisMachine: ofOne },
      });
    this.#open.set(socket, uuid);
  }

  #refuse(socket: Duplex, id: string, error: NodeError): void {
    this.#options.log.warn({ code: error.code }, "a console is not opened");
    this.#open.delete(socket);
    if (!socket.writable) return void socket.destroy();
    const body = JSON.stringify(error.toBody());
    const status = error.code === "CHANNEL.NOT_MANAGER" ? "403 Forbidden" : "409 Conflict";
    const length = `content-length: ${Buffer.byteLength(body)}`;
    socket.end(`${headOf(status, id, ["connection: close", "content-type: application/json", length])}${body}`);
    socket.once("finish", () => socket.destroy());
  }
}

function headOf(status: string, id: string, more: readonly string[]): string {
  // What the request was called is said again only when it can be nothing else.
  const named = /^[\w-]+$/.test(id) ? [`${requestHeader}: ${id}`] : [];
  return [`HTTP/1.1 ${status}`, `${protocolHeader}: ${hostProtocol}`, ...named, ...more, "", ""].join("\r\n");
}
