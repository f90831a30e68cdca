import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { type NodeBed, nodeBed } from "../../support/ctl/node.ts";
import { undoAfter } from "../../support/undo.ts";

async function zones(bed: NodeBed): Promise<unknown[]> {
  const { inventories } = await bed.ask("QueryZone", { sortBy: "name" });
  return inventories.map(({ name }) => name);
}

async function backUp(bed: NodeBed): Promise<string> {
  assert.equal(await bed.ctl("dump_mysql"), 0, bed.said());
  return /^Backup: (.*)$/m.exec(bed.said())?.[1] ?? "";
}

/** Nothing of a restore is left in the folder of the store. */
function assertTidy(bed: NodeBed): void {
  const names = readdirSync(dirname(bed.store)).filter((name) => !/^store\.db(-wal|-shm)?$/.test(name));
  assert.deepEqual(names, []);
}

describe("restore_mysql", () => {
  test("brings back what was, says before what changes, and keeps what was there in a backup", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    const file = await backUp(bed);
    await bed.ask("CreateZone", { name: "west" });
    bed.answer = true;
    // What comes while somebody thinks about the question is not lost either.
    bed.atQuestion = async () => void (await bed.ask("CreateZone", { name: "late" }));
    assert.equal(await bed.ctl("restore_mysql", "-f", file), 0, bed.said());
    assert.match(bed.said(), /^ {2}Zone +2 +1$/m);
    assert.match(bed.said(), /^The authority stays/m);
    assert.deepEqual(await zones(bed), ["east"]);
    assertTidy(bed);
    const safety = /^What was there is in (.*)$/m.exec(bed.said())?.[1] ?? "";
    bed.atQuestion = undefined;
    assert.equal(await bed.ctl("restore_mysql", "-f", safety, "--yes"), 0, bed.said());
    assert.deepEqual(await zones(bed), ["east", "late", "west"]);
  });

  test("makes a freshly installed node the former manager: records and authority", async (t) => {
    const former = await nodeBed(t);
    await former.start();
    await former.ask("CreateZone", { name: "east" });
    const file = await backUp(former);
    await former.stop();
    const fresh = await nodeBed(t);
    assert.equal(await fresh.ctl("restore_mysql", "-f", file, "--yes"), 0, fresh.said());
    assert.match(fresh.said(), /^This node has no store yet\.$/m);
    assert.deepEqual(await zones(fresh), ["east"]);
    for (const name of ["ca.key", "ca.crt"])
      assert.equal(readFileSync(join(fresh.tls, name), "utf8"), readFileSync(join(former.tls, name), "utf8"));
    assertTidy(fresh);
  });

  test("says that the authority is another one, and which hosts must be added again", async (t) => {
    const [former, present] = [await nodeBed(t), await nodeBed(t)];
    await former.start();
    const file = await backUp(former);
    await former.stop();
    await present.start();
    assert.equal(await present.ctl("restore_mysql", "-f", file, "--yes"), 0, present.said());
    assert.match(present.said(), /^The authority of this node is replaced by that of the backup\.$/m);
    assert.deepEqual(present.restarted, ["binnacle-identity.service"]);
    assert.equal(readFileSync(join(present.tls, "ca.crt"), "utf8"), readFileSync(join(former.tls, "ca.crt"), "utf8"));
  });

  test("changes nothing when the answer is no, or when nobody can be asked", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    const file = await backUp(bed);
    await bed.ask("CreateZone", { name: "west" });
    bed.answer = false;
    assert.equal(await bed.ctl("restore_mysql", "-f", file), 1);
    assert.match(bed.said(), /^Nothing was changed\.$/m);
    bed.answer = undefined;
    await assert.rejects(bed.ctl("restore_mysql", "-f", file), { code: "CTL.NO_TERMINAL" });
    assert.ok(bed.isRunning());
    assert.deepEqual(await zones(bed), ["west"]);
    assertTidy(bed);
  });

  test("goes back to what was there, authority and all, when the manager does not start with the backup", async (t) => {
    const [other, bed] = [await nodeBed(t), await nodeBed(t)];
    await other.start();
    const file = await backUp(other);
    await other.stop();
    await bed.start();
    await bed.ask("CreateZone", { name: "west" });
    const authority = readFileSync(join(bed.tls, "ca.crt"), "utf8");
    const { run } = bed.world;
    let refusals = 1;
    bed.world.run = async (command, args, options) =>
      command === "systemctl" && args[0] === "start" && refusals-- > 0
        ? { code: 1, stdout: "", stderr: "Job for binnacle-manager.service failed." }
        : run(command, args, options);
    await assert.rejects(bed.ctl("restore_mysql", "-f", file, "--yes"), { code: "BACKUP.NOT_RESTORED" });
    assert.deepEqual(await zones(bed), ["west"]);
    assert.equal(readFileSync(join(bed.tls, "ca.crt"), "utf8"), authority);
    assertTidy(bed);
  });

  test("restores over a store that can't be read, whose files are kept", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    const file = await backUp(bed);
    await bed.stop();
    const bytes = readFileSync(bed.store);
    bytes.fill(0x5a, 4096, bytes.length - 4096);
    writeFileSync(bed.store, bytes);
    assert.equal(await bed.ctl("restore_mysql", "-f", file, "--yes"), 0, bed.said());
    const kept = /Its files are kept as (.*)\.$/m.exec(bed.said())?.[1] ?? "";
    assert.deepEqual(readFileSync(kept), bytes);
    assert.deepEqual(await zones(bed), ["east"]);
  });

  test("leaves a store alone that another program has open", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    const file = await backUp(bed);
    await bed.stop();
    const other = await SqliteStore.open({ file: bed.store, indexes: {} });
    undoAfter(t, () => other.close());
    await assert.rejects(bed.ctl("restore_mysql", "-f", file, "--yes"), { code: "STORE.LOCKED" });
    await assert.rejects(bed.ctl("dump_mysql"), { code: "STORE.LOCKED" });
  });

  test("is finished by the manager's own start when the power went in the middle", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    await bed.stop();
    const copy = readFileSync(bed.store);
    await bed.start();
    await bed.ask("CreateZone", { name: "west" });
    // Killed, so that the former store has a write-ahead log that must not come over the new one.
    await bed.stop("SIGKILL");
    const from = join(dirname(bed.store), "new.db");
    writeFileSync(from, copy);
    const note = [{ from, to: bed.store, remove: [`${bed.store}-wal`, `${bed.store}-shm`] }];
    writeFileSync(join(dirname(bed.store), "restore.json"), JSON.stringify(note));
    await bed.start();
    assert.deepEqual(await zones(bed), ["east"]);
    assertTidy(bed);
  });
});
