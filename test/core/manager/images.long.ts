import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { guestImage, guestShell } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("two guests start from one copy of an image; what they write is their own, through a rescue and on a shelf, too; the last one takes the copy along", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const source = await guestImage();
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const { call, done, hosts, cloud } = await testCloud(t);
  const driver = new LibvirtDriver({ machine: realMachine(), uri: host.uri, hasKvm: false, rebootGraceMs: 500 });
  await hosts.addReal("10.0.0.2", driver);
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder.path, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  assert.equal((await done("AddKVMHost", given)).state, "Succeeded");
  const place = { name: "images", zoneUuid: zone.uuid, url: join(folder.path, "images") };
  const store = (await call("AddImageStoreBackupStorage", place)).inventory;
  const image = { name: "guest", url: `file://${source}`, format: "raw", backupStorageUuids: [store.uuid] };
  const added = await done("AddImage", image);
  assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
  const imageUuid = added.resourceUuid ?? "";

  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte };
  const [first, second] = await Promise.all(
    ["one", "two"].map((name) => done("CreateVmInstance", { name, imageUuid, ...size })),
  );
  assert.deepEqual([first?.state, second?.state], ["Succeeded", "Succeeded"], JSON.stringify([first, second]));
  const machines = [first?.resourceUuid ?? "", second?.resourceUuid ?? ""];
  const sent = readFileSync(source).length;
  assert.equal(hosts.pieces.length, Math.ceil(sent / (4 * mebibyte)), "the image was brought once");
  const cache = join(url, "imagecache");
  const [name = ""] = readdirSync(cache);
  assert.match(name, /^[\da-f]{64}\.raw$/);
  assert.equal(statSync(join(cache, name)).mode & 0o777, 0o444);
  const kept = () => readFileSync(join(cache, name)).equals(readFileSync(source));

  for (const [n, uuid] of machines.entries()) {
    const { shell, line } = await guestShell(host, uuid);
    await shell.run(`printf 'written by ${n}' | dd of=/dev/vda bs=1M seek=40 conv=notrunc && sync`);
    assert.match(
      await shell.run("dd if=/dev/vda bs=1M skip=40 count=1 2>/dev/null | head -c 12"),
      new RegExp(`written by ${n}`),
    );
    line.close();
  }
  assert.ok(kept(), "nobody writes into the image");
  assert.match(await host.virsh("dumpxml", machines[0] ?? ""), new RegExp(`<source file='${join(cache, name)}'`));

  const [uuid = ""] = machines;
  // One that was just started does not listen yet.
  await call("UpdateGlobalConfig", { category: "vm", name: "stop.timeout", value: "10" });
  const ok = async (name: Parameters<typeof done>[0]) => {
    const task = await done(name, { uuid, ...(name === "RescueVmInstance" ? { imageUuid } : {}) });
    assert.equal(task.state, "Succeeded", `${name}: ${JSON.stringify(task.error)}`);
    return cloud.mirror.get("VmInstance", uuid)?.value.state;
  };
  const inGuest = async (act: (shell: Awaited<ReturnType<typeof guestShell>>["shell"]) => Promise<void>) => {
    const { shell, line } = await guestShell(host, uuid);
    await act(shell);
    line.close();
  };
  const readAt = (device: string, mebibytes: number) =>
    `dd if=/dev/${device} bs=1M skip=${mebibytes} count=1 2>/dev/null | head -c 12 | tr -d '\\000'; echo .`;
  assert.equal(await ok("RescueVmInstance"), "Rescued");
  await inGuest(async (shell) => {
    assert.equal(await shell.run(readAt("vda", 40)), ".", "it has started from another disk");
    assert.equal(await shell.run(readAt("vdb", 40)), "written by 0.");
    await shell.run("printf 'mended there' | dd of=/dev/vdb bs=1M seek=41 conv=notrunc && sync");
  });
  // The machine's process dies: it has its own disk at the next start.
  await host.virsh("destroy", uuid);
  await done("ReconnectHost", { uuid: cloud.mirror.get("VmInstance", uuid)?.value.hostUuid ?? "" });
  assert.equal(cloud.mirror.get("VmInstance", uuid)?.value.state, "Stopped");
  await ok("RescueVmInstance");
  assert.equal(await ok("UnrescueVmInstance"), "Stopped");
  await ok("StartVmInstance");
  await ok("RescueVmInstance");
  assert.equal(await ok("UnrescueVmInstance"), "Running");
  await inGuest(async (shell) => {
    assert.equal(await shell.run(readAt("vda", 40)), "written by 0.");
    assert.equal(await shell.run(readAt("vda", 41)), "mended there.");
    assert.doesNotMatch(await shell.run("cat /proc/partitions"), /vdb/);
  });
  await cloud.sweep();
  await seen(cloud.mirror, () => cloud.mirror.count("Volume") === 2);
  assert.equal(readdirSync(join(url, "volumes")).length, 2, "no disk of a rescue is left");

  assert.equal(await ok("ShelveVmInstance"), "Shelved");
  assert.doesNotMatch(await host.virsh("list", "--all", "--name"), new RegExp(uuid));
  assert.equal(readdirSync(join(url, "volumes")).length, 1, "its room is free");
  assert.equal(await ok("UnshelveVmInstance"), "Running");
  await inGuest(async (shell) => {
    assert.equal(await shell.run(readAt("vda", 40)), "written by 0.");
    assert.equal(await shell.run(readAt("vda", 41)), "mended there.");
  });
  assert.equal(cloud.mirror.count("Image"), 1, "its image has gone");
  assert.equal(readdirSync(join(folder.path, "images", "content")).length, 1);

  for (const each of ["DeleteImage", "ExpungeImage"] as const)
    assert.equal((await done(each, { uuid: imageUuid })).state, "Succeeded");
  await cloud.sweep();
  assert.ok(kept(), "volumes stand on it");
  for (const each of machines)
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
      assert.equal((await done(name, { uuid: each })).state, "Succeeded");
  await cloud.sweep();
  const volumes = join(url, "volumes");
  assert.deepEqual([readdirSync(cache), existsSync(volumes) ? readdirSync(volumes) : []], [[], []]);
  assert.equal(cloud.mirror.count("CachedImage"), 0);
});
