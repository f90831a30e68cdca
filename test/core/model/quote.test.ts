import assert from "node:assert/strict";
import { test } from "node:test";
import { listed, quoted, shown } from "../../../core/model/quote.ts";

test("a given text stands in a sentence in quotes, on one line, with nothing that a terminal obeys", () => {
  const forms: [given: string, written: string][] = [
    ["", `""`],
    ["a b", `"a b"`],
    [`say "x"`, `"say \\"x\\""`],
    ["a\nb", `"a\\nb"`],
    ["\u0000", `"\\u0000"`],
    ["\u009b31m", `"\\u009b31m"`],
    ["\u202eevil", `"\\u202eevil"`],
    ["\u{e0041}", `"\\udb40\\udc41"`],
    ["链路", `"链路"`],
    ["x".repeat(40), `"${"x".repeat(40)}"`],
    ["x".repeat(10_000), `"${"x".repeat(27)}..." (10000 characters)`],
  ];
  for (const [given, written] of forms) assert.equal(quoted(given), written);
});

test("however long a text is, and whatever is in it, its place in a sentence is bounded", () => {
  for (const text of ["x", "\u0001", "\u{1f600}", "\ud800", `"`, "\\"])
    for (const length of [1, 6, 7, 39, 40, 41, 10_000])
      assert.ok(quoted(text.repeat(length)).length <= 62, JSON.stringify(text) + length);
});

test("a plain name needs no quotes, and of many some are named", () => {
  assert.equal(shown("bond0.10"), "bond0.10");
  assert.equal(shown("; rm"), `"; rm"`);
  assert.equal(listed(["a"]), "a");
  assert.equal(listed(["a", "b"]), "a and b");
  assert.equal(listed(["a", "b", "c"], 2), "a, b and 1 more");
});
