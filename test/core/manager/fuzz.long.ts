import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/run.ts";

test("whatever is sent in twenty thousand requests, each call succeeds and is refused, and the server never fails", async (t) => {
  const { seed, tally } = await fuzz({ clouds: 200, requests: 100, atOnce: 4 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  const lines = [...tally].map(([name, { done, refused }]) => `${name}: ${done} done, ${refused} refused`);
  for (const line of lines) t.diagnostic(line);
  assert.deepEqual(
    lines.filter((line) => / 0 (done|refused)/.test(line)),
    [],
  );
});
