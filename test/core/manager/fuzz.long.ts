import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/run.ts";

/** What is made by chance succeeds seldom, and what needs a host never does: so many calls did nevertheless. */
const leastThatSucceed = 20;

test("whatever is sent in twenty thousand requests, each call is answered as documented and the server never fails", async (t) => {
  const { seed, tally } = await fuzz({ clouds: 200, requests: 100, atOnce: 4 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  for (const [name, { done, refused }] of tally) t.diagnostic(`${name}: ${done} done, ${refused} refused`);
  const unasked = [...tally].filter(([, { done, refused }]) => done + refused === 0).map(([name]) => name);
  assert.deepEqual(unasked, []);
  const succeeded = [...tally].filter(([, { done }]) => done > 0).length;
  assert.ok(succeeded >= leastThatSucceed, `${succeeded} kinds of calls succeeded`);
});
