import assert from "node:assert/strict";
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect } from "node:tls";
import { consolePath, consoleProtocol } from "../../../../core/api/host/contract.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { cloudBed, hostBed } from "./bed.ts";

const machineUuid = "0f8fad5bd9cb469fa16570867728950e";

/** A host that has joined, whose consoles are the test's: `far` has the driver's end of each. */
async function joined(t: Parameters<typeof hostBed>[0]) {
  const bed = await hostBed(t);
  const cloud = await cloudBed(t, { port: bed.port });
  await cloud.add(bed);
  const far: Duplex[] = [];
  const asked: string[] = [];
  bed.node.work.openConsole = async (uuid, kind) => {
    asked.push(`${uuid} ${kind}`);
    const [near, end] = duplexPair();
    far.push(end.on("error", () => undefined));
    return near;
  };
  return { bed, cloud, far, asked, open: () => cloud.link.openConsole(bed.host, machineUuid, "vnc") };
}

test("a manager's request becomes the stream of a console, both ways, with the first byte that comes", async (t) => {
  const { bed, far, asked, open } = await joined(t);
  const work = bed.node.work.openConsole;
  bed.node.work.openConsole = async (...given) => {
    const stream = await work(...given);
    far[0]?.write("RFB 003.008\n");
    return stream;
  };
  const stream = await open();
  assert.deepEqual(asked, [`${machineUuid} vnc`]);
  const [first] = await once(stream, "data");
  assert.equal(String(first), "RFB 003.008\n");
  const all = text(far[0] ?? assert.fail());
  stream.end("answer");
  assert.equal(await all, "answer");
  await once(stream, "close");
});

test("each end hears of the other's, and a host that ends cuts its consoles", async (t) => {
  const { bed, far, open } = await joined(t);
  const [one, two, three] = [await open(), await open(), await open()];
  for (const each of [one, two, three]) each.resume();
  const gone = [one, three].map((each) => once(each, "close"));
  far[0]?.destroy();
  await gone[0];
  two.destroy();
  const second = far[1] ?? assert.fail();
  second.resume();
  if (!second.readableEnded) await once(second, "end");
  await bed.restart();
  await gone[1];
});

test("a slow manager holds the host's console up, and loses nothing", async (t) => {
  const { far, open } = await joined(t);
  const stream = await open();
  const source = far[0] ?? assert.fail();
  const size = 32 * 1024 * 1024;
  const chunk = Buffer.alloc(64 * 1024, "x");
  let sent = 0;
  const send = () => {
    while (sent < size) {
      sent += chunk.length;
      if (!source.write(chunk)) return void source.once("drain", send);
    }
    source.end();
  };
  send();
  let received = 0;
  for await (const piece of stream) {
    received += piece.length;
    // Never far behind what was read here.
    assert.ok(sent - received < 24 * 1024 * 1024, `${sent - received} bytes are held`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(received, size);
});

test("what the driver refuses comes to the manager in its words", async (t) => {
  const { bed, open } = await joined(t);
  bed.node.work.openConsole = async () => {
    throw new NodeError("HYPERVISOR.NOT_RUNNING", "The machine does not run on this host.");
  };
  await assert.rejects(open(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "HOST.1012");
    assert.ok(error.cause instanceof NodeError);
    assert.equal(error.cause.code, "HYPERVISOR.NOT_RUNNING");
    return true;
  });
});

test("a machine has so many consoles on its host and no more; one that was closed makes room", async (t) => {
  const { open } = await joined(t);
  const all = await Promise.all(Array.from({ length: 16 }, open));
  await assert.rejects(
    open(),
    (error: Error) => error.cause instanceof NodeError && error.cause.code === "HYPERVISOR.CONSOLE_LIMIT",
  );
  all[0]?.destroy();
  for (let opened = false; !opened; )
    opened = await open().then(
      () => true,
      () => false,
    );
});

test("nobody but a manager of the cloud gets a console, whatever is asked in its place", async (t) => {
  const { bed, asked, far, open } = await joined(t);
  const other = await cloudBed(t, { port: bed.port });
  other.pins.set(bed.uuid, "00");
  await assert.rejects(other.link.openConsole(bed.host, machineUuid, "vnc"), { code: "HOST.1011" });
  for (const [path, protocol] of [
    [consolePath(machineUuid, "vnc"), consoleProtocol],
    [consolePath(machineUuid, "serial"), "websocket"],
    ["/v1/machines/../../etc/consoles/vnc", consoleProtocol],
  ]) {
    const socket = connect({ host: bed.address, port: bed.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\nmore`);
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assert.match(answer, /CHANNEL\.NOT_MANAGER/);
  }
  assert.deepEqual([asked, far], [[], []]);
  (await open()).destroy();
});
