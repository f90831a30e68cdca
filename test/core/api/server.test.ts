import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { afterEach, test } from "node:test";
import { calls, consoleHeader } from "../../../core/api/contract.ts";
import { errorBody } from "../../../core/model/error.ts";
import { type AgentBed, agentBed, headersOf, listening, type Who } from "../node/agent-bed.ts";

const beds: AgentBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(): Promise<AgentBed> {
  const bed = await agentBed();
  beds.push(bed);
  return bed;
}

/** The answer's status and error, which must have the shape of every error. */
function errorOf({ statusCode, body }: { statusCode: number; body: string }) {
  return { status: statusCode, ...errorBody.parse(JSON.parse(body)).error };
}

const strangers: Record<string, (token: string) => Who> = {
  "no token": () => ({}),
  "another console's token": (token) => ({ console: "tty2", token }),
  "a made-up token": () => ({ token: "x".repeat(43) }),
  "an empty token": () => ({ token: "" }),
  "a console called like a property of every object": (token) => ({ console: "constructor", token }),
};

test("every call that needs a session is refused without one, before anything else is looked at", async () => {
  const bed = await newBed();
  const token = await bed.login("tty1");
  const guarded = Object.values(calls).filter(({ access }) => access === "session");
  assert.ok(guarded.length > 10);
  for (const [name, who] of Object.entries(strangers))
    for (const { method, path } of guarded) {
      const url = path.replace(":id", "0123456789ab");
      const { code, status } = errorOf(await bed.server.inject({ method, url, headers: headersOf(who(token)) }));
      assert.deepEqual({ code, status }, { code: "AUTH.NO_SESSION", status: 401 }, `${method} ${path}: ${name}`);
    }
});

test("a guarded call is let in with the console's own token, and not with HEAD in its place", async () => {
  const bed = await newBed();
  const token = await bed.login("tty1");
  const url = calls.jobs.path;
  assert.equal((await bed.server.inject({ url, headers: headersOf({ token }) })).statusCode, 200);
  assert.equal((await bed.server.inject({ method: "HEAD", url, headers: headersOf({}) })).statusCode, 401);
});

test("a call without a console's name, or with a bad one or two, is refused", async () => {
  const { server } = await newBed();
  const named: Record<string, string | string[]>[] = [
    {},
    { [consoleHeader]: "" },
    { [consoleHeader]: "tty 1" },
    { [consoleHeader]: "x".repeat(65) },
    { [consoleHeader]: "__proto__" },
    { [consoleHeader]: ["tty1", "tty2"] },
  ];
  for (const headers of named)
    assert.equal(errorOf(await server.inject({ url: "/v1/status", headers })).code, "API.BAD_CONSOLE");
});

test("a body that is not of the schema is refused with the field, and its value is not repeated", async () => {
  const bed = await newBed();
  const refused = errorOf(
    await bed.server.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: headersOf({}),
      payload: { password: ["PLANTED-PASSWORD"] },
    }),
  );
  assert.deepEqual([refused.status, refused.code], [400, "API.BAD_REQUEST"]);
  assert.deepEqual(refused.values, { field: "body.password" });
  assert.equal(JSON.stringify(refused).includes("PLANTED"), false);
});

test("queries are checked, and take their defaults", async () => {
  const bed = await newBed();
  const headers = headersOf({ token: await bed.login("tty1") });
  for (const query of ["limit=0", "limit=1.5", "limit=x", "limit=1&limit=2", "limit=Infinity"])
    assert.equal(
      errorOf(await bed.server.inject({ url: `/v1/audit?${query}`, headers })).code,
      "API.BAD_REQUEST",
      query,
    );
  assert.equal((await bed.server.inject({ url: "/v1/audit", headers })).statusCode, 200);
});

const oddities: Record<string, [status: number, code: string, request: object]> = {
  "an unknown call": [404, "API.UNKNOWN_CALL", { url: "/v1/nothing" }],
  "a path that goes up": [404, "API.UNKNOWN_CALL", { url: "/v1/x/../../status/" }],
  "a path that can't be decoded": [400, "API.BAD_REQUEST", { url: "/v1/%zz" }],
  "a parameter that is too long": [400, "API.BAD_REQUEST", { url: `/v1/jobs/${"x".repeat(500)}` }],
  "no JSON": [400, "API.BAD_REQUEST", { json: '{"password":"PLANTED-PASSWORD" zz' }],
  "an empty body": [400, "API.BAD_REQUEST", { json: "" }],
  "a prototype": [400, "API.BAD_REQUEST", { json: '{"password":"x","__proto__":{"a":1}}' }],
  "a body that is too large": [400, "API.BAD_REQUEST", { json: JSON.stringify({ password: "x".repeat(300_000) }) }],
  "deep nesting": [400, "API.BAD_REQUEST", { json: "[".repeat(100_000) + "]".repeat(100_000) }],
  "another type of content": [
    400,
    "API.BAD_REQUEST",
    { json: "password=x", type: "application/x-www-form-urlencoded" },
  ],
};

for (const [name, [status, code, request]] of Object.entries(oddities))
  test(`${name} is refused with ${code}, in the shape of every error`, async () => {
    const { server } = await newBed();
    const { url, json, type } = { url: "/v1/sessions", json: undefined, type: "application/json", ...request };
    const answer = await server.inject({
      method: json === undefined ? "GET" : "POST",
      url,
      headers: { ...headersOf({}), ...(json === undefined ? {} : { "content-type": type }) },
      ...(json === undefined ? {} : { payload: json }),
    });
    assert.deepEqual([errorOf(answer).status, errorOf(answer).code], [status, code]);
    assert.equal(answer.body.includes("PLANTED"), false);
  });

test("what goes wrong inside is told without its details", async () => {
  const bed = await newBed();
  const headers = headersOf({ token: await bed.login("tty1") });
  const answer = await bed.server.inject({ url: "/v1/hardware", headers });
  assert.deepEqual([errorOf(answer).status, errorOf(answer).code], [500, "SYS.INTERNAL"]);
  assert.equal(answer.body.includes("PLANTED-DETAIL"), false);
});

test("what is no HTTP gets an error in the same shape, and its connection ends", async () => {
  const bed = await newBed();
  const client = net.connect(await listening(bed, () => undefined));
  let answer = "";
  client.setEncoding("utf8").on("data", (part: string) => {
    answer += part;
  });
  client.write("\x16\x03\x01 hello\r\n\r\n");
  await once(client, "close");
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 400 /);
  assert.equal(errorBody.parse(JSON.parse(body)).error.code, "API.BAD_REQUEST");
});

test("connections beyond the limit are dropped, and those that are open go on", async () => {
  const bed = await newBed();
  const path = await listening(bed, () => undefined);
  const dropped = once(bed.server.server, "drop");
  const limit = bed.server.server.maxConnections;
  assert.ok(limit <= 500);
  const sockets: net.Socket[] = [];
  // One after the other: the queue of a socket that is not yet accepted is shorter.
  for (let i = 0; i <= limit; i++) {
    const socket = net.connect(path).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await dropped;
  const [first] = sockets;
  assert.ok(first !== undefined);
  first.write(`GET /v1/status HTTP/1.1\r\nHost: x\r\n${consoleHeader}: tty1\r\n\r\n`);
  const [part] = await once(first, "data");
  assert.match(String(part), /^HTTP\/1\.1 200 /);
  for (const socket of sockets) socket.destroy();
});

test("a request that never comes whole is given up", async () => {
  const { server } = await newBed();
  await server.ready();
  assert.ok(server.server.requestTimeout > 0 && server.server.requestTimeout <= 60_000);
  assert.ok(server.server.headersTimeout > 0 && server.server.headersTimeout <= 60_000);
});
