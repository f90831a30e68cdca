import assert from "node:assert/strict";
import { test } from "node:test";
import { tasksToRemove } from "../../../../core/orchestrator/flow/retention.ts";

const tasks = [5, 1, null, 3, 2, 4].map((second) => ({
  uuid: String(second),
  endDate: second === null ? null : second * 1000,
}));

test("tasks that ended long enough ago go, but for the newest ones and those that have not ended", () => {
  assert.deepEqual(tasksToRemove(tasks, { keptSeconds: 0, keptNewest: 0 }, 9000), ["1", "2", "3", "4", "5"]);
  assert.deepEqual(tasksToRemove(tasks, { keptSeconds: 7, keptNewest: 0 }, 10_000), ["1", "2"]);
  assert.deepEqual(tasksToRemove(tasks, { keptSeconds: 0, keptNewest: 4 }, 9000), ["1"]);
  assert.deepEqual(tasksToRemove(tasks, { keptSeconds: 0, keptNewest: 9 }, 9000), []);
});

test("a clock that was set back removes nothing", () => {
  assert.deepEqual(tasksToRemove(tasks, { keptSeconds: 0, keptNewest: 0 }, 500), []);
});
