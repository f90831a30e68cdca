import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const name = "mgmt01-store-20261121-140307.tar.gz";

test(
  "a disk that fills up during a backup leaves nothing of it, wherever that happens",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const script = join(import.meta.dirname, "full-disk.real-child.ts");
    const { code, stdout, stderr } = await runWithPrivateMounts(script, [folder.path]);
    assert.equal(code, 0, stderr);
    const results: { outcome: string; left: string[] }[] = JSON.parse(stdout);
    for (const { outcome, left } of results)
      assert.deepEqual(left, outcome === "made" ? [name, `${name}.sha256`] : [], outcome);
    // While the store was copied, while that was packed, and when there was room.
    assert.deepEqual([...new Set(results.map(({ outcome }) => outcome))], ["STORE.FULL", "BACKUP.NO_SPACE", "made"]);
  },
);
