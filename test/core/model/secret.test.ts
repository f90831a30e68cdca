import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { Secret } from "../../../core/model/secret.ts";

const planted = "plAnted-7c1f";
const secret = new Secret(planted);

const prints: Record<string, () => string> = {
  "String()": () => String(secret),
  "a template literal": () => `${secret}`,
  concatenation: () => "".concat(String(secret), ["", secret].join("")),
  "JSON, nested": () => JSON.stringify({ a: [secret] }),
  "util.inspect": () => inspect(secret, { showHidden: true, depth: null, customInspect: true }),
  "util.inspect without custom inspection": () => inspect(secret, { showHidden: true, customInspect: false }),
  "util.format": () => format("%s %o %j %O", secret, secret, secret, { secret }),
  "an error's cause": () => inspect(new Error("x", { cause: secret })),
  "own property names": () => JSON.stringify(Object.getOwnPropertyNames(secret)) + JSON.stringify({ ...secret }),
  "a structured clone": () => inspect(structuredClone(secret)),
};

for (const [how, print] of Object.entries(prints)) {
  test(`${how} does not give a secret away`, () => {
    assert.ok(!print().includes(planted), print());
  });
}

test("a secret that is printed says that it is one", () => {
  assert.equal(`${secret}`, "[secret]");
  assert.equal(JSON.stringify({ password: secret }), '{"password":"[secret]"}');
});

test("reveal gives the secret back unchanged", () => {
  assert.equal(secret.reveal(), planted);
});
