import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import * as z from "zod";
import type { Damage, DocumentOptions } from "../../../core/node/document.ts";
import { Document } from "../../../core/node/document.ts";
import { writeDurably } from "../../../core/node/durable.ts";

const schema = z.looseObject({
  minutes: z.number().min(1).max(60).default(10),
  name: z.string().default("nobody"),
  jobs: z.array(z.object({ id: z.string(), state: z.enum(["running", "done"]) })).default([]),
});
type Value = z.infer<typeof schema>;
const empty = schema.parse({});

let root = "";
let count = 0;
let file = "";
let damages: Damage[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), "document-"));
});
after(() => rm(root, { recursive: true, maxRetries: 5 }));
beforeEach(() => {
  count += 1;
  file = join(root, `d${count}.json`);
  damages = [];
});

function open(more: Partial<DocumentOptions<Value>> = {}): Promise<Document<Value>> {
  return Document.open({
    file,
    schema,
    empty,
    onDamage: (damage) => damages.push(damage),
    now: () => Date.UTC(2026, 10, 21, 14, 3, 7),
    ...more,
  });
}

test("a document that does not exist is empty and makes no file until it is changed", async () => {
  const document = await open();
  assert.deepEqual(document.value, empty);
  assert.deepEqual(damages, []);
  await assert.rejects(stat(file));
});

test("a change is on the disk, readable by its owner only, when update resolves", async () => {
  const document = await open();
  await document.update((draft) => {
    draft.minutes = 5;
  });
  assert.equal(document.value.minutes, 5);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await open()).value.minutes, 5);
  assert.deepEqual(
    (await readdir(root)).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("a change may return a new value instead of editing the draft", async () => {
  const document = await open();
  await document.update((draft) => ({ ...draft, name: "new" }));
  assert.equal(document.value.name, "new");
});

test("changes made at the same time run one after the other and none is lost", async () => {
  const document = await open();
  await Promise.all(
    Array.from({ length: 30 }, () =>
      document.update((draft) => {
        draft.minutes += 1;
      }),
    ),
  );
  assert.equal(document.value.minutes, 40);
  assert.equal((await open()).value.minutes, 40);
});

test("a write that fails leaves the old value, says why and does not stop later changes", async () => {
  let full = true;
  const document = await open({
    notSaved: "SETTINGS.NOT_SAVED",
    write: async (to, text) => {
      if (full) throw Object.assign(new Error("write"), { code: "ENOSPC" });
      await writeDurably(to, text);
    },
  });
  const change = (draft: Value) => {
    draft.minutes = 7;
  };
  await assert.rejects(document.update(change), { code: "SETTINGS.NOT_SAVED", message: /the file system is full/ });
  assert.equal(document.value.minutes, 10);
  full = false;
  await document.update(change);
  assert.equal(document.value.minutes, 7);
});

test("a change that throws, or that the schema refuses, writes nothing", async () => {
  const document = await open();
  await assert.rejects(
    document.update(() => {
      throw new Error("no");
    }),
    /no/,
  );
  await assert.rejects(
    document.update((draft) => {
      draft.minutes = 61;
    }),
  );
  assert.equal(document.value.minutes, 10);
  await assert.rejects(stat(file));
});

test("the draft is a copy: the value is not touched before the write", async () => {
  const document = await open();
  const former = document.value;
  await document.update((draft) => {
    draft.jobs.push({ id: "1", state: "done" });
  });
  assert.deepEqual(former.jobs, []);
  assert.equal(document.value.jobs.length, 1);
});

test("a bad field takes its default, the others are kept, and the damaged text is kept beside", async () => {
  await writeFile(file, '{"minutes": "ten", "name": "kept"}');
  const document = await open();
  assert.deepEqual(document.value, { minutes: 10, name: "kept", jobs: [] });
  const keptAs = `${file}.damaged-2026-11-21T140307Z`;
  assert.deepEqual(damages, [{ file, kind: "repaired", fields: ["minutes"], keptAs, why: "bad fields" }]);
  assert.match(await readFile(keptAs, "utf8"), /ten/);
  damages = [];
  await open();
  assert.deepEqual(damages, [], "the next start finds it whole");
});

test("bad elements of a list are dropped and their neighbours stay", async () => {
  const jobs = [
    { id: "a", state: "done" },
    { id: 1 },
    { id: "b", state: "done" },
    { state: "lost" },
    "x",
    { id: "c", state: "running" },
  ];
  await writeFile(file, JSON.stringify({ jobs }));
  const document = await open();
  assert.deepEqual(
    document.value.jobs.map((job) => job.id),
    ["a", "b", "c"],
  );
});

test("fields that a newer version wrote survive a change", async () => {
  await writeFile(file, '{"minutes": 3, "future": {"deep": [1, 2]}}');
  const document = await open();
  await document.update((draft) => {
    draft.minutes = 4;
  });
  assert.deepEqual(JSON.parse(await readFile(file, "utf8")), {
    minutes: 4,
    name: "nobody",
    jobs: [],
    future: { deep: [1, 2] },
  });
});

for (const [what, text] of [
  ["an empty file, as a power cut leaves", ""],
  ["half a document", '{"minutes": 3, "na'],
  ["another kind of JSON", "[1, 2]"],
  ["null", "null"],
  ["binary", "\u0000\u0001\ufffd"],
] as const) {
  test(`${what} is set aside and said so`, async () => {
    await writeFile(file, text);
    const document = await open();
    assert.deepEqual(document.value, empty);
    assert.equal(damages.length, 1);
    assert.equal(damages[0]?.kind, "setAside");
    assert.equal(await readFile(damages[0]?.keptAs ?? "", "utf8"), text);
    await document.update(() => undefined);
    assert.deepEqual((await open()).value, empty);
  });
}

test("a folder in the document's place is set aside too", async () => {
  await import("node:fs/promises").then((fs) => fs.mkdir(file));
  const document = await open();
  assert.equal(damages[0]?.kind, "setAside");
  await document.update(() => undefined);
  assert.deepEqual((await open()).value, empty);
});

test("a temporary file left by a crash does not stop the next write", async () => {
  const document = await open();
  await writeFile(join(root, `.d${count}.json.tmp`), "half");
  await document.update((draft) => {
    draft.name = "after the crash";
  });
  assert.equal((await open()).value.name, "after the crash");
});

for (const [what, text] of [
  ["a list that is nested 200,000 deep", "[".repeat(200_000) + "]".repeat(200_000)],
  [
    "such a list in a field that a newer version may have written",
    `{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`,
  ],
  ["a document with 200,000 bad elements", JSON.stringify({ jobs: Array.from({ length: 200_000 }, () => 1) })],
  ["a document of more than 4 MiB", JSON.stringify({ name: "x".repeat(4 * 1024 * 1024) })],
] as const) {
  test(`${what} is set aside and stops nobody`, async () => {
    await writeFile(file, text);
    const document = await open();
    assert.deepEqual(document.value, empty);
    assert.deepEqual(
      damages.map(({ kind }) => kind),
      ["setAside"],
    );
    await document.update((draft) => {
      draft.minutes = 5;
    });
    assert.equal((await open()).value.minutes, 5);
  });
}

/** A schema that tells how often it was asked about an element. */
function counting() {
  const asked = { count: 0 };
  const element = z.unknown().refine((value) => {
    asked.count += 1;
    return value !== "bad";
  });
  return { asked, schema: z.object({ list: z.array(element).default([]) }) };
}

for (const [what, document] of [
  ["a list of 10,000 elements", { list: Array<object>(10_000).fill({}) }],
  ["10,000 elements in a hundred lists", { list: Array<object>(100).fill(Array<number>(100).fill(1)) }],
  ["10,000 fields that no schema names", Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1]))],
] as const) {
  test(`${what} are more than a document has: set aside without a look at them`, async () => {
    await writeFile(file, JSON.stringify(document));
    const { asked, schema } = counting();
    const why: string[] = [];
    await Document.open({ file, schema, empty: { list: [] }, onDamage: (damage) => why.push(damage.why) });
    assert.deepEqual(why, ["more than 10000 values"]);
    assert.equal(asked.count, 0);
  });
}

test("a document is checked once, and of a damaged one what is left once more", async () => {
  for (const [elements, checks] of [
    [Array<string>(9_998).fill("good"), 9_998],
    [Array<string>(9_000).fill("bad"), 9_000],
    [["bad", "good", "bad", "good"], 4 + 2],
  ] as const) {
    await writeFile(file, JSON.stringify({ list: elements }));
    const { asked, schema } = counting();
    await Document.open({ file, schema, empty: { list: [] } });
    assert.equal(asked.count, checks);
  }
});

test("a document that a check finds a new fault in each time is set aside after twenty looks", async () => {
  let looks = 0;
  const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
  const fickle = z.record(z.string(), z.number()).superRefine((value, context) => {
    looks += 1;
    const [name] = Object.keys(value);
    if (name !== undefined) context.addIssue({ code: "custom", message: "bad", path: [name] });
  });
  await writeFile(file, JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))));
  const kinds: string[] = [];
  await Document.open({ file, schema: fickle, empty: {}, onDamage: (damage) => kinds.push(damage.kind) });
  assert.deepEqual(kinds, ["setAside"]);
  assert.equal(looks, 20);
});

test("a change that changes nothing is not written", async () => {
  let writes = 0;
  const document = await open({
    write: async () => {
      writes += 1;
    },
  });
  await document.update((draft) => ({ ...draft, minutes: 10 }));
  assert.equal(writes, 0);
  await document.update((draft) => ({ ...draft, minutes: 11 }));
  assert.equal(writes, 1);
});
