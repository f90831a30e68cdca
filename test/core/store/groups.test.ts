import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { Groups } from "../../../core/store/etcd/groups.ts";

/** Groups over an etcd that counts, and does not take what compares anything; each commit waits for its turn. */
function bed() {
  const commits: string[][] = [];
  const turns: (() => void)[] = [];
  let revision = 0;
  const groups = new Groups(async (compare, success) => {
    const names = success.map((one) => String((one as { name: string }).name));
    commits.push(names);
    await new Promise<void>((resolve) => turns.push(resolve));
    if (names.includes("too much")) throw new NodeError("STORE.TOO_LARGE", "too much");
    if (names.includes("lost")) throw new NodeError("STORE.UNCERTAIN", "lost");
    return compare.length > 0 ? undefined : ++revision;
  });
  const add = (name: string, places: readonly string[] = [name]) =>
    groups.add({ places, compare: name.startsWith("bad") ? [{}] : [], success: [{ name }], bytes: 1 });
  /** Lets commits come to their end, until there are no more. */
  const settle = async (all: readonly Promise<unknown>[]) => {
    let isOver = false;
    const ended = Promise.allSettled(all).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      // The later one first: what has to wait must not go by that.
      turns.pop()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return ended;
  };
  return { add, settle, commits };
}

test("what comes while others are under way goes together, with one revision", async () => {
  const { add, settle, commits } = bed();
  const outcomes = await settle(["a", "b", "c", "d", "e"].map((name) => add(name)));
  assert.deepEqual(commits, [["a"], ["b"], ["c", "d", "e"]]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value),
    [3, 1, 2, 2, 2],
  );
});

test("of those that have a place in common each waits for the one before, and so does what comes later", async () => {
  const { add, settle, commits } = bed();
  const all = [add("a"), add("b"), add("c", ["x"]), add("d", ["x", "y"]), add("e", ["y"]), add("f")];
  const outcomes = await settle(all);
  assert.deepEqual(commits.slice(2), [["c", "f"], ["d"], ["e"]]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value),
    [5, 1, 2, 3, 4, 2],
  );
});

test("one that meets something unexpected, or is refused, does not keep the others from it", async () => {
  const { add, settle } = bed();
  const names = ["a", "b", "c", "bad d", "e", "too much", "g"];
  const outcomes = await settle(names.map((name) => add(name)));
  const undone = outcomes.flatMap((outcome, n) =>
    outcome.status === "fulfilled" && outcome.value === undefined ? [names[n]] : [],
  );
  assert.deepEqual(undone, ["bad d", "too much"]);
});

test("when nobody knows what became of a commit, that is so for all that went with it", async () => {
  const { add, settle } = bed();
  const outcomes = await settle(["a", "b", "c", "lost", "e"].map((name) => add(name)));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "rejected", "rejected"],
  );
});
