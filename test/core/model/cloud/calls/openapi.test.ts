import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Dispatcher } from "../../../../../core/manager/dispatch.ts";
import { statusOf } from "../../../../../core/manager/failure.ts";
import { createCloudServer } from "../../../../../core/manager/server.ts";
import type { CloudCall } from "../../../../../core/model/cloud/calls/call.ts";
import { exampleInput } from "../../../../../core/model/cloud/calls/example.ts";
import { cloudCalls, secretFields } from "../../../../../core/model/cloud/calls/index.ts";
import {
  type OpenApiDocument,
  type Operation,
  openApiDocument,
} from "../../../../../core/model/cloud/calls/openapi.ts";
import { cloudErrors } from "../../../../../core/model/cloud/error-codes.ts";
import { createLog } from "../../../../../core/node/log.ts";
import { version } from "../../../../../core/version.ts";
import { undoAfter } from "../../../../support/undo.ts";
import { cloudBed } from "../../../orchestrator/bed.ts";

const document = openApiDocument({ version, statusOf });
const calls: Readonly<Record<string, CloudCall>> = cloudCalls;

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, each]): [string, Operation][] =>
      each === undefined ? [] : [[`${method.toUpperCase()} ${path}`, each]],
    ),
  );
}

/** Every route with its whole path, out of the tree that the server prints. */
function routesOf(tree: string): string[] {
  const above: string[] = [];
  return tree.split("\n").flatMap((line) => {
    const match = /^([│├└─ ]+)(\S+) \(([A-Z, ]+)\)$/u.exec(line);
    if (match === null) return [];
    const [, indent = "", part = "", methods = ""] = match;
    const depth = indent.length / 4;
    above.splice(depth - 1, above.length, part);
    const path = above.join("").replaceAll(/:(\w+)/g, "{$1}");
    // Every GET answers HEAD, too.
    return methods.split(", ").flatMap((method) => (method === "HEAD" ? [] : [`${method} ${path}`]));
  });
}

test("the document is one of OpenAPI 3.1, and every reference in it leads somewhere", async () => {
  const plain: Record<string, unknown> = JSON.parse(JSON.stringify(document));
  const validator = new Validator({ strict: false });
  const { valid, errors } = await validator.validate(structuredClone(plain));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, "3.1");
  const broken = structuredClone(plain) as OpenApiDocument;
  for (const methods of Object.values(broken.paths)) for (const each of Object.values(methods)) delete each?.tags[0];
  assert.equal((await new Validator().validate(JSON.parse(JSON.stringify(broken)))).valid, false);
  for (const [, pointer] of JSON.stringify(plain).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let found: unknown = plain;
    for (const part of pointer?.split("/") ?? [])
      found =
        typeof found === "object" && found !== null ? Object.entries(found).find(([key]) => key === part)?.[1] : 0;
    assert.ok(typeof found === "object", pointer);
  }
});

test("anybody gets the document, and its calls are the server's routes", async (t) => {
  const nobody: Pick<Dispatcher, "run"> = { run: () => Promise.reject(new Error("No call is made.")) };
  const { mirror } = await cloudBed(t);
  const log = createLog({ level: "silent" });
  const { server } = createCloudServer({ dispatcher: nobody, log, mirror, authenticate: () => undefined });
  undoAfter(t, () => server.close());
  const response = await server.inject({ url: "/v1/openapi.json" });
  assert.equal(response.statusCode, 200);
  assert.match(String(response.headers["content-type"]), /^application\/json/);
  assert.deepEqual(response.json(), JSON.parse(JSON.stringify(document)));
  const routes = routesOf(server.printRoutes({ commonPrefix: false }));
  const described = operations().map(([route]) => route);
  assert.deepEqual(
    routes.sort(),
    [...described, "GET /v1/openapi.json", "GET /v1/events", "GET /v1/tasks/{uuid}/events"].sort(),
  );
});

test("each call is described once, with all that it takes", () => {
  assert.deepEqual(
    operations()
      .map(([, { operationId }]) => operationId)
      .sort(),
    Object.keys(calls).sort(),
  );
  for (const [route, { operationId, parameters, requestBody, security, responses, summary }] of operations()) {
    const call = calls[operationId];
    assert.ok(call !== undefined);
    const named = parameters.flatMap((each) => ("name" in each ? [each.name] : []));
    const inBody = requestBody?.content["application/json"].schema.properties ?? {};
    assert.deepEqual([...named, ...Object.keys(inBody)].sort(), Object.keys(call.input.shape).sort(), route);
    for (const [, field] of route.matchAll(/\{(\w+)\}/g)) assert.ok(named.includes(field ?? ""), route);
    assert.equal(summary, call.summary);
    assert.equal(security.length === 0, call.access === "public", route);
    assert.equal("202" in responses, call.mode === "task", route);
    for (const status of ["400", "404", "409", "500", "503"]) assert.ok(status in responses, `${route} ${status}`);
    const mayRepeat = parameters.some((each) => "$ref" in each && each.$ref.endsWith("/IdempotencyKey"));
    assert.equal(mayRepeat, call.mode !== "read" && call.access === "session", route);
  }
});

test("fields carry their description, preset, choices, length and form", () => {
  const body = (path: string) => document.paths[path]?.["post"]?.requestBody?.content["application/json"].schema;
  const host = body("/v1/hosts");
  assert.deepEqual(host?.required, ["name", "clusterUuid", "managementIp", "password"]);
  assert.deepEqual(host?.properties?.["name"], {
    type: "string",
    minLength: 1,
    maxLength: 255,
    description: "For people: one line without blanks at its ends; several resources may have the same.",
  });
  const { password, fingerprint } = host?.properties ?? {};
  assert.ok(typeof password === "object" && password.writeOnly === true && password.format === "password");
  assert.ok(typeof fingerprint === "object" && fingerprint.pattern?.includes("{31}"));
  const stop = body("/v1/vm-instances/{uuid}/stop")?.properties?.["type"];
  assert.ok(typeof stop === "object");
  assert.deepEqual([stop.enum, stop.default], [["grace", "cold"], "grace"]);
  const [q] = document.paths["/v1/zones"]?.["get"]?.parameters ?? [];
  assert.ok(q !== undefined && "name" in q);
  assert.deepEqual([q.name, q.style, q.explode], ["q", "form", true]);
});

test("every error of the cloud stands with the status that it is answered with", () => {
  for (const code of Object.keys(cloudErrors))
    assert.match(
      document.components.responses[`Error${statusOf(code)}`]?.description ?? "",
      new RegExp(`^${code}: `, "m"),
    );
});

test("the example of each call is one that the call takes, and shows no secret that anybody has", () => {
  for (const [name, call] of Object.entries(calls)) {
    const example = exampleInput(name, call);
    const { success, error } = call.input.safeParse(example);
    assert.ok(success, `${name}: ${JSON.stringify(error?.issues)}`);
    for (const field of secretFields) assert.match(String(example[field] ?? "the"), /^the|^I2Nsb3VkLWNvbmZpZwo=$/);
  }
});
