import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import Fastify from "fastify";
import { eventsPath } from "../../../core/api/contract.ts";
import { callerOf } from "../../../core/api/server.ts";
import type { LiveSession } from "../../../core/api/sessions.ts";
import { type Facts, missingFacts } from "../../../core/model/facts.ts";
import { emptySeries } from "../../../core/model/history.ts";
import type { NetworkTransaction } from "../../../core/model/network/transaction.ts";
import type { Job, PublicView } from "../../../core/model/records.ts";
import { EventHub } from "../../../core/node/event-hub.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { headersOf, type ReadStream, readStream } from "./agent-bed.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const serial = "SERIAL-77";
const session: LiveSession = { id: 1, console: "tty1", openedAt: 0 };
const series = { ...emptySeries(), values: [0.5], samples: 1 };
const job: Job = {
  id: "0123456789ab",
  kind: "ping",
  subject: "192.0.2.1",
  console: "tty1",
  state: "running",
  startedAt: 0,
  endedAt: null,
  progress: null,
  cancellable: true,
  error: null,
  lines: 0,
};

function factsOf(os: string): Facts {
  const identity = { hostname: "n1", role: "none", os, kernel: "6", vendor: null, model: null, virtualization: null };
  return {
    ...missingFacts({ code: "pending", detail: "" }, 0),
    identity: { state: "value", at: 0, value: { ...identity, role: "none", serial } },
  };
}

/** A hub behind a server of its own; `bed.session` is the session that callers with the token `t` hold. */
async function hubBed() {
  const folder = temporaryFolder();
  const server = Fastify();
  cleanUp.push(folder.dispose, () => server.close());
  const bed = {
    socketPath: join(folder.path, "s"),
    session: session as LiveSession | undefined,
    publicView: "panels" as PublicView,
    facts: factsOf("small"),
    counts: [] as number[],
    /** What the status waits for when it is asked. */
    ready: Promise.resolve(),
    statusAsked: () => {},
  };
  const hub = new EventHub(
    {
      status: async () => {
        bed.statusAsked();
        await bed.ready;
        const { publicView } = bed;
        const rest = { passwordSet: true, lockMinutes: 10, startedAt: 0, mode: "preview" } as const;
        return { product: "Binnacle", version: "0", protocol: 1, publicView, ...rest };
      },
      nodeSettings: () => ({ lockMinutes: 10, publicView: bed.publicView, pingTarget: "192.0.2.1" }),
      consoleSettings: () => ({ language: "en", profile: "auto" }),
      histories: () => ({ cpu: series, memory: series }),
      facts: () => bed.facts,
      jobs: () => [job],
      networkChange: () => null,
    },
    (count) => bed.counts.push(count),
  );
  server.get(eventsPath, async (request, reply) => {
    const caller = callerOf(request);
    await hub.open(request, reply, caller, () => (caller.token === "t" ? bed.session : undefined));
  });
  await server.listen({ path: bed.socketPath });
  const stream = async (token?: string): Promise<ReadStream> => {
    const opened = await readStream(bed.socketPath, eventsPath, { token });
    cleanUp.push(() => opened.close());
    return opened;
  };
  return Object.assign(bed, { hub, stream });
}

function text(stream: ReadStream): string {
  return JSON.stringify(stream.seen);
}

test("a stream without a session begins with the public view, and gets nothing else later", async () => {
  const { hub, stream, facts } = await hubBed();
  const read = await stream();
  await read.next("facts");
  assert.deepEqual(
    read.seen.map(({ name }) => name),
    ["status", "nodeSettings", "consoleSettings", "history", "networkChange", "facts"],
  );
  hub.jobChanged(job);
  hub.factsChanged({ identity: facts.identity });
  await read.next("facts");
  assert.equal(text(read).includes(serial), false);
  assert.equal(
    read.seen.some(({ name }) => name === "job"),
    false,
  );
});

test("a change of the network is told to everybody, what it changes only to sessions", async () => {
  const { hub, stream } = await hubBed();
  const [shut, open] = [await stream(), await stream("t")];
  await shut.next("facts");
  await open.next("facts");
  const change: NetworkTransaction = {
    id: "1",
    console: "ttyS0",
    phase: "waiting",
    startedAt: 1,
    endedAt: null,
    remainingMs: 52_000,
    changes: [{ link: "eth0", what: "address", key: "", before: "192.0.2.5/24", after: "192.0.2.9/24" }],
    probes: [],
    why: null,
    error: { code: "NET.FAILED", description: "192.0.2.9" },
  };
  hub.networkChanged(change);
  assert.deepEqual(await shut.next("networkChange"), { ...change, changes: [], error: null });
  assert.deepEqual(await open.next("networkChange"), change);
});

test("a session's stream gets jobs and the full view", async () => {
  const { stream } = await hubBed();
  const read = await stream("t");
  assert.deepEqual(await read.next("job"), job);
  await read.next("facts");
  assert.equal(text(read).includes(serial), true);
});

test("a session that ends while its stream is being opened leaves a public stream", async () => {
  const bed = await hubBed();
  const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bed.statusAsked = asked.resolve;
  bed.ready = gate.promise;
  const opening = bed.stream("t");
  await asked.promise;
  bed.session = undefined;
  bed.hub.sessionEnded(session, "closed");
  gate.resolve();
  const read = await opening;
  await read.next("facts");
  bed.hub.jobChanged(job);
  bed.hub.factsChanged({ identity: bed.facts.identity });
  await read.next("facts");
  assert.equal(read.seen[0]?.name, "locked");
  assert.equal(text(read).includes(serial), false);
  assert.equal(
    read.seen.some(({ name }) => name === "job"),
    false,
  );
});

test("a session that ends turns its stream into a public one, and no other", async () => {
  const bed = await hubBed();
  const [mine, other] = [await bed.stream("t"), await bed.stream()];
  await mine.next("facts");
  await other.next("facts");
  bed.publicView = "nothing";
  bed.hub.sessionEnded(session, "idle");
  assert.deepEqual(await mine.next("locked"), { why: "idle" });
  assert.deepEqual(await mine.next("history"), { cpu: emptySeries(), memory: emptySeries() });
  await mine.next("facts");
  const before = mine.seen.length;
  bed.hub.factsChanged({ identity: bed.facts.identity });
  await mine.next("facts");
  await other.next("facts");
  assert.equal(JSON.stringify(mine.seen.slice(before)).includes(serial), false);
  assert.equal(
    other.seen.some(({ name }) => name === "locked"),
    false,
  );
});

test("a narrower public view reaches the streams that are open", async () => {
  const bed = await hubBed();
  const read = await bed.stream();
  await read.next("facts");
  bed.publicView = "nothing";
  await bed.hub.settingsChanged();
  assert.deepEqual(await read.next("history"), { cpu: emptySeries(), memory: emptySeries() });
  const facts = JSON.stringify(await read.next("facts"));
  assert.equal(facts.includes("small"), false);
});

test("a client that did not read learns afterwards that it is locked, and the newest settings", async () => {
  const bed = await hubBed();
  const client = net.connect(bed.socketPath);
  cleanUp.push(() => client.destroy());
  client.pause();
  const opened = new Promise<void>((resolve) => {
    bed.counts.push = (count) => {
      if (count === 1) resolve();
      return 0;
    };
  });
  const headers = Object.entries(headersOf({ token: "t" })).map(([name, value]) => `${name}: ${value}\r\n`);
  client.write(`GET ${eventsPath} HTTP/1.1\r\nHost: x\r\n${headers.join("")}\r\n`);
  await opened;
  bed.facts = factsOf("x".repeat(200_000));
  for (let i = 0; i < 8; i++) bed.hub.factsChanged({ identity: bed.facts.identity });
  bed.publicView = "status";
  bed.session = undefined;
  bed.hub.sessionEnded(session, "revoked");
  await bed.hub.settingsChanged();

  let read = "";
  const caughtUp = new Promise<void>((resolve) => {
    client.setEncoding("utf8").on("data", (part: string) => {
      read += part;
      const locked = read.indexOf("event: locked");
      if (locked >= 0 && read.indexOf("event: facts", locked) >= 0) resolve();
    });
  });
  client.resume();
  await caughtUp;
  const behind = read.slice(read.indexOf("event: locked"));
  assert.match(behind, /"why":"revoked"/);
  assert.match(behind, /event: status\ndata: [^\n]*"publicView":"status"/);
  assert.equal(behind.includes(serial), false);
});

test("who follows is counted, and a client that goes is not counted any more", async () => {
  const { hub, stream, counts } = await hubBed();
  const read = await stream();
  await read.next("facts");
  assert.equal(hub.count, 1);
  assert.deepEqual(hub.consoles(), ["tty1"]);
  const gone = new Promise<void>((resolve) => {
    counts.push = () => {
      resolve();
      return 0;
    };
  });
  read.close();
  await gone;
  assert.equal(hub.count, 0);
});
