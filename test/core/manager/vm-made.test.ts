import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { machine, place } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

/* Machines that are made without being started, and machines that get another size. */

const gigabyte = 1024 ** 3;
const mebibyte = 1024 ** 2;

for (const storage of ["local", "shared"] as const)
  test(`on ${storage} storage a machine is made without being started, takes no CPU and memory, and starts with what it was given`, async (t) => {
    const bed = await place(t, ["10.0.0.2", "10.0.0.3"], storage);
    const { call, done, hosts, cloud, l3, primary, hostUuids } = bed;
    const ok = async (...args: Parameters<typeof done>) => {
      const task = await done(...args);
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task.resourceUuid ?? "";
    };
    const free = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
    const before = free();
    const wish = { strategy: "CreateStopped", l3NetworkUuids: [l3.uuid], hostUuid: hostUuids[1] };
    const uuid = (await machine(bed, wish)).resourceUuid ?? "";
    assert.deepEqual(hosts.commands, ["10.0.0.3 createVolume"]);
    const now = async () => (await call("GetVmInstance", { uuid })).inventory;
    const made = await now();
    assert.deepEqual([made.state, made.operation, made.hostUuid, made.vmNicUuids.length], ["Created", null, null, 1]);
    const used = () => [...cloud.mirror.all("Host")].reduce((sum, { value }) => sum + value.memoryUsed, 0);
    assert.deepEqual([used(), free()], [0, before - 10 * gigabyte]);
    const refused = await refuses(call("StopVmInstance", { uuid }), "VM.1001", { state: "Created" });
    assert.match(refused instanceof CloudError ? refused.refusal.remedy : "", /Allowed now: StartVmInstance/);

    hosts.hosts.get("10.0.0.3")?.driver.simulate({ fails: [{ do: "startMachine" }] });
    if (storage === "local") {
      assert.equal((await done("StartVmInstance", { uuid })).state, "Failed");
      assert.deepEqual([(await now()).state, used()], ["Created", 0], "it was never started");
    }
    hosts.hosts.get("10.0.0.3")?.driver.simulate({});
    await ok("StartVmInstance", { uuid, ...(storage === "shared" ? { hostUuid: hostUuids[1] } : {}) });
    const started = await now();
    assert.deepEqual([started.state, started.hostUuid, used()], ["Running", hostUuids[1], gigabyte]);

    const other = (await machine(bed, { ...wish, name: "db" })).resourceUuid ?? "";
    await ok("DestroyVmInstance", { uuid: other });
    await ok("ExpungeVmInstance", { uuid: other });
    assert.equal(free(), before - 10 * gigabyte, "one that was never started is deleted like any other");
    const full = await machine(bed, { ...wish, memorySize: 1024 * gigabyte });
    assert.equal(full.state, "Succeeded", "its memory has to be there when it is started");
    const failed = await machine(bed, { ...wish, rootDiskSize: 10_000 * gigabyte });
    assert.equal(failed.error?.code, "VM.1008");
    assert.match(failed.error?.details ?? "", /can take its root volume: /);
  });

test("a machine that is made of an image without being started is taken back whole when that fails", async (t) => {
  const bed = await imageCloud(t, ["10.0.0.2"]);
  const { call, done, hosts, cloud, images, l3 } = bed;
  const imageUuid = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const wish = { strategy: "CreateStopped", imageUuid, rootDiskSize: undefined, l3NetworkUuids: [l3.uuid] };
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "createVolumeFromImage" }] });
  assert.equal((await machine(bed, wish)).state, "Failed");
  const left = (["VmInstance", "Volume", "VmNic", "MacUse", "VmOperation"] as const).map((kind) =>
    cloud.mirror.count(kind),
  );
  assert.deepEqual(left, [0, 0, 0, 0, 0]);
  hosts.hosts.get("10.0.0.2")?.driver.simulate({});
  const uuid = (await machine(bed, wish)).resourceUuid ?? "";
  assert.equal((await call("GetVmInstance", { uuid })).inventory.state, "Created");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
});

test("a stopped machine gets another size, by an offering or as given, which its host is told with the next start", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, hosts, cloud } = bed;
  const uuid = (await machine(bed)).resourceUuid ?? "";
  const sizeOf = ({ cpuNum, memorySize, instanceOfferingUuid }: { [field: string]: unknown }) => [
    cpuNum,
    memorySize,
    instanceOfferingUuid,
  ];
  const change = async (input: object) => (await call("ChangeInstanceOffering", { uuid, ...input })).inventory;
  const offering = { name: "large", cpuNum: 8, memorySize: 8 * gigabyte };
  const large = (await call("CreateInstanceOffering", offering)).inventory.uuid;
  const runs = await refuses(change({ instanceOfferingUuid: large }), "VM.1004", { condition: "growsLive" });
  assert.match(runs.message, /NUMA/);
  await call("UpdateGlobalConfig", { category: "vm", name: "numa", value: "true" });
  await refuses(change({ instanceOfferingUuid: large }), "VM.1004");
  await done("StopVmInstance", { uuid, type: "cold" });
  assert.deepEqual(sizeOf(await change({ instanceOfferingUuid: large })), [8, 8 * gigabyte, large]);
  assert.deepEqual(sizeOf(await change({ cpuNum: 3 })), [3, 8 * gigabyte, null], "what is not given stays");
  const before = (await call("GetVmInstance", { uuid })).inventory;
  await call("ChangeInstanceOfferingState", { uuid: large, stateEvent: "disable" });
  for (const [code, input] of [
    ["SYS.1002", { instanceOfferingUuid: large }],
    ["VM.1009", {}],
    ["VM.1009", { instanceOfferingUuid: large, cpuNum: 1 }],
    ["SYS.1001", { cpuNum: 0 }],
    ["SYS.1001", { memorySize: 1000 }],
    ["SYS.1001", { cpuNum: 1e9 }],
    ["SYS.1005", { instanceOfferingUuid: uuid }],
  ] as const)
    await refuses(change(input), code);
  assert.deepEqual((await call("GetVmInstance", { uuid })).inventory, before);
  await done("StartVmInstance", { uuid });
  const [host] = [...cloud.mirror.all("Host")];
  assert.deepEqual([host?.value.cpuUsed, host?.value.memoryUsed], [3, 8 * gigabyte]);
  await done("StopVmInstance", { uuid, type: "cold" });
  await change({ memorySize: 1024 * gigabyte });
  const started = await done("StartVmInstance", { uuid });
  assert.deepEqual([started.state, started.error?.code], ["Failed", "VM.1008"], "no host has so much");
  assert.equal(hosts.commands.filter((each) => each.endsWith("startMachine")).length, 2);
});
