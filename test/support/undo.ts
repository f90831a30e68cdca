import type { TestContext } from "node:test";

type Undo = () => unknown;

const undos = new WeakMap<TestContext, Undo[]>();

/**
 * Undoes at the end of a test what it set up, the last first: what works in a folder ends before the folder goes.
 * The runner's own `after` calls its hooks in the order in which they were given.
 */
export function undoAfter(t: TestContext, undo: Undo): void {
  const known = undos.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const all = [undo];
  undos.set(t, all);
  t.after(async () => {
    const failures: unknown[] = [];
    for (const one of all.reverse())
      try {
        await one();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  });
}
