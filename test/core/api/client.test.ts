import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { Client, checkProtocol, type Subscription } from "../../../core/api/client.ts";
import { consoleHeader, protocol } from "../../../core/api/contract.ts";
import { NodeError } from "../../../core/model/error.ts";
import { temporaryFolder } from "../../support/programs.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const status = {
  product: "Binnacle",
  version: "0",
  protocol,
  mode: "preview",
  startedAt: 0,
  passwordSet: true,
  publicView: "panels",
  lockMinutes: 10,
};

function socketPath(): string {
  const { path, dispose } = temporaryFolder();
  cleanUp.push(dispose);
  return join(path, "s");
}

function clientOf(path: string, timeoutMs = 5_000): Client {
  const client = new Client({ socketPath: path, console: "tty1", timeoutMs });
  cleanUp.push(() => client.close());
  return client;
}

async function listen(server: net.Server, path: string): Promise<void> {
  const open = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => open.add(socket.on("error", () => undefined)));
  cleanUp.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

/** An agent that answers every request in this way. */
async function answering(listener: http.RequestListener): Promise<string> {
  const path = socketPath();
  await listen(http.createServer(listener), path);
  return path;
}

function json(response: http.ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function errorOf(path: string, timeoutMs?: number): Promise<NodeError> {
  try {
    await clientOf(path, timeoutMs).call("status", {});
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error("was answered");
}

test("a call names its console, and its session when there is one", async () => {
  const seen: http.IncomingHttpHeaders[] = [];
  const client = clientOf(
    await answering((request, response) => {
      seen.push(request.headers);
      json(response, 200, status);
    }),
  );
  assert.deepEqual(await client.call("status", {}), status);
  client.token = "secret";
  await client.call("status", {});
  assert.deepEqual(
    seen.map((headers) => [headers[consoleHeader], headers.authorization]),
    [
      ["tty1", undefined],
      ["tty1", "Bearer secret"],
    ],
  );
});

test("parameters and queries are encoded, and what is undefined is left out", async () => {
  let url: string | undefined;
  const client = clientOf(
    await answering((request, response) => {
      url = request.url;
      json(response, 200, { first: 0, lines: [] });
    }),
  );
  await client.call("jobLog", { params: { id: "../a b" }, query: { from: 7 } });
  assert.equal(url, "/v1/jobs/..%2Fa%20b/log?from=7");
});

test("what the agent refuses comes with its code, remedy and figures", async () => {
  const body = { code: "AUTH.SLOWED", description: "Wait.", remedy: "Later.", values: { retryAfterMs: 5000 } };
  const error = await errorOf(await answering((_request, response) => json(response, 429, { error: body })));
  assert.deepEqual(error.toBody(), { error: body });
});

test("nothing at the socket's path, or nobody behind it, is AGENT.ABSENT", async () => {
  const path = socketPath();
  assert.equal((await errorOf(path)).code, "AGENT.ABSENT");
  writeFileSync(path, "");
  assert.equal((await errorOf(path)).code, "AGENT.ABSENT");
});

test("a socket that this user may not open is AGENT.DENIED", async () => {
  const path = await answering((_request, response) => json(response, 200, status));
  chmodSync(path, 0o600);
  const { seteuid } = process;
  if (process.getuid?.() !== 0 || seteuid === undefined) chmodSync(path, 0o000);
  else {
    seteuid(65534);
    cleanUp.push(() => seteuid(0));
  }
  assert.equal((await errorOf(path)).code, "AGENT.DENIED");
});

const nonsense: Record<string, http.RequestListener> = {
  "a page": (_request, response) => response.end("<html>"),
  "an empty answer": (_request, response) => response.end(),
  "an error page": (_request, response) => response.writeHead(500).end("<html>"),
  "an error of another shape": (_request, response) => json(response, 400, { error: "Bad Request" }),
  "another answer": (_request, response) => json(response, 200, { ...status, protocol: "1" }),
  "an answer without end": (_request, response) => {
    const more = () => {
      while (response.write("x".repeat(65_536)));
    };
    response.writeHead(200).on("drain", more);
    more();
  },
};

for (const [name, listener] of Object.entries(nonsense))
  test(`${name} is AGENT.NONSENSE`, async () => {
    assert.equal((await errorOf(await answering(listener))).code, "AGENT.NONSENSE");
  });

test("a program that does not speak HTTP is AGENT.NONSENSE", async () => {
  const path = socketPath();
  await listen(
    net.createServer((socket) => socket.end("220 ready\r\n")),
    path,
  );
  assert.equal((await errorOf(path)).code, "AGENT.NONSENSE");
});

test("an agent that goes away in the middle of an answer is AGENT.LOST", async () => {
  const path = await answering((_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"product":', () => response.destroy());
  });
  assert.equal((await errorOf(path)).code, "AGENT.LOST");
});

test("an agent that is silent, before or within its answer, is AGENT.TIMEOUT", async () => {
  assert.equal((await errorOf(await answering(() => {}), 50)).code, "AGENT.TIMEOUT");
  const half = await answering((_request, response) => response.writeHead(200).write("{"));
  assert.equal((await errorOf(half, 50)).code, "AGENT.TIMEOUT");
});

test("another version of the protocol is told with both versions", () => {
  checkProtocol(protocol);
  assert.throws(() => checkProtocol(protocol + 1), {
    code: "AGENT.PROTOCOL",
    values: { theirs: protocol + 1, ours: protocol },
  });
});

/** Events until `enough` says so; then the subscription is closed. */
function follow(path: string, enough: (seen: string[]) => boolean): Promise<string[]> {
  return new Promise((resolve) => {
    const seen: string[] = [];
    let subscription: Subscription | undefined;
    const add = (what: string) => {
      seen.push(what);
      if (!enough(seen)) return;
      subscription?.close();
      resolve(seen);
    };
    subscription = clientOf(path).events({
      onOpen: () => add("open"),
      onLost: (error) => add(error.code),
      status: ({ version }) => add(`status ${version}`),
      locked: ({ why }) => add(`locked ${why}`),
    });
    cleanUp.push(() => subscription?.close());
  });
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

test("a stream that breaks is told once and opened again", async () => {
  let times = 0;
  const path = await answering((_request, response) => {
    times += 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event("status", { ...status, version: String(times) }));
    if (times === 1) response.end();
  });
  const seen = await follow(path, (all) => all.length === 5);
  assert.deepEqual(seen, ["open", "status 1", "AGENT.LOST", "open", "status 2"]);
});

test("events of an unknown name are passed over, and those of another shape are told without ending the stream", async () => {
  const path = await answering((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(
      event("novelty", 1) + event("locked", { why: "bored" }) + event("toString", 1) + event("locked", { why: "idle" }),
    );
  });
  assert.deepEqual(await follow(path, (all) => all.length === 3), ["open", "AGENT.NONSENSE", "locked idle"]);
});

test("no handler is called after a subscription was closed", async () => {
  const path = await answering((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event("locked", { why: "idle" }) + event("locked", { why: "revoked" }));
  });
  assert.deepEqual(await follow(path, (all) => all.length === 2), ["open", "locked idle"]);
});

test("a stream that is refused is tried again with what the agent said", async () => {
  const body = { code: "API.BAD_CONSOLE", description: "x" };
  const path = await answering((_request, response) => json(response, 400, { error: body }));
  assert.deepEqual(await follow(path, (all) => all.length === 2), ["API.BAD_CONSOLE", "API.BAD_CONSOLE"]);
});
