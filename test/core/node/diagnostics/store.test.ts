import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { storeCheck } from "../../../../core/node/diagnostics/store.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { auditIndexes } from "../../../../core/orchestrator/query/audit.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { factsOf, healthy } from "./machine.ts";

/* What the check says of real files, looked at by its real program. */

/** Longer than the eight seconds of a node: only the answer counts here. */
const timeoutMs = 60_000;

function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const file = join(folder.path, "store.db");
  const machine = realMachine();
  const onNode = {
    ...machine,
    readFile: (path: string) =>
      path === "/etc/binnacle/manager.conf" ? Promise.resolve(`store.file=${file}\n`) : machine.readFile(path),
  };
  const look = async (service: "running" | "stopped") => {
    const facts = factsOf({
      identity: { ...healthy.identity, role: "management" },
      management: { ...healthy.management, service },
    });
    const options = { machine: onNode, facts, resolver: null, checks: [storeCheck], timeoutMs };
    return (await runDiagnostics(options)).findings;
  };
  return { folder: folder.path, file, look };
}

test("a store that a manager has open is sound, and nothing is left beside it", async (t) => {
  const { folder, file, look } = bed(t);
  const store = await SqliteStore.open({ file, indexes: auditIndexes });
  undoAfter(t, () => store.close());
  const before = readdirSync(folder);
  assert.equal((await look("stopped"))[0]?.code, "STORE.HELD", "by a manager that was started by hand");
  const [finding] = await look("running");
  // How quick the disk of this computer is, is not the point.
  assert.ok(finding?.code === "STORE.OK" || finding?.code === "STORE.SLOW", JSON.stringify(finding));
  assert.match(finding.values["sync"] ?? "", /^[\d.]+ (us|ms|s)$/);
  assert.deepEqual(readdirSync(folder), before);
});

test("a store whose pages are overwritten is damaged, and the finding says what SQLite says", async (t) => {
  const { file, look } = bed(t);
  const store = await SqliteStore.open({ file, indexes: auditIndexes });
  await store.close();
  assert.match((await look("stopped"))[0]?.code ?? "", /^STORE\.(OK|SLOW)$/);
  writeFileSync(file, Buffer.alloc(64 * 1024, 7));
  const [finding] = await look("stopped");
  assert.equal(finding?.code, "STORE.DAMAGED", JSON.stringify(finding));
  assert.match(finding.values["said"] ?? "", /not a database/);
});

test("a store that is not there is a fault only while a manager runs", async (t) => {
  const { look } = bed(t);
  assert.deepEqual(await look("stopped"), []);
  const [finding] = await look("running");
  assert.equal(finding?.code, "STORE.ABSENT", JSON.stringify(finding));
});
