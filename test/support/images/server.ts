import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { undoAfter } from "../undo.ts";

/* A server of images on loopback that behaves as a test wants. */

export type Asked = { path: string; range: string | undefined; ifRange: string | undefined };

export type ImageServer = {
  readonly url: string;
  /** What was asked, in its order. */
  readonly asked: Asked[];
  /** How a path is answered. */
  readonly answers: Map<string, (request: IncomingMessage, response: ServerResponse) => void>;
};

export async function imageServer(t: TestContext): Promise<ImageServer> {
  const asked: Asked[] = [];
  const answers: ImageServer["answers"] = new Map();
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const { range, "if-range": ifRange } = request.headers;
    asked.push({ path, range, ifRange: ifRange?.toString() });
    const answer = answers.get(path);
    if (answer !== undefined) return answer(request, response);
    response.writeHead(404).end("There is no such image.");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undoAfter(t, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server has no address.");
  return { url: `http://127.0.0.1:${address.port}`, asked, answers };
}

/** Serves a content whole, and parts of it as RFC 9110 has it. */
export function serving(content: Buffer): (request: IncomingMessage, response: ServerResponse) => void {
  const etag = `"${createHash("md5").update(content).digest("hex")}"`;
  return ({ headers }, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? Number.NaN);
    if (Number.isNaN(from) || headers["if-range"] !== etag) {
      response.writeHead(200, { "content-length": content.length, etag }).end(content);
      return;
    }
    const part = content.subarray(from);
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { "content-length": part.length, "content-range": range, etag }).end(part);
  };
}
