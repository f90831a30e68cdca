import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { NodeError } from "../../model/error.ts";
import { errnoOf } from "../durable.ts";
import { type Answered, answerFile, notFound, type Share } from "./files.ts";

export type FileServer = {
  port: number;
  /** Ends it, with everything that is being fetched. */
  close(): Promise<void>;
};

export type FileServerOptions = {
  share: Share;
  token: string;
  /** Tried one after the other; 0 is any that is free. */
  ports: readonly number[];
  /** All addresses when left out. */
  host?: string;
  onAnswer: (answered: Answered) => void;
  /** Somebody asked with a wrong token; `from` is their address. */
  onWrong: (from: string) => void;
  onTrouble: (error: unknown) => void;
  /** How long a wrong token waits for its answer. */
  wrongDelayMs?: number;
};

/** A browser opens six. */
const mostConnections = 24;
const timeouts = { headersMs: 10_000, idleMs: 60_000, keepAliveMs: 5_000 };
const defaultWrongDelayMs = 500;
/** 32 signs that nobody takes for another one: an address may be typed from the screen. */
const tokenSigns = "abcdefghijkmnpqrstuvwxyz23456789";
const tokenLength = 16;

/** Each answer: nothing of it is kept, run, framed, guessed at, or told to the page that comes after it. */
const alwaysSent = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** 80 bits by chance. */
export function newToken(): string {
  return [...randomBytes(tokenLength)].map((byte) => tokenSigns[byte % tokenSigns.length]).join("");
}

/**
 * Serves files over HTTP to whoever knows the token, which is the first part of the path. Everybody else gets 404,
 * after a while.
 *
 * @throws NodeError SERVE.NO_PORT
 */
export async function startFileServer(options: FileServerOptions): Promise<FileServer> {
  const server = createServer(
    { requestTimeout: timeouts.headersMs, headersTimeout: timeouts.headersMs },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.onTrouble(error);
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
      });
    },
  );
  server.maxConnections = mostConnections;
  server.maxHeadersCount = 100;
  server.keepAliveTimeout = timeouts.keepAliveMs;
  // One that fetches nothing and says nothing.
  server.timeout = timeouts.idleMs;
  const port = await listen(server, options);
  return {
    port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: FileServerOptions): Promise<void> {
  for (const [name, value] of Object.entries(alwaysSent)) response.setHeader(name, value);
  const [path = ""] = (request.url ?? "").split("?");
  const [, token, rest] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  if (token === undefined || !isToken(token, options.token)) {
    // Browsers ask for these by themselves.
    if (path !== "/" && path !== "/favicon.ico") options.onWrong(request.socket.remoteAddress ?? "-");
    await new Promise((resolve) => setTimeout(resolve, options.wrongDelayMs ?? defaultWrongDelayMs));
    notFound(response);
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  if (rest === undefined) {
    response.writeHead(301, { location: `/${token}/` }).end();
    return;
  }
  options.onAnswer(await answerFile(request, response, options.share, rest));
}

/** In capitals as well, for whoever types it. Takes the same time whatever is wrong. */
function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given.toLowerCase()), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function listen(server: Server, { ports, host }: FileServerOptions): Promise<number> {
  let why: unknown;
  for (const port of ports) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
          server.off("error", reject);
          resolve();
        });
      });
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    } catch (error) {
      server.removeAllListeners("error");
      why = error;
    }
  }
  throw new NodeError("SERVE.NO_PORT", `No port could be listened on (${errnoOf(why) ?? "unknown"}).`, {
    remedy: "Look which program holds TCP 7071: ss -tlnp",
    cause: why,
  });
}
