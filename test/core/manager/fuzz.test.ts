import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallTable } from "../../../core/manager/dispatch.ts";
import { CloudError, refusalOf } from "../../../core/model/cloud/refusal.ts";
import { fuzz } from "./fuzz/run.ts";

/* A few seconds of it; test/core/manager/fuzz.long.ts goes on for minutes. */

test("whatever is sent, the server answers as documented, fails never and tells no secret", async (t) => {
  const { seed, tally } = await fuzz({ clouds: 12, requests: 60 });
  t.diagnostic(`BINNACLE_FUZZ_SEED=${seed}`);
  const sum = (what: "done" | "refused") => [...tally.values()].reduce((all, each) => all + each[what], 0);
  assert.ok(sum("done") > 20 && sum("refused") > 100, `${sum("done")} done, ${sum("refused")} refused`);
});

test("a call that fails, tells a password or answers in another shape is found, with the one request that shows it", async () => {
  const faults: Record<string, (input: { password: string }) => Promise<object>> = {
    fails: () => Promise.reject(new TypeError("A fault.")),
    tells: ({ password: details }) =>
      Promise.reject(new CloudError(refusalOf("IDENTITY.1001", { where: "password", details, remedy: "Log in." }))),
    answers: () => Promise.resolve({ session: null }),
  };
  for (const [fault, act] of Object.entries(faults)) {
    const calls: CallTable = { LogInByAccount: { act } };
    await assert.rejects(
      fuzz({ calls, names: ["LogInByAccount"], clouds: 3, requests: 10 }),
      ({ message }: Error) => message.split("\n").at(-2)?.startsWith("BINNACLE_FUZZ_SEED=") ?? false,
      fault,
    );
  }
});
