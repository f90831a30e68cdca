import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { socketPath } from "../model/console-messages.ts";
import type { Page, Pages } from "./pages.ts";

/** Connections to the proxy at once; WebSockets that have not shown their token yet, of all and of one address. */
const [mostConnections, mostStrangers, mostOfAddress] = [1_024, 128, 16];
/** A page sends keys, moves of the mouse, and pieces of what is pasted. */
const mostMessageBytes = 64 * 1024;
const patience = { handshakeTimeout: 10_000, headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 5_000 };

const securityHeaders: Readonly<Record<string, string>> = {
  // xterm sets its sizes and colours by a style element; scripts come from here alone.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

export type DoorOptions = {
  /** PEM texts. */
  tls: { key: string; cert: string };
  pages: Pages;
  /** A WebSocket that has come, whose origin is right; resolves when its token was looked at, or it has ended. */
  onSocket: (socket: WebSocket, address: string) => Promise<void>;
};

/** The HTTPS server of the proxy: the pages, and the WebSocket. Not listening yet. */
export function createDoor({ tls, pages, onSocket }: DoorOptions): Server {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: mostMessageBytes,
    maxFragments: 64,
  });
  const strangers = new Map<string, number>();
  const server = createServer({ ...tls, minVersion: "TLSv1.2", ...patience }, (request, response) =>
    answer(request, response, pages),
  );
  server.maxConnections = mostConnections;
  server.maxHeadersCount = 50;
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => undefined);
    const status = refusalOf(request);
    if (status !== undefined) return refuse(stream, status);
    const address = request.socket.remoteAddress ?? "";
    const ofAddress = strangers.get(address) ?? 0;
    const all = [...strangers.values()].reduce((sum, each) => sum + each, 0);
    if (all >= mostStrangers || ofAddress >= mostOfAddress) return refuse(stream, "503 Service Unavailable");
    strangers.set(address, ofAddress + 1);
    const known = () => {
      const left = (strangers.get(address) ?? 1) - 1;
      if (left > 0) strangers.set(address, left);
      else strangers.delete(address);
    };
    let isKnown = false;
    const once = () => {
      if (isKnown) return;
      isKnown = true;
      known();
    };
    stream.once("close", once);
    sockets.handleUpgrade(request, stream, head, (socket) => void onSocket(socket, address).finally(once));
  });
  return server;
}

/**
 * Browsers say of which page a WebSocket is, and only our own pages may have one: another site's page would otherwise make a
 * visitor's browser carry out its attempts. A program says nothing; its token is what counts.
 */
function refusalOf({ url = "", headers: { origin, host = "" } }: IncomingMessage): string | undefined {
  if (url !== socketPath) return "404 Not Found";
  if (origin === undefined) return undefined;
  return origin.toLowerCase() === `https://${host.toLowerCase()}` ? undefined : "403 Forbidden";
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  stream.once("finish", () => stream.destroy());
}

function answer({ method = "", url = "" }: IncomingMessage, response: ServerResponse, pages: Pages): void {
  const page: Page | undefined = pages.get(url);
  const isAsked = method === "GET" || method === "HEAD";
  const [status, body, type] =
    page === undefined
      ? [404, Buffer.from("There is no such page. Ask for access to a console first.\n"), "text/plain; charset=utf-8"]
      : isAsked
        ? [200, page.body, page.type]
        : [405, Buffer.from("Pages are only read.\n"), "text/plain; charset=utf-8"];
  response.writeHead(status, { ...securityHeaders, "content-type": type, "content-length": body.length });
  response.end(method === "HEAD" ? undefined : body);
}
