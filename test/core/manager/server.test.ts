import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { Audit } from "../../../core/manager/audit.ts";
import { Dispatcher } from "../../../core/manager/dispatch.ts";
import { createCloudServer } from "../../../core/manager/server.ts";
import { CloudError, refusalOf } from "../../../core/model/cloud/refusal.ts";
import { NodeError } from "../../../core/model/error.ts";
import { createLog } from "../../../core/node/log.ts";
import type { CallContext } from "../../../core/orchestrator/calls/handler.ts";
import { deciders } from "../../../core/orchestrator/calls/index.ts";
import { Records } from "../../../core/orchestrator/records.ts";
import type { Change, Store } from "../../../core/store/store.ts";
import { undoAfter } from "../../support/undo.ts";
import { cloudBed, newUuid, noTasks } from "../orchestrator/bed.ts";
import { refuses } from "../store/conformance.ts";

/* The API's server on a real store. Who holds a session is decided elsewhere: here the token is the account's name. */

type Answer = { status: number; body: { inventory?: { uuid: string; name: string }; error?: Record<string, unknown> } };

type Transact = Store["transact"];

/** @param through what stands between the manager and its store when it writes */
async function served(t: TestContext, through: (transact: Transact) => Transact = (transact) => transact) {
  const bed = await cloudBed(t);
  const { mirror, settings, clock } = bed;
  const store: Pick<Store, "get" | "list" | "transact"> = {
    get: (kind, key) => bed.store.get(kind, key),
    list: (query) => bed.store.list(query),
    transact: through((changes) => bed.store.transact(changes)),
  };
  const records = new Records({ store, mirror, now: () => clock.now });
  const log = createLog({ level: "silent" });
  const audit = new Audit({ store, now: () => clock.now, newUuid, log });
  const calls = {
    ...Object.fromEntries(Object.entries(deciders).map(([name, decide]) => [name, { decide }])),
    GetZone: {
      read: ({ uuid }: { uuid: string }, context: CallContext) => {
        const found = context.mirror.get("Zone", uuid);
        if (found === undefined) throw new Error("lost: token-of-somebody");
        return { inventory: found.value };
      },
    },
  };
  const dispatcher = new Dispatcher({
    calls: calls as ConstructorParameters<typeof Dispatcher>[0]["calls"],
    records,
    store,
    audit,
    context: { mirror, settings, newUuid, startTask: noTasks },
    authenticate: (token) => {
      const name = token.reveal();
      if (name !== "") return { sessionUuid: null, userUuid: name, accountName: name };
      const details = "The call has no session.";
      throw new CloudError(refusalOf("IDENTITY.1001", { where: "session", details, remedy: "Log in." }));
    },
  });
  const { server } = createCloudServer({ dispatcher, log, mirror, authenticate: () => undefined });
  undoAfter(t, () => server.close());
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await server.inject({
      method: method as "GET",
      url: path,
      headers: { authorization: "Bearer admin", ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: response.statusCode, body: response.json() };
  };
  const audits = async () => {
    await audit.flush();
    return (await store.list({ kind: "AuditRecord" })).records.map(({ value }) => value);
  };
  return { ...bed, server, call, audits };
}

test("a call changes the cloud, answers with what it made, and leaves one record of itself", async (t) => {
  const { call, audits, mirror } = await served(t);
  const { status, body } = await call("POST", "/v1/zones", { name: "east" });
  assert.equal(status, 200);
  assert.equal(mirror.get("Zone", body.inventory?.uuid ?? "")?.value.name, "east");
  const [record, ...more] = await audits();
  assert.deepEqual(more, []);
  assert.equal(record?.["call"], "CreateZone");
  assert.equal(record?.["accountName"], "admin");
  assert.equal(record?.["resourceUuid"], body.inventory?.uuid);
  assert.equal(record?.["succeeded"], true);
});

test("a change, its record of the audit and its idempotency key are one transaction, and so is a call that is refused", async (t) => {
  const kinds: string[][] = [];
  const { call } = await served(t, (transact) => (changes) => {
    kinds.push(changes.filter((change) => change.do === "put").map(({ kind }) => kind));
    return transact(changes);
  });
  const key = { "idempotency-key": "1b4e28ba" };
  assert.equal((await call("POST", "/v1/zones", { name: "east" }, key)).status, 200);
  assert.equal((await call("PUT", `/v1/zones/${newUuid()}`, { name: "east" })).status, 404);
  assert.deepEqual(kinds, [["Zone", "AuditRecord", "IdempotencyKey"], ["AuditRecord"]]);
});

test("a change that was made though the store's answer got lost is in the audit as done, once", async (t) => {
  let answers = true;
  const { call, audits, mirror } = await served(t, (transact) => async (changes) => {
    const revision = await transact(changes);
    if (answers) return revision;
    answers = true;
    throw new NodeError("STORE.UNCERTAIN", "The answer got lost.");
  });
  answers = false;
  const { status, body } = await call("POST", "/v1/zones", { name: "east" });
  assert.deepEqual([status, body.error?.["code"]], [503, "SYS.1009"]);
  assert.equal(mirror.count("Zone"), 1);
  assert.deepEqual(
    (await audits()).map(({ call: name, succeeded }) => [name, succeeded]),
    [["CreateZone", true]],
  );
});

test("a change that was told to have failed is not made any more, though it reaches the store later", async (t) => {
  const late: (readonly Change[])[] = [];
  const { call, audits, mirror, store } = await served(t, (transact) => async (changes) => {
    if (changes.length === 1) return transact(changes);
    late.push(changes);
    throw new NodeError("STORE.UNCERTAIN", "The answer got lost.");
  });
  assert.equal((await call("POST", "/v1/zones", { name: "east" })).status, 503);
  await refuses(store.transact(late[0] ?? []), "STORE.CONFLICT");
  assert.equal(mirror.count("Zone"), 0);
  assert.deepEqual(
    (await audits()).map(({ errorCode, succeeded }) => [errorCode, succeeded]),
    [["SYS.1009", false]],
  );
});

test("a hundred reads of one caller are one record, a failed one has its own", async (t) => {
  const { call, audits } = await served(t);
  const { body } = await call("POST", "/v1/zones", { name: "east" });
  for (let n = 0; n < 100; n++) await call("GET", `/v1/zones/${body.inventory?.uuid}`);
  await call("GET", "/v1/zones/nonsense");
  const reads = (await audits()).filter(({ call: name }) => name === "GetZone");
  assert.deepEqual(reads.map(({ count, errorCode }) => [count, errorCode]).sort(), [
    [1, "SYS.1001"],
    [100, null],
  ]);
});

test("all that is wrong with a call is told at once, without what was given", async (t) => {
  const { call, mirror } = await served(t);
  const given = { name: " secret-name", description: 5, zone: "x" };
  const { status, body } = await call("POST", "/v1/zones", given);
  assert.equal(status, 400);
  assert.equal(body.error?.["code"], "SYS.1001");
  assert.match(String(body.error?.["where"]), /name.*description/);
  assert.doesNotMatch(JSON.stringify(body), /secret-name/);
  assert.equal(mirror.count("Zone"), 0);
});

test("a session's token comes with the word Bearer in any case, and with no other word", async (t) => {
  const { call } = await served(t);
  const statusWith = async (authorization: string) =>
    (await call("POST", "/v1/zones", { name: "east" }, { authorization })).status;
  for (const word of ["Bearer", "bearer", "BEARER"]) assert.equal(await statusWith(`${word} admin`), 200, word);
  for (const other of ["Basic admin", "admin", "Bearer", ""]) assert.equal(await statusWith(other), 401, other);
});

test("without a session nothing is told and nothing is done", async (t) => {
  const { server, mirror } = await served(t);
  const response = await server.inject({ method: "POST", url: "/v1/zones", payload: { name: "east" } });
  assert.equal(response.statusCode, 401);
  assert.equal(response.json().error.code, "IDENTITY.1001");
  assert.equal(mirror.count("Zone"), 0);
});

test("what is no call, no JSON, of another kind or too large is refused in the one shape of errors", async (t) => {
  const { server, call } = await served(t);
  assert.equal((await call("GET", "/v1/nothing")).body.error?.["code"], "SYS.1008");
  const headers = { authorization: "Bearer admin" };
  const post = async (payload: string, type = "application/json") => {
    const options = {
      method: "POST" as const,
      url: "/v1/zones",
      payload,
      headers: { ...headers, "content-type": type },
    };
    const response = await server.inject(options);
    return [response.statusCode, response.json().error.code];
  };
  assert.deepEqual(await post('{"name":'), [400, "SYS.1010"]);
  assert.deepEqual(await post("[]"), [400, "SYS.1010"]);
  assert.deepEqual(await post("name=east", "text/plain"), [400, "SYS.1010"]);
  assert.deepEqual(await post(`{"name":"${"x".repeat(10_000_000)}"}`), [413, "SYS.1011"]);
});

test("an unknown address is told without its query string, in which somebody may have put a password", async (t) => {
  const { call } = await served(t);
  const { status, body } = await call("GET", "/v1/nothing?password=s3cret");
  assert.equal(status, 404);
  assert.match(String(body.error?.["details"]), /\/v1\/nothing is no call/);
  assert.doesNotMatch(JSON.stringify(body), /s3cret/);
});

test("neither body nor query string can name another resource than the path", async (t) => {
  const { call } = await served(t);
  const { body } = await call("POST", "/v1/zones", { name: "east" });
  const uuid = body.inventory?.uuid ?? "";
  const other = await call("PUT", `/v1/zones/${uuid}`, { uuid: newUuid(), name: "west" });
  assert.deepEqual([other.status, other.body.error?.["code"]], [400, "SYS.1010"]);
  assert.equal((await call("PUT", `/v1/zones/${uuid}`, { uuid, name: "west" })).body.inventory?.name, "west");
  const two = await call("GET", `/v1/zones/${uuid}?uuid=${newUuid()}`);
  assert.deepEqual([two.status, two.body.error?.["code"]], [400, "SYS.1010"]);
  assert.equal((await call("GET", `/v1/zones/${uuid}?uuid=${uuid}`)).status, 200);
});

test("a repeated call with one idempotency key is done once, also when all come at the same moment", async (t) => {
  const { call, mirror } = await served(t);
  const key = { "idempotency-key": "1b4e28ba" };
  const answers = await Promise.all(Array.from({ length: 8 }, () => call("POST", "/v1/zones", { name: "east" }, key)));
  assert.deepEqual(new Set(answers.map(({ body }) => body.inventory?.uuid)).size, 1);
  assert.equal(mirror.count("Zone"), 1);
  const other = await call("POST", "/v1/zones", { name: "west" }, key);
  assert.deepEqual([other.status, other.body.error?.["code"]], [409, "SYS.1012"]);
  const stranger = await call("POST", "/v1/zones", { name: "east" }, { ...key, authorization: "Bearer eve" });
  assert.equal(stranger.status, 200);
  assert.equal(mirror.count("Zone"), 2);
});

test("a failure that nobody made is told without its text, which may hold a secret", async (t) => {
  const { call } = await served(t);
  const { status, body } = await call("GET", `/v1/zones/${newUuid()}`);
  assert.equal(status, 500);
  assert.equal(body.error?.["code"], "SYS.1000");
  assert.doesNotMatch(JSON.stringify(body), /token-of-somebody/);
});

test("nonsense on the port is answered as an error and ends the connection", async (t) => {
  const { server } = await served(t);
  await server.listen({ port: 0, host: "127.0.0.1" });
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  const socket = connect(address.port, "127.0.0.1");
  socket.write("\x16\x03\x01 what\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 400/);
  assert.match(text, /SYS\.1010/);
});
