import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseManagerConfiguration } from "../../../core/model/manager-configuration.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { etcdStore } from "../../../core/node/service/etcd-store.ts";
import { EtcdCluster } from "../../core/store/etcd-cluster.ts";
import { skipFor, whyNot } from "../../support/bed-needs.ts";
import { nodeBed } from "../../support/ctl/node.ts";
import { undoAfter } from "../../support/undo.ts";

/* Backups of managers whose store is etcd, and between the two kinds of store. */

const why = await whyNot([]);

async function cluster(t: Parameters<typeof nodeBed>[0]): Promise<string[]> {
  assert.equal(why, undefined);
  const etcd = await EtcdCluster.start();
  undoAfter(t, () => etcd.stop());
  return ["store.type=etcd", `store.etcd.endpoints=${etcd.endpoints.join(",")}`];
}

async function zones(bed: Awaited<ReturnType<typeof nodeBed>>): Promise<unknown[]> {
  return (await bed.ask("QueryZone", { sortBy: "name" })).inventories.map(({ name }) => name);
}

async function backUp(bed: Awaited<ReturnType<typeof nodeBed>>): Promise<string> {
  assert.equal(await bed.ctl("dump_mysql"), 0, bed.said());
  return /^Backup: (.*)$/m.exec(bed.said())?.[1] ?? "";
}

describe("a backup of etcd", { skip: skipFor(why) }, () => {
  test("is restored into etcd, and what was there is kept", async (t) => {
    const bed = await nodeBed(t, { settings: await cluster(t) });
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    const file = await backUp(bed);
    await bed.ask("CreateZone", { name: "west" });
    assert.equal(await bed.ctl("restore_mysql", "-f", file, "--yes"), 0, bed.said());
    assert.match(bed.said(), /^ {2}Zone +2 +1$/m);
    assert.deepEqual(await zones(bed), ["east"]);
    // Found by the indexes of the restored records, too.
    const { inventories } = await bed.ask("QueryAuditRecord", { q: ["call=CreateZone"] });
    assert.equal(inventories.length, 1);
  });

  test("is what the console's Reset & Drop Database keeps, and brings the cloud back", async (t) => {
    const settings = await cluster(t);
    const bed = await nodeBed(t, { settings });
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    await bed.stop();
    const configuration = parseManagerConfiguration(readFileSync(bed.configurationFile, "utf8"));
    const paths = { configuration: bed.configurationFile, keptStores: join(bed.folder, "kept-stores") };
    const store = etcdStore(realMachine(), configuration, paths);
    const kept = await store.empty(false, new AbortController().signal);
    await bed.start();
    assert.deepEqual(await zones(bed), []);
    assert.equal(await bed.ctl("restore_mysql", "-f", kept ?? "", "--yes"), 0, bed.said());
    assert.match(bed.said(), /^The authority stays/m);
    assert.deepEqual(await zones(bed), ["east"]);
  });

  test("becomes a store of SQLite, and the other way round", async (t) => {
    const [clustered, single] = [await nodeBed(t, { settings: await cluster(t) }), await nodeBed(t)];
    await clustered.start();
    await clustered.ask("CreateZone", { name: "from etcd" });
    assert.equal(await single.ctl("restore_mysql", "-f", await backUp(clustered), "--yes"), 0, single.said());
    assert.deepEqual(await zones(single), ["from etcd"]);
    await single.ask("CreateZone", { name: "from sqlite" });
    assert.equal(await clustered.ctl("restore_mysql", "-f", await backUp(single), "--yes"), 0, clustered.said());
    assert.deepEqual(await zones(clustered), ["from etcd", "from sqlite"]);
  });

  test("is not restored below another manager that works on the same store", async (t) => {
    const settings = await cluster(t);
    const [bed, other] = [await nodeBed(t, { settings }), await nodeBed(t, { settings })];
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    const file = await backUp(bed);
    await other.start();
    await bed.ask("CreateZone", { name: "west" });
    await assert.rejects(bed.ctl("restore_mysql", "-f", file, "--yes"), { code: "BACKUP.OTHER_MANAGERS" });
    assert.deepEqual(await zones(other), ["east", "west"]);
    assert.deepEqual(await zones(bed), ["east", "west"]);
  });

  test("that was cut off in the middle lets no manager start, and is done again", async (t) => {
    const settings = await cluster(t);
    const bed = await nodeBed(t, { settings });
    await bed.start();
    await bed.ask("CreateZone", { name: "east" });
    const file = await backUp(bed);
    await bed.stop();
    const [endpoint = ""] = settings[1]?.split("=")[1]?.split(",") ?? [];
    const key = Buffer.from("/binnacle/m/restoring").toString("base64");
    await fetch(`${endpoint}/v3/kv/put`, { method: "POST", body: JSON.stringify({ key, value: "" }) });
    await assert.rejects(bed.start(), /only a part of the records is there/);
    assert.equal(await bed.ctl("restore_mysql", "-f", file, "--yes"), 0, bed.said());
    assert.deepEqual(await zones(bed), ["east"]);
  });
});
