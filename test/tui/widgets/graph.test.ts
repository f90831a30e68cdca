import assert from "node:assert/strict";
import { test } from "node:test";
import { drawGraph } from "../../../tui/widgets/graph.ts";
import { blockGlyphs, drawn, lines } from "./support.ts";

test("each value is a column, the newest at the right, filled from the bottom", () => {
  // 3 lines of 3 levels: ninths of full.
  assert.deepEqual(
    lines(8, 3, (c) => drawGraph(c, [0, 0.12, 0.25, 0.5, 0.75, 1])),
    ["      .#", "     :##", "  ..:###"],
  );
});

test("a gap is empty, what was measured as zero is not", () => {
  assert.deepEqual(
    lines(5, 2, (c) => drawGraph(c, [0, null, 0, Number.NaN, 0])),
    ["", ". . ."],
  );
});

test("eighths of blocks are used where the console has them", () => {
  assert.deepEqual(
    lines(4, 2, (c) => drawGraph(c, [0, 0.25, 0.5, 0.8125]), blockGlyphs),
    ["   ▅", "▁▄██"],
  );
});

test("more values than columns: the oldest are left out; shares outside 0 to 1 are cut", () => {
  assert.deepEqual(
    lines(3, 1, (c) => drawGraph(c, [1, 1, -3, 1, 7])),
    [".##"],
  );
});

test("a new sample in the same bucket changes cells of the last column only", () => {
  const values = Array.from({ length: 32 }, (_, i) => (i % 7) / 7);
  const before = drawn(32, 5, (c) => drawGraph(c, values));
  const after = drawn(32, 5, (c) => drawGraph(c, [...values.slice(0, -1), 0.9]));
  const changed = before.chars.flatMap((char, at) => (char === after.chars[at] ? [] : [at % 32]));
  assert.ok(changed.length > 0 && changed.length <= 5);
  assert.ok(changed.every((x) => x === 31));
});

test("a room of no size is no failure", () => {
  assert.deepEqual(
    lines(0, 0, (c) => drawGraph(c, [0.5])),
    [],
  );
  assert.deepEqual(
    lines(3, 0, (c) => drawGraph(c, [0.5])),
    [],
  );
  assert.deepEqual(
    lines(3, 1, (c) => drawGraph(c, [])),
    [""],
  );
});
