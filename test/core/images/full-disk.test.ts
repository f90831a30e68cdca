import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test(
  "a disk that is full, or would be, ends a fetch with a word of it, and all that came goes again",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const script = join(import.meta.dirname, "full-disk.real-child.ts");
    const { code, stdout, stderr } = await runWithPrivateMounts(script, [join(folder.path, "small")]);
    assert.equal(code, 0, stderr);
    const seen = JSON.parse(stdout);
    assert.deepEqual([seen.said, seen.reserved, seen.full], ["STORAGE.1029", "STORAGE.1029", "STORAGE.1029"]);
    // It is looked at with each checkpoint of a mebibyte.
    assert.ok(seen.freeAtReserve > 1024 ** 2 / 2, `${seen.freeAtReserve} bytes were left free`);
    assert.deepEqual(seen.left, []);
    assert.ok(seen.availableBytes > 3 * 1024 ** 2);
  },
);
