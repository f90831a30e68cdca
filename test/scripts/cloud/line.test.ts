import assert from "node:assert/strict";
import { test } from "node:test";
import { type CloudCallName, cloudCallNames, cloudCalls } from "../../../core/model/cloud/calls/index.ts";
import { inputFromTexts } from "../../../core/model/cloud/calls/text.ts";
import { resources } from "../../../core/model/cloud/resources.ts";
import { readArguments, UsageError } from "../../../scripts/cloud/arguments.ts";
import { complete } from "../../../scripts/cloud/complete.ts";
import { stepOf } from "../../../scripts/cloud/complete-list.ts";
import { keysOf, kindOfField } from "../../../scripts/cloud/fields.ts";
import { isKept } from "../../../scripts/cloud/history.ts";
import { relationsOf } from "../../../scripts/cloud/relations.ts";
import { inputOf, readRequest } from "../../../scripts/cloud/request.ts";
import { asWord, wordsOf } from "../../../scripts/cloud/words.ts";

const lines: readonly (readonly [string, readonly string[]])[] = [
  ["", []],
  ["  a  b ", ["a", "b"]],
  [`name="web 1" x='y z'`, ["name=web 1", "x=y z"]],
  [`name="a\\"b" c\\ d`, ['name=a"b', "c d"]],
  ["name~=100\\%", ["name~=100\\%"]],
  [`a=''`, ["a="]],
  [`a="open b`, ["a=open b"]],
];
for (const [line, words] of lines)
  test(`the line ${JSON.stringify(line)} has ${words.length} words`, () => {
    assert.deepEqual(wordsOf(line).words, words);
  });

test("every text can be typed as a word, and comes back as it was", () => {
  for (const text of ["", "a", "a b", `"`, "'", "\\", "\\%", `a\\"b 'c`, "机 房", "=,;|&$(x)"])
    assert.deepEqual(wordsOf(`name=${asWord(text)} x`).words, [`name=${text}`, "x"]);
});

test("texts become what the call's schema takes", () => {
  const input = (...words: string[]) => inputOf(readRequest(words), new Map());
  const uuids = ["5f4f5bd1e0b24e9b8b4f5f5e6c3a2d10", "6f4f5bd1e0b24e9b8b4f5f5e6c3a2d10"];
  assert.deepEqual(
    input("CreateVmInstance", "name=a", "rootDiskSize=10G", `l3NetworkUuids=${uuids.join(",")}`, "tags=x", "tags=y"),
    { name: "a", rootDiskSize: 10 * 1024 ** 3, l3NetworkUuids: uuids, tags: ["x", "y"] },
  );
  assert.deepEqual(input("QueryVmInstance", "vmNics.ip=10.0.0.1", "state?=Running,Stopped", "limit=5", "limit>5"), {
    q: ["vmNics.ip=10.0.0.1", "state?=Running,Stopped", "limit>5"],
    limit: 5,
  });
  assert.deepEqual(input("UpdateZone", `uuid=${uuids[0]}`, "description=null"), { uuid: uuids[0], description: null });
});

test("a condition keeps its commas in a URL's query string, a list of fields is divided at them", () => {
  assert.deepEqual(inputFromTexts(cloudCalls.QueryHost.input, { q: "state?=Enabled,Disabled", fields: "name,uuid" }), {
    q: ["state?=Enabled,Disabled"],
    fields: ["name", "uuid"],
  });
});

test("every key of every call has a type and a description, and every uuid its kind", () => {
  for (const name of cloudCallNames)
    for (const key of keysOf(cloudCalls[name])) {
      assert.notEqual(key.description, "", `${name} ${key.name}`);
      assert.doesNotMatch(key.type, /undefined/, `${name} ${key.name}`);
      if (/uuids?$/i.test(key.name)) assert.ok(key.kind !== undefined, `${name} ${key.name}`);
    }
  assert.equal(kindOfField("primaryStorageUuidForRootVolume", "VmInstance"), "PrimaryStorage");
  assert.equal(kindOfField("defaultL3NetworkUuid", "VmInstance"), "L3Network");
  assert.equal(kindOfField("resourceUuid", "Task"), undefined);
  assert.equal(Object.keys(resources).includes("Zone"), true);
});

test("queries lead forth and back to other resources", () => {
  assert.equal(relationsOf("VmInstance").get("vmNics"), "VmNic");
  assert.equal(relationsOf("VmInstance").get("host"), "Host");
  assert.equal(relationsOf("Host").get("vmInstance"), "VmInstance");
  assert.equal(relationsOf("Host").get("cluster"), "Cluster");
});

test("no line makes completion fail, and what it gives begins a line that goes on", async () => {
  const lookup = { resources: async () => [{ uuid: "a", name: "b c" }], values: async () => ["x y"] };
  const starts = ["", "q", "QueryHost ", "QueryHost na", "QueryHost name", "QueryHost cluster.", "QueryHost fields=a,"];
  const more = [
    'CreateZone name="',
    "help ",
    "help C",
    "nothing ",
    "-s QueryHost sortBy=-",
    "AddKVMHost password=",
    "'",
  ];
  for (const line of [...starts, ...more, "__proto__ ", "QueryHost constructor.x=", "QueryHost =", "\\"]) {
    const completion = await complete(line, lookup);
    const step = stepOf(completion);
    assert.ok(step === undefined || step.length > 0, line);
  }
  assert.deepEqual((await complete("AddKVMHost password=", lookup)).candidates, []);
});

const kept = ["QueryHost name~=web%", "help CreateZone", "CreateZone name='a b'", "DeleteZone uuid=x -t", "quit"];
const notKept = [
  ...["LogInByAccount accountName=admin password=x", "LogInByAccount accountName=a x", "x", "help x", "CreateZone x=y"],
  ...["AddKVMHost name=a passwrd=x", 'CreateZone name="open', "QueryHost x", "", "QueryHost password=x", "quit x"],
];
test("the history takes lines that are understood wholly, and no others", () => {
  assert.deepEqual([...kept, ...notKept].filter(isKept), kept);
});

test("no line makes the readers of arguments fail in another way than wrong usage", () => {
  const parts = [
    "-s",
    "-H",
    "--",
    "-",
    "",
    "=",
    "a=",
    "=a",
    "name=x",
    "QueryZone",
    "CreateZone",
    "__proto__=1",
    "q=1",
    "\0",
  ];
  for (const a of parts)
    for (const b of parts)
      for (const c of parts)
        try {
          const request = readRequest(readArguments([a, b, c]).words);
          assert.ok(cloudCallNames.includes(request.name satisfies CloudCallName));
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
});
