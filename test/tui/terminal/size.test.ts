import assert from "node:assert/strict";
import { test } from "node:test";
import { usableSize } from "../../../tui/terminal/size.ts";

test("a line that tells no size is taken for 80x24, a huge one is cut, a tiny one is left as it is", () => {
  assert.deepEqual(usableSize(undefined, undefined), { width: 80, height: 24 });
  assert.deepEqual(usableSize(0, 0), { width: 80, height: 24 });
  assert.deepEqual(usableSize(132, 0), { width: 132, height: 24 });
  assert.deepEqual(usableSize(Number.NaN, -1), { width: 80, height: 24 });
  assert.deepEqual(usableSize(65_535, 65_535), { width: 400, height: 150 });
  assert.deepEqual(usableSize(1, 1), { width: 1, height: 1 });
});
