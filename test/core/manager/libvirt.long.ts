import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("the manager's machines are QEMU's: made, stopped, started, lost behind its back, deleted and expunged", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const { call, done, hosts, cloud } = await testCloud(t);
  const networksFolder = join(host.folder, "networks");
  const { machine, uri } = host;
  const driver = new LibvirtDriver({ machine, networksFolder, uri, hasKvm: false, rebootGraceMs: 500 });
  await hosts.addReal("10.0.0.2", driver);
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder.path, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  const added = await done("AddKVMHost", given);
  assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
  assert.ok((cloud.mirror.get("PrimaryStorage", storage.uuid)?.value.totalCapacity ?? 0) > 0);

  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 16 * mebibyte };
  const made = await done("CreateVmInstance", { name: "</title> $(id)", l3NetworkUuids: [], ...size });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const uuid = made.resourceUuid ?? "";
  const stateThere = async () => (await host.virsh("domstate", uuid)).trim();
  const stateHere = async () => (await call("GetVmInstance", { uuid })).inventory.state;
  assert.deepEqual([await stateThere(), await stateHere()], ["running", "Running"]);
  // No guest is in it that would listen.
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  assert.deepEqual([await stateThere(), await stateHere()], ["shut off", "Stopped"]);
  for (const name of ["StartVmInstance", "RebootVmInstance"] as const) {
    const task = await done(name, { uuid });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    assert.equal(await stateThere(), "running");
  }
  assert.equal((await done("PauseVmInstance", { uuid })).state, "Succeeded");
  assert.deepEqual([await stateThere(), await stateHere()], ["paused", "Paused"]);
  assert.equal((await done("ResumeVmInstance", { uuid })).state, "Succeeded");
  // Nobody tells the manager but libvirt itself.
  const became = (state: string) =>
    seen(cloud.mirror, () => cloud.mirror.get("VmInstance", uuid)?.value.state === state);
  await host.virsh("suspend", uuid);
  await became("Paused");
  await host.virsh("resume", uuid);
  await became("Running");
  await host.virsh("destroy", uuid);
  await became("Stopped");
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");

  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await host.virsh("list", "--all", "--name")).trim(), "");
  assert.equal((await done("ExpungeVmInstance", { uuid })).state, "Succeeded");
  const volumes = join(url, "volumes");
  assert.deepEqual(existsSync(volumes) ? readdirSync(volumes) : [], []);
  assert.equal(cloud.mirror.count("VmInstance") + cloud.mirror.count("Volume"), 0);
});
