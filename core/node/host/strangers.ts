import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";

/**
 * Keeps connections of strangers from taking the place of the manager's: of those that have not shown a manager's
 * certificate only so many stay, the oldest goes for a new one. A handshake takes milliseconds, so that one in earnest
 * gets through while somebody opens connections and says nothing.
 */
export class Strangers {
  readonly #most: number;
  /** By their other end, oldest first. */
  readonly #connections = new Map<string, Socket>();
  #met = 0;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on("connection", (connection: Socket) => this.#add(connection));
    // What lies below TLS does not always hear that it has ended.
    const forgetWhenClosed = (socket: TLSSocket) => {
      const name = nameOf(socket);
      socket.once("close", () => this.#connections.delete(name));
    };
    server.on("secureConnection", forgetWhenClosed);
    server.on("tlsClientError", (_error, socket) => this.known(socket));
  }

  /** All connections that came, known or not. */
  get met(): number {
    return this.#met;
  }

  get count(): number {
    return this.#connections.size;
  }

  /** This one is a manager's, or has ended. */
  known(connection: Socket): void {
    this.#connections.delete(nameOf(connection));
  }

  #add(connection: Socket): void {
    this.#met += 1;
    const name = nameOf(connection);
    this.#connections.set(name, connection);
    connection.once("close", () => {
      if (this.#connections.get(name) === connection) this.#connections.delete(name);
    });
    const [oldest] = this.#connections;
    if (oldest === undefined || this.#connections.size <= this.#most) return;
    this.#connections.delete(oldest[0]);
    oldest[1].destroy();
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
