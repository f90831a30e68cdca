import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideWhere,
  decideWhereWithVolumes,
  type Fact,
  type Settled,
} from "../../../../core/orchestrator/vm/settle.ts";

const facts: readonly Fact[] = ["running", "paused", "none", "silent"];

function told(settled: Settled): string {
  if (settled.at === "unknown" || settled.at === "both") return settled.at;
  return `${settled.at} ${settled.seen}${settled.resumes === true ? ", resumes" : ""}`;
}

/** By what the source has: what follows from `running`, `paused`, `none` and `silent` at the destination. */
const onShared: Readonly<Record<Fact, readonly string[]>> = {
  running: ["both", "source running", "source running", "source running"],
  paused: ["destination running", "destination paused", "source paused, resumes", "unknown"],
  none: ["destination running", "destination paused", "source none", "unknown"],
  silent: ["destination running", "destination paused", "source silent", "unknown"],
};

test("where a machine on shared storage is follows from what both hosts have", () => {
  for (const source of facts)
    assert.deepEqual(
      facts.map((there) => told(decideWhere(source, there))),
      onShared[source],
    );
});

/** The same, with one more at the end: nothing runs at the destination, and it was written down there. */
const withVolumes: typeof onShared = {
  running: ["both", "source running", "source running", "source running", "source running"],
  paused: [
    "destination running",
    "destination paused, resumes",
    "source paused, resumes",
    "unknown",
    "destination none",
  ],
  none: ["destination running", "destination paused, resumes", "source none", "unknown", "destination none"],
  silent: ["destination running", "unknown", "source silent", "unknown", "unknown"],
};

test("one whose volumes went along goes on there only when its source is known not to run it, and never with the older files", () => {
  for (const source of facts) {
    const found = facts.map((fact) => ({ fact, isKnown: fact !== "none" }));
    const all = [...found, { fact: "none" as const, isKnown: true }];
    assert.deepEqual(
      all.map((there) => told(decideWhereWithVolumes(source, there))),
      withVolumes[source],
    );
  }
});
