import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { SharedStorage } from "../../../core/hypervisor/simulated.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { isoImage, qcow2Image } from "../../support/images/files.ts";
import { refuses } from "../store/conformance.ts";

/* ISO images in drives of machines, on simulated hosts. */

async function isoCloud(t: TestContext, addresses: readonly string[], storage: "local" | "shared" = "shared") {
  const bed = await imageCloud(t, addresses, storage);
  const { call, done, hosts, cloud, images } = bed;
  let made = 0;
  const driverOf = (address: string) => hosts.hosts.get(address)?.driver;
  return {
    ...bed,
    /** A new ISO image. */
    iso: () => images.added(isoImage(`DISC ${++made}`), { format: "iso", name: `disc ${made}` }),
    async vm(more: object = {}): Promise<string> {
      const task = await machine(bed, more);
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task.resourceUuid ?? "";
    },
    async ok(...args: Parameters<typeof done>) {
      const task = await done(...args);
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task;
    },
    isosOf: async (uuid: string) => (await call("GetVmInstance", { uuid })).inventory.isoUuids,
    /** What a host has in the machine's drives: the contents' checksums. */
    inDrives: (uuid: string, address = "10.0.0.2") =>
      (driverOf(address)?.machineOf(uuid)?.isos ?? []).map((path) => /([\da-f]{64})\.iso$/.exec(path)?.[1]),
    sha256Of: (uuid: string) => cloud.mirror.get("Image", uuid)?.value.sha256,
    told: () => hosts.commands.splice(0).map((each) => each.split(" ")[1]),
    copies: () => [...cloud.mirror.entries("CachedImage")].length,
    uses: () => cloud.mirror.count("IsoUse"),
  };
}

test("an image comes into a drive of a machine that runs, stays over a restart, and comes out; its copy goes with its last use", async (t) => {
  const bed = await isoCloud(t, ["10.0.0.2"]);
  const { iso, vm, ok, isosOf, inDrives, sha256Of, told, cloud, call, copies, primary } = bed;
  const [first, second, uuid] = [await iso(), await iso(), await vm()];
  const room = () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
  const before = room();
  told();
  await ok("AttachIsoToVmInstance", { uuid, isoUuid: first });
  assert.deepEqual(told(), ["keepImage", "insertIso"]);
  await ok("AttachIsoToVmInstance", { uuid, isoUuid: second });
  assert.deepEqual(
    [await isosOf(uuid), inDrives(uuid)],
    [
      [first, second],
      [sha256Of(first), sha256Of(second)],
    ],
  );
  const { actualSize } = (await call("GetImage", { uuid: first })).inventory;
  assert.equal(before - room(), 2 * actualSize);
  for (const isoUuid of [first, second]) await refuses(call("DeleteImage", { uuid: isoUuid }), "VM.1042");
  await ok("StopVmInstance", { uuid, type: "cold" });
  told();
  await ok("DetachIsoFromVmInstance", { uuid, isoUuid: first });
  assert.deepEqual(told(), [], "what is off has it no more with its next start");
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(inDrives(uuid), [sha256Of(second)]);
  await ok("DeleteImage", { uuid: first });
  await ok("ExpungeImage", { uuid: first });
  assert.equal(copies(), 1);
  await ok("DetachIsoFromVmInstance", { uuid, isoUuid: second });
  assert.deepEqual([await isosOf(uuid), inDrives(uuid)], [[], []]);
  await ok("DeleteImage", { uuid: second });
  await ok("ExpungeImage", { uuid: second });
  assert.deepEqual([copies(), bed.uses(), room()], [0, 0, before]);
});

test("a stopped machine gets an image for its next start, boots from it when told to, and gives it back when it is deleted", async (t) => {
  const bed = await isoCloud(t, ["10.0.0.2"], "local");
  const { iso, vm, ok, call, hosts, inDrives, sha256Of, isosOf } = bed;
  const [isoUuid, uuid] = [await iso(), await vm()];
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("AttachIsoToVmInstance", { uuid, isoUuid });
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  await ok("StartVmInstance", { uuid });
  assert.deepEqual([inDrives(uuid), driver?.machineOf(uuid)?.bootOrder], [[sha256Of(isoUuid)], undefined]);
  const { inventory } = await call("SetVmBootOrder", { uuid, bootOrder: ["CdRom", "Network"] });
  assert.deepEqual(
    [inventory.bootOrder, inventory.state, inventory.operation],
    [["CdRom", "Network"], "Running", null],
  );
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(driver?.machineOf(uuid)?.bootOrder, ["CdRom", "Network"]);
  for (const bootOrder of [[], ["CdRom", "CdRom"], ["Floppy"], ["HardDisk", "CdRom", "Network", "CdRom"]])
    await refuses(call("SetVmBootOrder", { uuid, bootOrder } as object), "SYS.1001");
  await ok("DestroyVmInstance", { uuid });
  await refuses(call("SetVmBootOrder", { uuid, bootOrder: ["CdRom"] }), "VM.1001");
  assert.deepEqual([await isosOf(uuid), bed.uses()], [[], 0]);
  await ok("DeleteImage", { uuid: isoUuid });
});

test("a machine with an image in its drive goes to another host with it, running or not", async (t) => {
  const bed = await isoCloud(t, []);
  const { iso, vm, ok, hosts, cluster, cloud, inDrives, sha256Of } = bed;
  const shared = new SharedStorage(`${bed.primary.url}/`);
  for (const managementIp of ["10.0.0.2", "10.0.0.3"]) {
    await hosts.add(managementIp, { shared });
    await ok("AddKVMHost", { name: managementIp, clusterUuid: cluster.uuid, managementIp, password: hosts.password });
  }
  const [isoUuid, uuid] = [await iso(), await vm()];
  const addressNow = () => {
    const { hostUuid } = cloud.mirror.get("VmInstance", uuid)?.value ?? {};
    return cloud.mirror.get("Host", hostUuid ?? "")?.value.managementIp ?? "";
  };
  await ok("AttachIsoToVmInstance", { uuid, isoUuid });
  const from = addressNow();
  await ok("MigrateVm", { uuid });
  assert.notEqual(addressNow(), from);
  assert.deepEqual(inDrives(uuid, addressNow()), [sha256Of(isoUuid)]);
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("MigrateVm", { uuid });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual([addressNow(), inDrives(uuid, from)], [from, [sha256Of(isoUuid)]]);
  await ok("DetachIsoFromVmInstance", { uuid, isoUuid });
  assert.deepEqual(inDrives(uuid, from), []);
});

test("what can't be put into a drive is refused, says why, and changes nothing", async (t) => {
  const bed = await isoCloud(t, ["10.0.0.2"]);
  const { iso, vm, ok, call, cloud, images } = bed;
  const [full, runs, locked, paused, gone] = [await vm(), await vm(), await vm(), await vm(), await vm()];
  const all = [await iso(), await iso(), await iso()];
  const [one = "", two = ""] = all;
  for (const isoUuid of all) await ok("AttachIsoToVmInstance", { uuid: full, isoUuid });
  const disk = await images.added(qcow2Image({ sizeBytes: 1024 ** 2 }));
  const [disabled, deleted, more] = [await iso(), await iso(), await iso()];
  await call("ChangeImageState", { uuid: disabled, stateEvent: "disable" });
  await ok("DeleteImage", { uuid: deleted });
  await call("LockVmInstance", { uuid: locked });
  await ok("PauseVmInstance", { uuid: paused });
  await ok("DestroyVmInstance", { uuid: gone });
  const nobody = "0f8fad5bd9cb469fa16570867728950e";
  const attach = (uuid: string, isoUuid: string) => ["AttachIsoToVmInstance", { uuid, isoUuid }] as const;
  const detach = (uuid: string, isoUuid: string) => ["DetachIsoFromVmInstance", { uuid, isoUuid }] as const;
  const cases: [code: string, ...Parameters<typeof call>][] = [
    ["VM.1007", ...attach(full, more)],
    ["VM.1007", ...attach(full, one)],
    ["STORAGE.1031", ...attach(runs, disk)],
    ["STORAGE.1031", ...attach(runs, disabled)],
    ["STORAGE.1031", ...attach(runs, deleted)],
    ["SYS.1005", ...attach(runs, nobody)],
    ["SYS.1005", ...attach(nobody, one)],
    ["VM.1003", ...attach(locked, one)],
    ["VM.1001", ...attach(paused, one)],
    ["VM.1001", ...attach(gone, one)],
    ["VM.1041", ...detach(runs, one)],
    ["VM.1041", ...detach(runs, nobody)],
    ["VM.1003", ...detach(locked, one)],
    ["VM.1001", ...detach(gone, one)],
    ["SYS.1001", ...attach(runs, "../../etc/shadow")],
    ["VM.1042", "DeleteImage", { uuid: two }],
  ];
  const state = () => JSON.stringify([...cloud.mirror.all("VmInstance"), ...cloud.mirror.all("Image")]);
  const before = [state(), bed.uses(), cloud.mirror.count("Task")];
  for (const [code, name, input] of cases) await refuses(call(name, input), code);
  assert.deepEqual([state(), bed.uses(), cloud.mirror.count("Task")], before);
});

test("what fails on the host leaves the drive empty, the image free and the machine as it was", async (t) => {
  const bed = await isoCloud(t, ["10.0.0.2"]);
  const { iso, vm, done, ok, hosts, isosOf, inDrives, cloud } = bed;
  const [isoUuid, uuid] = [await iso(), await vm()];
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  for (const verb of ["keepImage", "insertIso"] as const) {
    driver?.simulate({ fails: [{ do: verb }] });
    const { state } = await done("AttachIsoToVmInstance", { uuid, isoUuid });
    driver?.simulate({});
    assert.deepEqual([state, await isosOf(uuid), inDrives(uuid), bed.uses()], ["Failed", [], [], 0], verb);
    assert.equal(cloud.mirror.get("VmInstance", uuid)?.value.operation, null);
  }
  // The answer gets lost: it is in the drive, and taken out again.
  hosts.isAnswerLost = (what) => what.endsWith("insertIso");
  assert.equal((await done("AttachIsoToVmInstance", { uuid, isoUuid })).state, "Failed");
  hosts.isAnswerLost = () => false;
  assert.deepEqual([await isosOf(uuid), inDrives(uuid), bed.uses()], [[], [], 0]);
  await ok("AttachIsoToVmInstance", { uuid, isoUuid });
  driver?.simulate({ fails: [{ do: "ejectIso" }] });
  assert.equal((await done("DetachIsoFromVmInstance", { uuid, isoUuid })).state, "Failed");
  assert.deepEqual([await isosOf(uuid), bed.uses()], [[isoUuid], 1]);
  driver?.simulate({});
  await ok("DetachIsoFromVmInstance", { uuid, isoUuid });
});

for (const isDone of [false, true])
  test(`a task of a drive whose manager ended ${isDone ? "after" : "before"} the host had done it is finished by the next one`, async (t) => {
    for (const verb of ["keepImage", "insertIso", "ejectIso"] as const) {
      const bed = await isoCloud(t, ["10.0.0.2"]);
      const { iso, vm, ok, call, cloud, hosts, store } = bed;
      const [isoUuid, uuid] = [await iso(), await vm()];
      const isOut = verb === "ejectIso";
      if (isOut) await ok("AttachIsoToVmInstance", { uuid, isoUuid });
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
      const { task } = await call(isOut ? "DetachIsoFromVmInstance" : "AttachIsoToVmInstance", { uuid, isoUuid });
      await reached.promise;
      await cloud.close();
      hosts.link.command = command;
      const next = await managerOn(t, store, hosts);
      const { mirror } = next.cloud;
      const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
      assert.equal(ended?.state, "Succeeded", `${verb}: ${JSON.stringify(ended?.error)}`);
      const now = mirror.get("VmInstance", uuid)?.value;
      assert.deepEqual([now?.isoUuids, now?.operation], [isOut ? [] : [isoUuid], null], verb);
      assert.deepEqual([bed.inDrives(uuid).length, mirror.count("IsoUse")], isOut ? [0, 0] : [1, 1], verb);
      await next.cloud.close();
    }
  });

test("a host that is lost while an image comes into a drive leaves the machine able to go on elsewhere, and the image free or in use", async (t) => {
  const bed = await isoCloud(t, ["10.0.0.2"]);
  const { iso, vm, call, hosts, cloud, hostUuids } = bed;
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const [isoUuid, uuid] = [await iso(), await vm()];
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hosts.hold = async (what) => {
    if (!what.endsWith("insertIso")) return;
    begun.resolve();
    await gate.promise;
  };
  const { task } = await call("AttachIsoToVmInstance", { uuid, isoUuid });
  await begun.promise;
  hosts.cut("10.0.0.2", false);
  await call("ReconnectHost", { uuid: hostUuids[0] ?? "" });
  await seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === "Unknown");
  gate.resolve();
  await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(120_000));
  const now = cloud.mirror.get("VmInstance", uuid)?.value;
  assert.deepEqual([now?.isoUuids, bed.uses()], [[isoUuid], 1], "what may be in the drive counts as in it");
  await refuses(call("DeleteImage", { uuid: isoUuid }), "VM.1042");
});
