import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { runCommand } from "../../../core/node/command.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { type TestCloud, testCloud } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
const [first, second] = ["10.0.0.1", "10.0.0.2"] as const;

type Bed = TestCloud & {
  source: LibvirtHost;
  destination: LibvirtHost;
  hostUuids: string[];
  /** A machine that runs on the first host, with a guest in it. */
  uuid: string;
  stateOn: (host: LibvirtHost) => Promise<string>;
  record: () => { state: string; hostUuid: string | null } | undefined;
};

/** A manager with two hosts of libvirt's, which share a storage, and a guest on the first. */
async function migrationBed(t: TestContext): Promise<Bed> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const url = join(folder.path, "shared");
  mkdirSync(url);
  const mount = async (...args: string[]) =>
    assert.equal((await runCommand("mount", args, { timeoutMs: 60_000 })).code, 0);
  await mount("--bind", url, url);
  undoAfter(t, async () => void (await runCommand("umount", ["-l", url], { timeoutMs: 60_000 })));
  const cloud = await testCloud(t);
  const { call, done, hosts } = cloud;
  const machines = [new LibvirtHost(join(folder.path, "a"), "kvm-1"), new LibvirtHost(join(folder.path, "b"), "kvm-2")];
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const storage = (await call("AddSharedMountPointPrimaryStorage", { name: "shared", zoneUuid: zone.uuid, url }))
    .inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const hostUuids: string[] = [];
  for (const [index, host] of machines.entries()) {
    undoAfter(t, () => host.cutPower());
    await host.start();
    const address = index === 0 ? first : second;
    const migration = { dial: hosts.dialFrom(address), folder: host.migrationFolder };
    await hosts.addReal(
      address,
      new LibvirtDriver({ machine: realMachine(), uri: host.uri, hasKvm: false, migration }),
    );
    const given = { name: host.name, clusterUuid: cluster.uuid, managementIp: address, password: hostPassword };
    const added = await done("AddKVMHost", given);
    assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
    hostUuids.push(added.resourceUuid ?? "");
  }
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte, l3NetworkUuids: [] };
  const made = await done("CreateVmInstance", { name: "web", ...size, hostUuid: hostUuids[0] });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const uuid = made.resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  const path = cloud.cloud.mirror.find("Volume", "vmInstanceUuid", uuid)[0]?.value.installPath ?? "";
  await guestVolume(path);
  const started = await done("StartVmInstance", { uuid, hostUuid: hostUuids[0] });
  assert.equal(started.state, "Succeeded", JSON.stringify(started.error));
  const [source, destination] = machines;
  assert.ok(source !== undefined && destination !== undefined);
  return {
    ...cloud,
    source,
    destination,
    hostUuids,
    uuid,
    stateOn: async (host) => (await host.virsh("domstate", uuid).catch(() => "")).trim(),
    record: () => {
      const machine = cloud.cloud.mirror.get("VmInstance", uuid)?.value;
      return machine === undefined ? undefined : { state: machine.state, hostUuid: machine.hostUuid };
    },
  };
}

test("a guest goes on with what it has in memory on another host", async (t) => {
  const { done, source, destination, uuid, stateOn, record, hostUuids } = await migrationBed(t);
  const before = await guestShell(source, uuid);
  await before.shell.run("echo kept >/tmp/note");
  before.line.close();
  const moved = await done("MigrateVm", { uuid });
  assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
  assert.deepEqual([await stateOn(source), await stateOn(destination)], ["", "running"]);
  assert.deepEqual(record(), { state: "Running", hostUuid: hostUuids[1] });
  const after = await guestShell(destination, uuid);
  assert.match(await after.shell.run("cat /tmp/note"), /kept/);
  after.line.close();
  const back = await done("MigrateVm", { uuid });
  assert.equal(back.state, "Succeeded", JSON.stringify(back.error));
  assert.deepEqual([await stateOn(source), await stateOn(destination)], ["running", ""]);
  void seen;
});
