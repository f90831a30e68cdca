import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import { type ResourceKind, resources } from "../../../../core/model/cloud/resources.ts";
import type { StateMachine } from "../../../../core/model/cloud/state-machine.ts";
import { samples, uuidOf } from "./samples.ts";

const kinds = Object.keys(resources) as ResourceKind[];
const cases = kinds.map((kind) => ({ kind, sample: samples[kind], schema: resources[kind].schema as z.ZodMiniType }));

function fieldsOf(kind: ResourceKind): string[] {
  return Object.keys(resources[kind].schema.shape);
}

/** What a terminal, a log or a path might obey. */
const hostile = ["\u001b[2J", "a\u202eb", "a\0b", "\ud800", "a\u0085b", "a\u2028b", "a\rb", "__proto__\u0007"];

test("a good record of each resource is taken as it is", () => {
  for (const { kind, sample, schema } of cases) assert.deepEqual(schema.parse(sample), sample, kind);
});

const added = new Set(["L3Network.dhcpServerIp", "VmNic.securityGroupUuids", "InstanceOffering.tags"]);

test("a record with any field missing is refused, but for those that former versions did not have", () => {
  for (const { kind, sample, schema } of cases)
    for (const field of fieldsOf(kind)) {
      if (added.has(`${kind}.${field}`)) continue;
      const { [field]: _, ...rest } = sample;
      assert.equal(schema.safeParse(rest).success, false, `${kind} without ${field}`);
    }
});

test("a field of another type is refused", () => {
  for (const { kind, sample, schema } of cases)
    for (const field of fieldsOf(kind)) {
      const wrong = [
        {},
        [[]],
        [null],
        undefined,
        Number.NaN,
        1.5,
        -1,
        Number.MAX_VALUE,
        sample[field] === null ? true : typeof sample[field] === "string" ? 7 : "7",
      ];
      // The one figure that may be any number.
      const isAnyNumber = kind === "Alarm" && field === "threshold";
      // The one that may be any object.
      const isAnyObject = kind === "Task" && field === "result";
      for (const value of wrong) {
        if (isAnyNumber && Number.isFinite(value)) continue;
        if (isAnyObject && typeof value === "object" && !Array.isArray(value)) continue;
        const result = schema.safeParse({ ...sample, [field]: value });
        assert.equal(result.success, false, `${kind}.${field} = ${JSON.stringify(value)}`);
      }
    }
});

test("a text that is too long or hostile is refused in every field", () => {
  for (const { kind, sample, schema } of cases)
    for (const field of fieldsOf(kind))
      for (const text of ["a".repeat(10_000), ...hostile])
        for (const value of [text, [text]])
          assert.equal(
            schema.safeParse({ ...sample, [field]: value }).success,
            false,
            `${kind}.${field} ${JSON.stringify(text.slice(0, 9))}`,
          );
});

test("a list that is too long, or says something twice, is refused", () => {
  for (const { kind, sample, schema } of cases)
    for (const field of fieldsOf(kind).filter((each) => Array.isArray(sample[each]))) {
      const long = Array.from({ length: 1025 }, (_, i) => (/uuids/i.test(field) ? uuidOf(i) : `a::b${i}`));
      assert.equal(schema.safeParse({ ...sample, [field]: long }).success, false, `${kind}.${field}`);
      if (/uuids/i.test(field))
        assert.equal(
          schema.safeParse({ ...sample, [field]: [uuidOf(1), uuidOf(1)] }).success,
          false,
          `${kind}.${field}`,
        );
    }
});

test("an unknown field is refused, whatever its name", () => {
  for (const { kind, sample, schema } of cases)
    for (const field of ["extra", "constructor", "toString", "__proto__"]) {
      const record: unknown = JSON.parse(JSON.stringify(sample).replace("{", `{${JSON.stringify(field)}:{},`));
      assert.equal(schema.safeParse(record).success, false, `${kind} with ${field}`);
    }
});

test("uuids are of version 4 in 32 lower-case digits", () => {
  const { schema } = resources.DiskOffering;
  const parse = (uuid: string) => schema.safeParse({ ...samples.DiskOffering, uuid }).success;
  assert.ok(parse("0f8fad5bd9cb469fa16570867728950e"));
  for (const wrong of [
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "0F8FAD5BD9CB469FA16570867728950E",
    "0f8fad5bd9cb169fa16570867728950e",
    "0f8fad5bd9cb469fc16570867728950e",
    "0f8fad5bd9cb469fa16570867728950",
    "0f8fad5bd9cb469fa16570867728950e\n",
    "",
  ])
    assert.equal(parse(wrong), false, wrong);
});

test("names are free but for what can't be seen", () => {
  const parse = (name: string) => resources.DiskOffering.schema.safeParse({ ...samples.DiskOffering, name }).success;
  for (const good of ["a", "10 GB", "云主机-1", "; rm -rf /", "x".repeat(255), "👩‍💻"]) assert.ok(parse(good), good);
  for (const wrong of ["", " a", "a ", "x".repeat(256), "a\nb", "\u200b"])
    assert.equal(parse(wrong), false, JSON.stringify(wrong));
});

test("every field of every resource is described, and each has a JSON schema that refuses unknown fields", () => {
  for (const { kind, schema } of cases) {
    const document = z.toJSONSchema(schema);
    assert.equal(document.additionalProperties, false, kind);
    for (const [field, property] of Object.entries(document.properties ?? {}))
      assert.ok(typeof property === "object" && /^[A-Z].*\.$/.test(property.description ?? ""), `${kind}.${field}`);
  }
});

test("states in a record are those of the resource's table; owners are resources with a field", () => {
  for (const kind of kinds) {
    const {
      owners,
      machines,
      schema,
    }: { owners: Record<string, string>; machines: readonly StateMachine[]; schema: z.ZodMiniObject } = resources[kind];
    for (const machine of machines)
      for (const state of [...Object.keys(machine.states), "Nowhere", "enabled"]) {
        const parsed = schema.safeParse({ ...samples[kind], [machine.attribute]: state });
        assert.equal(parsed.success, Object.hasOwn(machine.states, state), `${kind} ${state}`);
      }
    for (const field of Object.keys(owners)) assert.ok(fieldsOf(kind).includes(field), `${kind}.${field}`);
  }
});

test("a description has several lines at most, and an end", () => {
  const { schema } = resources.DiskOffering;
  const parse = (description: string) => schema.safeParse({ ...samples.DiskOffering, description }).success;
  for (const good of ["", "a\n\tb", "x".repeat(2048)]) assert.ok(parse(good), good.slice(0, 9));
  for (const wrong of ["x".repeat(2049), "a\rb", "\u001b"]) assert.equal(parse(wrong), false);
});

test("a network is written as its first address and its prefix", () => {
  const parse = (migrationNetworkCidr: string) =>
    resources.Cluster.schema.safeParse({ ...samples.Cluster, migrationNetworkCidr }).success;
  for (const good of ["10.0.0.0/8", "10.0.0.4/30", "10.0.0.4/32", "fd00::/64", "fd00::1/128"])
    assert.ok(parse(good), good);
  for (const wrong of [
    "10.0.0.1/8",
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/0",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "x/8",
    "/8",
    "fd00::1/129",
  ])
    assert.equal(parse(wrong), false, wrong);
});

test("a machine boots from each kind of device once at most", () => {
  const { schema } = resources.VmInstance;
  const parse = (...bootOrder: string[]) => schema.safeParse({ ...samples.VmInstance, bootOrder }).success;
  assert.ok(parse("HardDisk") && parse("Network", "CdRom", "HardDisk"));
  assert.equal(parse("CdRom", "CdRom"), false);
});
