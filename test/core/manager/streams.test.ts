import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type TestContext, test } from "node:test";
import { createParser } from "eventsource-parser";
import { createCloudServer } from "../../../core/manager/server.ts";
import { zone } from "../../../core/model/cloud/place.ts";
import { createLog } from "../../../core/node/log.ts";
import type { Change } from "../../../core/store/store.ts";
import { adminPassword, testCloud } from "../../support/cloud/manager.ts";
import { undoAfter } from "../../support/undo.ts";
import { samples } from "../model/cloud/samples.ts";

/* Streams of a whole manager, over real connections. */

type Told = {
  event: string;
  data: { kind?: string; uuid?: string; inventory?: { name: string; round?: number } | null };
};

async function bed(t: TestContext) {
  const made = await testCloud(t);
  const { cloud } = made;
  const { server } = createCloudServer({
    dispatcher: cloud.dispatcher,
    mirror: cloud.mirror,
    authenticate: (token, isUse) => cloud.identity.authenticate(token, isUse),
    log: createLog({ level: "silent" }),
  });
  undoAfter(t, () => server.close());
  await server.listen({ port: 0, host: "127.0.0.1" });
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  const { port } = address;
  /** A stream that nobody reads from yet. */
  const open = async (path = "/v1/events", token = made.token) => {
    const asked = request({ port, path, agent: false, headers: { authorization: `Bearer ${token}` } });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    undoAfter(t, () => answer.destroy());
    return answer;
  };
  return { ...made, open };
}

/** All events of a stream, as they come. */
async function* told(answer: IncomingMessage): AsyncGenerator<Told> {
  const waiting: Told[] = [];
  const parser = createParser({
    onEvent: ({ event = "", data }) => waiting.push({ event, data: JSON.parse(data) }),
  });
  for await (const chunk of answer.setEncoding("utf8")) {
    parser.feed(String(chunk));
    yield* waiting.splice(0);
  }
}

async function until(events: AsyncGenerator<Told>, isIt: (event: Told) => boolean): Promise<Told> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("The stream has ended.");
    if (isIt(value)) return value;
  }
}

test("a stream tells the summary at once, and then what became of the kinds that it asked for", async (t) => {
  const { call, open } = await bed(t);
  const events = told(await open("/v1/events?kinds=Zone"));
  assert.equal((await events.next()).value?.event, "summary");
  const { uuid } = (await call("CreateZone", { name: "east" })).inventory;
  await call("CreateCluster", { name: "rack", zoneUuid: uuid });
  const { data } = await until(events, ({ event }) => event === "change");
  assert.deepEqual([data.kind, data.uuid, data.inventory?.name], ["Zone", uuid, "east"]);
});

test("a stream ends at once when its session does, and no other one", async (t) => {
  const { cloud, call, open, token } = await bed(t);
  const ask = { token: undefined, address: "192.0.2.1", requestBytes: 0 };
  const opened = await cloud.dispatcher.run("LogInByAccount", { accountName: "admin", password: adminPassword }, ask);
  const second = (opened as { session: { token: string } }).session.token;
  const [mine, others] = [await open("/v1/events", second), told(await open("/v1/events?kinds=Zone", token))];
  const ended = once(mine.resume(), "end");
  await cloud.dispatcher.run("LogOut", {}, { ...ask, token: second });
  await ended;
  await call("CreateZone", { name: "east" });
  assert.equal((await until(others, ({ event }) => event === "change")).data.inventory?.name, "east");
});

test("without a session there is no stream, nor one of kinds that are nobody else's business", async (t) => {
  const { open } = await bed(t);
  assert.equal((await open("/v1/events", "nobody")).statusCode, 401);
  for (const kind of ["Session", "AuditRecord", "Credential", "nonsense"])
    assert.equal((await open(`/v1/events?kinds=${kind}`)).statusCode, 400, kind);
});

test("a client that reads slowly is left out of what others are told, and gets the newest state when it reads", async (t) => {
  const { store, open } = await bed(t);
  const slow = await open("/v1/events?kinds=Zone");
  const quick = told(await open("/v1/events?kinds=Zone"));
  const [zones, rounds] = [200, 12];
  const sample = zone.parse(samples.Zone);
  const uuidOf = (nth: number) => nth.toString(16).padStart(32, "0");
  for (let round = 1; round <= rounds; round++) {
    await store.transact(
      Array.from({ length: zones }, (_, nth): Change => {
        const value = { ...sample, uuid: uuidOf(nth), name: "east", round, description: "x".repeat(4_000) };
        return { do: "put", kind: "Zone", key: uuidOf(nth), value };
      }),
    );
    // What is told later must not be gathered with this.
    await until(quick, ({ data }) => data.uuid === uuidOf(zones - 1) && data.inventory?.round === round);
  }
  const last = new Map<string, number>();
  let changes = 0;
  await until(told(slow), ({ event, data }) => {
    if (event !== "change") return false;
    changes += 1;
    last.set(data.uuid ?? "", data.inventory?.round ?? 0);
    return last.size === zones && last.values().every((round) => round === rounds);
  });
  assert.ok(changes < zones * rounds, `${changes} changes`);
});

test("five hundred streams are told the same, one more is refused until one of them ends", async (t) => {
  const { call, open } = await bed(t);
  const all = await Promise.all(Array.from({ length: 500 }, () => open("/v1/events?kinds=Zone")));
  assert.deepEqual(new Set(all.map(({ statusCode }) => statusCode)), new Set([200]));
  assert.equal((await open()).statusCode, 503);
  const streams = all.map((each) => told(each));
  const { uuid } = (await call("CreateZone", { name: "east" })).inventory;
  const changes = await Promise.all(streams.map((each) => until(each, ({ event }) => event === "change")));
  assert.deepEqual(new Set(changes.map(({ data }) => data.uuid)), new Set([uuid]));
  all[0]?.destroy();
  // That it is gone is heard by the server a moment later.
  for (;;) {
    const answer = await open();
    if (answer.statusCode === 200) break;
    assert.equal(answer.statusCode, 503);
    await once(answer.resume(), "end");
  }
});

test("a task's stream ends with the task", async (t) => {
  const { call, open, cloud } = await bed(t);
  const { uuid } = (await call("CreateZone", { name: "east" })).inventory;
  const { task } = await call("DeleteZone", { uuid });
  const states: string[] = [];
  for await (const { data } of told(await open(`/v1/tasks/${task.uuid}/events`)))
    states.push((data as { state?: string }).state ?? "");
  assert.equal(states.at(-1), "Succeeded");
  assert.equal(cloud.mirror.count("Zone"), 0);
});
