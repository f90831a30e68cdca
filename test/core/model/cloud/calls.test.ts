import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import type { CloudCall } from "../../../../core/model/cloud/calls/call.ts";
import { exampleInput } from "../../../../core/model/cloud/calls/example.ts";
import { cloudCalls } from "../../../../core/model/cloud/calls/index.ts";
import { pathFields } from "../../../../core/model/cloud/calls/openapi.ts";
import { fromText, inputFromTexts } from "../../../../core/model/cloud/calls/text.ts";
import { cidr, count, ipAddress, line, say, tags, uuid, uuids } from "../../../../core/model/cloud/fields.ts";

const calls: readonly [string, CloudCall][] = Object.entries(cloudCalls);

/** The first word of a call's name. Those of the reference; ours are at the end. */
const verbs = [
  ...[
    "Create",
    "Add",
    "Backup",
    "Query",
    "Get",
    "Update",
    "Change",
    "Delete",
    "Attach",
    "Detach",
    "Remove",
    "Set",
    "Reset",
  ],
  ...["Start", "Stop", "Reboot", "Pause", "Resume", "Suspend", "Migrate", "Resize", "Clone", "Destroy", "Recover"],
  ...["Expunge", "Reconnect", "Revert", "Cancel", "LogIn", "LogOut", "Validate", "Is", "Request", "Export", "Sync"],
  ...[
    "Renew",
    "Lock",
    "Unlock",
    "Shelve",
    "Unshelve",
    "Rescue",
    "Unrescue",
    "Rebuild",
    "Reimage",
    "Evacuate",
    "Backup",
  ],
];

test("every call says in a sentence what it does", () => {
  for (const [name, { summary }] of calls) assert.match(summary, /^[A-Z][^\n]*[^.]\.$/, name);
});

test("every argument of every call is described in a sentence", () => {
  for (const [name, { input }] of calls)
    for (const [field, schema] of Object.entries(z.toJSONSchema(input, { io: "input" }).properties ?? {})) {
      const text = typeof schema === "object" ? schema.description : undefined;
      assert.match(text ?? "", /^\S[^\n]*[^.]\.$/, `${name}.${field}`);
    }
});

test("an unknown argument of any call is an error", () => {
  for (const [name, call] of calls)
    for (const field of ["extra", "__proto__", "constructor"]) {
      const given = exampleInput(name, call);
      Object.defineProperty(given, field, { value: {}, enumerable: true });
      const tried = call.input.safeParse(given);
      assert.equal(tried.success, false, `${name} with ${field}`);
    }
});

test("what stands in a path is an argument that must be given", () => {
  for (const [name, { path, input }] of calls) {
    const required = z.toJSONSchema(input, { io: "input" }).required ?? [];
    for (const field of pathFields(path)) assert.ok(required.includes(field), `${name}: ${field}`);
    assert.match(path, /^\/v1(\/([a-z\d]+(-[a-z\d]+)*|:[A-Za-z]+))+$/, name);
  }
});

test("no two calls have one address, also when a word could be the value of an argument", () => {
  /** Whether a part of one path could stand for that of the other. */
  const meet = (one: string, other: string, { input }: CloudCall): boolean => {
    if (one === other || (one.startsWith(":") && other.startsWith(":"))) return true;
    if (!one.startsWith(":")) return false;
    const field: Readonly<Record<string, z.core.$ZodType>> = input.shape;
    const schema = field[one.slice(1)];
    return schema !== undefined && z.safeParse(schema, other).success;
  };
  for (const [i, [name, call]] of calls.entries())
    for (const [otherName, other] of calls.slice(i + 1)) {
      if (call.method !== other.method) continue;
      const [mine, others] = [call.path.split("/"), other.path.split("/")];
      const isSame =
        mine.length === others.length &&
        mine.every((part, n) => meet(part, others[n] ?? "", call) || meet(others[n] ?? "", part, other));
      assert.ok(!isSame, `${name} and ${otherName}: ${call.method} ${call.path}`);
    }
});

test("names of calls begin with a verb of the reference, and method and verb agree", () => {
  for (const [name, { method, mode }] of calls) {
    const verb = verbs.filter((each) => name.startsWith(each)).sort((a, b) => b.length - a.length)[0];
    assert.ok(verb !== undefined && /^[A-Z]/.test(name.slice(verb.length) || "X"), name);
    assert.equal(mode === "read", method === "GET", name);
    assert.equal(/^(Query|Get|Validate|Is)$/.test(verb), mode === "read", name);
  }
});

test("the example of each call comes back from its texts, as in a URL and on a command line", () => {
  const textOf = (value: unknown): string | string[] =>
    Array.isArray(value) ? value.map((each) => String(each)) : String(value);
  for (const [name, call] of calls) {
    const example = exampleInput(name, call);
    const texts = Object.fromEntries(Object.entries(example).map(([field, value]) => [field, textOf(value)]));
    assert.deepEqual(inputFromTexts(call.input, texts), example, name);
  }
});

test("a text is read as what its field is; what can't be is left to the schema", () => {
  const someUuid = "0f8fad5bd9cb469fa16570867728950e";
  const free = z.array(z.string().check(z.minLength(1), z.maxLength(64)));
  const cases: [z.core.$ZodType, string | string[], unknown][] = [
    [line(64), "12", "12"],
    [line(64), "null", "null"],
    [z.nullable(line(64)), "null", null],
    [z._default(z.nullable(line(64)), null), "null", null],
    [z.optional(z.nullable(count)), "null", null],
    [z.optional(count), "12", 12],
    [count, "1G", 1024 ** 3],
    [count, "-1", -1],
    [count, "1.5", 1.5],
    [count, "1e9", "1e9"],
    [count, "0x10", "0x10"],
    [count, "NaN", "NaN"],
    [count, "", ""],
    [count, "9".repeat(20), "9".repeat(20)],
    [z.boolean(), "true", true],
    [z.boolean(), "false", false],
    [z.boolean(), "yes", "yes"],
    [z.literal([4, 6]), "6", 6],
    [z.literal("root"), "root", "root"],
    [z.enum(["enable", "disable"]), "enable", "enable"],
    [uuid, someUuid, someUuid],
    [ipAddress, "10.0.0.1", "10.0.0.1"],
    [cidr, "10.0.0.0/8", "10.0.0.0/8"],
    [uuids, "", []],
    [uuids, someUuid, [someUuid]],
    [uuids, `${someUuid},x`, [someUuid, "x"]],
    [tags, "a::1,b::2", ["a::1", "b::2"]],
    [z.array(count), ["1", "2K"], [1, 2048]],
    [say(z._default(free, []), "Conditions."), "state?=Running,Stopped", ["state?=Running,Stopped"]],
    [free, ["a=1", "b?=1,2"], ["a=1", "b?=1,2"]],
    // One value where several were given: the first, as nothing says which one is meant.
    [line(64), ["a", "b"], "a"],
  ];
  for (const [schema, text, value] of cases) assert.deepEqual(fromText(schema, text), value, JSON.stringify(text));
});

test("texts of fields that a call does not have stay, to be refused, whatever their names", () => {
  const { input } = cloudCalls.QueryZone;
  for (const field of ["constructor", "toString", "hasOwnProperty", "extra"]) {
    const given = inputFromTexts(input, { [field]: "x" });
    assert.deepEqual(given, { [field]: "x" });
    assert.equal(input.safeParse(given).success, false, field);
  }
});
