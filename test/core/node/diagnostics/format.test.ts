import assert from "node:assert/strict";
import { test } from "node:test";
import { list, percent, seconds, size, speed } from "../../../../core/node/diagnostics/format.ts";

const cases: [what: string, text: string, expected: string][] = [
  ["bytes", size(0), "0 B"],
  ["a small size", size(1536), "1.5 K"],
  ["a large size", size(182 * 1024 ** 3), "182 G"],
  ["a size beyond all units", size(5000 * 1024 ** 6), "5000 E"],
  ["a share is rounded down", percent(0.9499), "94 %"],
  ["a share at the limit", percent(0.95), "95 %"],
  ["a share that floating point puts just below", percent(0.29), "29 %"],
  ["microseconds", seconds(-0.000_12), "120 us"],
  ["milliseconds", seconds(0.0042), "4.2 ms"],
  ["seconds", seconds(1.256), "1.26 s"],
  ["minutes", seconds(-192.4), "3 min"],
  ["hours", seconds(86_400), "24 h"],
  ["a slow port", speed(100), "100M"],
  ["a fast port", speed(2500), "2.5G"],
];
for (const [what, text, expected] of cases) test(what, () => assert.equal(text, expected));

test("a list that is too long tells how many it leaves out", () => {
  assert.deepEqual(list(["a", "b"]), { shown: "a, b", more: 0 });
  assert.deepEqual(list(["a", "b", "c", "d", "e"]), { shown: "a, b, c", more: 2 });
});
