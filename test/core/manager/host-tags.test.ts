import assert from "node:assert/strict";
import { test } from "node:test";
import { first, migrationBed, second, third } from "../../support/cloud/migration.ts";
import { refuses } from "../store/conformance.ts";

const mebibyte = 1024 ** 2;

test("machines go to hosts with the tags that they or their offering ask for, and the refusal names what is lacking", async (t) => {
  const { call, done, hostUuids, clusterUuid, zoneUuid, make, cloud } = await migrationBed(t, [first, second, third]);
  const host = (address: string) => hostUuids.get(address) ?? "";
  const at = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value.hostUuid;
  await call("UpdateHost", { uuid: host(second), tags: ["gpu", "disk::hdd"] });
  await call("UpdateHost", { uuid: host(third), tags: ["disk::nvme"] });
  await call("UpdateCluster", { uuid: clusterUuid, tags: ["disk::ssd"] });
  await call("UpdateZone", { uuid: zoneUuid, tags: ["east"] });

  const size = { cpuNum: 1, memorySize: 128 * mebibyte };
  const offering = { name: "gpu", ...size, tags: ["requiredHostTag::gpu", "note::mine"] };
  const { inventory: gpu } = await call("CreateInstanceOffering", offering);
  const made = await done("CreateVmInstance", { name: "a", instanceOfferingUuid: gpu.uuid, rootDiskSize: mebibyte });
  const uuid = made.resourceUuid ?? "";
  assert.equal(at(uuid), host(second));
  assert.deepEqual(cloud.mirror.get("VmInstance", uuid)?.value.tags, ["requiredHostTag::gpu"]);
  const refused = await done("MigrateVm", { uuid });
  assert.deepEqual([refused.state, refused.error?.code], ["Failed", "VM.1008"]);
  assert.match(refused.error?.details ?? "", /it has not the tag gpu \(host-10\.0\.0\.1 and host-10\.0\.0\.3\)/);

  // Of a name that a nearer level has, the cluster's tag counts no more.
  assert.equal(at(await make("b", { tags: ["requiredHostTag::disk::ssd", "requiredHostTag::east"] })), host(first));
  assert.equal(at(await make("c", { tags: ["preferredHostTag::disk::nvme"] })), host(third));
  await call("ChangeHostState", { uuid: host(third), stateEvent: "disable" });
  const elsewhere = at(await make("d", { tags: ["preferredHostTag::disk::nvme"] }));
  assert.ok(
    elsewhere !== undefined && elsewhere !== host(third),
    "a wish that can't be met keeps nothing from starting",
  );

  // With another offering the wishes of the former one go; what was noted by people stays.
  await done("StopVmInstance", { uuid, type: "cold" });
  await call("UpdateVmInstance", { uuid, tags: ["requiredHostTag::gpu", "owner::me"] });
  const { inventory: plain } = await call("CreateInstanceOffering", { name: "plain", ...size });
  const changed = (await call("ChangeInstanceOffering", { uuid, instanceOfferingUuid: plain.uuid })).inventory;
  assert.deepEqual(changed.tags, ["owner::me"]);
  assert.equal((await done("StartVmInstance", { uuid, hostUuid: host(first) })).state, "Succeeded");

  for (const tags of [["requiredHostTag:gpu"], ["preferredHostTag"]]) {
    await refuses(call("UpdateVmInstance", { uuid, tags }), "SYS.1001");
    await refuses(call("UpdateInstanceOffering", { uuid: gpu.uuid, tags }), "SYS.1001");
    await refuses(call("CreateVmInstance", { name: "x", ...size, rootDiskSize: mebibyte, tags }), "SYS.1001");
  }
});

test("the tags that a host tells of itself stay when people give it others, and nobody else gives such tags", async (t) => {
  const { call, done, hostUuids } = await migrationBed(t, [first]);
  const uuid = hostUuids.get(first) ?? "";
  const tagsOf = async () => (await call("GetHost", { uuid })).inventory.tags;
  const told = await tagsOf();
  assert.ok(told.length > 0);
  await call("UpdateHost", { uuid, tags: ["rack::3"], reservedMemory: "2G" });
  assert.deepEqual((await tagsOf()).toSorted(), ["rack::3", "reservedMemory::2G", ...told].toSorted());
  assert.equal((await done("ReconnectHost", { uuid })).state, "Succeeded");
  assert.deepEqual((await tagsOf()).toSorted(), ["rack::3", "reservedMemory::2G", ...told].toSorted());
  await call("UpdateHost", { uuid, tags: await tagsOf(), name: "n" });
  assert.deepEqual((await tagsOf()).toSorted(), ["rack::3", "reservedMemory::2G", ...told].toSorted());
  for (const wrong of ["hypervisor::none", "cpu::model::Other", "reservedMemory::much"])
    await refuses(call("UpdateHost", { uuid, tags: [wrong] }), "SYS.1001");
  await call("UpdateHost", { uuid, tags: [] });
  assert.deepEqual((await tagsOf()).toSorted(), told.toSorted());
});
