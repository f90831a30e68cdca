import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, medianOf, meets } from "./figures.ts";

test("a goal is compared with the figure before it is rounded", () => {
  assert.equal(figure("memory", 75.04, "MiB", { goal: "<= 75" }).met, false);
  assert.equal(figure("memory", 75, "MiB", { goal: "<= 75" }).met, true);
});

test("a figure that could not be measured has met nothing and missed nothing", () => {
  const { met, value } = figure("memory", null, "MiB", { goal: "<= 75" });
  assert.deepEqual({ met, value }, { met: null, value: null });
});

test("a goal that is no comparison is refused", () => {
  assert.throws(() => meets(1, "about 5"), /is no goal/);
});

test("the median of an even number of values lies between the middle two", () => {
  assert.equal(medianOf([4, 1, 10, 2]), 3);
  assert.equal(medianOf([3, 1, 2]), 2);
});
