import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import * as z from "zod";
import { NodeError } from "../../../core/model/error.ts";
import { installerState } from "../../../core/model/installation/protocol.ts";
import type { Call } from "../../../iso/engine/decide.ts";
import { InstallerServer } from "../../../iso/engine/server.ts";
import { firstState, shown } from "../../../iso/engine/state.ts";
import { undoAfter } from "../../support/undo.ts";

const message = z.looseObject({
  id: z.number().optional(),
  event: z.string().optional(),
  ok: z.unknown().optional(),
  error: z.object({ code: z.string(), description: z.string() }).optional(),
});
type Message = z.infer<typeof message>;

/** A clock that stands still until a test moves it. */
function handClock() {
  let now = 0;
  let due: { at: number; action: () => void }[] = [];
  return {
    monotonicMs: () => now,
    after(delayMs: number, action: () => void) {
      const entry = { at: now + delayMs, action };
      due.push(entry);
      return () => {
        due = due.filter((one) => one !== entry);
      };
    },
    pass(ms: number) {
      now += ms;
      const ready = due.filter(({ at }) => at <= now);
      due = due.filter(({ at }) => at > now);
      for (const { action } of ready) action();
    },
  };
}

async function bed(t: TestContext, call: (from: string, call: Call) => Promise<object> = async () => ({})) {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const path = join(folder, "engine.sock");
  const clock = handClock();
  const gone: string[] = [];
  let states = 0;
  const listeners = new Map<string, () => void>();
  const state = { log: [] as readonly string[] };
  const served = {
    state() {
      states += 1;
      return shown({ ...firstState("1.2.3"), log: state.log }, 0);
    },
    call,
    gone(name: string) {
      gone.push(name);
      listeners.get(name)?.();
    },
  };
  const server = new InstallerServer(served, clock);
  const release = await server.listen(path);
  undoAfter(t, () => {
    release();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    path,
    clock,
    server,
    gone,
    state,
    hears: (name: string) =>
      gone.includes(name) ? Promise.resolve() : new Promise<void>((resolve) => listeners.set(name, resolve)),
    states: () => states,
    connect: () => frontEnd(t, path),
  };
}

async function frontEnd(t: TestContext, path: string) {
  const socket: Socket = connect(path);
  await once(socket, "connect");
  undoAfter(t, () => socket.destroy());
  const waiting: ((message: Message) => void)[] = [];
  const come: Message[] = [];
  createInterface({ input: socket }).on("line", (line) => {
    const said = message.parse(JSON.parse(line));
    const first = waiting.shift();
    if (first === undefined) come.push(said);
    else first(said);
  });
  const next = () => {
    const first = come.shift();
    return first === undefined ? new Promise<Message>((resolve) => waiting.push(resolve)) : Promise.resolve(first);
  };
  const send = (text: string) => socket.write(text);
  const ask = (id: number, call: string, args: unknown = {}) => send(`${JSON.stringify({ id, call, args })}\n`);
  return {
    socket,
    next,
    send,
    ask,
    waiting: () => come.length,
    async hello(console: string) {
      ask(1, "hello", { protocol: 1, console });
      assert.deepEqual(await next(), { id: 1, ok: {} });
      return next();
    },
  };
}

test("hello is answered, and the state follows at once, in the protocol's form", async (t) => {
  const { connect: open } = await bed(t);
  const state = await (await open()).hello("tty1");
  assert.equal(state.event, "state");
  installerState.parse(state["state"]);
});

test("only its owner and one group may open the socket", async (t) => {
  const { path } = await bed(t);
  assert.equal(statSync(path).mode & 0o777, 0o660);
});

test("calls go to the engine under the console's name, and errors come back with their codes", async (t) => {
  const calls: string[] = [];
  const { connect: open } = await bed(t, async (from, { call }) => {
    calls.push(`${from} ${call}`);
    if (call === "retry") throw new NodeError("PHASE.WRONG", "Not now.");
    return { place: "sdb1" };
  });
  const client = await open();
  await client.hello("ttyS0");
  client.ask(7, "collect", { to: "sdb1" });
  assert.deepEqual(await client.next(), { id: 7, ok: { place: "sdb1" } });
  client.ask(8, "retry");
  assert.deepEqual(await client.next(), { id: 8, error: { code: "PHASE.WRONG", description: "Not now." } });
  assert.deepEqual(calls, ["ttyS0 collect", "ttyS0 retry"]);
});

test("nonsense is refused with a code and costs nobody the connection", async (t) => {
  const { connect: open } = await bed(t);
  const client = await open();
  client.ask(1, "lead");
  assert.equal((await client.next()).error?.code, "PROTOCOL.HELLO_FIRST");
  client.ask(2, "hello", { protocol: 99, console: "tty1" });
  assert.equal((await client.next()).error?.code, "PROTOCOL.VERSION");
  await client.hello("tty1");
  client.send("{nonsense\n");
  assert.deepEqual((await client.next()).error?.code, "PROTOCOL.NOT_JSON");
  client.send('{"call":"lead"}\n');
  assert.equal((await client.next()).error?.code, "PROTOCOL.REQUEST");
  client.ask(3, "toString");
  assert.equal((await client.next()).error?.code, "PROTOCOL.UNKNOWN_CALL");
  client.ask(4, "lead");
  assert.deepEqual(await client.next(), { id: 4, ok: {} });
});

test("wrong arguments are refused with their place, and never repeated: one may be a password", async (t) => {
  const { connect: open } = await bed(t);
  const client = await open();
  await client.hello("tty1");
  client.ask(5, "setPassword", { which: "planted-secret", password: "planted-secret" });
  const { error } = await client.next();
  assert.equal(error?.code, "PROTOCOL.ARGUMENTS");
  assert.match(error?.description ?? "", /at which/);
  assert.doesNotMatch(JSON.stringify(error), /planted-secret/);
});

test("a line of more than 1 MiB ends the connection, and no other", async (t) => {
  const { connect: open } = await bed(t);
  const [long, other] = [await open(), await open()];
  await other.hello("ttyS0");
  long.send("x".repeat(1024 * 1024 + 2));
  assert.equal((await long.next()).error?.code, "PROTOCOL.TOO_LONG");
  other.ask(2, "lead");
  assert.deepEqual(await other.next(), { id: 2, ok: {} });
});

test("a call may come in pieces, and several in one", async (t) => {
  const { connect: open } = await bed(t);
  const client = await open();
  await client.hello("tty1");
  client.send('{"id":5,"call":"le');
  client.send('ad","args":{}}\n{"id":6,"call":"lead","args":{}}\n');
  assert.deepEqual([(await client.next()).id, (await client.next()).id].toSorted(), [5, 6]);
});

test("many changes are one event, at most one every 100 ms, with the newest state, for all that have said hello", async (t) => {
  const { connect: open, clock, server, state, states } = await bed(t);
  const [first, second] = [await open(), await open()];
  await first.hello("tty1");
  await second.hello("ttyS0");
  const change = (line: string) => {
    state.log = [line];
    server.changed();
  };
  const newest = async (client: typeof first) => installerState.parse((await client.next())["state"]).log;
  change("a");
  clock.pass(0);
  for (const line of ["b", "c", "d"]) change(line);
  const before = states();
  clock.pass(99);
  assert.equal(states(), before, "not yet");
  assert.deepEqual([await newest(first), await newest(second)], [["a"], ["a"]]);
  clock.pass(1);
  assert.deepEqual([await newest(first), await newest(second)], [["d"], ["d"]]);
  assert.equal(first.waiting(), 0);
});

test("the engine hears when the last front end of a name has gone, once", async (t) => {
  const { connect: open, gone, hears } = await bed(t);
  const [first, twin, other] = [await open(), await open(), await open()];
  await first.hello("tty1");
  await twin.hello("tty1");
  await other.hello("ttyS0");
  first.socket.destroy();
  other.socket.destroy();
  await hears("ttyS0");
  // Whoever connects now is served after all that has happened so far.
  await (await open()).hello("vnc");
  assert.deepEqual(gone, ["ttyS0"]);
  twin.socket.destroy();
  await hears("tty1");
  assert.deepEqual(gone, ["ttyS0", "tty1"]);
});

test("a second engine does not take the socket of the first", async (t) => {
  const { path, server, clock } = await bed(t);
  void server;
  const second = new InstallerServer(
    { state: () => shown(firstState("1"), 0), call: async () => ({}), gone() {} },
    clock,
  );
  await assert.rejects(
    second.listen(path),
    (error) => error instanceof NodeError && /ALREADY_RUNNING/.test(error.code),
  );
});
