import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { seen } from "../../support/cloud/place.ts";
import { here, shelfBed } from "../../support/cloud/shelves.ts";
import { refuses } from "../store/conformance.ts";

const mebibyte = 1024 ** 2;

for (const storage of ["local", "shared"] as const)
  for (const before of ["Running", "Stopped"] as const)
    test(`on ${storage} storage a machine that is ${before} is put away as an image, and runs on another host afterwards with its addresses`, async (t) => {
      const bed = await shelfBed(t, storage);
      const { ok, done, uuid, record, rootOf, shelved, free, running, cards, isClean, hostUuids, images, call, hosts } =
        bed;
      const [first = "", second = ""] = hostUuids;
      const addresses = cards();
      const root = rootOf();
      const had = free();
      if (before === "Stopped") await ok("StopVmInstance", { uuid, type: "cold" });
      hosts.commands.splice(0);
      await ok("ShelveVmInstance", { uuid });
      const onHost = (what: string) => `${here} ${what}`;
      const stopped = before === "Running" ? ["stopMachine"] : [];
      const removals = ["removeMachine", "deleteVolume", "deleteVolume"];
      assert.deepEqual(
        hosts.commands.filter((each) => each.startsWith(here)),
        [...stopped, "flattenVolume", "verifyVolume", ...removals].map(onHost),
      );
      assert.deepEqual([record()?.state, record()?.hostUuid, record()?.lastHostUuid], ["Shelved", null, first]);
      assert.deepEqual(await running(), []);
      const kept = shelved();
      assert.deepEqual(
        [kept?.status, kept?.state, kept?.size, kept?.progress, kept?.mediaType],
        ["Ready", "Disabled", root?.size, 100, "RootVolumeTemplate"],
      );
      assert.ok(images.kept().includes(kept?.sha256 ?? "-"));
      const empty = rootOf();
      assert.deepEqual(
        [empty?.status, empty?.primaryStorageUuid, empty?.installPath, empty?.size, empty?.name],
        ["NotInstantiated", null, null, root?.size, root?.name],
      );
      assert.ok(free() >= had + (root?.size ?? 0), "the room of its root volume is free");
      assert.deepEqual(cards(), addresses);
      isClean(1);
      await refuses(call("StartVmInstance", { uuid }), "VM.1001", { state: "Shelved" });
      for (const name of ["DeleteImage", "ExpungeImage"] as const)
        await refuses(call(name, { uuid: kept?.uuid ?? "" }), name === "DeleteImage" ? "VM.1081" : "STORAGE.1008");

      for (const deleteMode of ["Permissive", "Enforcing"] as const) {
        const store = await done("DeleteBackupStorage", { uuid: images.store.uuid, deleteMode });
        assert.equal(store.error?.code, "VM.1081", JSON.stringify(store.error));
      }

      await ok("UnshelveVmInstance", { uuid, hostUuid: second });
      assert.deepEqual([record()?.state, record()?.hostUuid, await running()], ["Running", second, [second]]);
      assert.deepEqual([rootOf()?.status, rootOf()?.type, rootOf()?.size], ["Ready", "Root", root?.size]);
      assert.deepEqual(cards(), addresses);
      assert.equal(shelved(), undefined, "its image has gone");
      assert.ok(!images.kept().includes(kept?.sha256 ?? "-"));
      isClean(1);
      await ok("StopVmInstance", { uuid, type: "cold" });
      await ok("ShelveVmInstance", { uuid, backupStorageUuid: images.store.uuid });
      await ok("UnshelveVmInstance", { uuid });
      assert.equal(record()?.state, "Running");
    });

test("data volumes stay where they are: on a host's own disks the machine comes back to that host, and to no other", async (t) => {
  const { ok, done, uuid, record, hostUuids, mirror } = await shelfBed(t);
  const [first = "", second = ""] = hostUuids;
  const data = await ok("CreateDataVolume", { name: "data", diskSize: 2 * mebibyte });
  await ok("AttachDataVolumeToVm", { uuid: data, vmInstanceUuid: uuid });
  const before = mirror.get("Volume", data)?.value;
  await ok("ShelveVmInstance", { uuid });
  assert.deepEqual(mirror.get("Volume", data)?.value, before);
  const elsewhere = await done("UnshelveVmInstance", { uuid, hostUuid: second });
  assert.equal(elsewhere.error?.code, "VM.1008");
  assert.match(elsewhere.error?.details ?? "", /its volumes lie on another host's own disks/);
  assert.equal(record()?.state, "Shelved");
  await ok("UnshelveVmInstance", { uuid });
  assert.equal(record()?.hostUuid, first);
  assert.equal(mirror.get("Volume", data)?.value.vmInstanceUuid, uuid);
});

test("what keeps a machine from being shelved is said before anything is done", async (t) => {
  const { ok, call, uuid, rootOf, images, mirror, hosts, record } = await shelfBed(t);
  const snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: rootOf()?.uuid ?? "", name: "s" });
  const west = (await call("CreateZone", { name: "west" })).inventory;
  const far = { name: "far", zoneUuid: west.uuid, url: `${images.folder}/far` };
  const store = (await call("AddImageStoreBackupStorage", far)).inventory;
  const records = () => JSON.stringify([...mirror.all("VmInstance"), ...mirror.all("Volume"), ...mirror.all("Image")]);
  const before = [records(), hosts.commands.length];
  await refuses(call("ShelveVmInstance", { uuid }), "VM.1080");
  await ok("DeleteVolumeSnapshot", { uuid: snapshot });
  before[1] = hosts.commands.length;
  await refuses(call("ShelveVmInstance", { uuid, backupStorageUuid: store.uuid }), "STORAGE.1060");
  await refuses(call("ShelveVmInstance", { uuid, backupStorageUuid: uuid }), "SYS.1005");
  await call("ChangeBackupStorageState", { uuid: images.store.uuid, stateEvent: "disable" });
  await refuses(call("ShelveVmInstance", { uuid }), "STORAGE.1060");
  await refuses(call("ShelveVmInstance", { uuid, backupStorageUuid: images.store.uuid }), "STORAGE.1003");
  await refuses(call("UnshelveVmInstance", { uuid }), "VM.1001", { state: "Running" });
  assert.deepEqual([record()?.state, hosts.commands.length], ["Running", before[1]]);
});

test("a shelving that fails at any of its steps leaves the machine as it was, and nothing of the image", async (t) => {
  const { ok, done, uuid, record, rootOf, drivers, running, hosts, hostUuids, isClean, image, mirror, images } =
    await shelfBed(t);
  const [first = ""] = hostUuids;
  const root = rootOf()?.uuid;
  const [driver] = drivers;
  const isAsBefore = async (state: "Running" | "Stopped", label: string) => {
    assert.deepEqual([record()?.state, record()?.operation, rootOf()?.uuid], [state, null, root], label);
    assert.equal(rootOf()?.status, "Ready");
    assert.deepEqual(await running(), state === "Running" ? [first] : [], label);
    assert.deepEqual(
      [...mirror.all("Image")].map(({ value }) => value.uuid),
      [image],
    );
    assert.equal(images.kept().length, 1);
    isClean(1);
  };
  for (const before of ["Running", "Stopped"] as const) {
    for (const verb of ["flattenVolume", "verifyVolume"] as const) {
      driver?.simulate({ fails: [{ do: verb }] });
      assert.equal((await done("ShelveVmInstance", { uuid })).state, "Failed");
      driver?.simulate({});
      await isAsBefore(before, `${verb} fails`);
      hosts.isAnswerLost = (what) => what === `${here} ${verb}`;
      assert.equal((await done("ShelveVmInstance", { uuid })).state, "Failed");
      hosts.isAnswerLost = () => false;
      await isAsBefore(before, `the answer of ${verb} is lost`);
    }
    const { volumePiece } = hosts.link;
    hosts.link.volumePiece = async (...args) => ({ ...(await volumePiece(...args)), totalBytes: 2 ** 50 });
    const full = await done("ShelveVmInstance", { uuid });
    assert.equal(full.error?.code, "STORAGE.1029", JSON.stringify(full.error));
    await isAsBefore(before, "no room in the store");
    // What arrives is not what the host has.
    hosts.link.volumePiece = async (...args) => {
      const piece = await volumePiece(...args);
      const content = Buffer.from(piece.content);
      // In a part that QEMU itself skips.
      if (args[2].offset === 0) content[120] = (content[120] ?? 0) ^ 1;
      return { ...piece, content };
    };
    const other = await done("ShelveVmInstance", { uuid });
    assert.equal(
      other.error?.cause?.code ?? other.error?.code,
      "HYPERVISOR.VOLUME_DIFFERS",
      JSON.stringify(other.error),
    );
    hosts.link.volumePiece = volumePiece;
    await isAsBefore(before, "another content");
    if (before === "Running") await ok("StopVmInstance", { uuid, type: "cold" });
  }
  await ok("ShelveVmInstance", { uuid });
});

test("a shelving is cancelled while its image is brought to the store, and the machine runs on", async (t) => {
  const { call, uuid, record, running, hosts, hostUuids, isClean, mirror } = await shelfBed(t);
  const reached = Promise.withResolvers<void>();
  hosts.hold = async (what, signal) => {
    if (!what.endsWith("volumePiece")) return;
    reached.resolve();
    if (!signal.aborted) await once(signal, "abort");
    throw signal.reason;
  };
  const { task } = await call("ShelveVmInstance", { uuid });
  await reached.promise;
  await call("CancelTask", { uuid: task.uuid });
  const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
  hosts.hold = async () => {};
  assert.equal(ended?.state, "Cancelled", JSON.stringify(ended?.error));
  assert.deepEqual([record()?.state, await running()], ["Running", [hostUuids[0]]]);
  isClean(1);
});

test("files that can't be removed after a shelving go later, and the machine is Shelved", async (t) => {
  const { ok, uuid, record, drivers, cloud, mirror, call, isClean } = await shelfBed(t);
  await call("UpdateGlobalConfig", { category: "volume", name: "deletionPolicy", value: "Never" });
  drivers[0]?.simulate({ fails: [{ do: "deleteVolume" }, { do: "removeMachine" }] });
  await ok("ShelveVmInstance", { uuid });
  assert.equal(record()?.state, "Shelved");
  assert.equal([...mirror.all("Volume")].filter(({ value }) => value.status === "Deleted").length, 2);
  drivers[0]?.simulate({});
  await cloud.sweep();
  await seen(mirror, () => mirror.count("Volume") === 1 && mirror.count("Flow") === 0);
  isClean(1);
  await ok("UnshelveVmInstance", { uuid });
});

test("an unshelving that fails leaves the machine Shelved with its image, from which it comes back", async (t) => {
  const { ok, done, uuid, record, rootOf, drivers, running, hosts, shelved, isClean, cloud, mirror, hostUuids } =
    await shelfBed(t);
  await ok("ShelveVmInstance", { uuid });
  const kept = shelved()?.uuid;
  const set = (fails: Parameters<SimulatedDriver["simulate"]>[0]["fails"]) => {
    for (const driver of drivers) driver.simulate({ fails });
  };
  for (const verb of ["keepImage", "createVolumeFromImage", "startMachine"] as const)
    for (const isLost of [false, true]) {
      const hostUuid = hostUuids[1] ?? "";
      if (isLost) hosts.isAnswerLost = (what) => what.endsWith(` ${verb}`);
      else set([{ do: verb }]);
      const { state, error } = await done("UnshelveVmInstance", { uuid, hostUuid });
      set([]);
      hosts.isAnswerLost = () => false;
      // Whatever was brought stays in the cache for the next time, and is not brought again.
      if (verb === "keepImage" && state === "Succeeded") continue;
      assert.equal(state, "Failed", `${verb} ${JSON.stringify(error)}`);
      assert.deepEqual(
        [record()?.state, record()?.operation, rootOf()?.status],
        ["Shelved", null, "NotInstantiated"],
        verb,
      );
      assert.deepEqual([shelved()?.uuid, shelved()?.status, await running()], [kept, "Ready", []]);
      isClean(1);
    }
  // What is left of the volume goes later, and is never the machine's.
  hosts.isAnswerLost = (what) => what.endsWith("createVolumeFromImage");
  set([{ do: "deleteVolume" }]);
  assert.equal((await done("UnshelveVmInstance", { uuid })).state, "Failed");
  hosts.isAnswerLost = () => false;
  set([]);
  const [rest] = [...mirror.all("Volume")].filter(({ value }) => value.status === "Deleted");
  assert.ok(rest !== undefined && rest.value.uuid !== rootOf()?.uuid);
  await ok("UnshelveVmInstance", { uuid });
  assert.equal(shelved(), undefined);
  await cloud.sweep();
  await seen(mirror, () => mirror.count("Volume") === 1 && mirror.count("Flow") === 0);
  isClean(1);
});

test("a shelved machine is deleted, recovered as a shelved one, and expunged with its image", async (t) => {
  for (const policy of ["Delay", "Direct"] as const) {
    const { ok, call, uuid, record, shelved, mirror, cloud, images } = await shelfBed(t);
    await call("UpdateGlobalConfig", { category: "vm", name: "deletionPolicy", value: policy });
    await call("UpdateGlobalConfig", { category: "image", name: "deletionPolicy", value: "Never" });
    await ok("ShelveVmInstance", { uuid });
    const content = shelved()?.sha256 ?? "";
    await ok("DestroyVmInstance", { uuid });
    if (policy === "Delay") {
      assert.deepEqual([record()?.state, shelved()?.status], ["Destroyed", "Ready"]);
      assert.equal((await call("RecoverVmInstance", { uuid })).inventory.state, "Shelved");
      await ok("UnshelveVmInstance", { uuid });
      await ok("ShelveVmInstance", { uuid });
      await ok("DestroyVmInstance", { uuid });
      await ok("ExpungeVmInstance", { uuid });
    }
    assert.equal(record(), undefined);
    await cloud.sweep();
    await seen(mirror, () => shelved() === undefined && mirror.count("Flow") === 0);
    assert.ok(!images.kept().includes(content));
    assert.equal(mirror.count("Volume") + mirror.count("Shelf") + mirror.count("Expunging"), 0);
  }
});
