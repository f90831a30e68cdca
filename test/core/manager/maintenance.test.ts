import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { maintenance } from "../../../core/manager/maintenance.ts";
import { Secret } from "../../../core/model/secret.ts";
import type { CallContext } from "../../../core/orchestrator/calls/handler.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { nodeBed } from "../../support/ctl/node.ts";

test("admin's password is reset through root's door alone, and nobody but admin and root makes backups", async (t) => {
  const { cloud, call } = await testCloud(t);
  await assert.rejects(call("ResetAccountPassword", { mustChange: false }), { code: "IDENTITY.1030" });
  await assert.rejects(call("BackupDatabase", { keepAmount: null }), { code: "SYS.1051" });
  let made = 0;
  const backups = {
    make: async () => {
      made += 1;
      throw new Error("no more than this is asked of it");
    },
  };
  const acts = maintenance({ identity: cloud.identity, backups, firstPassword: undefined });
  const context = (userUuid: string | null, accountName: string): CallContext => {
    const caller = { sessionUuid: null, userUuid, accountName, address: "192.0.2.1" };
    return { ...cloud.dispatching.context, caller, token: new Secret("") };
  };
  // A user who has taken the name of root has not come through root's door.
  for (const name of ["root", "admin", "eve"])
    await assert.rejects(acts.BackupDatabase({ keepAmount: null }, context("0".repeat(32), name)), {
      code: "SYS.1052",
    });
  assert.equal(made, 0);
  await assert.rejects(acts.BackupDatabase({ keepAmount: null }, context(null, "root")), /no more than this/);
  assert.equal(made, 1);
});

test("of two backups at once one is made, and the other is refused", async (t) => {
  const bed = await nodeBed(t);
  await bed.start();
  const results = await Promise.allSettled([bed.ask("BackupDatabase", {}), bed.ask("BackupDatabase", {})]);
  const [refused] = results.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(refused.code, "SYS.1050");
  const { backup } = await bed.ask("BackupDatabase", { keepAmount: 1 });
  assert.ok(existsSync(backup.file));
  assert.equal(bed.inBackups().length, 2);
});
