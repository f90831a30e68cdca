import assert from "node:assert/strict";
import { test } from "node:test";
import { PastedTabs } from "../../../scripts/cloud/paste.ts";
import { cliBed } from "./bed.ts";

const [begin, end] = ["\u001b[200~", "\u001b[201~"];

const sent: readonly (readonly [what: string, chunks: readonly string[], pasted: readonly boolean[]])[] = [
  ["a Tab alone", ["\t"], [false]],
  ["Tab twice", ["\t\t"], [false, false]],
  ["a word that was typed fast", ["createz\t"], [false]],
  ["a text without marks", ["a\tb\tc"], [true, true]],
  ["a text without marks that ends in a Tab", ["a\tb\t"], [true, false]],
  ["a Tab before Enter", ["a\t\r"], [true]],
  ["a marked text", [`${begin}a\tb\t${end}`], [true, true]],
  ["a marked text in pieces", [`${begin}a`, "\t", "b\t", `${end}\t`], [true, true, false]],
  ["a Tab behind a marked text", [`${begin}a\t${end}`, "\t"], [true, false]],
];
for (const [what, chunks, pasted] of sent)
  test(`${what}: ${pasted.map((each) => (each ? "pasted" : "pressed")).join(", ")}`, () => {
    const tabs = new PastedTabs();
    const found = chunks.flatMap((chunk) => {
      tabs.see(chunk);
      return Array.from(chunk.matchAll(/\t/g), () => tabs.next());
    });
    assert.deepEqual(found, pasted);
  });

test("a line that is pasted with Tabs is carried out as with blanks, with marks and without; a Tab that is pressed completes", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const typed = await bed.type();
  await typed.until(/^admin@.*>$/m);
  assert.ok(typed.raw().includes("\u001b[?2004h"));
  // Half typed words, which completion would have made another line of.
  typed.type(`${begin}CreateZone\tname=east\tdesc${end}`);
  await typed.until(/> CreateZone +name=east +desc$/m);
  typed.type("\t");
  await typed.until(/description=$/m);
  typed.type("two\r");
  await typed.until('"description": "two"');
  typed.type("CreateZone\tname=west\r");
  await typed.until('"name": "west"');
  assert.deepEqual([...bed.mirror.all("Zone")].map(({ value }) => value.name).sort(), ["east", "west"]);
  typed.type("\x04");
  await typed.exited;
  assert.ok(typed.raw().trimEnd().endsWith("\u001b[?2004l"));
});
