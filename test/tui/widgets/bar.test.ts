import assert from "node:assert/strict";
import { test } from "node:test";
import { drawBar } from "../../../tui/widgets/bar.ts";
import { blockGlyphs, lines } from "./support.ts";

const bars: readonly (readonly [number | null, string])[] = [
  [0, "[..........]"],
  [0.001, "[#.........]"],
  [0.5, "[#####.....]"],
  [0.999, "[#########.]"],
  [1, "[##########]"],
  [1.5, "[##########]"],
  [-1, "[..........]"],
  [null, "[          ]"],
  [Number.NaN, "[          ]"],
];

for (const [share, bar] of bars)
  test(`a bar for ${share}`, () => {
    assert.deepEqual(
      lines(12, 1, (c) => drawBar(c, share)),
      [bar],
    );
  });

test("a rich console fills with blocks", () => {
  assert.deepEqual(
    lines(6, 1, (c) => drawBar(c, 0.5), blockGlyphs),
    ["[██..]"],
  );
});

test("a bar without room draws nothing", () => {
  assert.deepEqual(
    lines(2, 1, (c) => drawBar(c, 0.5)),
    [""],
  );
});
