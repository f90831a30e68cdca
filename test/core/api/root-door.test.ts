import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { Client } from "../../../core/api/client.ts";
import { consoleHeader, eventsPath, rootConsole } from "../../../core/api/contract.ts";
import { listenOn } from "../../../core/api/listen.ts";
import { callerOf, rootDoor } from "../../../core/api/server.ts";
import { startAgent, stopAgents, temporaryFolder } from "../../support/programs.ts";
import { agentBed, readStream, rightPassword } from "../node/agent-bed.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  await stopAgents();
});

/** A bed that listens on its ordinary socket and on root's. */
async function newBed() {
  const bed = await agentBed();
  bed.server.get(eventsPath, async (request, reply) => {
    const caller = callerOf(request);
    await bed.parts.hub().open(request, reply, caller, () => bed.parts.sessions.find(caller));
  });
  await bed.server.listen({ path: bed.socketPath });
  const rootPath = `${bed.socketPath}.root`;
  const door = rootDoor(bed.server);
  await listenOn(door, rootPath, 0o600);
  cleanUp.push(async () => {
    door.closeAllConnections();
    door.close();
    await bed.dispose();
  });
  const client = (socketPath: string, console: string) => {
    const made = new Client({ socketPath, console });
    cleanUp.push(() => made.close());
    return made;
  };
  return { bed, rootPath, root: client(rootPath, "pts/7"), other: (name: string) => client(bed.socketPath, name) };
}

test("a call on root's socket needs no password, and the audit log names it root whatever it calls itself", async () => {
  const { bed, root } = await newBed();
  await root.call("setNodeSettings", { body: { lockMinutes: 7 } });
  assert.equal(bed.parts.settings.node.lockMinutes, 7);
  const [entry] = (await bed.parts.audit.read(1)).entries;
  assert.deepEqual([entry?.console, entry?.action], [rootConsole, "settings.node"]);
});

test("root's calls are no session: nothing ends them, and no list shows them", async () => {
  const { bed, root } = await newBed();
  await root.call("closeSession", {});
  bed.parts.sessions.revokeAll();
  bed.time.monotonicMs += 365 * 24 * 3600_000;
  bed.parts.sessions.sweep();
  await root.call("touchSession", {});
  assert.deepEqual(await root.call("jobs", {}), []);
  assert.deepEqual(bed.parts.sessions.list(), []);
});

test("on the ordinary socket nobody is root: neither by name, nor with a token of such a name", async () => {
  const { bed, other } = await newBed();
  await assert.rejects(other("tty1").call("jobs", {}), { code: "AUTH.NO_SESSION" });
  await assert.rejects(other(rootConsole).call("status", {}), { code: "API.BAD_CONSOLE" });
  await assert.rejects(other(rootConsole).call("openSession", { body: { password: rightPassword } }), {
    code: "API.BAD_CONSOLE",
  });
  const claim = { console: rootConsole, token: undefined };
  assert.throws(() => bed.parts.sessions.require(claim), { code: "AUTH.NO_SESSION" });
  const headers = { [consoleHeader]: "tty1", authorization: "Bearer " };
  assert.equal((await bed.server.inject({ url: "/v1/jobs", headers })).statusCode, 401);
});

test("an event stream on root's socket has what a session sees", async () => {
  const { bed, rootPath } = await newBed();
  const job = bed.parts.jobs.start({ kind: "x", subject: "y", console: "tty1", cancellable: false }, async () => {});
  const stream = await readStream(rootPath, eventsPath, {});
  cleanUp.push(() => stream.close());
  await stream.next("facts");
  const seen = stream.seen.find(({ name }) => name === "job")?.data;
  assert.ok(typeof seen === "object" && seen !== null && "id" in seen);
  assert.equal(seen.id, job.id);
});

test("an agent makes root's socket for root alone, and takes it away at its end", async () => {
  const folder = temporaryFolder();
  cleanUp.push(folder.dispose);
  const path = join(folder.path, "root.sock");
  const agent = await startAgent({ args: ["--root-socket", path] });
  const { mode, uid } = statSync(path);
  assert.deepEqual([mode & 0o777, uid], [0o600, process.getuid?.()]);
  const client = new Client({ socketPath: path, console: "x" });
  cleanUp.push(() => client.close());
  // A preview has nothing that could be upgraded: what is installed on this machine is not its own.
  assert.equal((await client.call("upgradeStatus", {})).imageBased, false);
  await agent.stop();
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
});
