import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { NodeError } from "../../../../core/model/error.ts";
import { undoAfter } from "../../../support/undo.ts";
import { type CloudBed, cloudBed, type HostBed, hostBed, report } from "./bed.ts";

test("a host is pinged over one connection, and over a new one after it has ended", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const before = host.connections;
  for (let i = 0; i < 5; i++) await cloud.link.ping(host.host);
  assert.equal(host.connections - before, 1);
  await host.restart();
  await cloud.link.ping(host.host);
  assert.equal(host.connections, 1);
});

test("a certificate that is no longer on record gets no call, also on a connection that is open", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  await cloud.link.ping(host.host);
  cloud.pins.delete(host.uuid);
  await assert.rejects(cloud.link.ping(host.host), { code: "HOST.1011", message: /on record/ });
  cloud.pins.set(host.uuid, Array.from({ length: 32 }, () => "AB").join(":"));
  await assert.rejects(cloud.link.ping(host.host), { code: "HOST.1011", message: /on record is AB:AB/ });
});

test("a host that shows the certificate of another host of the same cloud is found out", async (t) => {
  const one = await hostBed(t);
  const two = await hostBed(t, { port: one.port });
  const cloud = await cloudBed(t, one);
  await cloud.add(one);
  await cloud.add(two);
  const inItsPlace = { uuid: one.uuid, managementIp: two.address };
  await assert.rejects(cloud.link.ping(inItsPlace), { code: "HOST.1011", message: /another host/ });
  // Also when the record says that it is this certificate.
  cloud.pins.set(one.uuid, cloud.pins.get(two.uuid) ?? "");
  await assert.rejects(cloud.link.ping(inItsPlace), { code: "HOST.1011", message: /another host/ });
});

test("a host whose certificate comes from another cloud is not believed", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  const { fingerprint } = await one.add(host);
  two.pins.set(host.uuid, fingerprint);
  await assert.rejects(two.link.ping(host.host), { code: "HOST.1011", message: /another cloud/ });
});

test("an expired certificate of a host is not believed, one of a manager not obeyed", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.authority.manager();
  cloud.clock.days = -400;
  await assert.rejects(cloud.add(host), { code: "HOST.1011", message: /expired/ });
  cloud.clock.days = 0;
  await cloud.add(host);
  await cloud.link.ping(host.host);

  const old = await cloudBed(t, { port: host.port, days: -400, authorityOf: cloud });
  old.pins.set(host.uuid, cloud.pins.get(host.uuid) ?? "");
  await assert.rejects(old.link.ping(host.host), (error: NodeError) => {
    assert.equal(error.code, "HOST.1012");
    assert.ok(error.cause instanceof NodeError);
    assert.match(error.cause.message, /CERT_HAS_EXPIRED/);
    return error.cause.code === "CHANNEL.NOT_MANAGER";
  });
});

test("a host whose certificate has ended is given another one, and gets no other call before", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  cloud.clock.days = -400;
  const ended = await cloud.door.renew(host.host);
  cloud.pins.set(host.uuid, ended.fingerprint);
  const how = { id: "1", flow: "f", epoch: 1, timeoutMs: 1_000 };
  const others = [
    () => cloud.link.ping(host.host),
    () => cloud.link.report(host.host),
    () => cloud.link.machines(host.host),
    () => cloud.link.command(host.host, { do: "rebootMachine", uuid: host.uuid }, how),
    () => cloud.link.leave(host.host),
  ];
  for (const call of others) await assert.rejects(call(), { code: "HOST.1011", message: /expired/ });
  assert.deepEqual(host.commands, []);
  cloud.clock.days = 0;
  const renewed = await cloud.door.renew(host.host);
  // The manager ends before that is on record, and begins anew: the one on record is good enough for this once more.
  const again = await cloud.door.renew(host.host);
  assert.notEqual(again.fingerprint, renewed.fingerprint);
  cloud.pins.set(host.uuid, again.fingerprint);
  for (const call of others.slice(0, 4)) await call();
  assert.equal(host.membership.fingerprint, again.fingerprint);
});

test("a certificate that was given while the manager's clock was years ahead is good when the clock is right again", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  cloud.clock.days = 800;
  cloud.pins.set(host.uuid, (await cloud.door.renew(host.host)).fingerprint);
  cloud.clock.days = 0;
  await cloud.link.ping(host.host);
});

test("a certificate that has ended is good for nothing when it is not the one on record, another host's, or another cloud's", async (t) => {
  const one = await hostBed(t);
  const two = await hostBed(t, { port: one.port });
  const cloud = await cloudBed(t, one);
  await cloud.add(one);
  await cloud.add(two);
  cloud.clock.days = -400;
  for (const host of [one, two]) {
    const ended = await cloud.door.renew(host.host);
    cloud.pins.set(host.uuid, ended.fingerprint);
    // As when it was asked for by this certificate in the years in which it held.
    await host.membership.used(ended.certificate);
  }
  cloud.clock.days = 0;
  const pins = { one: cloud.pins.get(one.uuid) ?? "", two: cloud.pins.get(two.uuid) ?? "" };
  const shown = () => JSON.stringify([one.membership.shown, two.membership.shown]);
  const before = shown();
  const refused = (call: Promise<unknown>, message: RegExp) => assert.rejects(call, { code: "HOST.1011", message });

  cloud.pins.set(one.uuid, Array.from({ length: 32 }, () => "AB").join(":"));
  await refused(cloud.door.renew(one.host), /on record is AB:AB/);
  // The other host of the cloud answers in its place; also when the record says that it is this certificate.
  cloud.pins.set(one.uuid, pins.one);
  const inItsPlace = { uuid: one.uuid, managementIp: two.address };
  await refused(cloud.door.renew(inItsPlace), /on record is/);
  cloud.pins.set(one.uuid, pins.two);
  await refused(cloud.door.renew(inItsPlace), /another host/);
  cloud.pins.delete(one.uuid);
  await refused(cloud.door.renew(one.host), /on record/);
  const other = await cloudBed(t, one);
  other.pins.set(one.uuid, pins.one);
  await refused(other.door.renew(one.host), /another cloud/);
  assert.equal(shown(), before);
});

test("a host of the cloud is no manager: another host does not obey it", async (t) => {
  const one = await hostBed(t);
  const two = await hostBed(t, { port: one.port });
  const cloud = await cloudBed(t, one);
  await cloud.add(one);
  await cloud.add(two);
  const { member } = JSON.parse(readFileSync(join(one.tls, "membership.json"), "utf8"));
  t.mock.method(cloud.authority, "manager", async () => ({ ...member.current, authority: member.authority }));
  await assert.rejects(cloud.link.ping(two.host), (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError && error.cause.code === "CHANNEL.NOT_MANAGER");
    return error.code === "HOST.1012";
  });
});

test("a certificate is renewed when a third of its life is left: the old one is good until the new one is used", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const first = await cloud.add(host);
  const renewed = await cloud.door.renew(host.host);
  // The manager ends here and starts anew: nothing is on record of the new one.
  cloud.link.close();
  await cloud.link.ping(host.host);
  await host.restart();
  await cloud.link.ping(host.host);
  cloud.pins.set(host.uuid, renewed.fingerprint);
  await cloud.link.ping(host.host);
  cloud.link.close();
  await host.restart();
  await cloud.link.ping(host.host);
  cloud.pins.set(host.uuid, first.fingerprint);
  await assert.rejects(cloud.link.ping(host.host), { code: "HOST.1011" });
});

test("a renewal that the host did not live through changes nothing, and can be begun anew", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const { signHost } = cloud.authority;
  const restarts = t.mock.method(cloud.authority, "signHost", async (request: string, uuid: string) => {
    await host.restart();
    return signHost.call(cloud.authority, request, uuid);
  });
  await assert.rejects(cloud.door.renew(host.host), { code: "HOST.1012" });
  restarts.mock.restore();
  await cloud.link.ping(host.host);
  cloud.pins.set(host.uuid, (await cloud.door.renew(host.host)).fingerprint);
  await cloud.link.ping(host.host);
});

test("an answer that is late is not taken for that of the next call", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, { port: host.port, patience: { answerMs: 300 } });
  await cloud.add(host);
  const gate = Promise.withResolvers<void>();
  const quick = host.node.work.machines;
  host.node.work.machines = async () => {
    await gate.promise;
    return [{ uuid: host.uuid, state: "running" as const }];
  };
  await assert.rejects(cloud.link.machines(host.host), { code: "HOST.1010", message: /within 0\.3 s/ });
  gate.resolve();
  host.node.work.machines = quick;
  assert.deepEqual(await cloud.link.machines(host.host), []);
});

test("a call that is called off ends at once", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const off = new AbortController();
  host.node.work.machines = () => {
    off.abort();
    return new Promise(() => undefined);
  };
  await assert.rejects(cloud.link.machines(host.host, off.signal), { code: "HOST.1010" });
});

test("an error of the agent is the cause, made harmless", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  host.node.work.carryOut = async () => {
    throw new NodeError("HYPERVISOR.FAILED", `\u001b[2J${"x".repeat(5_000)}`, { remedy: "Do.\u0000" });
  };
  const how = { id: "1", flow: "f", epoch: 1, timeoutMs: 1_000 };
  const call = cloud.link.command(host.host, { do: "rebootMachine", uuid: host.uuid }, how);
  await assert.rejects(call, (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError);
    assert.equal(error.cause.code, "HYPERVISOR.FAILED");
    assert.equal(error.cause.message.length, 500);
    assert.doesNotMatch(JSON.stringify(error.toBody()), /\\u00/);
    return error.code === "HOST.1012";
  });
});

for (const [name, head, code, sentence] of [
  ["in an older protocol", { protocol: "0", body: "{}" }, "HOST.1012", /version 0 of the protocol, this manager 1/],
  ["in a newer protocol", { protocol: "9", body: "{}" }, "HOST.1012", /version 9/],
  ["in no protocol of ours", { protocol: "", body: "{}" }, "HOST.1012", /not one of this protocol/],
  ["to another request", { protocol: "1", request: "x", body: "{}" }, "HOST.1012", /another request/],
  ["without what belongs into it", { protocol: "1", body: '{"version":"1","protocol":1}' }, "HOST.1012", /bootId/],
  ["that is no JSON", { protocol: "1", body: "<html>" }, "HOST.1012", /can't be understood/],
  ["of 100 MB", { protocol: "1", body: "x".repeat(100_000), repeat: 1_000 }, "HOST.1012", /longer than/],
  ["that ends in the middle", { protocol: "1", body: "{", cut: true }, "HOST.1010", /failed/],
] as const)
  test(`an answer ${name} is refused`, async (t) => {
    const { cloud, host } = await liar(t, (socket, request) => {
      const body = head.body;
      const times = "repeat" in head ? head.repeat : 1;
      const length = body.length * times + ("cut" in head ? 10 : 0);
      const id = "request" in head ? head.request : (/x-binnacle-request: (\S+)/i.exec(request)?.[1] ?? "");
      const lines = ["HTTP/1.1 200 OK", `content-length: ${length}`, `x-binnacle-request: ${id}`];
      if (head.protocol !== "") lines.push(`x-binnacle-protocol: ${head.protocol}`);
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      for (let i = 0; i < times && !socket.destroyed; i++) socket.write(body);
      if ("cut" in head) socket.end();
    });
    await assert.rejects(cloud.link.ping(host), { code, message: sentence });
  });

test("an agent that answers twice is not believed the second time", async (t) => {
  const { cloud, host } = await liar(t, (socket, request) => {
    const id = /x-binnacle-request: (\S+)/i.exec(request)?.[1];
    const body = JSON.stringify({ bootId: id, version: "1", protocol: 1 });
    const lines = ["HTTP/1.1 200 OK", `content-length: ${body.length}`, `x-binnacle-request: ${id}`];
    const answer = `${[...lines, "x-binnacle-protocol: 1"].join("\r\n")}\r\n\r\n${body}`;
    socket.write(answer + answer);
  });
  const boots = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const answer = await cloud.link.ping(host).catch((error: NodeError) => error);
    if (answer instanceof NodeError) assert.match(answer.code, /^HOST\.101[02]$/);
    else assert.equal(boots.has(answer.bootId), false, "an old answer was taken");
    if (!(answer instanceof NodeError)) boots.add(answer.bootId);
  }
});

test("garbage on the port, silence and nobody are a host that does not answer", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, { port: host.port, patience: { connectMs: 300, pingMs: 600 } });
  await cloud.add(host);
  const { port } = host;
  const at = async (address: string, serve: (socket: Socket) => void) => {
    const server = createServer(serve);
    await listening(t, server, port, address);
    cloud.pins.set(host.uuid, cloud.pins.get(host.uuid) ?? "");
    return cloud.link.ping({ uuid: host.uuid, managementIp: address });
  };
  const noTls = at("127.0.1.1", (socket) => socket.on("error", () => undefined).write("SSH-2.0-OpenSSH_9\r\n"));
  await assert.rejects(noTls, { code: "HOST.1010", message: /no TLS/ });
  await assert.rejects(
    at("127.0.1.2", () => undefined),
    { code: "HOST.1010", message: /No connection came about/ },
  );
  await assert.rejects(
    at("127.0.1.3", (socket) => socket.destroy()),
    { code: "HOST.1010" },
  );
  const nobody = cloud.link.ping({ uuid: host.uuid, managementIp: "127.0.1.4" });
  await assert.rejects(nobody, { code: "HOST.1010", message: /Nothing listens/ });
});

test("strangers that say nothing, or half of something, do not keep the manager out, and are given up", {
  timeout: 60_000,
}, async (t) => {
  const host = await hostBed(t);
  host.node.patience = { handshakeMs: 500, headersMs: 500, requestMs: 500, checkMs: 100 };
  await host.restart();
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const silent = Array.from({ length: 100 }, (_, i) => {
    const socket = connect(host.port, host.address);
    socket.on("error", () => undefined);
    if (i % 2 === 0) socket.write(Buffer.from([0x16, 0x03, 0x01]));
    return { socket, closed: once(socket, "close") };
  });
  undoAfter(t, () => silent.forEach(({ socket }) => socket.destroy()));
  await cloud.link.ping(host.host);
  cloud.link.close();
  await cloud.link.ping(host.host);
  await Promise.all(silent.map(({ closed }) => closed));
  while (host.strangers > 0) await new Promise((resolve) => setImmediate(resolve));
});

/** A host with the right certificate whose agent answers each request as `answer` does. */
async function liar(t: TestContext, answer: (socket: Socket, request: string) => void) {
  const real: HostBed = await hostBed(t);
  const cloud: CloudBed = await cloudBed(t, real);
  await cloud.add(real);
  cloud.link.close();
  const { member } = JSON.parse(readFileSync(join(real.tls, "membership.json"), "utf8"));
  const { key, certificate: cert } = member.current;
  const server = createTlsServer({ key, cert, ca: member.authority, requestCert: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => answer(socket, data.toString()));
  });
  const address = real.address.replace("127.0.0", "127.0.2");
  await listening(t, server, real.port, address);
  return { cloud, host: { uuid: real.uuid, managementIp: address } };
}

async function listening(t: TestContext, server: Server, port: number, address: string): Promise<void> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => open.add(socket));
  server.listen(port, address);
  await once(server, "listening");
  undoAfter(t, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
}

test("a ping that is held is answered at its head at once, and at its end when a machine has changed", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const gate = Promise.withResolvers<string>();
  const asked: unknown[] = [];
  host.node.work.changed = (known, holdMs) => {
    asked.push([known, holdMs]);
    return gate.promise;
  };
  const head = Promise.withResolvers<void>();
  const held = cloud.link.watch(host.host, { after: "a-1", holdMs: 60_000, onHead: head.resolve });
  await head.promise;
  gate.resolve("a-2");
  const { serial, bootId } = await held;
  assert.deepEqual([serial, bootId, asked], ["a-2", report.bootId, [["a-1", 60_000]]]);
});

test("a ping that is held ends when nobody waits for it any more, and its host works on", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const gone = Promise.withResolvers<void>();
  host.node.work.changed = (_known, _holdMs, signal) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => {
      gone.resolve();
      resolve("a-1");
    });
    return promise;
  };
  const calling = new AbortController();
  const head = Promise.withResolvers<void>();
  const how = { after: "a-1", holdMs: 60_000, onHead: head.resolve, signal: calling.signal };
  const held = cloud.link.watch(host.host, how);
  await head.promise;
  calling.abort();
  await assert.rejects(held, { code: "HOST.1010" });
  await gone.promise;
  await cloud.link.ping(host.host);
});
