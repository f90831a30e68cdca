import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { cloudErrors } from "../../../../core/model/cloud/error-codes.ts";
import { CloudError, cloudErrorBody, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { errorBody, NodeError } from "../../../../core/model/error.ts";

const refusal = refusalOf("HOST.1009", {
  where: "VmInstance web-1",
  details: "node-2 has no room.",
  remedy: "Choose another host.",
  values: { free: 0 },
});

test("an error says what, where, why and what to do, in the form of every other error too", () => {
  const body = new CloudError(refusal).toBody();
  assert.deepEqual(body, {
    error: {
      code: "HOST.1009",
      description: "Failed to migrate vm on hypervisor",
      details: "node-2 has no room.",
      where: "VmInstance web-1",
      remedy: "Choose another host.",
      values: { free: 0 },
    },
  });
  assert.deepEqual(cloudErrorBody.parse(JSON.parse(JSON.stringify(body))), body);
  assert.ok(errorBody.safeParse(body).success);
});

test("causes are told down to the first, and what was not made to be read is not shown", () => {
  const first = new NodeError("LIBVIRT.BUSY", "libvirt is busy.", { remedy: "Wait." });
  const { error } = new CloudError(refusal, new CloudError(refusal, first)).toBody();
  assert.equal(error.cause?.cause?.code, "LIBVIRT.BUSY");
  assert.ok(cloudErrorBody.safeParse({ error }).success);
  const secret = JSON.stringify(new CloudError(refusal, new Error("password=secret")).toBody());
  assert.ok(!secret.includes("secret") && secret.includes("SYS.UNEXPECTED"));
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
  assert.equal(new CloudError(refusal, refused).toBody().error.cause, undefined);
});

test("codes are an area and four digits, described once each", () => {
  for (const [code, text] of Object.entries(cloudErrors)) {
    assert.match(code, /^(SYS|HOST|VM|STORAGE|NETWORK|IDENTITY|HA)\.1\d{3}$/);
    assert.match(text, /^[A-Z].*[^.]$/);
  }
  assert.equal(new Set(Object.values(cloudErrors)).size, Object.keys(cloudErrors).length);
});

test("every code is used", () => {
  const room = new URL("../../../../core/", import.meta.url);
  const files = readdirSync(room, { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith("error-codes.ts"));
  const text = sources.map((file) => readFileSync(new URL(file, room), "utf8")).join("\n");
  // The example of cloud.md: migration itself is not the model's.
  const elsewhere = ["HOST.1009"];
  const unused = Object.keys(cloudErrors).filter((code) => !text.includes(`"${code}"`) && !elsewhere.includes(code));
  assert.deepEqual(unused, []);
});
