import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import { undoAfter } from "../../support/undo.ts";
import { allOf, indexes } from "./conformance.ts";

const seed = 20_261_130;
const runs = 36;

test(`a manager that is killed in mid-write ${runs} times loses nothing that it acknowledged, and leaves no half`, async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const file = join(folder.path, "store.db");
  const random = new Random(seed);
  const acknowledged = new Set<number>();
  let next = 0;
  for (let run = 0; run < runs; run++) {
    const told = await killedAfter(t, [file, String(seed + run), String(next)], 1 + random.below(120));
    for (const n of told) acknowledged.add(n);
    const store = await SqliteStore.open({ file, indexes });
    const records = await allOf(store, "vm", undefined, 500);
    const where = `seed ${seed}, run ${run}`;
    const byKey = new Map(records.map((record) => [record.key, record]));
    for (const n of acknowledged) assert.ok(byKey.has(`n${n}`), `${where}: ${n} was acknowledged and is gone`);
    for (let pair = 0; pair < 10; pair++) {
      const [a, b] = [byKey.get(`pair${pair}-a`), byKey.get(`pair${pair}-b`)];
      assert.deepEqual(a?.value, b?.value, `${where}: half a transaction`);
      assert.equal(a?.revision, b?.revision, where);
      assert.equal(a === undefined || byKey.has(`n${String(a.value["n"])}`), true, where);
    }
    for (const key of byKey.keys()) {
      const other = key.startsWith("n") ? key.replace("n", "twin") : key.replace("twin", "n");
      if (!key.startsWith("pair")) assert.ok(byKey.has(other), `${where}: ${key} without ${other}`);
    }
    const indexed = await allOf(store, "vm", { index: "cpuNum" }, 500);
    const numbered = records.filter(({ key }) => key.startsWith("n"));
    assert.deepEqual(new Set(indexed.map(({ key }) => key)), new Set(numbered.map(({ key }) => key)), where);
    next = Math.max(next, ...numbered.map(({ value }) => Number(value["n"]) + 1));
    await store.close();
  }
  assert.ok(acknowledged.size > runs, `only ${acknowledged.size} transactions were acknowledged in all runs`);
});

/** Starts the writer, kills it after so many acknowledgements, and gives those that it told. */
async function killedAfter(t: TestContext, args: readonly string[], count: number): Promise<number[]> {
  const script = join(import.meta.dirname, "writing.real-child.ts");
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  undoAfter(t, () => child.kill("SIGKILL"));
  const told: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== "open") told.push(Number(line));
    if (told.length >= count) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
  return told;
}

test("no transaction is acknowledged before the disk was told to keep it", needsTracing(), () => {
  const folder = temporaryFolder();
  try {
    const child = join(import.meta.dirname, "syncing.real-child.ts");
    const trace = [
      "-f",
      "-qq",
      "-e",
      "trace=fsync,fdatasync,write",
      process.execPath,
      child,
      join(folder.path, "store.db"),
    ];
    const { stderr, status } = spawnSync("strace", trace, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    let isSynced = false;
    let acknowledged = 0;
    // A call that another thread's line falls into is told in two lines; the second has its result.
    for (const line of stderr.split("\n"))
      if (/\bf(data)?sync(\(\d+| resumed>)\)\s+= 0/.test(line)) isSynced = true;
      else if (line.includes('"acknowledged ')) {
        assert.ok(isSynced, `no sync before: ${line}`);
        isSynced = false;
        acknowledged++;
      }
    assert.equal(acknowledged, 20);
  } finally {
    folder.dispose();
  }
});

function needsTracing(): { skip?: string } {
  const isThere = spawnSync("strace", ["-qq", "-e", "trace=none", "true"]).status === 0;
  return isThere || process.env["CI"] === "true" ? {} : { skip: "needs strace, and the right to trace" };
}

test(
  "a full disk and a read-only one refuse changes, lose nothing, and all goes on afterwards",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const child = join(import.meta.dirname, "full-disk.real-child.ts");
    const { code, stdout, stderr } = await runWithPrivateMounts(child, [folder.path]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      full: { change: "STORE.FULL", many: ["STORE.FULL"], read: 1, found: 1, backup: "STORE.FULL" },
      openedWhileFull: "ok",
      after: { change: "ok", read: 2, reopened: 2 },
      readOnly: { open: "STORE.READ_ONLY" },
      noRoomForANewOne: "STORE.FULL",
    });
  },
);
