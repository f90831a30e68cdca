import assert from "node:assert/strict";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { Computer } from "../../support/hypervisor/wire.ts";
import { imageServer, serving } from "../../support/images/server.ts";
import { guestImage, guestShell } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
const endMs = 300_000;

test("a guest boots from an image that came into its drive while it ran, and has a network card with an address that came so, too", async (t) => {
  const { path: folder, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  // dnsmasq and QEMU look into it as others.
  chmodSync(folder, 0o755);
  const wire = new Computer(join(folder, "wire"), "wire");
  undoAfter(t, () => wire.cutPower());
  await wire.start();
  await wire.bridge("sw0");
  await wire.run("ip", "address", "add", "10.1.0.1/24", "dev", "sw0");
  const host = new LibvirtHost(join(folder, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  await wire.cable("port-eth0", "sw0", host, "eth0");
  const ip = async (...args: string[]) => (await host.machine.run("ip", args, { timeoutMs: 60_000 })).stdout;
  const { call, hosts, cloud } = await testCloud(t, { images: new LocalImageStore() });
  const networksFolder = join(host.folder, "networks");
  const { machine, uri } = host;
  const driver = new LibvirtDriver({ machine, networksFolder, uri, hasKvm: false, rebootGraceMs: 500 });
  await hosts.addReal("10.0.0.2", driver);
  const ok = async (name: CloudCallName, input: object) => {
    const { task } = (await call(name, input)) as { task: { uuid: string } };
    const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(endMs));
    assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
    return ended?.resourceUuid ?? "";
  };

  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const of = { zoneUuid: zone.uuid };
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", ...of, url: join(folder, "storage") }))
    .inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const stored = { name: "images", ...of, url: join(folder, "images") };
  const store = (await call("AddImageStoreBackupStorage", stored)).inventory;
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  await ok("AddKVMHost", {
    name: "kvm-1",
    clusterUuid: cluster.uuid,
    managementIp: "10.0.0.2",
    password: hostPassword,
  });
  const l2 = (await call("CreateL2NoVlanNetwork", { name: "flat", ...of, physicalInterface: "eth0" })).inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
  const l3 = (await call("CreateL3Network", { name: "flat", l2NetworkUuid: l2.uuid })).inventory;
  await call("AddIpRangeByNetworkCidr", { name: "r", l3NetworkUuid: l3.uuid, networkCidr: "10.1.0.0/24" });
  const server = await imageServer(t);
  server.answers.set("/disc.iso", serving(readFileSync(await guestImage())));
  const image = { name: "disc", url: `${server.url}/disc.iso`, format: "iso", backupStorageUuids: [store.uuid] };
  const isoUuid = await ok("AddImage", image);

  // An empty disk: nothing to boot from.
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 16 * mebibyte };
  const uuid = await ok("CreateVmInstance", { name: "Web 1", l3NetworkUuids: [], ...size });
  await ok("AttachIsoToVmInstance", { uuid, isoUuid });
  const drives = async () =>
    (await host.virsh("domblklist", "--details", uuid)).match(/^ *file +cdrom +sd[abc] +\S+/gm);
  assert.match((await drives())?.join() ?? "", /sda +\/.*\/imagecache\/[\da-f]{64}\.iso.*sdb +-.*sdc +-/);
  const guest = async () => {
    const { shell, line } = await guestShell(host, uuid);
    undoAfter(t, () => line.close());
    return { shell, line };
  };
  // The same process of QEMU: what it has in its drive now is what its firmware finds.
  await host.virsh("reset", uuid);
  const first = await guest();
  assert.equal(await first.shell.run("cat /sys/class/net/*/address | grep -cv 00:00:00:00:00:00 || true"), "0");
  first.line.close();
  // And with what libvirt knows for its next start.
  await ok("RebootVmInstance", { uuid });
  const { shell } = await guest();

  await ok("AttachL3NetworkToVm", { uuid, l3NetworkUuid: l3.uuid, staticIp: "10.1.0.77" });
  const [nic] = cloud.mirror.find("VmNic", "vmInstanceUuid", uuid).map(({ value }) => value);
  assert.ok(nic !== undefined);
  await shell.run(
    "i=0; until [ -e /sys/class/net/eth0 ]; do i=$((i+1)); [ $i -lt 60 ] || exit 1; sleep 1; done",
    120_000,
  );
  assert.equal(await shell.run("cat /sys/class/net/eth0/address"), nic.mac);
  await shell.run("ip link set eth0 up && udhcpc -i eth0 -f -q -n -t 30 -s /bin/address", 120_000);
  const lease = (await shell.run("cat /run/lease")).replaceAll("'", "").split(/\s*\n/);
  for (const told of ["ip=10.1.0.77", "router=10.1.0.1", "hostname=web-1"]) assert.ok(lease.includes(told), `${lease}`);
  assert.match(await shell.run("ping -c 2 -W 10 10.1.0.1"), / 0% packet loss/);

  await ok("DetachL3NetworkFromVm", { uuid: nic.uuid });
  await shell.run("[ ! -e /sys/class/net/eth0 ]");
  assert.equal(await ip("netns", "list"), "", "its address is told to nobody any more");
  assert.equal(await ip("-o", "link", "show", "group", "7070"), "");
  await ok("DetachIsoFromVmInstance", { uuid, isoUuid });
  assert.doesNotMatch((await drives())?.join() ?? "", /imagecache/);
  for (const name of ["DeleteImage", "ExpungeImage"] as const) await ok(name, { uuid: isoUuid });
  assert.equal(cloud.mirror.count("CachedImage"), 0);
  await ok("DestroyVmInstance", { uuid });
});
