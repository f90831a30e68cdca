import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { consoleHeader, consoleName, rootConsole, serialIn, serialProtocol } from "../../api/contract.ts";
import { joinStreams } from "../../api/joined.ts";
import { toNodeError } from "../../api/server.ts";
import type { Sessions } from "../../api/sessions.ts";
import { NodeError } from "../../model/error.ts";
import type { Audit } from "../audit.ts";
import type { LocalDesk } from "./desk.ts";

export type SerialDoorOptions = {
  sessions: Sessions;
  desk: Pick<LocalDesk, "openSerial">;
  audit: Audit;
};

/** Serial lines that this node's consoles have open at once. */
const mostOpen = 32;

/**
 * Answers `GET /v1/machines/UUID/serial` with the serial line in place of an answer, until the line ends, or the session.
 * Only for a session: what a guest prints is not for passers-by.
 */
export class SerialDoor {
  readonly #options: SerialDoorOptions;
  readonly #open = new Set<Duplex>();

  constructor(options: SerialDoorOptions) {
    this.#options = options;
  }

  /** Never rejects. `head`: what came of the stream already. */
  async take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { sessions, desk, audit } = this.#options;
    const gone = new AbortController();
    socket.on("error", () => undefined);
    socket.once("close", () => {
      gone.abort();
      this.#open.delete(socket);
    });
    try {
      const uuid = serialIn(request.url ?? "");
      if (uuid === undefined || request.headers.upgrade !== serialProtocol)
        throw new NodeError("API.UNKNOWN_CALL", "There is nothing of that name to upgrade a connection to.");
      const caller = callerIn(request);
      const { id } = sessions.require(caller);
      if (this.#open.size >= mostOpen)
        throw new NodeError("HYPERVISOR.CONSOLE_LIMIT", "As many consoles are open on this host as it can have.", {
          remedy: "Close others first.",
        });
      this.#open.add(socket);
      const entry = { console: caller.console, action: "machine.serial", detail: uuid };
      const stream = await audit.audited(entry, () => desk.openSerial(uuid, gone.signal));
      // It may have ended while the line was being opened.
      if (socket.destroyed || sessions.find(caller)?.id !== id) {
        stream.destroy();
        socket.destroy();
        return;
      }
      const forget = sessions.onEnd((ended) => {
        if (ended.id === id) socket.destroy();
      });
      socket.once("close", forget);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${serialProtocol}\r\n\r\n`);
      if (head.length > 0) socket.unshift(head);
      joinStreams(socket, stream);
    } catch (error) {
      refuse(socket, toNodeError(error));
    }
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** As `callerOf`, of a request that no route takes. @throws API.BAD_CONSOLE */
function callerIn({ headers }: IncomingMessage): { console: string; token: string | undefined } {
  const parsed = consoleName.safeParse(headers[consoleHeader]);
  if (!parsed.success || parsed.data === rootConsole)
    throw new NodeError("API.BAD_CONSOLE", `The header ${consoleHeader} must name the console that calls.`);
  const { authorization } = headers;
  const token = authorization?.startsWith("Bearer ") ? authorization.slice("Bearer ".length) : undefined;
  return { console: parsed.data, token };
}

function refuse(socket: Duplex, error: NodeError): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify(error.toBody());
  const head = ["HTTP/1.1 409 Conflict", "connection: close", "content-type: application/json"];
  socket.end([...head, `content-length: ${Buffer.byteLength(body)}`, "", body].join("\r\n"));
  socket.once("finish", () => socket.destroy());
}
