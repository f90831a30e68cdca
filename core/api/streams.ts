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
/** A client that has not read for so long hangs: its stream ends, and it may open another one. */
const deafMs = 60_000;

/**
 * Turns a request into a stream of server-sent events; `on.close` is called once, whoever ends it. `everyMs`: how often
 * a comment tells a client that wants to know sooner that nobody hangs.
 */
export function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  on: { close: () => void; drained?: () => void },
  everyMs = heartbeatMs,
): EventStream {
  reply.hijack();
  const out = reply.raw;
  out.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  out.flushHeaders();
  let closed = false;
  let dropped = false;
  let deaf = 0;
  const heartbeat = setInterval(() => {
    deaf = out.writableLength > maxBacklogBytes ? deaf + 1 : 0;
    if (deaf * everyMs >= deafMs) out.destroy();
    else if (deaf === 0) out.write(": \n\n");
  }, everyMs);
  const end = () => {
    if (closed) return;
    closed = true;
    clearInterval(heartbeat);
    on.close();
  };
  request.raw.on("close", end);
  out.on("close", end);
  out.on("error", end);
  // Gone while the caller was getting ready: nothing would tell of it any more. Not before the caller has the stream.
  if (out.destroyed || request.raw.socket.destroyed) queueMicrotask(end);
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
