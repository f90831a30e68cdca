import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/run.ts";

/** What is made by chance succeeds seldom: so many kinds of calls did nevertheless, and so many whose task did. */
const leastThatSucceed = 60;
const leastTasksThatSucceed = 10;

test("whatever is sent in twenty thousand requests, each call is answered as documented and the server never fails", async (t) => {
  const { seed, tally, told } = await fuzz({ clouds: 200, requests: 100, atOnce: 4 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  for (const [name, { done, refused }] of tally) t.diagnostic(`${name}: ${done} done, ${refused} refused`);
  for (const [ending, count] of [...told].sort()) t.diagnostic(`${ending}: ${count} tasks`);
  const unasked = [...tally].filter(([, { done, refused }]) => done + refused === 0).map(([name]) => name);
  assert.deepEqual(unasked, []);
  const succeeded = [...tally].filter(([, { done }]) => done > 0).length;
  assert.ok(succeeded >= leastThatSucceed, `${succeeded} kinds of calls succeeded`);
  const tasks = [...told.keys()].filter((ending) => ending.endsWith(" Succeeded"));
  assert.ok(tasks.length >= leastTasksThatSucceed, tasks.join());
});
