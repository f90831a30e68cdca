import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "node:tls";
import WebSocket from "ws";
import { endCodes } from "../../../core/model/console-messages.ts";
import { seen } from "../../support/cloud/place.ts";
import { consoleCloud, scriptedLink } from "./bed.ts";

test("a token opens the serial line of its machine, both ways, and says which machine it is", async (t) => {
  const { client, token, uuid } = await consoleCloud(t);
  const page = client();
  const ready = await page.open(await token());
  assert.deepEqual([ready.name, ready.kind], ["web", "serial"]);
  await page.until(() => page.bytes.includes(`The machine ${uuid} is SIMULATED`));
  page.socket.send(Buffer.from("hello\r"));
  await page.until(() => page.bytes.endsWith("hello\r\n"));
});

test("a token that was used is refused in words, and a page comes back with its other one", async (t) => {
  const { client, token } = await consoleCloud(t);
  const used = await token();
  const first = client();
  const { again } = await first.open(used);
  const second = client();
  await second.hello(used);
  assert.equal(await second.closed, endCodes.refused);
  assert.match(second.why, /was used, or is over/);
  first.socket.terminate();
  await first.closed;
  assert.equal((await client().open(again)).name, "web");
});

test("a machine without such a console, or whose host is away, is told in the host's words", async (t) => {
  const { client, token, hosts } = await consoleCloud(t);
  const screen = client();
  await screen.hello(await token(undefined, "vnc"));
  assert.equal(await screen.closed, endCodes.notOpened);
  assert.match(screen.why, /a simulated machine has no screen/);
  const serial = await token();
  hosts.cut("10.0.0.2", false);
  const away = client();
  await away.hello(serial);
  assert.equal(await away.closed, endCodes.notOpened);
  assert.match(away.why, /Nothing answers/);
});

test("when the machine stops its page says so and closes; other machines' pages stay", async (t) => {
  const { client, token, done, uuid, newMachine, proxy } = await consoleCloud(t);
  const other = await newMachine("db");
  const [page, others] = [client(), client()];
  await page.open(await token());
  await others.open(await token(other));
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  assert.equal(await page.closed, endCodes.machine);
  assert.match(page.why, /does not run any more: it is Stopped/);
  others.socket.send(Buffer.from("x"));
  await others.until(() => others.bytes.endsWith("x"));
  assert.equal(proxy.count, 1);
});

test("a machine that was moved, lost with its host, or deleted ends its page with that word", async (t) => {
  const link = scriptedLink();
  const { client, token, cloud, newMachine } = await consoleCloud(t, { link });
  const another = "0f8fad5bd9cb469fa16570867728950e";
  for (const [change, word] of [
    [{ hostUuid: another }, /moved to another host/],
    [{ state: "Unknown" }, /host does not answer/],
    [{ state: "Destroyed", hostUuid: null }, /it is Destroyed/],
  ] as const) {
    const uuid = await newMachine("one");
    const page = client();
    await page.open(await token(uuid));
    await cloud.records.change((tx) => tx.update("VmInstance", uuid, change));
    assert.equal(await page.closed, endCodes.machine);
    assert.match(page.why, word);
    if (link.near?.destroyed === false) await once(link.near, "close");
  }
});

test("a host that goes silent is asked whether it is there, and its pages are told when it is not", async (t) => {
  const link = scriptedLink();
  const { client, token } = await consoleCloud(t, { link, patience: { lookMs: 20, quietMs: 20, idleMs: 60_000 } });
  const page = client();
  await page.open(await token());
  page.socket.send(Buffer.from("x"));
  assert.ok(link.far !== undefined);
  await once(link.far, "readable");
  assert.equal(page.socket.readyState, WebSocket.OPEN);
  link.answers = false;
  assert.equal(await page.closed, endCodes.machine);
  assert.match(page.why, /host does not answer/);
});

test("a host that ends the console of a machine which goes on is told, and the page may come back", async (t) => {
  const link = scriptedLink();
  const { client, token } = await consoleCloud(t, { link });
  const page = client();
  const { again } = await page.open(await token());
  link.far?.destroy();
  assert.equal(await page.closed, endCodes.host);
  assert.equal((await client().open(again)).name, "web");
  assert.equal(link.opened, 2);
});

test("while a machine is moved its page waits for the end of that, and says so then", async (t) => {
  const link = scriptedLink();
  const { client, token, cloud, uuid } = await consoleCloud(t, { link });
  const page = client();
  await page.open(await token());
  const moving = { state: "Migrating", operation: "migrateLive", earlierState: "Running" } as const;
  await cloud.records.change((tx) => tx.update("VmInstance", uuid, moving));
  link.far?.destroy();
  const moved = { state: "Running", operation: null, earlierState: null } as const;
  const hostUuid = "0f8fad5bd9cb469fa16570867728950e";
  await cloud.records.change((tx) => tx.update("VmInstance", uuid, { ...moved, hostUuid }));
  assert.equal(await page.closed, endCodes.machine);
  assert.match(page.why, /moved to another host/);
});

test("the log says who opened what and why it ended, and has no token", async (t) => {
  const { client, token, notes, done, uuid } = await consoleCloud(t);
  const first = await token();
  const page = client();
  const { again } = await page.open(first);
  await done("StopVmInstance", { uuid, type: "cold" });
  await page.closed;
  const all = notes.join("\n");
  assert.match(all, new RegExp(`^a console is opened: .*${uuid}.*"admin".*127\\.0\\.0\\.1`, "m"));
  assert.match(all, /^a console is ended: .*does not run any more/m);
  for (const secret of [first, again]) assert.ok(!all.includes(secret));
});

test("a log-out ends what was opened in its session", async (t) => {
  const { client, token, call } = await consoleCloud(t);
  const page = client();
  const { again } = await page.open(await token());
  await call("LogOut", {});
  assert.equal(await page.closed, endCodes.session);
  const back = client();
  await back.hello(again);
  assert.equal(await back.closed, endCodes.refused);
});

test("only pages of the proxy itself may open a WebSocket; a program without a page may", async (t) => {
  const { client, url, port } = await consoleCloud(t);
  for (const origin of [
    "https://evil.example",
    "null",
    `http://127.0.0.1:${port}`,
    `${url}.evil.example`,
    "https://127.0.0.1",
  ]) {
    const { socket } = client({ origin });
    const [, response] = await once(socket, "unexpected-response");
    assert.equal(response.statusCode, 403, origin);
    response.destroy();
  }
  await once(client({ origin: url }).socket, "open");
  await once(client().socket, "open");
});

test("what is no token, or comes before the answer, ends the WebSocket, and none of it opens anything", async (t) => {
  const link = scriptedLink();
  const { client, token } = await consoleCloud(t, { link });
  const good = await token();
  const hello = JSON.stringify({ token: good });
  const attempts: ((socket: WebSocket) => void)[] = [
    (socket) => socket.send("no JSON"),
    (socket) => socket.send("[]"),
    (socket) => socket.send(JSON.stringify({ token: good, more: 1 })),
    (socket) => socket.send(JSON.stringify({ token: "a".repeat(60_000) })),
    (socket) => socket.send(Buffer.from(hello)),
    // A frame that is larger than any may be, and one in more pieces than any has.
    (socket) => socket.send("x".repeat(70_000)),
    (socket) => {
      for (let n = 0; n < 200; n++) socket.send("x", { fin: false });
    },
  ];
  for (const [nth, attempt] of attempts.entries()) {
    const { socket, closed } = client();
    await once(socket, "open");
    attempt(socket);
    assert.ok([endCodes.nonsense, 1008, 1009].includes(Number(await closed)), `attempt ${nth}`);
  }
  assert.equal(link.opened, 0);
  const early = client();
  await once(early.socket, "open");
  early.socket.send(hello);
  early.socket.send(Buffer.from("too early"));
  assert.equal(await early.closed, endCodes.nonsense);
});

test("frames that no WebSocket sends end the connection, before and after the token", async (t) => {
  const { client, token, port, ca } = await consoleCloud(t);
  // Unmasked; a reserved opcode; a control frame of 126 bytes; reserved bits.
  for (const frame of ["810548656c6c6f", "83800000000", "89fe007e00000000", "f1800000000"]) {
    const socket = connect({ host: "127.0.0.1", port, ca });
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    socket.write(
      `GET /console HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString("base64")}\r\n\r\n`,
    );
    await once(socket, "data");
    socket.write(Buffer.from(frame.padEnd(frame.length + (frame.length % 2), "0"), "hex"));
    socket.resume();
    await once(socket, "close");
  }
  const page = client();
  await page.open(await token());
  page.socket.send("a text where bytes belong");
  assert.equal(await page.closed, endCodes.nonsense);
});

test("a page that stops reading holds up its host's stream and no memory; it gets all when it reads again", async (t) => {
  const link = scriptedLink();
  const { client, token } = await consoleCloud(t, { link });
  const page = client();
  await page.open(await token());
  const { far } = link;
  assert.ok(far !== undefined);
  page.socket.pause();
  const chunk = Buffer.alloc(64 * 1024, "s");
  const mostBytes = 256 * 1024 * 1024;
  let sent = 0;
  // Until the host is held up: what the kernel and the proxy take is a few megabytes.
  const isHeldUp = () =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), 2_000);
      far.once("drain", () => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  for (;;) {
    sent += chunk.length;
    if (!far.write(chunk) && (await isHeldUp())) break;
    assert.ok(sent < mostBytes, "the proxy takes without end");
  }
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`);
  page.socket.resume();
  await page.until(() => page.bytes.length >= sent);
  assert.equal(page.bytes.length, sent);
});

test("a host that does not take what is typed holds up the page", async (t) => {
  const link = scriptedLink();
  const { client, token } = await consoleCloud(t, { link });
  const page = client();
  await page.open(await token());
  const piece = Buffer.alloc(32 * 1024, "k");
  const pieces = 512;
  for (let n = 0; n < pieces; n++) page.socket.send(piece);
  const { near, far } = link;
  assert.ok(near !== undefined && far !== undefined);
  let [last, same] = [-1, 0];
  for (; same < 20; same = near.writableLength === last ? same + 1 : 0) {
    last = near.writableLength;
    await pause(25);
  }
  assert.ok(last > 0 && last < 1024 * 1024, `${last} bytes`);
  let taken = 0;
  far.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken === piece.length * pieces) far.write("all");
  });
  await page.until(() => page.bytes.includes("all"));
});

test("a flood of WebSockets without tokens is bounded, and a page in earnest gets in when it has passed", async (t) => {
  const { client, token } = await consoleCloud(t);
  const strangers = Array.from({ length: 24 }, () => client());
  const outcomes = await Promise.all(
    strangers.map(async ({ socket }) => {
      const opened = once(socket, "open").then(() => "open");
      const refused = once(socket, "unexpected-response").then(([, response]) => String(response.statusCode));
      opened.catch(() => undefined);
      refused.catch(() => undefined);
      return Promise.race([opened, refused]);
    }),
  );
  assert.equal(outcomes.filter((each) => each === "open").length, 16);
  assert.equal(outcomes.filter((each) => each === "503").length, 8);
  for (const { socket } of strangers) socket.terminate();
  await Promise.all(strangers.map(({ closed }) => closed));
  for (;;)
    try {
      assert.equal((await client().open(await token())).name, "web");
      return;
    } catch (error) {
      // The proxy hears of their end a moment later.
      if (!/without a word/.test(String(error))) throw error;
    }
});

test("one machine has so many viewers and no more", async (t) => {
  const { client, token, proxy } = await consoleCloud(t);
  for (let n = 0; n < 8; n++) await client().open(await token());
  const ninth = client();
  await ninth.hello(await token());
  assert.equal(await ninth.closed, endCodes.tooMany);
  assert.equal(proxy.count, 8);
});

test("pages come with headers that keep others' scripts, frames and referrers out, and only by GET", async (t) => {
  const pages = new Map([["/vnc", { body: Buffer.from("<html>"), type: "text/html; charset=utf-8" }]]);
  const { url, ca } = await consoleCloud(t, { pages });
  const get = async (path: string, method = "GET") => {
    const asked = request(`${url}${path}`, { ca, method, agent: false });
    asked.end();
    const [response] = await once(asked, "response");
    response.resume();
    return response;
  };
  const page = await get("/vnc");
  assert.equal(page.statusCode, 200);
  const policy = String(page.headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(page.headers["referrer-policy"], "no-referrer");
  assert.equal(page.headers["x-content-type-options"], "nosniff");
  for (const path of ["/", "/vnc.html", "/.%2f../etc/passwd", "/constructor", "/console", "/vnc?token=x"])
    assert.equal((await get(path)).statusCode, 404, path);
  assert.equal((await get("/vnc", "POST")).statusCode, 405);
});

test("another address and port are listened on at once, and what is open stays open", async (t) => {
  const place = { hostname: "127.0.0.1", port: 0, listenOn: "127.0.0.1" };
  const { client, token, proxy, port, ca } = await consoleCloud(t, { place: () => ({ ...place }) });
  const page = client();
  await page.open(await token());
  place.listenOn = "127.0.0.2";
  await proxy.move();
  assert.equal(proxy.place?.listenOn, "127.0.0.2");
  page.socket.send(Buffer.from("x"));
  await page.until(() => page.bytes.endsWith("x"));
  const moved = connect({ host: "127.0.0.2", port: proxy.place.port, ca, checkServerIdentity: () => undefined });
  await once(moved, "secureConnect");
  moved.destroy();
  const former = connect({ host: "127.0.0.1", port, ca });
  const [error] = await once(former, "error");
  assert.equal(error.code, "ECONNREFUSED");
});

test("a port that somebody else has is told once, calls say so, and it is taken as soon as it is free", async (t) => {
  const first = await consoleCloud(t);
  const place = { hostname: "127.0.0.1", port: first.port, listenOn: "127.0.0.1" };
  const second = await consoleCloud(t, { place: () => place, patience: { retryMs: 20 } });
  assert.equal(second.proxy.place, undefined);
  await assert.rejects(second.token(), { code: "SYS.1090" });
  await first.proxy.close();
  while (second.proxy.place === undefined) await second.proxy.move();
  assert.equal(second.troubles.length, 1);
  assert.match(second.troubles[0] ?? "", /EADDRINUSE/);
  assert.equal((await second.client().open(await second.token())).name, "web");
});

test("a manager that ends says so to its pages", async (t) => {
  const { client, token, proxy } = await consoleCloud(t);
  const page = client();
  await page.open(await token());
  await Promise.all([proxy.close(), page.closed]);
  assert.equal(await page.closed, endCodes.manager);
});

test("who types keeps the session alive; who only looks does not", async (t) => {
  const { client, token, cloud, clock, uuid } = await consoleCloud(t);
  const page = client();
  await page.open(await token());
  const lastUse = () => [...cloud.mirror.all("Session")][0]?.value.lastUseDate ?? 0;
  const before = lastUse();
  clock.aheadMs = 30 * 60_000;
  await cloud.records.change((tx) => tx.update("VmInstance", uuid, { description: "looked at" }));
  assert.equal(lastUse(), before);
  page.socket.send(Buffer.from("x"));
  await seen(cloud.mirror, () => lastUse() >= before + 29 * 60_000);
});
