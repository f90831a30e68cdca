import assert from "node:assert/strict";
import { test } from "node:test";
import { HostChanges } from "../../../../core/node/host/changes.ts";

function bed() {
  let changed = () => {};
  const due: { delayMs: number; action: () => void }[] = [];
  const changes = new HostChanges({
    driver: {
      watch: (told) => {
        changed = told;
      },
    },
    after: (delayMs, action) => {
      const one = { delayMs, action };
      due.push(one);
      return () => void (due.includes(one) && due.splice(due.indexOf(one), 1));
    },
  });
  const pass = () => due.shift()?.action();
  return { changes, change: () => changed(), due, pass };
}
const never = new AbortController().signal;

test("many changes at once are one, whoever waits is told, and who knows less is told at once", async () => {
  const { changes, change, due, pass } = bed();
  const first = changes.serial;
  assert.equal(await changes.next(null, 1000, never), first);
  const waiting = [1, 2].map(() => changes.next(first, 1000, never));
  for (let times = 0; times < 50; times++) change();
  assert.equal(due.length, 3, "two that are held, and one for all changes");
  due.reverse();
  pass();
  const [second = "", other] = await Promise.all(waiting);
  assert.equal(second, other);
  assert.notEqual(second, first);
  assert.equal(due.length, 0, "nothing is left of those that were held");
  assert.equal(await changes.next(first, 1000, never), second);
});

test("who waits is answered when the time is over, when it has gone, and when the agent ends", async () => {
  const { changes, due, pass } = bed();
  const { serial } = changes;
  const over = changes.next(serial, 1000, never);
  assert.equal(due[0]?.delayMs, 1000);
  pass();
  assert.equal(await over, serial);
  const gone = new AbortController();
  const called = changes.next(serial, 1000, gone.signal);
  gone.abort();
  assert.equal(await called, serial);
  const held = changes.next(serial, 1000, never);
  changes.close();
  assert.equal(await held, serial);
  assert.equal(await changes.next(serial, 1000, never), serial);
  assert.notEqual(bed().changes.serial.split("-")[0], serial.split("-")[0], "another start of the agent");
});
