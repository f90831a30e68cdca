import assert from "node:assert/strict";
import { test } from "node:test";
import { deletionOrder, ownedBy } from "../../../../core/model/cloud/cascade.ts";
import { checkFields, checkOne } from "../../../../core/model/cloud/check-fields.ts";
import { type ResourceKind, resources } from "../../../../core/model/cloud/resources.ts";
import { samples } from "./samples.ts";
import { nextOf, readable, refusalOf } from "./support.ts";

const kinds = Object.keys(resources) as ResourceKind[];

test("every wrong field of a call is told at its place, with what it is for", () => {
  const { schema } = resources.VmInstance;
  const checked = checkFields(schema, {
    ...samples.VmInstance,
    cpuNum: 0,
    memorySize: "1G",
    platform: "DOS",
    vmNicUuids: ["x"],
    extra: 1,
  });
  assert.ok("refusals" in checked);
  assert.deepEqual(
    checked.refusals.map((refusal) => [readable(refusal).where, refusal.code, refusal.values["why"]]),
    [
      ["vmNicUuids.0", "SYS.1001", "invalid_format"],
      ["cpuNum", "SYS.1001", "too_small"],
      ["memorySize", "SYS.1001", "invalid_type"],
      ["platform", "SYS.1001", "invalid_value"],
      ["call", "SYS.1001", "unrecognized_keys"],
    ],
  );
  const details = (change: Record<string, unknown>) =>
    refusalOf(checkOne(schema, { ...samples.VmInstance, ...change })).details;
  assert.equal(details({ cpuNum: 0 }), "It must be within its limits, 1 at least.");
  assert.equal(details({ bootOrder: [] }), "It must be a list of a length that is allowed, 1 at least.");
  assert.equal(details({ tags: ["a".repeat(1025)] }), "It must be of a length that is allowed, 1024 at most.");
  assert.equal(details({ memorySize: 1024 ** 3 + 1 }), "It must be a multiple of 1024.");
  assert.equal(details({ platform: "DOS" }), "It must be one of Linux, Windows or Other.");
  assert.equal(checked.refusals[1]?.remedy, "cpuNum: Virtual processors.");
});

test("a call that is right is its value; of a wrong one the first reason is enough for who asks so", () => {
  for (const kind of kinds) assert.deepEqual(nextOf(checkOne(resources[kind].schema, samples[kind])), samples[kind]);
  assert.equal(refusalOf(checkOne(resources.Zone.schema, null)).where, "call");
});

test("no refusal repeats what was given, and a hostile call gets a bounded answer", () => {
  for (const kind of kinds)
    for (const value of ["s3cr3t\u001b[2J", ["s3cr3t"], { s3cr3t: 1 }]) {
      const given = Object.fromEntries(Object.keys(samples[kind]).map((field) => [field, value]));
      const checked = checkFields(resources[kind].schema, given);
      assert.ok("refusals" in checked && checked.refusals.length > 0, kind);
      for (const refusal of checked.refusals) assert.ok(!JSON.stringify(readable(refusal)).includes("s3cr3t"), kind);
    }
  const many = Array.from({ length: 1000 }, (_, i) => `\u202e${i}`);
  const checked = checkFields(resources.VmInstance.schema, { ...samples.VmInstance, vmNicUuids: many });
  assert.ok("refusals" in checked && checked.refusals.length === 32);
  const fields = Object.fromEntries(many.map((field) => [field, 1]));
  const refusal = refusalOf(checkOne(resources.Zone.schema, { ...samples.Zone, ...fields }));
  assert.ok(refusal.details.length < 300);
});

test("what is owned goes before its owner, and nothing owns itself", () => {
  for (const kind of kinds) {
    const order = deletionOrder(kind);
    assert.equal(order.at(-1), kind);
    assert.equal(new Set(order).size, order.length);
    for (const each of order)
      for (const child of ownedBy(each))
        assert.ok(order.indexOf(child.kind) < order.indexOf(each), `${kind}: ${child.kind} before ${each}`);
  }
  assert.deepEqual(deletionOrder("L2Network"), ["IpRange", "VmNic", "L3Network", "L2Network"]);
  assert.ok(deletionOrder("Zone").includes("VolumeSnapshot"));
});
