import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { it, type TestContext } from "node:test";
import type { InstallRole } from "../../core/model/installation/draft.ts";
import { Browser, picture } from "../support/browser.ts";
import { guestImage } from "../support/libvirt/guest.ts";
import { undoAfter } from "../support/undo.ts";
import { type Network, startNetwork } from "../support/vm/network.ts";
import type { VmNic } from "../support/vm/options.ts";
import { startVm, type Vm } from "../support/vm/vm.ts";
import * as bed from "./image/bed.ts";
import { addHost, call, inGuest, made } from "./image/cloud.ts";
import { describeImage, type Machines } from "./image/machines.ts";
import { answersFor, assertCloudAnswers, roleNames, switchedOff } from "./image/unattended.ts";

/*
 * Three installed nodes in QEMU: a management node, which is the NFS server, too, and two storage nodes with a disk that
 * both have, as of a storage network, and OCFS2 on it. A machine lives on the latter from its image to its end, once on
 * NFS and once on OCFS2, and is in both cases kept from running twice.
 */

type Node = { name: string; role: InstallRole; address: string };
const management: Node = { name: "mgmt-1", role: "management", address: "10.77.0.1" };
const hosts: readonly [Node, Node] = [
  { name: "store-1", role: "storage", address: "10.77.0.11" },
  { name: "store-2", role: "storage", address: "10.77.0.12" },
];
/** Cards by their MAC addresses, whatever the kernel calls them. */
const macOf = ({ address }: Node, card: number) =>
  `52:54:00:77:0${card}:${Number(address.split(".").at(-1)).toString(16).padStart(2, "0")}`;
const cardOf = (node: Node, card: number) => `ip -o link | awk '/${macOf(node, card)}/ { print $2 }' | tr -d :`;

const limitMs = 900_000;
const mebibyte = 2 ** 20;
/** Where the storage nodes have the cluster's file system. */
const pool = "/var/lib/pool";

describeImage("machines on shared storage of installed nodes", (machines) => {
  it("live on NFS and on OCFS2 from their image to their end, and never run twice", async (t) => {
    const { manager, stores } = await threeInstalledNodes(t, machines);
    await exportNfs(manager);
    await mountOcfs2(stores);

    const zoneUuid = await made(manager, "CreateZone", { name: "east" });
    const cluster = await made(manager, "CreateCluster", { name: "blue", zoneUuid, hypervisorType: "KVM" });
    const hostUuids: string[] = [];
    for (const { name, address } of hosts) hostUuids.push(await addHost(manager, name, cluster, address));
    const nfs = { name: "nfs", zoneUuid, url: `${management.address}:/var/nfs` };
    const storages = {
      NFS: await made(manager, "AddNfsPrimaryStorage", nfs),
      OCFS2: await made(manager, "AddSharedMountPointPrimaryStorage", { name: "pool", zoneUuid, url: pool }),
    };
    for (const uuid of Object.values(storages)) {
      await made(manager, "AttachPrimaryStorageToCluster", { uuid, clusterUuid: cluster });
      // It is attached as soon as one host has it; this ends well only when all have.
      await made(manager, "ReconnectPrimaryStorage", { uuid });
    }
    const store = await made(manager, "AddImageStoreBackupStorage", {
      ...{ name: "images", zoneUuid, url: "/var/lib/binnacle/images" },
    });
    const image = await made(manager, "AddImage", {
      ...{ name: "guest", url: "http://10.0.2.100/guest.img", format: "raw", backupStorageUuids: store },
    });
    const network = await officeNetwork(manager, stores, zoneUuid, cluster);
    const life = { manager, stores, hostUuids, image, network };
    for (const [kind, storage] of Object.entries(storages)) {
      await lives(t, life, storage);
      t.diagnostic(`a machine has lived on ${kind}`);
    }
    await isMountedAgain(stores[1]);
  });
});

type Life = { manager: Vm; stores: readonly Vm[]; hostUuids: readonly string[]; image: string; network: string };

async function lives(t: TestContext, { manager, stores, hostUuids, image, network }: Life, storage: string) {
  const [first, second] = stores;
  const [here = "", there = ""] = hostUuids;
  assert.ok(first !== undefined && second !== undefined);
  const vm = await made(manager, "CreateVmInstance", {
    ...{ name: "web-1", imageUuid: image, cpuNum: "1", memorySize: "128M", l3NetworkUuids: network, hostUuid: here },
    primaryStorageUuidForRootVolume: storage,
  });
  const lease =
    "ip link set eth0 up; udhcpc -f -q -n -t 30 -i eth0 -s /bin/address >/dev/null 2>&1; grep ^ip= /run/lease";
  const ip = await inGuest(first, vm, lease);
  const { inventories: nics } = await call(manager, "QueryVmNic", { vmInstanceUuid: vm });
  assert.ok(Array.isArray(nics));
  assert.equal(ip, `ip='${nics[0].ip}'`);

  const volume = await made(manager, "CreateDataVolume", {
    ...{ name: "data", diskSize: "64M", primaryStorageUuid: storage },
  });
  await made(manager, "AttachDataVolumeToVm", { uuid: volume, vmInstanceUuid: vm });
  const write =
    "mke2fs -F /dev/vdb >/dev/null 2>&1; mkdir -p /data; mount /dev/vdb /data; echo first >/data/file; sync; cat /data/file";
  assert.equal(await inGuest(first, vm, write), "first");
  const snapshot = await made(manager, "CreateVolumeSnapshot", { name: "first", volumeUuid: volume });
  const writeOn =
    "echo second >/data/file; (while [ ! -e /stop ]; do echo x >>/data/log; sleep 0.1; done) >/dev/null 2>&1 & echo writing";
  assert.equal(await inGuest(first, vm, writeOn), "writing");

  await made(manager, "MigrateVm", { uuid: vm, hostUuid: there });
  const look = "touch /stop; sleep 1; sync; test -s /data/log && cat /data/file; dmesg | grep 'I/O error' || echo none";
  assert.equal(await inGuest(second, vm, look), "second\nnone");
  await showsItsScreen(t, manager, vm);
  await refusesToRunTwice({ running: second, other: first }, vm);

  await made(manager, "StopVmInstance", { uuid: vm, type: "cold" });
  await made(manager, "RevertVolumeFromSnapshot", { uuid: snapshot });
  await made(manager, "StartVmInstance", { uuid: vm, hostUuid: here });
  const again = "mkdir -p /data; mount /dev/vdb /data; cat /data/file; ls /data | grep -c log";
  assert.equal(await inGuest(first, vm, `${again} || :`), "first\n0");

  await made(manager, "DestroyVmInstance", { uuid: vm });
  await call(manager, "ExpungeVmInstance", { uuid: vm });
  await made(manager, "DeleteDataVolume", { uuid: volume });
  await call(manager, "ExpungeDataVolume", { uuid: volume });
  for (const node of stores) assert.equal((await node.shell.run("virsh list --all --name", limitMs)).trim(), "");
  const folder = (await call(manager, "GetPrimaryStorage", { uuid: storage })).inventory?.["url"] === pool ? pool : "";
  const volumes = `${folder === "" ? `/var/lib/binnacle/storage/${storage}` : folder}/volumes`;
  assert.equal(await first.shell.run(`ls ${volumes}`, limitMs), "");
}

/** What is left of a machine that another host runs can't be started: not by its definition, whoever brings it there. */
async function refusesToRunTwice({ running, other }: { running: Vm; other: Vm }, uuid: string): Promise<void> {
  const xml = await running.shell.run(`virsh dumpxml --inactive --migratable ${uuid} | base64 -w0`, limitMs);
  const pieces = xml.match(/.{1,3000}/g) ?? [];
  await other.shell.run(":>/root/machine.b64", limitMs);
  for (const piece of pieces) await other.shell.run(`printf %s ${piece} >>/root/machine.b64`, limitMs);
  // Its cards want bridges that are not here any more; its disks are what counts.
  const withoutCards = "sed '/<interface/,/<.interface>/d' >/root/machine.xml";
  await other.shell.run(`base64 -d /root/machine.b64 | ${withoutCards} && virsh define /root/machine.xml`, limitMs);
  const { status, output } = await other.shell.try(`virsh start ${uuid}`, limitMs);
  assert.notEqual(status, 0);
  assert.match(output, /Failed to get .*lock/, output);
  await other.shell.run(`virsh undefine ${uuid}`, limitMs);
}

/** On the management node's console proxy, as a browser outside has it. */
async function showsItsScreen(t: TestContext, manager: Vm, vmInstanceUuid: string): Promise<void> {
  const browser = new Browser();
  undoAfter(t, () => browser.close());
  await browser.ready();
  const { inventory } = await call(manager, "RequestConsoleAccess", { vmInstanceUuid, kind: "vnc" });
  const url = String(inventory?.["url"]).replace(/\/\/[^/]+\//, `//127.0.0.1:${await manager.port(4900)}/`);
  const page = await browser.open(url);
  await page.until(`(${picture})?.colours > 1`);
  await browser.close();
}

async function officeNetwork(manager: Vm, stores: readonly Vm[], zoneUuid: string, clusterUuid: string) {
  const card = await stores[0]?.shell.run(cardOf(hosts[0], 2), limitMs);
  assert.ok(card !== undefined && card !== "");
  const l2 = await made(manager, "CreateL2NoVlanNetwork", { name: "office", zoneUuid, physicalInterface: card });
  await made(manager, "AttachL2NetworkToCluster", { uuid: l2, clusterUuid });
  const network = await made(manager, "CreateL3Network", { name: "office", l2NetworkUuid: l2 });
  await made(manager, "AddIpRange", {
    ...{ name: "first", l3NetworkUuid: network, startIp: "10.21.100.2", endIp: "10.21.100.99" },
    ...{ netmask: "255.255.255.0", gateway: "10.21.100.1" },
  });
  return network;
}

/** After its next start a node is in its cluster again, and has the file system. */
async function isMountedAgain(node: Vm | undefined): Promise<void> {
  assert.ok(node !== undefined);
  await node.shell.try("systemctl reboot", limitMs);
  await node.qmp.event("RESET", limitMs);
  // What it has shown before it went down is on its screen until it comes up.
  await node.serial.until(/Booting/, limitMs);
  await comesHome(node, hosts[1]);
  await bed.signIn(node);
  assert.match(await node.shell.run(`findmnt -n -o FSTYPE ${pool}`, limitMs), /^ocfs2/);
}

async function exportNfs(server: Vm): Promise<void> {
  const run = (command: string) => server.shell.run(command, limitMs);
  await run("mkdir -p /var/nfs && chmod 755 /var/nfs");
  await run("echo '/var/nfs 10.77.0.0/24(rw,no_root_squash,no_subtree_check)' >/etc/exports");
  await run("systemctl enable --now nfs-server && systemctl is-active nfs-server && exportfs -r");
  await run("nft add rule inet binnacle role tcp dport 2049 accept");
}

/** Joins both nodes into a cluster by hand, as the page of OCFS2 says, and mounts its file system at each boot. */
async function mountOcfs2(stores: readonly Vm[]): Promise<void> {
  const nodes = hosts.map(
    ({ name, address }, number) =>
      `node:\\n\\tip_port = 7777\\n\\tip_address = ${address}\\n\\tnumber = ${number}\\n\\tname = ${name}\\n\\tcluster = pool\\n\\n`,
  );
  const conf = `cluster:\\n\\tnode_count = 2\\n\\tname = pool\\n\\n${nodes.join("")}`;
  const disk = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_SHARED";
  for (const node of stores) {
    await node.shell.run(`mkdir -p /etc/ocfs2 && printf '${conf}' >/etc/ocfs2/cluster.conf`, limitMs);
    await node.shell.run("systemctl restart o2cb && systemctl is-active o2cb", limitMs);
  }
  await stores[0]?.shell.run(`mkfs.ocfs2 -q -N 4 -L pool ${disk} </dev/null`, limitMs);
  for (const node of stores) {
    await node.shell.run(
      `mkdir -p ${pool} && echo '${disk} ${pool} ocfs2 _netdev,x-systemd.requires=o2cb.service 0 0' >>/etc/fstab`,
      limitMs,
    );
    await node.shell.run(`systemctl daemon-reload && mount ${pool} && chmod 755 ${pool}`, limitMs);
  }
}

async function threeInstalledNodes(t: TestContext, machines: Machines): Promise<{ manager: Vm; stores: Vm[] }> {
  const shared = path.join(machines.folder, "shared.img");
  fs.closeSync(fs.openSync(shared, "w"));
  fs.truncateSync(shared, 3072 * mebibyte);
  const guest = await guestImage();
  const networks: Network[] = [];
  for (const name of ["management", "machines"]) networks.push(await startNetwork(machines.folder, name));
  undoAfter(t, async () => {
    for (const network of networks) await network.close();
  });
  const start = async (node: Node, installer?: string): Promise<Vm> => {
    const folder = path.join(machines.folder, node.name);
    fs.mkdirSync(folder, { recursive: true });
    const [first, second] = networks;
    assert.ok(first !== undefined && second !== undefined);
    const outside: VmNic = { network: "user", mac: macOf(node, 2), webFile: guest, forward: [4900] };
    const inside: VmNic = { network: second, mac: macOf(node, 2) };
    const nics: VmNic[] = [{ network: first, mac: macOf(node, 1) }, node.role === "management" ? outside : inside];
    const file = path.join(folder, "disk.qcow2");
    if (installer !== undefined) bed.emptyDisk(folder, "disk");
    const from = installer === undefined ? ({ startFrom: "disks" } as const) : { cdrom: installer };
    const disks = [{ file, format: "qcow2" }] as const;
    const extra = node.role === "storage" && installer === undefined ? sharedDisk(shared) : [];
    const vm = await startVm({ folder, memoryMiB: 2560, disks, nics, extra, ...from });
    undoAfter(t, () => vm.stop());
    return vm;
  };
  const install = async (node: Node) => {
    const folder = path.join(machines.folder, node.name);
    fs.mkdirSync(folder, { recursive: true });
    const link = `links: ["${macOf(node, 1)}"]`;
    const network = `network: { hostname: ${node.name}, ${link}, ipv4: { address: ${node.address}/24 } }`;
    const answers = answersFor(node.role).replace(/^network: .*$/m, network);
    const vm = await start(node, bed.withAnswers(machines.iso, answers, folder));
    await switchedOff(vm);
    await vm.stop();
  };
  const boot = async (node: Node) => {
    const vm = await start(node);
    await comesHome(vm, node);
    await bed.signIn(vm);
    return vm;
  };
  await Promise.all([management, ...hosts].map(install));
  // One after the other: what a node's first start may take of its time is meant for a computer of its own.
  const manager = await boot(management);
  const stores: Vm[] = [];
  for (const node of hosts) stores.push(await boot(node));
  await manager.shell.run(`ip addr add 10.0.2.15/24 dev $(${cardOf(management, 2)})`, limitMs);
  await assertCloudAnswers(manager, bed.rootPassword);
  return { manager, stores };
}

async function comesHome(vm: Vm, { role }: Node): Promise<void> {
  await vm.serial.until((text) => bed.isHome(text, roleNames[role]), bed.bootTimeoutMs);
}

/** A disk that several machines have at the same time. */
function sharedDisk(file: string): string[] {
  const node = { driver: "file", filename: file, locking: "off" };
  const cache = { direct: false, "no-flush": true };
  const device = { driver: "scsi-hd", bus: "scsi.0", drive: "shared", "share-rw": true, serial: "SHARED" };
  return [
    ...["-blockdev", JSON.stringify({ "node-name": "shared", driver: "raw", file: node, cache })],
    ...["-device", JSON.stringify(device)],
  ];
}
