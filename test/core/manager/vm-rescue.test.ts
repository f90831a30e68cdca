import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { isoImage, qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

const mebibyte = 1024 ** 2;
const address = "10.0.0.2";

/** A machine that runs, with a data volume; an image and an ISO image to rescue it with. */
async function bedOf(t: TestContext, storage: "local" | "shared" = "local") {
  const bed = await imageCloud(t, [address], storage, { stepLimits: { undoAttempts: 1 } });
  const { done, cloud, images, primary, hosts } = bed;
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", `${args[0]}: ${JSON.stringify(task.error)}`);
    return task.resourceUuid ?? "";
  };
  const image = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const iso = await images.added(isoImage("RESCUE"), { format: "iso" });
  const uuid = (await machine(bed)).resourceUuid ?? "";
  const data = await ok("CreateDataVolume", { name: "data", diskSize: 2 * mebibyte });
  await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: uuid });
  const record = () => cloud.mirror.get("VmInstance", uuid)?.value;
  const root = record()?.rootVolumeUuid ?? "";
  const pathOf = (volume: string) => cloud.mirror.get("Volume", volume)?.value.installPath ?? "";
  const free = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
  const driver = hosts.hosts.get(address)?.driver;
  assert.ok(driver !== undefined);
  /** The machine's disks on its host, as the uuids of volumes. */
  const disks = () => (driver.machineOf(uuid)?.paths ?? []).map((path) => path.split("/").at(-2) ?? "");
  const runs = async () =>
    (await driver.machines(AbortSignal.timeout(60_000))).some((each) => each.uuid === uuid && each.state === "running");
  const spare = () =>
    [...cloud.mirror.all("Volume")].map(({ value }) => value).find(({ uuid: of }) => of !== root && of !== data);
  /** Nothing is left of a rescue. */
  const isAsBefore = () => {
    const { mirror } = cloud;
    assert.deepEqual(
      ["Rescue", "IsoUse", "Expunging"].map((kind) => mirror.count(kind as "Rescue")),
      [0, 0, 0],
    );
    assert.equal(spare(), undefined);
    assert.equal(record()?.stateBeforeRescue, null);
  };
  return { ...bed, ok, image, iso, uuid, data, root, record, pathOf, free, driver, disks, runs, spare, isAsBefore };
}

for (const storage of ["local", "shared"] as const)
  for (const before of ["Running", "Stopped"] as const)
    test(`on ${storage} storage a machine that is ${before} is rescued from a disk of an image, has its own root volume as a further one, and is ${before} again afterwards`, async (t) => {
      const bed = await bedOf(t, storage);
      const { ok, uuid, image, data, root, record, free, disks, runs, spare, isAsBefore, hosts, driver } = bed;
      if (before === "Stopped") await ok("StopVmInstance", { uuid, type: "cold" });
      const had = free();
      hosts.commands.splice(0);
      await ok("RescueVmInstance", { uuid, imageUuid: image });
      assert.deepEqual(
        [record()?.state, record()?.stateBeforeRescue, record()?.rootVolumeUuid, await runs()],
        ["Rescued", before, root, true],
      );
      assert.equal(driver.machineOf(uuid)?.name, "web (rescued)", "the host's own console says so");
      const disk = spare();
      assert.deepEqual(disks(), [disk?.uuid, data, root], "data volumes keep their places");
      assert.deepEqual([disk?.size, disk?.status, disk?.vmInstanceUuid], [64 * mebibyte, "Ready", uuid]);
      const verbs = () => hosts.commands.splice(0).map((each) => each.split(" ")[1]);
      const stopped = before === "Running" ? ["stopMachine"] : [];
      assert.deepEqual(verbs(), ["keepImage", "createVolumeFromImage", ...stopped, "startMachine"]);
      assert.ok(had - free() >= 64 * mebibyte, "its disk has its room");

      await ok("UnrescueVmInstance", { uuid });
      assert.deepEqual([record()?.state, record()?.operation, await runs()], [before, null, before === "Running"]);
      const started = before === "Running" ? "startMachine" : "removeMachine";
      assert.deepEqual(verbs(), ["stopMachine", started, "deleteVolume"]);
      isAsBefore();
      if (before === "Stopped") await ok("StartVmInstance", { uuid });
      assert.equal(driver.machineOf(uuid)?.name, "web");
      assert.deepEqual(disks(), [root, data]);
      assert.ok(had - free() < 64 * mebibyte, "its room is free again");
    });

test("a machine is rescued from an ISO image, which is kept for as long, and boots from nothing else", async (t) => {
  const { ok, call, uuid, iso, root, data, disks, driver, isAsBefore, images } = await bedOf(t);
  const own = await images.added(isoImage("OWN"), { format: "iso" });
  await ok("RescueVmInstance", { uuid, imageUuid: iso });
  assert.deepEqual(disks(), [root, data]);
  assert.equal(driver.machineOf(uuid)?.isos?.length, 1);
  await refuses(call("DeleteImage", { uuid: iso }), "VM.1042");
  await ok("UnrescueVmInstance", { uuid });
  assert.equal(driver.machineOf(uuid)?.isos, undefined);
  isAsBefore();
  await ok("DeleteImage", { uuid: iso });
  // One that is in a drive anyhow stays there.
  await ok("AttachIsoToVmInstance", { uuid, isoUuid: own });
  await ok("RescueVmInstance", { uuid, imageUuid: own });
  await ok("UnrescueVmInstance", { uuid });
  assert.equal(driver.machineOf(uuid)?.isos?.length, 1);
  await refuses(call("DeleteImage", { uuid: own }), "VM.1042");
});

test("what keeps a machine from being rescued is said before anything is done", async (t) => {
  const { call, uuid, image, images, cloud, hosts, zone } = await bedOf(t);
  const plain = await images.added(qcow2Image({ sizeBytes: mebibyte }), { mediaType: "DataVolumeTemplate" });
  const off = await images.added(isoImage("OFF"), { format: "iso" });
  await call("ChangeImageState", { uuid: off, stateEvent: "disable" });
  const west = (await call("CreateZone", { name: "west" })).inventory;
  assert.notEqual(west.uuid, zone.uuid);
  const place = { name: "far", zoneUuid: west.uuid, url: `${images.folder}/far` };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  const far = await images.added(qcow2Image({ sizeBytes: mebibyte }), { backupStorageUuids: [store.uuid] });
  const farIso = await images.added(isoImage("FAR"), { format: "iso", backupStorageUuids: [store.uuid] });
  const records = () => JSON.stringify([...cloud.mirror.all("VmInstance"), ...cloud.mirror.all("Volume")]);
  const before = [records(), hosts.commands.length];
  for (const [code, input] of [
    ["VM.1051", { uuid, imageUuid: far }],
    ["STORAGE.1031", { uuid, imageUuid: farIso }],
    ["STORAGE.1031", { uuid, imageUuid: plain }],
    ["STORAGE.1031", { uuid, imageUuid: off }],
    ["SYS.1005", { uuid, imageUuid: uuid }],
    ["SYS.1005", { uuid: image, imageUuid: image }],
    ["SYS.1001", { uuid, imageUuid: "../../etc/passwd" }],
  ] as const)
    await refuses(call("RescueVmInstance", input), code);
  await refuses(call("UnrescueVmInstance", { uuid }), "VM.1001", { state: "Running" });
  assert.deepEqual([records(), hosts.commands.length], before);
});

test("a rescue that fails at any of its steps leaves the machine as it was, and nothing of the rescue", async (t) => {
  const { ok, done, uuid, image, root, data, record, driver, disks, runs, isAsBefore, hosts, spare } = await bedOf(t);
  for (const before of ["Running", "Stopped"] as const) {
    for (const verb of ["createVolumeFromImage", "stopMachine", "startMachine"] as const) {
      if (verb === "stopMachine" && before === "Stopped") continue;
      // Of what is started the rescue alone fails: its answer gets lost, or it is refused once.
      for (const isLost of [false, true]) {
        let times = 0;
        hosts.isAnswerLost = (what) => isLost && what === `${address} ${verb}` && times++ === 0;
        if (!isLost) {
          const { hold } = hosts;
          hosts.hold = async (what) => {
            if (what !== `${address} ${verb}` || times++ > 0) return;
            driver.simulate({ fails: [{ do: verb }] });
            hosts.hold = async () => {
              driver.simulate({});
              hosts.hold = hold;
            };
          };
        }
        assert.equal((await done("RescueVmInstance", { uuid, imageUuid: image })).state, "Failed", `${verb} ${before}`);
        driver.simulate({});
        hosts.hold = async () => {};
        hosts.isAnswerLost = () => false;
        assert.deepEqual([record()?.state, record()?.operation], [before, null], `${verb}, lost: ${isLost}`);
        assert.equal(await runs(), before === "Running");
        if (before === "Running") assert.deepEqual(disks(), [root, data]);
        isAsBefore();
      }
    }
    if (before === "Running") await ok("StopVmInstance", { uuid, type: "cold" });
  }
  // What can't be taken back is removed later, and the machine is none the worse for it.
  hosts.isAnswerLost = (what) => what.endsWith("createVolumeFromImage");
  driver.simulate({ fails: [{ do: "deleteVolume" }] });
  assert.equal((await done("RescueVmInstance", { uuid, imageUuid: image })).state, "Failed");
  hosts.isAnswerLost = () => false;
  assert.deepEqual([record()?.state, spare()?.type, spare()?.status], ["Stopped", "Data", "Deleted"]);
});

test("a rescued machine whose process dies is Stopped, starts from its own disk, and the disk of its rescue goes at the next look", async (t) => {
  for (const death of ["machine", "host"] as const) {
    const bed = await bedOf(t);
    const { ok, call, uuid, image, root, data, record, driver, disks, spare, cloud, isAsBefore, hostUuids } = bed;
    await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Never" });
    await ok("RescueVmInstance", { uuid, imageUuid: image });
    if (death === "machine") {
      driver.simulate({ crash: [uuid] });
      await driver.machines(AbortSignal.timeout(60_000));
      driver.simulate({});
    } else driver.restart("another boot");
    await ok("ReconnectHost", { uuid: hostUuids[0] ?? "" });
    await seen(cloud.mirror, () => record()?.state === "Stopped");
    assert.deepEqual([spare()?.type, spare()?.status, spare()?.vmInstanceUuid], ["Data", "Deleted", null]);
    await ok("StartVmInstance", { uuid });
    assert.deepEqual(disks(), [root, data]);
    await cloud.sweep();
    await seen(cloud.mirror, () => spare() === undefined);
    isAsBefore();
  }
});

test("a host that is lost while a machine is rescued: when it is back the machine is what its process is, and can be brought back", async (t) => {
  for (const verb of ["createVolumeFromImage", "stopMachine", "startMachine"]) {
    for (const isDone of [false, true]) {
      const label = `${verb}, done: ${isDone}`;
      const bed = await bedOf(t);
      const { ok, call, uuid, image, root, data, record, disks, runs, cloud, hosts, hostUuids, isAsBefore } = bed;
      const [host = ""] = hostUuids;
      await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
      const { command } = hosts.link;
      const reached = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      hosts.link.command = async (to, what, how) => {
        if (what.do !== verb) return await command(to, what, how);
        if (isDone) await command(to, what, how);
        reached.resolve();
        await gone.promise;
        return await command(to, what, how);
      };
      const { task } = await call("RescueVmInstance", { uuid, imageUuid: image });
      await reached.promise;
      hosts.cut(address, false);
      await bed.done("ReconnectHost", { uuid: host });
      await seen(cloud.mirror, () => record()?.state === "Unknown");
      gone.resolve();
      hosts.link.command = command;
      assert.equal((await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(60_000)))?.state, "Failed", label);
      hosts.cut(address, true);
      await ok("ReconnectHost", { uuid: host });
      await seen(cloud.mirror, () => record()?.state !== "Unknown");
      const from = disks()[0] === root ? "Running" : "Rescued";
      assert.equal(record()?.state, (await runs()) ? from : "Stopped", label);
      if (record()?.state === "Rescued") await ok("UnrescueVmInstance", { uuid });
      if (record()?.state === "Stopped") await ok("StartVmInstance", { uuid });
      assert.deepEqual([record()?.state, disks()], ["Running", [root, data]], label);
      await cloud.sweep();
      await seen(cloud.mirror, () => cloud.mirror.count("Volume") === 2);
      isAsBefore();
    }
  }
});

test("a rescued machine that is deleted leaves nothing, whether its volumes go at once or when it is expunged", async (t) => {
  for (const policy of ["Delay", "Direct"] as const) {
    const { ok, call, uuid, image, data, cloud, free, spare } = await bedOf(t);
    await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: policy });
    await ok("RescueVmInstance", { uuid, imageUuid: image });
    const disk = spare()?.uuid ?? "";
    await ok("DestroyVmInstance", { uuid });
    await cloud.sweep();
    await seen(cloud.mirror, () => cloud.mirror.get("Volume", disk) === undefined);
    if (policy === "Delay") {
      await call("RecoverVmInstance", { uuid });
      await ok("StartVmInstance", { uuid });
      await ok("DestroyVmInstance", { uuid });
      await ok("ExpungeVmInstance", { uuid });
    }
    assert.deepEqual(
      [...cloud.mirror.all("Volume")].map(({ value }) => value.uuid),
      [data],
    );
    assert.equal(cloud.mirror.count("Rescue") + cloud.mirror.count("Expunging"), 0);
    assert.ok(free() > 0);
  }
});

for (const isDone of [false, true])
  test(`a rescue whose manager ended ${isDone ? "after" : "before"} the host had done its part is finished by the next one, and so is its end`, async (t) => {
    for (const [name, verbs] of [
      ["RescueVmInstance", ["keepImage", "createVolumeFromImage", "stopMachine", "startMachine"]],
      ["UnrescueVmInstance", ["stopMachine", "startMachine", "deleteVolume"]],
    ] as const)
      for (const verb of verbs) {
        const { ok, call, cloud, hosts, store, uuid, root, data, image, imageStore, disks } = await bedOf(t);
        if (name === "UnrescueVmInstance") await ok("RescueVmInstance", { uuid, imageUuid: image });
        const { command } = hosts.link;
        const reached = Promise.withResolvers<void>();
        hosts.link.command = async (host, what, how) => {
          if (what.do !== verb) return await command(host, what, how);
          if (isDone) await command(host, what, how);
          reached.resolve();
          assert.ok(how.signal !== undefined);
          if (!how.signal.aborted) await once(how.signal, "abort");
          throw how.signal.reason;
        };
        const input = name === "RescueVmInstance" ? { uuid, imageUuid: image } : { uuid };
        const { task } = await call(name, input as { uuid: string; imageUuid: string });
        await reached.promise;
        await cloud.close();
        hosts.link.command = command;
        const next = await managerOn(t, store, hosts, { images: imageStore });
        const { mirror } = next.cloud;
        const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
        assert.equal(ended?.state, "Succeeded", `${name} ${verb}: ${JSON.stringify(ended?.error)}`);
        if (name === "RescueVmInstance") {
          assert.equal(mirror.get("VmInstance", uuid)?.value.state, "Rescued", verb);
          assert.equal((await next.done("UnrescueVmInstance", { uuid })).state, "Succeeded", verb);
        }
        const now = mirror.get("VmInstance", uuid)?.value;
        assert.deepEqual([now?.state, now?.operation, disks()], ["Running", null, [root, data]], `${name} ${verb}`);
        assert.deepEqual([mirror.count("Volume"), mirror.count("Rescue"), mirror.count("Flow")], [2, 0, 0], verb);
        await next.cloud.close();
      }
  });
