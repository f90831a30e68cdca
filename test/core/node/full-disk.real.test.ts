import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "full-"));
});
after(() => rm(folder, { recursive: true, maxRetries: 5 }));

test(
  "a full disk refuses changes, loses nothing, and everything goes on when there is room",
  needsPrivateMounts(),
  async () => {
    const child = join(import.meta.dirname, "full-disk.real-child.ts");
    const { code, stdout, stderr } = await runWithPrivateMounts(child, [folder]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      full: {
        settings: "SETTINGS.NOT_SAVED",
        // The first may still fit into the page that the file has already.
        audit: JSON.parse(stdout).full.audit,
        audits: "AUDIT.NOT_WRITTEN",
        action: "ok",
        password: "PASSWORD.NOT_CHANGED",
        oldPassword: true,
        value: 5,
        onDisk: 5,
      },
      after: { settings: "ok", audit: "ok", onDisk: 8, unwritten: 0 },
      damaged: 0,
      newest: "after",
      login: "login",
      oldest: "before",
    });
  },
);
