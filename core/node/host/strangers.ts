import type { Server, Socket } from "node:net";

/**
 * Keeps connections of strangers from taking the place of the manager's: of those that have not shown a manager's
 * certificate only so many stay, the oldest goes for a new one. A handshake takes milliseconds, so that one in earnest
 * gets through while somebody opens connections and says nothing.
 */
export class Strangers {
  readonly #most: number;
  /** By their other end, oldest first. */
  readonly #connections = new Map<string, Socket>();

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on("connection", (connection: Socket) => this.#add(connection));
  }

  get count(): number {
    return this.#connections.size;
  }

  /** This one is a manager's. */
  known({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): void {
    this.#connections.delete(`${remoteAddress} ${remotePort}`);
  }

  #add(connection: Socket): void {
    const name = `${connection.remoteAddress} ${connection.remotePort}`;
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
