import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBudget } from "../../../tui/terminal/budget.ts";

/** Times of the frames when somebody wants one every millisecond. */
function framesIn(budget: FrameBudget, from: number, to: number): number[] {
  const frames: number[] = [];
  for (let now = from; now < to; now++)
    if (budget.waitMs(now) === 0) {
      budget.drawn(now);
      frames.push(now);
    }
  return frames;
}

test("a storm of changes is drawn at most four times in any second", () => {
  const frames = framesIn(new FrameBudget(), 0, 10_000);
  for (const start of frames) assert.ok(frames.filter((at) => at >= start && at < start + 1000).length <= 4);
  assert.ok(frames.length >= 40);
});

test("a change once a second is drawn at once", () => {
  const budget = new FrameBudget();
  for (let now = 0; now < 20_000; now += 1000) {
    assert.equal(budget.waitMs(now), 0);
    budget.drawn(now);
  }
});

test("after a key nothing waits, however much was drawn before; its consequences wait 20 ms at most", () => {
  const budget = new FrameBudget();
  framesIn(budget, 0, 500);
  assert.ok(budget.waitMs(500) > 0);
  budget.key(500);
  assert.equal(budget.waitMs(500), 0);
  budget.drawn(500);
  assert.equal(budget.waitMs(510), 10);
  assert.equal(budget.waitMs(530), 0);
});

test("what comes long after a key waits like everything else", () => {
  const budget = new FrameBudget();
  budget.key(0);
  budget.drawn(0);
  const frames = framesIn(budget, 400, 1400);
  assert.ok(frames.length <= 5, String(frames));
});
