import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { lookingAfter } from "../../../../core/hypervisor/libvirt/looking-after.ts";
import { realMachine } from "../../../../core/node/machine.ts";

test("it is done when called for, once more after calls meanwhile, every minute, and not after the end", async () => {
  const timers = new Set<() => void>();
  const after = (_: number, action: () => void) => {
    timers.add(action);
    return () => timers.delete(action);
  };
  const doing: (() => void)[] = [];
  const ending = new AbortController();
  const action = () => new Promise<void>((resolve) => doing.push(resolve));
  const look = lookingAfter({ ...realMachine(), after }, action, ending.signal);
  const minute = async () => {
    for (const timer of [...timers]) {
      timers.delete(timer);
      timer();
    }
    await turn();
  };
  for (let calls = 0; calls < 3; calls++) look();
  assert.equal(doing.length, 1);
  doing[0]?.();
  await turn();
  assert.equal(doing.length, 2);
  doing[1]?.();
  await turn();
  assert.equal(doing.length, 2, "nobody has called since");
  await minute();
  doing[2]?.();
  await minute();
  assert.equal(doing.length, 4);
  ending.abort();
  await minute();
  assert.deepEqual([doing.length, timers.size], [4, 0]);
});
