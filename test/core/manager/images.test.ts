import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { imagesToExpunge } from "../../../core/orchestrator/images/delete.ts";
import { unreachable } from "../../support/cloud/hosts.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud, stuck } from "../../support/images/cloud.ts";
import { md5Of, qcow2Image, sha256Of } from "../../support/images/files.ts";
import { withImageFiles } from "../../support/images/host.ts";
import { serving } from "../../support/images/server.ts";

const mebibyte = 1024 ** 2;

test("an image is fetched, machines stand on one copy of it, and it goes with the last of them", async (t) => {
  const { call, done, cloud, images, hosts, primary } = await imageCloud(t, ["10.0.0.2"]);
  const { server, store, kept, incoming, storeFolder } = images;
  const content = qcow2Image({ sizeBytes: 64 * mebibyte });
  server.answers.set("/debian.qcow2", serving(content));
  const url = `${server.url}/debian.qcow2?signature=secret-key`;
  const given = { name: "debian", url, format: "qcow2", backupStorageUuids: [store.uuid], md5: md5Of(content) };
  const added = await done("AddImage", given);
  assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
  const uuid = added.resourceUuid ?? "";
  const image = (await call("GetImage", { uuid })).inventory;
  assert.deepEqual(
    { ...image, createDate: 0, lastOpDate: 0, uuid: "" },
    {
      ...{ uuid: "", name: "debian", description: null, createDate: 0, lastOpDate: 0, format: "qcow2" },
      ...{ backupStorageUuids: [store.uuid], url: `${server.url}/debian.qcow2?...`, mediaType: "RootVolumeTemplate" },
      ...{ platform: "Linux", size: 64 * mebibyte, actualSize: content.length, md5: md5Of(content) },
      ...{ sha256: sha256Of(content), progress: 100, state: "Enabled", status: "Ready" },
    },
  );
  assert.deepEqual([kept(), incoming()], [[sha256Of(content)], []]);
  assert.ok(readFileSync(join(storeFolder, "content", sha256Of(content))).equals(content));

  const before = (await call("GetPrimaryStorage", { uuid: primary.uuid })).inventory.availableCapacity;
  const made = await machine({ done }, { imageUuid: uuid, rootDiskSize: undefined });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const second = await machine({ done }, { imageUuid: uuid, rootDiskSize: 100 * mebibyte });
  assert.equal(second.state, "Succeeded", JSON.stringify(second.error));
  assert.equal(hosts.commands.filter((each) => each.endsWith("keepImage")).length, 1);
  const after = (await call("GetPrimaryStorage", { uuid: primary.uuid })).inventory.availableCapacity;
  assert.equal(before - after, content.length + (64 + 100) * mebibyte);
  const [machineUuid, secondUuid] = [made.resourceUuid ?? "", second.resourceUuid ?? ""];
  assert.equal((await call("GetVmInstance", { uuid: machineUuid })).inventory.imageUuid, uuid);

  assert.equal((await done("DeleteImage", { uuid })).state, "Succeeded");
  assert.equal((await call("GetImage", { uuid })).inventory.status, "Deleted");
  assert.equal((await call("RecoverImage", { uuid })).inventory.status, "Ready");
  assert.equal((await done("DeleteImage", { uuid })).state, "Succeeded");
  assert.equal((await done("ExpungeImage", { uuid })).state, "Succeeded");
  assert.deepEqual([kept(), cloud.mirror.count("Image")], [[], 0]);
  // Machines go on without it.
  for (const each of [machineUuid, secondUuid])
    for (const name of ["StopVmInstance", "StartVmInstance"] as const)
      assert.equal((await done(name, { uuid: each })).state, "Succeeded");
  await cloud.sweep();
  assert.equal(cloud.mirror.count("CachedImage"), 1);
  for (const each of [machineUuid, secondUuid])
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
      assert.equal((await done(name, { uuid: each })).state, "Succeeded");
  await cloud.sweep();
  assert.deepEqual([cloud.mirror.count("CachedImage"), cloud.mirror.count("VolumeBase")], [0, 0]);
  assert.equal((await call("GetPrimaryStorage", { uuid: primary.uuid })).inventory.availableCapacity, before);
  assert.equal(existsSync(join(storeFolder, "binnacle-image-store.json")), true);
});

test("a fetch that a manager was ended in goes on with the next one where it was; its progress is told", async (t) => {
  const { cloud, store, hosts, call, images } = await imageCloud(t, []);
  const { server, given, kept, incoming } = images;
  const content = qcow2Image({ sizeBytes: 8 * mebibyte, dataBytes: 2 * mebibyte });
  stuck(server, "/image", content, mebibyte);
  const { task } = await call("AddImage", given("/image"));
  const percent = () => cloud.mirror.get("Image", task.resourceUuid ?? "")?.value.progress ?? 0;
  await seen(cloud.mirror, () => percent() > 0 && (cloud.mirror.get("Task", task.uuid)?.value.progress ?? 0) > 0);
  assert.ok(percent() < 100);
  assert.equal((await call("GetTask", { uuid: task.uuid })).inventory.state, "Running");
  await cloud.close();
  server.answers.set("/image", (request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1]);
    assert.equal(request.headers["if-range"], '"same"');
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { "content-length": content.length - from, "content-range": range, etag: '"same"' });
    response.end(content.subarray(from));
  });
  const next = await managerOn(t, store, hosts);
  const { mirror } = next.cloud;
  await seen(mirror, () => mirror.get("Task", task.uuid)?.value.endDate !== null);
  assert.equal(mirror.get("Task", task.uuid)?.value.state, "Succeeded");
  assert.match(server.asked.at(-1)?.range ?? "", /^bytes=[1-9]\d+-$/);
  assert.equal(mirror.get("Image", task.resourceUuid ?? "")?.value.status, "Ready");
  assert.deepEqual([kept(), incoming()], [[sha256Of(content)], []]);
});

test("a fetch that fails or is cancelled leaves neither a record nor a file, and nothing of a secret", async (t) => {
  const { cloud, call, done, images } = await imageCloud(t, []);
  const { server, given, kept, incoming } = images;
  const content = qcow2Image({ sizeBytes: 8 * mebibyte });
  stuck(server, "/stuck", content, mebibyte);
  server.answers.set("/image", serving(content));
  const { task } = await call("AddImage", given("/stuck?key=secret"));
  await seen(cloud.mirror, () => (cloud.mirror.get("Image", task.resourceUuid ?? "")?.value.progress ?? 0) > 0);
  const uuid = task.resourceUuid ?? "";
  const refused = { code: "STORAGE.1008", remedy: /CancelTask/ };
  for (const name of ["DeleteImage", "ExpungeImage", "RecoverImage"] as const)
    await assert.rejects(call(name, { uuid }), refused);
  assert.equal((await call("CancelTask", { uuid: task.uuid })).inventory.state, "Cancelling");
  await seen(cloud.mirror, () => cloud.mirror.get("Task", task.uuid)?.value.endDate !== null);
  assert.equal(cloud.mirror.get("Task", task.uuid)?.value.state, "Cancelled");
  const failures: [object, string][] = [
    [given("/absent?key=secret"), "STORAGE.1020"],
    [given("/image", { md5: "0".repeat(32) }), "STORAGE.1023"],
    [given("/image", { format: "raw" }), "STORAGE.1024"],
  ];
  for (const [input, code] of failures) {
    const failed = await done("AddImage", input);
    assert.deepEqual([failed.state, failed.error?.code], ["Failed", code], JSON.stringify(failed.error));
  }
  await assert.rejects(call("AddImage", given("", { url: "http://user:secret@127.0.0.1/image" })), {
    code: "SYS.1001",
  });
  await assert.rejects(call("AddImage", given("", { url: "ftp://127.0.0.1/?key=secret" })), { code: "STORAGE.1011" });
  assert.deepEqual([cloud.mirror.count("Image"), kept(), incoming()], [0, [], []]);
  const { inventories } = await call("QueryAuditRecord", {});
  for (const told of [inventories, [...cloud.mirror.all("Task")]]) assert.doesNotMatch(JSON.stringify(told), /secret/);
});

test("equal content is kept once, and stays while an image has it", async (t) => {
  const { call, done, images, cloud } = await imageCloud(t, []);
  const content = qcow2Image({ sizeBytes: 8 * mebibyte });
  const [first, second] = [await images.added(content), await images.added(content)];
  assert.equal(images.kept().length, 1);
  await call("UpdateGlobalConfig", { category: "image", name: "deletionPolicy", value: "Direct" });
  assert.equal((await done("DeleteImage", { uuid: first })).state, "Succeeded");
  assert.deepEqual([images.kept().length, cloud.mirror.count("Image")], [1, 1]);
  await call("UpdateGlobalConfig", { category: "image", name: "deletionPolicy", value: "Delay" });
  await done("DeleteImage", { uuid: second });
  const due = (inMs: number) => imagesToExpunge(cloud.mirror, cloud.settings, Date.now() + inMs);
  assert.deepEqual([due(0), due(86_400_000)], [[], [second]]);
  await call("UpdateGlobalConfig", { category: "image", name: "deletionPolicy", value: "Never" });
  assert.deepEqual(due(86_400_000), []);
  assert.equal((await done("ExpungeImage", { uuid: second })).state, "Succeeded");
  assert.deepEqual([images.kept(), cloud.mirror.count("Image")], [[], 0]);
});

test("a machine is made of an image that is whole, allowed and large enough for it, in its store's zone", async (t) => {
  const { call, done, images, cloud, zone } = await imageCloud(t, ["10.0.0.2"]);
  const uuid = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const size = { name: "web", cpuNum: 1, memorySize: 64 * mebibyte };
  const refused = (more: object, code: string) =>
    assert.rejects(call("CreateVmInstance", { ...size, ...more }), { code });
  await refused({}, "VM.1009");
  await refused({ imageUuid: uuid, rootDiskSize: 63 * mebibyte }, "STORAGE.1032");
  await call("ChangeImageState", { uuid, stateEvent: "disable" });
  await refused({ imageUuid: uuid }, "STORAGE.1031");
  await call("ChangeImageState", { uuid, stateEvent: "enable" });
  const data = await images.added(qcow2Image({ sizeBytes: 8 * mebibyte }), { mediaType: "DataVolumeTemplate" });
  await refused({ imageUuid: data }, "STORAGE.1031");
  await assert.rejects(call("AddImage", images.given("/image", { mediaType: "ISO" })), { code: "STORAGE.1031" });
  await done("DeleteImage", { uuid });
  await refused({ imageUuid: uuid }, "STORAGE.1031");
  await call("RecoverImage", { uuid });
  await call("ChangeBackupStorageState", { uuid: images.store.uuid, stateEvent: "disable" });
  await assert.rejects(call("AddImage", images.given("/image")), { code: "STORAGE.1003" });
  const west = (await call("CreateZone", { name: "west" })).inventory;
  const elsewhere = (await call("CreateCluster", { name: "rack 2", zoneUuid: west.uuid })).inventory;
  const failed = await done("CreateVmInstance", { ...size, imageUuid: uuid, clusterUuid: elsewhere.uuid });
  assert.equal(failed.error?.code, "VM.1008");
  assert.deepEqual([cloud.mirror.count("VolumeBase"), cloud.mirror.count("CachedImage")], [0, 0]);
  assert.notEqual(west.uuid, zone.uuid);
});

test("many machines of one image at once bring it to each host once; hosts that are away lose theirs when they are back", async (t) => {
  const { call, done, images, cloud, hosts } = await imageCloud(t, ["10.0.0.2", "10.0.0.3"]);
  const uuid = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const size = { cpuNum: 1, memorySize: 64 * mebibyte, imageUuid: uuid };
  const tasks = await Promise.all(
    Array.from({ length: 12 }, (_, n) => done("CreateVmInstance", { name: `web-${n}`, ...size })),
  );
  assert.deepEqual([...new Set(tasks.map(({ state }) => state))], ["Succeeded"]);
  assert.equal(hosts.commands.filter((each) => each.endsWith("keepImage")).length, 2);
  for (const { resourceUuid } of tasks)
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
      assert.equal((await done(name, { uuid: resourceUuid })).state, "Succeeded");
  hosts.cut("10.0.0.2", false);
  await done("DeleteImage", { uuid });
  assert.equal((await done("ExpungeImage", { uuid })).state, "Succeeded");
  const left = () => [...cloud.mirror.all("CachedImage")].length;
  assert.equal(left(), 1);
  hosts.cut("10.0.0.2", true);
  await seen(cloud.mirror, () => [...cloud.mirror.all("Host")].every(({ value }) => value.status === "Connected"));
  await cloud.sweep();
  assert.equal(left(), 0);
  assert.equal(hosts.commands.filter((each) => each === "10.0.0.2 deleteCachedImage").length, 1);
  await call("QueryHost", {});
});

test("a manager that was ended while an image was brought makes the machine with the next one", async (t) => {
  const { call, images, cloud, store, hosts } = await imageCloud(t, ["10.0.0.2"], "shared");
  const uuid = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const reached = Promise.withResolvers<void>();
  hosts.hold = async (what, signal) => {
    if (!what.endsWith("keepImage")) return;
    reached.resolve();
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const { task } = await call("CreateVmInstance", {
    name: "web",
    cpuNum: 1,
    memorySize: 64 * mebibyte,
    imageUuid: uuid,
  });
  await reached.promise;
  await cloud.close();
  hosts.hold = async () => {};
  const { mirror } = (await managerOn(t, store, hosts)).cloud;
  await seen(mirror, () => mirror.get("Task", task.uuid)?.value.endDate !== null);
  assert.equal(mirror.get("Task", task.uuid)?.value.state, "Succeeded");
  assert.equal(mirror.get("VmInstance", task.resourceUuid ?? "")?.value.state, "Running");
});

test("of a store that is deleted the records go and the data stays; the folder can be added again, and only once", async (t) => {
  const { call, done, images, cloud, zone } = await imageCloud(t, []);
  const { store, storeFolder, kept } = images;
  const content = qcow2Image({ sizeBytes: 8 * mebibyte });
  await images.added(content);
  const given = { name: "again", zoneUuid: zone.uuid, url: storeFolder };
  await assert.rejects(call("AddImageStoreBackupStorage", given), { code: "STORAGE.1006" });
  assert.equal((await done("DeleteBackupStorage", { uuid: store.uuid })).state, "Succeeded");
  assert.deepEqual([cloud.mirror.count("Image"), cloud.mirror.count("BackupStorage")], [0, 0]);
  assert.deepEqual(kept(), [sha256Of(content)]);
  const again = (await call("AddImageStoreBackupStorage", given)).inventory;
  assert.equal((await done("ReconnectBackupStorage", { uuid: again.uuid })).state, "Succeeded");
  assert.deepEqual(kept(), [sha256Of(content)]);
  for (const url of ["/proc/images", "relative", "/dev"])
    await assert.rejects(call("AddImageStoreBackupStorage", { ...given, url }), { code: "STORAGE.1006" });
  await assert.rejects(call("AddImageStoreBackupStorage", { ...given, url: "/etc/hostname/images" }), {
    code: "STORAGE.1030",
  });
});

test("what a host was brought of an image before it was lost is not brought again, and wrong bytes are brought anew", async (t) => {
  const { call, done, images, cloud, hosts, primary } = await imageCloud(t, ["10.0.0.2"]);
  const host = hosts.hosts.get("10.0.0.2");
  assert.ok(host !== undefined);
  host.real = withImageFiles(host.driver);
  const content = Buffer.alloc(9 * mebibyte, "no two pieces are the same. ");
  const uuid = await images.added(content, { format: "raw" });
  const offsets = () => hosts.pieces.splice(0).map((each) => Number(each.split(" ")[2]) / mebibyte);
  const given = { name: "web", cpuNum: 1, memorySize: 64 * mebibyte, imageUuid: uuid };
  let pieces = 0;
  hosts.hold = async (what) => {
    if (what.endsWith("imagePiece") && ++pieces === 2) throw unreachable("10.0.0.2");
  };
  const failed = await done("CreateVmInstance", given);
  assert.deepEqual([failed.state, failed.error?.code, offsets()], ["Failed", "HOST.1010", [0]]);
  assert.deepEqual([cloud.mirror.count("VmInstance"), cloud.mirror.count("VolumeBase")], [0, 0]);
  hosts.hold = async () => {};
  const made = await done("CreateVmInstance", given);
  assert.deepEqual([made.state, offsets()], ["Succeeded", [4, 8]], JSON.stringify(made.error));
  const cached = join(primary.url, "imagecache", `${sha256Of(content)}.raw`);
  assert.ok(readFileSync(cached).equals(content));

  for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
    await done(name, { uuid: made.resourceUuid ?? "" });
  rmSync(cached);
  // A disk that has other bytes than were written to it.
  const part = `${cached}.${(await call("QueryHost", {})).inventories[0]?.["uuid"]}.part`;
  writeFileSync(part, Buffer.alloc(4 * mebibyte));
  assert.equal((await done("CreateVmInstance", given)).state, "Succeeded");
  assert.deepEqual(offsets(), [4, 8, 0, 4, 8]);
  assert.ok(readFileSync(cached).equals(content));
  // The store's own file is damaged: nothing of it becomes an image of a host.
  rmSync(cached);
  const kept = join(images.storeFolder, "content", sha256Of(content));
  chmodSync(kept, 0o600);
  writeFileSync(kept, Buffer.alloc(content.length));
  const refused = await done("CreateVmInstance", { ...given, name: "two" });
  assert.match(JSON.stringify(refused.error), /HYPERVISOR.IMAGE_DIFFERS/);
  writeFileSync(kept, "short");
  assert.equal((await done("CreateVmInstance", { ...given, name: "two" })).error?.code, "STORAGE.1033");
});
