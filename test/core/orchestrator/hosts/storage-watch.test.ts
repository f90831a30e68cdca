import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageWatch } from "../../../../core/orchestrator/hosts/storage-watch.ts";
import type { HostWorld } from "../../../../core/orchestrator/hosts/world.ts";
import { place } from "../../../support/cloud/place.ts";

const terabyte = 1024 ** 4;

test("figures of a storage follow its hosts within minutes; small changes, and hosts out of reach, change nothing", async (t) => {
  const { cloud, hosts, primary, hostUuids } = await place(t, ["10.0.0.2", "10.0.0.3"], "local");
  const { records, mirror, settings } = cloud;
  const world = { records, settings, link: hosts.link } as HostWorld;
  let now = 0;
  const watch = new StorageWatch({ world, monotonicMs: () => now });
  let asked = 0;
  let share = 1;
  hosts.room = ({ managementIp }) => {
    asked += 1;
    return {
      totalBytes: terabyte,
      availableBytes: managementIp === "10.0.0.2" ? Math.floor(share * terabyte) : terabyte,
    };
  };
  const look = async (minutes: number) => {
    now = minutes * 60_000;
    const before = mirror.revision;
    for (const uuid of hostUuids) {
      const host = mirror.get("Host", uuid)?.value;
      assert.ok(host !== undefined);
      await watch.look(host, AbortSignal.timeout(60_000));
    }
    await watch.sumUp();
    return mirror.revision - before;
  };
  const free = () => (mirror.get("PrimaryStorage", primary.uuid)?.value.availablePhysicalCapacity ?? 0) / terabyte;
  assert.deepEqual([await look(0), asked], [0, 0], "connecting has asked already");
  share = 0.9995;
  assert.deepEqual([await look(5), asked, free()], [0, 2, 2]);
  assert.deepEqual([await look(9), asked], [0, 2], "not due");
  share = 0.5;
  await look(10);
  assert.deepEqual([asked, free()], [4, 1.5]);
  hosts.cut("10.0.0.3", false);
  assert.deepEqual([await look(15), free()], [0, 1.5]);
});
