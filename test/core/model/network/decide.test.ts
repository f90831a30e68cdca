import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide, type Pending } from "../../../../core/model/network/decide.ts";
import type { ProbeResult } from "../../../../core/model/network/transaction.ts";

const probe = (outcome: ProbeResult["outcome"]): ProbeResult => ({
  kind: "gateway",
  link: "eth0",
  outcome,
  code: "GATEWAY.OK",
  description: "",
  values: {},
});
const waiting = { do: "wait" } as const;
const commit = (why: string) => ({ do: "commit", why });
const rollBack = (why: string) => ({ do: "rollBack", why });
const deadline = 60_000;

const cases: readonly [what: string, pending: Partial<Pending>, now: number, expected: object][] = [
  ["waits for a person though all probes passed", { keep: "confirm", probes: [probe("passed")] }, 59_999, waiting],
  ["is taken back when nobody came", { keep: "confirm", probes: [probe("passed")] }, 60_000, rollBack("timeout")],
  [
    "is kept by a person though a probe failed",
    { keep: "confirm", probes: [probe("failed")], asked: "keep" },
    1,
    commit("confirmed"),
  ],
  ["is taken back by a person in every mode", { keep: "always", asked: "rollBack" }, 1, rollBack("asked")],
  [
    "is kept by itself when no probe failed",
    { keep: "probes", probes: [probe("passed"), probe("warning"), probe("skipped")] },
    1,
    commit("probesPassed"),
  ],
  ["is kept by itself when there was nothing to ask", { keep: "probes", probes: [] }, 1, commit("probesPassed")],
  ["is not kept before the first probes are done", { keep: "probes", probes: null }, 1, waiting],
  [
    "waits for a probe that failed to pass",
    { keep: "probes", probes: [probe("failed"), probe("passed")] },
    59_999,
    waiting,
  ],
  [
    "is taken back when a probe still fails at the end",
    { keep: "probes", probes: [probe("failed")] },
    60_000,
    rollBack("probeFailed"),
  ],
  [
    "is taken back when probes have not ended at the end",
    { keep: "probes", probes: null },
    60_000,
    rollBack("probeFailed"),
  ],
  [
    "is kept whatever the probes say, if that was asked for",
    { keep: "always", probes: [probe("failed")] },
    1,
    commit("unattended"),
  ],
];

describe("a change that is in force", () => {
  for (const [what, pending, now, expected] of cases)
    it(what, () => {
      const whole: Pending = { keep: "confirm", deadline, probes: null, asked: null, ...pending };
      assert.deepEqual(decide(whole, now), expected);
    });
});
