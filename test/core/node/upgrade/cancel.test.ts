import assert from "node:assert/strict";
import * as fs from "node:fs";
import { type TestContext, test } from "node:test";
import { formatBootEnvironment } from "../../../../core/node/role/boot-trial.ts";
import { cancelUpgrade } from "../../../../core/node/upgrade/cancel.ts";
import { undoAfter } from "../../../support/undo.ts";
import { upgradeBed } from "./bed.ts";

/** A node on which an upgrade to 1.1.0 waits for a restart. */
async function upgraded(t: TestContext) {
  const bed = await upgradeBed();
  undoAfter(t, () => bed.dispose());
  assert.equal((await bed.upgrade()).code, "done");
  return bed;
}

test("an upgrade that was given up can be made again", async (t) => {
  const bed = await upgraded(t);
  assert.deepEqual(await cancelUpgrade(bed.jobs, bed.world), { cancelled: "1.1.0", starts: "1.0.0" });
  await assert.rejects(cancelUpgrade(bed.jobs, bed.world), { code: "UPGRADE.NONE_PENDING" });
  assert.equal((await bed.upgrade()).code, "done");
  assert.equal(bed.environment().get("trial_version"), "1.1.0");
});

test("an upgrade is given up for the running version when no default is named", async (t) => {
  const bed = await upgraded(t);
  const lost = new Map(bed.environment());
  lost.delete("default_version");
  fs.writeFileSync(bed.paths.bootEnvironment, formatBootEnvironment(lost));
  await cancelUpgrade(bed.jobs, bed.world);
  assert.deepEqual(bed.environment(), new Map([["default_version", "1.0.0"]]));
});

test("an upgrade that can't be given up, as the disk is full, stays, and the reason is told", async (t) => {
  const bed = await upgraded(t);
  const before = bed.environment();
  const write = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
  const world = { ...bed.world, disk: { ...bed.world.disk, write } };
  await assert.rejects(cancelUpgrade(bed.jobs, world), { code: "UPGRADE.FAILED", message: /file system is full/ });
  assert.deepEqual(bed.environment(), before);
});

test("what runs on trial can't be given up: its role check decides", async (t) => {
  const bed = await upgraded(t);
  bed.state.commandLine = bed.state.commandLine.replace("binnacle.system=1.0.0", "binnacle.system=1.1.0");
  const before = bed.environment();
  await assert.rejects(cancelUpgrade(bed.jobs, bed.world), { code: "UPGRADE.ON_TRIAL" });
  assert.deepEqual(bed.environment(), before);
});
