import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { followPath } from "../../../core/api/contract.ts";
import type { LogLine } from "../../../core/model/records.ts";
import { followLogs } from "../../../core/node/log-stream.ts";
import { Logs } from "../../../core/node/logs.ts";
import { type AgentBed, agentBed, headersOf, listening, readStream } from "./agent-bed.ts";
import { answering } from "./facts/hand-machine.ts";

const beds: AgentBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

const line: LogLine = { cursor: "c", at: 1, priority: 6, unit: "u", message: "hello" };

/** A journal that is followed by hand; `follow` of the real one only looks at the query. */
async function journalBed() {
  const bed = await agentBed();
  beds.push(bed);
  const real = new Logs(answering({}));
  const journal = { write: (_line: LogLine) => {}, stopped: Promise.withResolvers<void>() };
  const follow: Logs["follow"] = (query, onLine) => {
    real.follow(query, onLine, () => undefined)();
    journal.write = onLine;
    return journal.stopped.resolve;
  };
  const socketPath = await listening(bed, (server) =>
    server.get(followPath, (request, reply) =>
      followLogs({ logs: { follow }, sessions: bed.parts.sessions }, request, reply),
    ),
  );
  return { bed, journal, socketPath };
}

test("new lines reach a session", async () => {
  const { bed, journal, socketPath } = await journalBed();
  const stream = await readStream(socketPath, followPath, { token: await bed.login("tty1") });
  journal.write(line);
  assert.deepEqual(await stream.next("line"), line);
  stream.close();
  await journal.stopped.promise;
});

test("without a session, or with another console's, nothing is followed", async () => {
  const { bed, socketPath } = await journalBed();
  const token = await bed.login("tty1");
  for (const who of [{}, { console: "tty2", token }, { token: "x" }])
    assert.equal((await readStream(socketPath, followPath, who)).status, 401);
});

test("a search that can't be made is an ordinary error, and the agent goes on when its client leaves", async () => {
  const { bed } = await journalBed();
  const token = await bed.login("tty1");
  const refused = await bed.server.inject({ url: `${followPath}?unit=not%20a%20unit`, headers: headersOf({ token }) });
  assert.equal(refused.json().error.code, "LOGS.BAD_QUERY");
  assert.equal(refused.statusCode, 409);
});

test("a session that ends ends its stream at once, without waiting for a line", async () => {
  const { bed, journal, socketPath } = await journalBed();
  const token = await bed.login("tty1");
  const stream = await readStream(socketPath, followPath, { token });
  bed.parts.sessions.close({ console: "tty1", token });
  await stream.ended;
  await journal.stopped.promise;
});

test("a session that is idle too long gets no further line, swept or not", async () => {
  const { bed, journal, socketPath } = await journalBed();
  const stream = await readStream(socketPath, followPath, { token: await bed.login("tty1") });
  bed.time.monotonicMs += 3_600_000;
  journal.write(line);
  await stream.ended;
  assert.deepEqual(stream.seen, []);
});
