import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import Fastify from "fastify";
import { type EventStream, openStream } from "../../../core/api/streams.ts";
import { temporaryFolder } from "../../support/programs.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

type Bed = { stream: EventStream; closed: Promise<void>; drained: Promise<void>; client: net.Socket };

/** A stream and its client, which reads nothing until `resume`. `before` runs between the request and the stream. */
async function open(
  before: (client: net.Socket, atServer: net.Socket) => Promise<unknown> = async () => undefined,
  everyMs?: number,
): Promise<Bed> {
  const folder = temporaryFolder();
  const path = join(folder.path, "s");
  const server = Fastify();
  cleanUp.push(folder.dispose, () => server.close());
  const bed = new Promise<Bed>((resolve) => {
    server.get("/", async (request, reply) => {
      await before(client, request.raw.socket);
      const closed = Promise.withResolvers<void>();
      const drained = Promise.withResolvers<void>();
      const stream = openStream(request, reply, { close: closed.resolve, drained: drained.resolve }, everyMs);
      resolve({ stream, closed: closed.promise, drained: drained.promise, client });
    });
  });
  await server.listen({ path });
  const client = net.connect(path);
  client.on("error", () => undefined);
  client.pause();
  cleanUp.push(() => client.destroy());
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return bed;
}

const kilobyte = JSON.stringify("x".repeat(1022));

function sendUntilDropped(stream: EventStream): number {
  let sent = 0;
  while (sent < 10_000 && stream.sendText("facts", kilobyte)) sent += 1;
  return sent;
}

test("a client that does not read costs a bounded backlog, then events are dropped", async () => {
  const { stream } = await open();
  const sent = sendUntilDropped(stream);
  assert.ok(sent > 100 && sent < 1_000, `${sent} kB were taken`);
  assert.equal(stream.sendText("facts", kilobyte), false);
  assert.equal(stream.closed, false);
});

test("a client that reads again gets a call for the newest state, and then new events", async () => {
  const { stream, client, drained } = await open();
  sendUntilDropped(stream);
  client.resume();
  await drained;
  assert.equal(stream.sendText("facts", kilobyte), true);
});

test("a client that went away before its stream was opened closes it", async () => {
  const { stream, closed } = await open((client, atServer) => {
    client.destroy();
    return once(atServer, "close");
  });
  await closed;
  assert.equal(stream.closed, true);
  assert.equal(stream.sendText("facts", kilobyte), false);
});

test("a client that goes away closes its stream", async () => {
  const { stream, client, closed } = await open();
  client.destroy();
  await closed;
  assert.equal(stream.closed, true);
});

test("a client that has not read for a minute loses its stream", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { stream, closed } = await open();
  sendUntilDropped(stream);
  t.mock.timers.tick(30_000);
  assert.equal(stream.closed, false);
  t.mock.timers.tick(30_000);
  await closed;
});

test("a comment comes as often as the client wants to know that nobody hangs", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { client } = await open(undefined, 1_000);
  let text = "";
  const beat = new Promise<void>((resolve) => {
    client.on("data", (chunk) => {
      text += chunk.toString();
      if (/\n: \r?\n/.test(text)) resolve();
    });
  });
  client.resume();
  t.mock.timers.tick(1_000);
  await beat;
});
