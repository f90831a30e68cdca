import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import net from "node:net";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { claimSocket, listenOn } from "../../../core/api/listen.ts";
import { temporaryFolder } from "../../support/programs.ts";

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0).reverse()) undo();
});

function folder(): string {
  const { path, dispose } = temporaryFolder();
  cleanUp.push(dispose);
  return path;
}

function httpServer(): Server {
  const server = createServer((_request, response) => response.end());
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A socket whose owner is gone, as a killed agent leaves it: libuv would remove it at an ordinary end. */
async function leaveStale(path: string): Promise<void> {
  const server = net.createServer();
  const bound = `${path}.bound`;
  await new Promise<void>((resolve) => server.listen(bound, resolve));
  linkSync(bound, path);
  await new Promise((resolve) => server.close(resolve));
}

test("the socket gets its mode, and is removed at the end", async () => {
  const path = join(folder(), "new", "s");
  await claimSocket(path);
  const release = await listenOn(httpServer(), path, 0o660);
  assert.equal(lstatSync(path).mode & 0o777, 0o660);
  assert.equal(lstatSync(join(path, "..")).mode & 0o777, 0o700, "a folder that is made is private");
  release();
  assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
});

test("a socket that a dead agent left is replaced", async () => {
  const path = join(folder(), "s");
  await leaveStale(path);
  assert.equal(await isAnswering(path), false);
  await claimSocket(path);
  await listenOn(httpServer(), path, 0o600);
  assert.equal(await isAnswering(path), true);
});

test("a second agent is told that one listens already", async () => {
  const path = join(folder(), "s");
  await claimSocket(path);
  await listenOn(httpServer(), path, 0o600);
  await assert.rejects(claimSocket(path), { code: "AGENT.ALREADY_RUNNING" });
  assert.equal(await isAnswering(path), true);
});

test("an agent that was faster between the look and the listening is not pushed aside", async () => {
  const path = join(folder(), "s");
  await claimSocket(path);
  await claimSocket(path);
  await listenOn(httpServer(), path, 0o600);
  await assert.rejects(listenOn(httpServer(), path, 0o600), { code: "AGENT.ALREADY_RUNNING" });
  assert.equal(await isAnswering(path), true);
});

test("an agent that hangs, with a full queue of connections, keeps its socket", async () => {
  const path = join(folder(), "s");
  const server = httpServer();
  await new Promise<void>((resolve) => server.listen({ path, backlog: 1 }, resolve));
  // All in one turn: the server accepts none of them meanwhile.
  const sockets = Array.from({ length: 8 }, () => net.connect(path).on("error", () => undefined));
  cleanUp.push(() => sockets.forEach((socket) => socket.destroy()));
  await assert.rejects(claimSocket(path), { code: "AGENT.ALREADY_RUNNING" });
  assert.equal(lstatSync(path).isSocket(), true);
});

test("of two agents that start on a stale socket at once, one listens and the other ends", async () => {
  const path = join(folder(), "s");
  for (let round = 0; round < 20; round++) {
    await leaveStale(path);
    const servers = [httpServer(), httpServer()];
    const starts = servers.map(async (server) => {
      await claimSocket(path);
      return listenOn(server, path, 0o600);
    });
    const outcomes = await Promise.allSettled(starts);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(await isAnswering(path), true, `round ${round}`);
    for (const outcome of outcomes) if (outcome.status === "fulfilled") outcome.value();
    for (const server of servers) server.close();
  }
});

test("an agent that ends leaves the socket of another one alone", async () => {
  const path = join(folder(), "s");
  const release = await listenOn(httpServer(), path, 0o600);
  rmSync(path);
  await listenOn(httpServer(), path, 0o600);
  release();
  assert.equal(await isAnswering(path), true);
});

test("what is no socket is left alone", async () => {
  const home = folder();
  const file = join(home, "notes");
  writeFileSync(file, "precious");
  symlinkSync(file, join(home, "link"));
  mkdirSync(join(home, "folder"));
  for (const name of ["notes", "link", "folder"])
    await assert.rejects(claimSocket(join(home, name)), { code: "AGENT.SOCKET_PATH" }, name);
  assert.equal(readFileSync(file, "utf8"), "precious");
});

test("a folder in which others may write, or that is another's, is refused", async (t) => {
  const home = folder();
  const shared = join(home, "shared");
  mkdirSync(shared);
  for (const mode of [0o770, 0o707]) {
    chmodSync(shared, mode);
    await assert.rejects(claimSocket(join(shared, "s")), { code: "AGENT.SOCKET_FOLDER" }, mode.toString(8));
  }
  chmodSync(shared, 0o1777);
  await claimSocket(join(shared, "s"));
  if (process.getuid?.() !== 0) return t.diagnostic("another user's folder needs root");
  chmodSync(shared, 0o755);
  chownSync(shared, 65534, 65534);
  await assert.rejects(claimSocket(join(shared, "s")), { code: "AGENT.SOCKET_FOLDER" });
});

test("a path that no socket can have is refused with its limit", async () => {
  await assert.rejects(claimSocket(join(folder(), "x".repeat(107))), { code: "AGENT.SOCKET_PATH" });
});
