import assert from "node:assert/strict";
import { test } from "node:test";
import { drawProgress, type Progress } from "../../../tui/widgets/progress.ts";
import { drawn, lines } from "./support.ts";

function show(progress: Progress, now: number, width = 40): string {
  return lines(width, 1, (c) => drawProgress(c, progress, now))[0] ?? "";
}

test("a known share shows bar, figure and elapsed time", () => {
  assert.equal(show({ share: 0.41, startedAt: 1000 }, 66_000), "[########............]   41 %  1 m 5 s");
  assert.equal(show({ share: 1, startedAt: 0 }, 0), "[####################]  100 %  0 s");
  assert.equal(show({ share: 7, startedAt: 0 }, 0), "[####################]  100 %  0 s");
});

test("time stands still once the work has ended", () => {
  assert.equal(
    show({ share: 0.5, startedAt: 0, endedAt: 5000 }, 99_000),
    show({ share: 0.5, startedAt: 0, endedAt: 5000 }, 5000),
  );
});

test("without a share a mark goes to and fro, one cell a second", () => {
  const at = (seconds: number) => show({ share: null, startedAt: 0 }, seconds * 1000, 20).slice(0, 9);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(at), [
    "[###....]",
    "[.###...]",
    "[..###..]",
    "[...###.]",
    "[....###]",
    "[...###.]",
    "[..###..]",
    "[.###...]",
    "[###....]",
    "[.###...]",
  ]);
});

test("work that ended without a known share has no mark", () => {
  assert.equal(show({ share: null, startedAt: 0, endedAt: 3000 }, 9000, 20), "[.......]  3 s");
});

test("a step of the mark changes two cells of the bar", () => {
  const frame = (now: number) => drawn(40, 1, (c) => drawProgress(c, { share: null, startedAt: 0 }, now));
  const [before, after] = [frame(3000), frame(4000)];
  const changed = before.chars.slice(0, 29).filter((char, at) => char !== after.chars[at]);
  assert.equal(changed.length, 2);
});

test("a clock that was set back shows no negative time", () => {
  assert.match(show({ share: 0.1, startedAt: 60_000 }, 0), /0 s$/);
  assert.match(show({ share: null, startedAt: 60_000 }, 0), /0 s$/);
});

test("where it is narrow the figures stay and the bar goes", () => {
  assert.equal(show({ share: 0.41, startedAt: 0 }, 61_000, 20), " 41 %  1 m 1 s");
  assert.equal(show({ share: Number.NaN, startedAt: 0 }, 61_000, 10), "1 m 1 s");
});
