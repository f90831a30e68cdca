import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import * as z from "zod";

const reference = z.strictObject({ name: z.string(), value: z.number().nullable(), why: z.string().optional() });
const spread = z.strictObject({ runs: z.number(), min: z.number(), median: z.number(), max: z.number() });
const document = z.strictObject({
  bench: z.literal("console"),
  quick: z.literal(true),
  machine: z.looseObject({ cpu: z.string(), cores: z.number(), kernel: z.string(), node: z.string() }),
  seconds: z.number(),
  figures: z.array(
    z.strictObject({
      name: z.string(),
      value: z.number().nullable(),
      unit: z.string(),
      goal: z.string().nullable(),
      met: z.boolean().nullable(),
      reference: reference.nullable(),
      more: z.array(reference).optional(),
      spread: spread.optional(),
      note: z.string().optional(),
    }),
  ),
});

/** What the design's table of figures asks for, by the names in the document. */
const promised = [
  "firstFrameMs",
  "firstFrameBytes",
  "idleBytes.linux",
  "idleBytes.vt220",
  "idleCpu.console",
  "idleCpu.agent",
  "memory.console",
  "memory.agent",
  "keyMedianMs",
  "keyMaxMs",
  "keyFactHangsMaxMs",
  "keyAgentStoppedMaxMs",
  "newScreenAt9600Ms",
];

test("a quick run prints one document with every promised figure, and each goal's verdict is computed", async () => {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, "console.ts"), "--quick"]);
  const { figures } = document.parse(JSON.parse(stdout));
  const names = figures.map(({ name }) => name);
  assert.deepEqual(
    promised.filter((name) => !names.includes(name)),
    [],
  );
  assert.equal(new Set(names).size, names.length, "a name is used twice");
  for (const { name, value, goal, met } of figures) {
    assert.equal(met === null, value === null || goal === null, name);
    if (promised.includes(name)) assert.notEqual(value, null, `${name} was not measured`);
  }
});
