import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Facts, factNames } from "../../../../core/model/facts.ts";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { whyOf } from "../../../../core/node/facts/source.ts";
import { allSources } from "../../../../core/node/facts/sources.ts";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import type { Machine } from "../../../../core/node/machine.ts";

/** What must be found on the recorded machines; they may have more. */
const expected: [machine: string, codes: [id: string, code: string][]][] = [
  ["bonded-server", [["bonds:bond0:eno2", "BOND.LEG_DOWN"]]],
  [
    "storage-failing",
    [
      ["disks:sde", "DISK.FAILING"],
      ["disks:nvme0n1", "DISK.WORN"],
      ["clock", "CLOCK.NO_ANSWER"],
      ["memory:pressure", "MEMORY.PRESSURE"],
      ["bonds:bond0", "BOND.SPEEDS_DIFFER"],
    ],
  ],
  [
    "bare",
    [
      ["disks", "DISK.UNABLE"],
      ["units", "UNIT.UNABLE"],
    ],
  ],
];

for (const [name, found] of expected)
  test(`on the recorded machine ${name} the diagnostics find what is wrong with it`, async () => {
    const { findings } = await diagnose(name);
    for (const [id, code] of found) assert.equal(findings.find((one) => one.id === id)?.code, code, id);
  });

test("on the recorded laptop nothing has failed", async () => {
  const { findings } = await diagnose("laptop-vm");
  assert.deepEqual(
    findings.filter(({ outcome }) => outcome === "failed"),
    [],
  );
  assert(findings.some(({ outcome }) => outcome === "passed"));
});

async function diagnose(name: string) {
  const file = new URL(`../../../fixtures/machines/${name}.json`, import.meta.url);
  const machine = fixtureMachine(recording.parse(JSON.parse(readFileSync(file, "utf8"))));
  return runDiagnostics({ machine, facts: await factsOf(machine), resolver: null });
}

/** Each source read once. */
async function factsOf(machine: Machine): Promise<Facts> {
  const sources = allSources();
  const at = machine.now();
  const { signal } = new AbortController();
  const readings = await Promise.all(
    factNames.map(async (name) => [
      name,
      await sources[name].read(machine, signal).then(
        (value) => ({ state: "value", at, value }),
        (error: unknown) => ({ state: "missing", at, why: whyOf(error) }),
      ),
    ]),
  );
  return Object.fromEntries(readings);
}
