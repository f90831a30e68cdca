import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { machine, place } from "../../support/cloud/place.ts";
import { md5Of, qcow2Image, sha256Of } from "../../support/images/files.ts";
import { imageServer, serving } from "../../support/images/server.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

/** A cloud with an image store in a folder of its own. */
async function bed(t: TestContext, addresses: readonly string[], storage: "local" | "shared" = "local") {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const cloud = await place(t, addresses, storage);
  const url = join(folder.path, "store");
  const { call } = cloud;
  const store = (await call("AddImageStoreBackupStorage", { name: "images", zoneUuid: cloud.zone.uuid, url }))
    .inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const kept = () => readdirSync(join(url, "content"));
  const incoming = () => readdirSync(join(url, "incoming"));
  return { ...cloud, folder: folder.path, storeFolder: url, store, kept, incoming };
}

test("an image is fetched, machines stand on one copy of it, and it goes with the last of them", async (t) => {
  const { call, done, cloud, store, kept, incoming, storeFolder, hosts, primary } = await bed(t, ["10.0.0.2"]);
  const content = qcow2Image({ sizeBytes: 64 * mebibyte });
  const server = await imageServer(t);
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
  assert.equal(hosts.hosts.get("10.0.0.2")?.driver.images !== undefined, true);
  assert.equal((await call("GetPrimaryStorage", { uuid: primary.uuid })).inventory.availableCapacity, before);
  assert.equal(existsSync(join(storeFolder, "binnacle-image-store.json")), true);
});
