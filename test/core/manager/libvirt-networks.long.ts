import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { Computer } from "../../support/hypervisor/wire.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test("a machine of the API has on the wire the address, the name and the router that the API says", async (t) => {
  const { path: folder, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  chmodSync(folder, 0o755);
  const wire = new Computer(join(folder, "wire"), "wire");
  undoAfter(t, () => wire.cutPower());
  await wire.start();
  await wire.bridge("sw0");
  await wire.run("ip", "address", "add", "10.1.0.1/24", "dev", "sw0");
  const host = new LibvirtHost(join(folder, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  for (const name of ["eth0", "eth1"]) await wire.cable(`port-${name}`, "sw0", host, name);
  const ip = async (...args: string[]) => (await host.machine.run("ip", args, { timeoutMs: 60_000 })).stdout;
  await ip("address", "add", "10.1.0.2/24", "dev", "eth1");
  const { call, done, hosts } = await testCloud(t);
  const { machine, uri } = host;
  const driver = new LibvirtDriver({ machine, networksFolder: join(host.folder, "networks"), uri, hasKvm: false });
  await hosts.addReal("10.0.0.2", driver);

  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  assert.equal((await done("AddKVMHost", given)).state, "Succeeded");
  const networkOn = async (physicalInterface: string) => {
    const l2 = (await call("CreateL2NoVlanNetwork", { name: "flat", zoneUuid: zone.uuid, physicalInterface }))
      .inventory;
    await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
    const l3 = (await call("CreateL3Network", { name: "flat", l2NetworkUuid: l2.uuid, dns: ["10.1.0.3"] })).inventory;
    await call("AddIpRangeByNetworkCidr", { name: "r", l3NetworkUuid: l3.uuid, networkCidr: "10.1.0.0/24" });
    return (await call("GetL3Network", { uuid: l3.uuid })).inventory;
  };
  const [flat, own] = [await networkOn("eth0"), await networkOn("eth1")];

  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte };
  const refused = await done("CreateVmInstance", { name: "cut", l3NetworkUuids: [own.uuid], ...size });
  assert.equal(refused.state, "Failed");
  assert.match(JSON.stringify(refused.error), /NETWORK_HOST_ADDRESS.*zs-network-setting -b eth1/);
  assert.equal(await host.virsh("list", "--all", "--name").then((text) => text.trim()), "");

  const wish = { l3NetworkUuids: [flat.uuid], staticIps: [`${flat.uuid}::10.1.0.77`] };
  const made = await done("CreateVmInstance", { name: "Web 1", ...wish, ...size });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const uuid = made.resourceUuid ?? "";
  // A guest comes onto its volume, while it is off.
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  const { rootVolumeUuid } = (await call("GetVmInstance", { uuid })).inventory;
  const { installPath } = (await call("GetVolume", { uuid: rootVolumeUuid ?? "" })).inventory;
  assert.ok(installPath !== null);
  rmSync(installPath);
  await guestVolume(installPath);
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  const { shell, line } = await guestShell(host, uuid);
  undoAfter(t, () => line.close());
  await shell.run("ip link set eth0 up && udhcpc -i eth0 -f -q -n -t 30 -s /bin/address", 120_000);
  const lease = (await shell.run("cat /run/lease")).replaceAll("'", "").split(/\s*\n/);
  const told = ["ip=10.1.0.77", "router=10.1.0.1", "dns=10.1.0.3", "hostname=web-1", `serverid=${flat.dhcpServerIp}`];
  for (const one of told) assert.ok(lease.includes(one), `${one}: ${lease}`);
  assert.match(await shell.run("ping -c 2 -W 10 10.1.0.1"), / 0% packet loss/);

  assert.equal((await done("DestroyVmInstance", { uuid })).state, "Succeeded");
  assert.equal(await ip("netns", "list"), "");
  assert.equal(await ip("-o", "link", "show", "group", "7070"), "");
});
