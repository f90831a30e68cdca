import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMeminfo, parsePressure } from "../../../../core/node/facts/memory.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";

const meminfo = `MemTotal:       16314236 kB
MemFree:         1203144 kB
MemAvailable:    9875120 kB
Buffers:          412044 kB
Cached:          7310220 kB
SwapCached:            0 kB
Active(anon):    3120332 kB
SwapTotal:       4194300 kB
SwapFree:        4000000 kB
SReclaimable:     510332 kB
HugePages_Total:       0
`;

test("used memory is what is not available, as free(1) counts it", () => {
  assert.deepEqual(parseMeminfo(meminfo, 0.02), {
    totalBytes: 16314236 * 1024,
    usedBytes: (16314236 - 9875120) * 1024,
    availableBytes: 9875120 * 1024,
    cachedBytes: (412044 + 7310220 + 510332) * 1024,
    swapTotalBytes: 4194300 * 1024,
    swapUsedBytes: 194300 * 1024,
    pressure: 0.02,
  });
});

test("a machine without swap uses none", () => {
  const { swapTotalBytes, swapUsedBytes } = parseMeminfo("MemTotal: 100 kB\nMemAvailable: 40 kB\n", null);
  assert.deepEqual([swapTotalBytes, swapUsedBytes], [0, 0]);
});

for (const [what, text] of [
  ["empty", ""],
  ["without a total", "MemAvailable: 40 kB\n"],
  ["without what is available", "MemTotal: 100 kB\n"],
  ["with more available than there is", "MemTotal: 100 kB\nMemAvailable: 140 kB\n"],
] as const) {
  test(`a meminfo that is ${what} is nonsense, never zero`, () => {
    assert.throws(() => parseMeminfo(text, null), new FactMissing("nonsense", "/proc/meminfo"));
  });
}

test("pressure is a share of the last ten seconds, null where the kernel does not keep it", () => {
  assert.equal(
    parsePressure("some avg10=12.50 avg60=3.00 avg300=1.00 total=1\nfull avg10=9.00 avg60=0 avg300=0 total=0\n"),
    0.125,
  );
  assert.equal(parsePressure(undefined), null);
  assert.equal(parsePressure(""), null);
});
