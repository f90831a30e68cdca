import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerCalls } from "../../../../core/api/manager-door.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { renewChannel } from "../../../../core/node/manager/agent-channel.ts";

/** A manager of so many hosts that goes away once it has renewed some. */
function managerOf(count: number, renewsOnly = Number.POSITIVE_INFINITY) {
  const hosts = Array.from({ length: count }, (_, i) => ({
    uuid: `u${String(i).padStart(4, "0")}`,
    name: `kvm-${i}`,
    managementIp: `10.0.0.${i}`,
  }));
  let renewed = 0;
  const calls = {
    async call(name: string, input: { start?: number; limit?: number; uuid?: string }) {
      if (name === "QueryHost")
        return { inventories: hosts.slice(input.start, (input.start ?? 0) + (input.limit ?? 0)) };
      if (renewed >= renewsOnly) throw new NodeError("CLOUD.ABSENT", "The manager of this node is not reached.");
      renewed += 1;
      return { task: { uuid: input.uuid } };
    },
    follow: async (uuid: string) => ({ uuid, state: "Succeeded" }),
  } as unknown as ManagerCalls;
  return calls;
}

async function renew(calls: ManagerCalls) {
  const lines: string[] = [];
  const shares: (number | null)[] = [];
  const signal = new AbortController().signal;
  const context = {
    log: (text: string) => void lines.push(text),
    progress: (s: number | null) => void shares.push(s),
    signal,
  };
  const outcome = await renewChannel({ calls: (_ms, act) => act(calls) }, context).catch((error: unknown) => error);
  return { lines, shares, outcome };
}

test("all hosts of a large cloud are renewed, each once", async () => {
  const { lines, shares, outcome } = await renew(managerOf(1_203));
  assert.equal(outcome, 1_203);
  assert.equal(new Set(lines).size, 1_204);
  assert.equal(shares.at(-1), 1);
});

test("a cloud without hosts has nothing to renew", async () => {
  assert.deepEqual((await renew(managerOf(0))).lines, ["There are no hosts."]);
});

test("hosts that are left when the manager goes away are named, and counted", async () => {
  const { lines, outcome } = await renew(managerOf(20, 12));
  assert.ok(outcome instanceof NodeError && outcome.code === "CHANNEL.NOT_RENEWED");
  assert.deepEqual([outcome.values["failed"], outcome.values["total"]], [8, 20]);
  assert.match(String(outcome.values["names"]), /^(kvm-\d+, ){4}kvm-\d+ and 3 more$/);
  assert.equal(lines.filter((line) => line.includes("NOT RENEWED: The manager of this node")).length, 8);
});
