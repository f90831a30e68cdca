import type { FastifyReply, FastifyRequest } from "fastify";

/** One client's stream of server-sent events. */
export type EventStream = {
  /**
   * Sends an event. Returns false when the client reads too slowly and the event was dropped: the caller sends the
   * newest state again when `drained` is called. `json` is the data as JSON, so that it is made once for many streams.
   */
  sendText(name: string, json: string): boolean;
  close(): void;
  readonly closed: boolean;
};

/** What may lie unread for one client before events are dropped. */
const maxBacklogBytes = 256 * 1024;
/** A comment line this often tells the client that the silence is not a hang. */
const heartbeatMs = 5_000;

/** Turns a request into a stream of server-sent events; `onClose` is called once, whoever ends it. */
export function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  on: { close: () => void; drained?: () => void },
): EventStream {
  reply.hijack();
  const out = reply.raw;
  out.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  out.flushHeaders();
  let closed = false;
  let dropped = false;
  const heartbeat = setInterval(() => out.write(": \n\n"), heartbeatMs);
  const end = () => {
    if (closed) return;
    closed = true;
    clearInterval(heartbeat);
    on.close();
  };
  request.raw.on("close", end);
  out.on("close", end);
  out.on("error", end);
  out.on("drain", () => {
    if (!dropped) return;
    dropped = false;
    on.drained?.();
  });
  return {
    sendText(name, json) {
      if (closed) return false;
      if (out.writableLength > maxBacklogBytes) {
        dropped = true;
        return false;
      }
      out.write(`event: ${name}\ndata: ${json}\n\n`);
      return true;
    },
    close() {
      end();
      out.end();
    },
    get closed() {
      return closed;
    },
  };
}
