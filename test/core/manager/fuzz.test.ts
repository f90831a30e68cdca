import assert from "node:assert/strict";
import { test } from "node:test";
import { handlers } from "./fuzz/handlers.ts";
import { carriedOut, fuzz } from "./fuzz/run.ts";

/* A few seconds of it; test/core/manager/fuzz.long.ts goes on for minutes. */

test("whatever is sent, the server answers as documented, fails never and tells no secret", async (t) => {
  const { seed, tally } = await fuzz({ calls: handlers, clouds: 12, requests: 60 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  const sum = (what: "done" | "refused") => [...tally.values()].reduce((all, each) => all + each[what], 0);
  assert.ok(sum("done") > 20 && sum("refused") > 100, `${sum("done")} done, ${sum("refused")} refused`);
  assert.deepEqual([...tally.keys()], carriedOut(handlers));
});
