import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { auditIndexes } from "../../../core/orchestrator/query/audit.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* The manager's program: its start and its ends. */

async function prepared(t: TestContext): Promise<ManagerDaemon> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070 });
  undoAfter(t, () => daemon.kill());
  return daemon;
}

test("a manager that is asked to end ends with 0, without an error, and keeps what it had gathered", async (t) => {
  const daemon = await prepared(t);
  await daemon.start();
  const client = daemon.client();
  undoAfter(t, () => client.close());
  await client.call("QueryZone", {});
  await client.call("QueryZone", {});
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  assert.deepEqual(daemon.errors, []);
  const store = await SqliteStore.open({ file: daemon.storeFile, indexes: auditIndexes });
  undoAfter(t, () => store.close());
  const { records } = await store.list({ kind: "AuditRecord" });
  assert.deepEqual(
    records.map(({ value }) => [value["call"], value["count"]]),
    [["QueryZone", 2]],
  );
  assert.deepEqual((await store.list({ kind: "ManagementNode" })).records, []);
});

test("what was answered is there after a kill; the same call with its key is answered as before", async (t) => {
  const daemon = await prepared(t);
  await daemon.start();
  const client = daemon.client();
  undoAfter(t, () => client.close());
  const made = await client.call("CreateZone", { name: "east" }, "key-1");
  assert.deepEqual(await daemon.kill(), { code: null, signal: "SIGKILL" });
  await daemon.start();
  assert.deepEqual(await client.call("CreateZone", { name: "east" }, "key-1"), made);
  assert.equal((await client.call("QueryZone", { count: true })).total, 1);
});
