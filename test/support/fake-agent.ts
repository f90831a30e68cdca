import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";

/** What listens on the agent's socket, but is no agent of this release. */
export type FakeAgent = {
  /** Requests that were begun so far. */
  asked(): number;
  close(): Promise<void>;
};

/** Answers every request on a unix socket with the same bytes, and then hangs up unless told otherwise. */
export async function startFakeAgent(
  socketPath: string,
  answer: string | Buffer | ((socket: Socket) => void),
): Promise<FakeAgent> {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => {
      asked += 1;
      if (typeof answer === "function") answer(socket);
      else socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    asked: () => asked,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}

/** An HTTP answer that begins a stream of events. */
export const eventStreamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/** One server-sent event. */
export function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
