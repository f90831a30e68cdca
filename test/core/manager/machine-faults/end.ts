import assert from "node:assert/strict";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { storeIndexes } from "../../../../core/orchestrator/retention.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { checkUses, checkWhole } from "../killed/check.ts";
import { check, processesOf } from "./check.ts";
import type { Cluster, Place } from "./cluster.ts";
import { sceneOf } from "./deeds.ts";

/** When all machines and volumes are gone, nothing of them is left: neither on the hosts nor in the manager's records. */
export async function checkEnd(cluster: Cluster, place: Place): Promise<void> {
  const { door, hosts, shared } = cluster;
  const { machine, volume } = await sceneOf(cluster, place, "expunge");
  for (const [call, uuid] of [
    ["ExpungeVmInstance", machine.uuid],
    ["DeleteDataVolume", volume.uuid],
    ["ExpungeDataVolume", volume.uuid],
  ] as const) {
    const task = await door.done(call, { uuid });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  }
  // What was left of rescues and shelves goes at the manager's next look, in an hour.
  const left = (await door.call("QueryVolume", { q: ["status=Deleted"] })).inventories;
  const images = (await door.call("QueryImage", { q: ["name~=SHELVED%"] })).inventories;
  for (const [call, all] of [
    ["ExpungeDataVolume", left],
    ["ExpungeImage", images],
  ] as const)
    for (const { uuid } of all) {
      const task = await door.done(call, { uuid });
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    }
  await check(cluster, place);
  for (const host of hosts) {
    assert.deepEqual(processesOf(host), []);
    assert.equal(host.must("ip", "netns", "list").trim(), "");
  }
  assert.deepEqual(readdirSync(join(shared, "volumes")), []);

  const folder = temporaryFolder();
  try {
    cpSync(await cluster.end(), folder.path, { recursive: true });
    const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
    const mirror = await Mirror.open(store);
    checkWhole(mirror);
    checkUses(mirror);
    for (const kind of [
      "VmInstance",
      "Volume",
      "VolumeSnapshot",
      "VmNic",
      "Migration",
      "MigrationRest",
      "Rescue",
      "Shelf",
      "Expunging",
    ] as const)
      assert.equal(mirror.count(kind), 0, kind);
    await mirror.close();
    await store.close();
  } finally {
    folder.dispose();
  }
}
