import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { runCommand } from "../../../core/node/command.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { type TestCloud, testCloud } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { GuestLine, guestShell, guestVolume, run } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { publicKey } from "../../support/public-key.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
/** What cloud-init in the guest is told, there being none: the guest reads it by itself. */
const told = {
  userData: Buffer.from("#cloud-config\nruncmd: [true]\n").toString("base64"),
  sshPublicKeys: [publicKey("anna@office")],
};
/** The guest's own look at that, and at what it has in memory. */
const lookAtAll = [
  "#!/bin/sh",
  "mkdir -p /seed; echo 3 >/proc/sys/vm/drop_caches",
  // By the label, which is where a volume descriptor has it.
  "for each in /dev/vd?; do",
  '  [ "$(dd if=$each bs=1 skip=32808 count=6 2>/dev/null)" = cidata ] && disk=$each',
  "done",
  "mount -t iso9660 -o ro $disk /seed",
  "files=$(cat /seed/meta-data /seed/user-data | md5sum | cut -c-32)",
  'name=$(sed -n \'s/.*local-hostname": "\\(.*\\)".*/\\1/p\' /seed/meta-data)',
  "umount /seed",
  'echo "it is $(cat /tmp/note), $disk, $name, $files"',
].join("\n");
const [firstAddress, second] = ["10.0.0.1", "10.0.0.2"] as const;

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
    const address = index === 0 ? firstAddress : second;
    const migration = { dial: hosts.dialFrom(address), folder: host.migrationFolder };
    await hosts.addReal(
      address,
      new LibvirtDriver({
        ...{ machine: realMachine(), uri: host.uri, hasKvm: false, migration },
        seen: (path) => host.seen(path),
      }),
    );
    const given = { name: host.name, clusterUuid: cluster.uuid, managementIp: address, password: hostPassword };
    const added = await done("AddKVMHost", given);
    assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
    hostUuids.push(added.resourceUuid ?? "");
  }
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte, l3NetworkUuids: [] };
  const made = await done("CreateVmInstance", { name: "web", ...size, ...told, hostUuid: hostUuids[0] });
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

/** Until the guest's memory is going over; gives the task. */
async function migrating({ call, cloud, uuid }: Bed): Promise<string> {
  const { task } = await call("MigrateVm", { uuid });
  await seen(cloud.mirror, () => (cloud.mirror.get("Task", task.uuid)?.value.progress ?? 0) > 50);
  return task.uuid;
}

async function ended({ cloud: { mirror } }: Bed, task: string): Promise<string> {
  await seen(mirror, () => (mirror.get("Task", task)?.value.endDate ?? null) !== null);
  return mirror.get("Task", task)?.value.state ?? "";
}

/** MD5 of both files together, as xorriso finds them on the disk that is on a host. */
async function filesOnHost(host: LibvirtHost, uuid: string): Promise<string> {
  const folder = temporaryFolder();
  try {
    const disk = host.seen(`/var/lib/libvirt/binnacle-seeds/${uuid}.iso`);
    await run("xorriso", ["-osirrox", "on", "-indev", disk, "-extract", "/", join(folder.path, "files")]);
    const hash = createHash("md5");
    for (const name of ["meta-data", "user-data"]) hash.update(readFileSync(join(folder.path, "files", name)));
    return hash.digest("hex");
  } finally {
    folder.dispose();
  }
}

test("a guest moves to another host as it runs, and whatever dies meanwhile it runs once", async (t) => {
  const bed = await migrationBed(t);
  const { call, done, hosts, cloud, source, destination, uuid, stateOn, record, hostUuids } = bed;
  const there = async () => [await stateOn(source), await stateOn(destination)];
  const first = await guestShell(source, uuid);
  await first.shell.run("echo kept >/tmp/note");
  await first.shell.run(`echo ${Buffer.from(lookAtAll).toString("base64")} | base64 -d >/tmp/look`);
  const seenFirst = await first.shell.run("sh /tmp/look 2>&1");
  const [, files] = /^it is kept, \/dev\/vdb, web, ([\da-f]{32})$/.exec(seenFirst) ?? [];
  assert.ok(files !== undefined, seenFirst);
  assert.equal(files, await filesOnHost(source, uuid), "the guest sees what another program finds on its host");
  assert.match(await first.shell.run("cat /sys/block/vdb/ro /sys/block/vdb/serial"), /^1\s+cidata/);
  first.line.close();
  // Not before its next start.
  await call("SetVmHostname", { uuid, hostName: "db.example.org" });
  const isKept = async (host: LibvirtHost) => {
    const line = new GuestLine(host, uuid);
    // What is typed before the line stands is lost.
    const typing = setInterval(() => line.type("sh /tmp/look\n"), 1000);
    undoAfter(t, () => clearInterval(typing));
    await line.until((_, raw) => raw.includes(seenFirst));
    clearInterval(typing);
    line.close();
  };
  const became = (state: string, hostUuid: string | null | undefined) =>
    seen(cloud.mirror, () => record()?.state === state && record()?.hostUuid === hostUuid);

  await t.test("it goes on there with what it has in memory, and back", async () => {
    for (const [from, to, hostUuid] of [
      [source, destination, hostUuids[1]],
      [destination, source, hostUuids[0]],
    ] as const) {
      const moved = await done("MigrateVm", { uuid });
      assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
      assert.deepEqual([await stateOn(from), await stateOn(to)], ["", "running"]);
      assert.deepEqual(record(), { state: "Running", hostUuid });
      await isKept(to);
    }
  });

  await call("UpdateGlobalConfig", { category: "kvm", name: "vm.migrationBandwidth", value: "1" });
  await t.test("cancelled, it goes on where it was", async () => {
    const task = await migrating(bed);
    await call("CancelTask", { uuid: task });
    assert.equal(await ended(bed, task), "Cancelled");
    assert.deepEqual(await there(), ["running", ""]);
    assert.deepEqual(record(), { state: "Running", hostUuid: hostUuids[0] });
  });

  await t.test("when libvirt on its host is killed it goes on there", async () => {
    const task = await migrating(bed);
    source.killDaemon();
    assert.equal(await ended(bed, task), "Failed");
    await became("Running", hostUuids[0]);
    assert.deepEqual(await there(), ["running", ""]);
    await isKept(source);
  });

  await t.test("when the other host loses its power it goes on where it was", async () => {
    const task = await migrating(bed);
    hosts.cut(second, false);
    await destination.cutPower();
    assert.equal(await ended(bed, task), "Failed");
    assert.deepEqual(record(), { state: "Running", hostUuid: hostUuids[0] });
    assert.equal(await stateOn(source), "running");
    await isKept(source);
    await destination.start();
    hosts.cut(second, true);
    assert.equal((await done("ReconnectHost", { uuid: hostUuids[1] ?? "" })).state, "Succeeded");
    assert.deepEqual(await there(), ["running", ""]);
  });

  await t.test("when its own host loses its power it is gone, and not before that is known it is Stopped", async () => {
    const task = await migrating(bed);
    hosts.cut(firstAddress, false);
    await source.cutPower();
    assert.equal(await ended(bed, task), "Failed");
    assert.deepEqual(record(), { state: "Unknown", hostUuid: hostUuids[0] });
    assert.equal(await stateOn(destination), "");
    await source.start();
    hosts.cut(firstAddress, true);
    assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).state, "Succeeded");
    await became("Stopped", null);
    assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
    const states = await there();
    assert.deepEqual(states.filter((state) => state === "running").length, 1);
    const { shell, line } = await guestShell(states[0] === "running" ? source : destination, uuid);
    undoAfter(t, () => line.close());
    await shell.run(`echo ${Buffer.from(lookAtAll).toString("base64")} | base64 -d >/tmp/look`);
    assert.match(await shell.run("sh /tmp/look 2>&1"), /\/dev\/vdb, db\.example\.org, [\da-f]{32}$/);
    assert.equal(cloud.mirror.count("Migration"), 0);
  });
});
