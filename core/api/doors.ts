import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";

/* What the doors of a server have in common, whichever API is behind them: root's own one, and what is no HTTP. */

/** Why what came can't be read: `late`, it did not come whole in time. */
export type Nonsense = "unreadable" | "late";
type ClientError = Error & { code?: string };

/** Connections that came through root's door. */
const rootConnections = new WeakSet<Socket>();

export type RootDoorOptions = {
  /** A request that has not come whole by then is given up; 0: {@link limitBodies} sees to that. */
  requestTimeoutMs: number;
  /** The same for its head; that of the request unless told. */
  headersTimeoutMs?: number;
  mostConnections: number;
  refuse: (error: ClientError, socket: Socket) => void;
};

/**
 * A second door to a server's calls, for commands that root types and the node's own programs: whoever may open its
 * socket, which must be root's alone, needs neither session nor password. Not listening yet.
 */
export function rootDoorOf(server: FastifyInstance, options: RootDoorOptions): Server {
  const { requestTimeoutMs: requestTimeout, headersTimeoutMs: headersTimeout = requestTimeout } = options;
  const door = createServer({ requestTimeout, headersTimeout }, (request, response) =>
    server.routing(request, response),
  );
  door.maxConnections = options.mostConnections;
  door.on("connection", (connection) => rootConnections.add(connection));
  door.on("clientError", options.refuse);
  return door;
}

export function cameByRootDoor({ raw }: FastifyRequest): boolean {
  return rootConnections.has(raw.socket);
}

/**
 * Gives up requests whose bodies have not come whole in time, but for those that may take long: Node's own time for a
 * request knows no exception.
 * @param refuse is given the error that Node's own time would give
 */
export function limitBodies(
  server: FastifyInstance,
  timeoutMs: number,
  refuse: RootDoorOptions["refuse"],
  mayTakeLong: (request: FastifyRequest) => boolean,
): void {
  server.addHook("onRequest", async (request) => {
    const { raw } = request;
    const hasBody = Number(raw.headers["content-length"] ?? 0) > 0 || raw.headers["transfer-encoding"] !== undefined;
    if (!hasBody || mayTakeLong(request)) return;
    const late = () => {
      if (!raw.complete)
        refuse(Object.assign(new Error("The body is late."), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), raw.socket);
    };
    const timer = setTimeout(late, timeoutMs).unref();
    raw.once("close", () => clearTimeout(timer));
  });
}

/**
 * Answers what is no HTTP in the shape of every other error of an API, and ends the connection.
 * @param errorOf the error's body
 */
export function refusingNonsense(errorOf: (why: Nonsense) => object): (error: ClientError, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    const why = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "late" : "unreadable";
    const body = JSON.stringify(errorOf(why));
    const status = why === "late" ? "408 Request Timeout" : "400 Bad Request";
    const head = [`HTTP/1.1 ${status}`, "content-type: application/json", "connection: close"];
    const length = `content-length: ${Buffer.byteLength(body)}`;
    if (socket.writable) socket.write([...head, length, "", body].join("\r\n"));
    socket.destroySoon();
  };
}
