import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/run.ts";

/** What needs a host, a machine, a task or a session, none of which stands in the clouds that are fuzzed. */
const onlyRefused =
  /^(CancelTask|LogInByAccount|LogOut|UpdateAccountPassword|ValidateSession|\w*Host\w*|\w*VmInstance|GetVmNic|GetVolume)$/;

test("whatever is sent in twenty thousand requests, each call that can succeed does, each is refused, and none fails", async (t) => {
  const { seed, tally } = await fuzz({ clouds: 200, requests: 100, atOnce: 4 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  const lines = [...tally].map(([name, { done, refused }]) => `${name}: ${done} done, ${refused} refused`);
  for (const line of lines) t.diagnostic(line);
  const unseen = [...tally].filter(
    ([name, { done, refused }]) => refused === 0 || (done === 0 && !onlyRefused.test(name)),
  );
  assert.deepEqual(
    unseen.map(([name]) => name),
    [],
  );
});
