import assert from "node:assert/strict";
import { after, it } from "node:test";
import { undoAfter } from "./undo.ts";

const done: string[] = [];

it("what a test set up is undone the last first", (t) => {
  for (const what of ["folder", "server", "client"]) undoAfter(t, () => done.push(what));
  assert.deepEqual(done, []);
});

after(() => assert.deepEqual(done, ["client", "server", "folder"]));
