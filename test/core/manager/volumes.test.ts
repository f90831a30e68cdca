import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { machine, place } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;
type Task = RecordOf<"Task">;

function succeeded(task: Task): Task {
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  return task;
}

/** A place with what is done with volumes in it. */
async function volumePlace(...given: Parameters<typeof place>) {
  const bed = await place(...given);
  const { call, done, cloud, primary, hosts } = bed;
  const volumeOf = async (uuid: string) => (await call("GetVolume", { uuid })).inventory;
  return {
    ...bed,
    volumeOf,
    /** A new data volume. */
    async data(more: object = {}): Promise<string> {
      return (
        succeeded(await done("CreateDataVolume", { name: "data", diskSize: gigabyte, ...more })).resourceUuid ?? ""
      );
    },
    async vm(more: object = {}): Promise<string> {
      return succeeded(await machine(bed, more)).resourceUuid ?? "";
    },
    ok: async (...args: Parameters<typeof done>) => succeeded(await done(...args)),
    free: () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0,
    /** What the hosts were told since this was asked the last time. */
    told: () => hosts.commands.splice(0).map((each) => each.split(" ")[1]),
  };
}

test("a data volume is a record until a machine gets it; it comes, stays over a restart, goes to another machine, and is deleted", async (t) => {
  const { data, vm, ok, volumeOf, free, told, call, cloud } = await volumePlace(t, ["10.0.0.2"]);
  const [one, two] = [await vm(), await vm({ name: "db" })];
  const before = free();
  const uuid = await data();
  const made = await volumeOf(uuid);
  assert.deepEqual(
    [made.status, made.primaryStorageUuid, made.size, made.type],
    ["NotInstantiated", null, gigabyte, "Data"],
  );
  assert.equal(free(), before, "nothing is promised yet");
  told();
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: one });
  assert.deepEqual(told(), ["createVolume", "attachVolume"]);
  const there = await volumeOf(uuid);
  assert.deepEqual([there.status, there.vmInstanceUuid, there.deviceId], ["Ready", one, 1]);
  assert.equal(free(), before - gigabyte);
  const other = await data({ name: "more" });
  await ok("AttachDataVolumeToVm", { uuid: other, vmInstanceUuid: one });
  await ok("DetachDataVolumeFromVm", { uuid });
  await ok("StopVmInstance", { uuid: one, type: "cold" });
  await ok("StartVmInstance", { uuid: one });
  assert.deepEqual(
    [(await volumeOf(uuid)).vmInstanceUuid, (await volumeOf(other)).deviceId],
    [null, 2],
    "one that is left keeps its place",
  );
  await ok("StopVmInstance", { uuid: two, type: "cold" });
  told();
  await ok("AttachDataVolumeToVm", { uuid, vmInstanceUuid: two });
  assert.deepEqual(told(), [], "what is off gets it with its next start");
  await ok("StartVmInstance", { uuid: two });
  await refuses(call("DeleteDataVolume", { uuid }), "STORAGE.1007");
  await ok("DestroyVmInstance", { uuid: two });
  assert.equal((await volumeOf(uuid)).vmInstanceUuid, null, "the deletion of a machine lets it go");
  await ok("DeleteDataVolume", { uuid });
  await refuses(call("AttachDataVolumeToVm", { uuid, vmInstanceUuid: one }), "STORAGE.1007");
  assert.equal((await call("RecoverDataVolume", { uuid })).inventory.status, "Ready");
  await ok("DeleteDataVolume", { uuid });
  assert.equal(free(), before - 2 * gigabyte, "as long as it can be recovered its room is kept");
  await ok("ExpungeDataVolume", { uuid });
  assert.equal(cloud.mirror.get("Volume", uuid), undefined);
  assert.equal(free(), before - gigabyte);
});
