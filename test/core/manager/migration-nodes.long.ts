import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { until } from "../../support/spaces.ts";
import { undoAfter } from "../../support/undo.ts";

/** Fills one block of the disk after the other with what it has counted, and the same in memory, until it is to stop. */
const writer = [
  "n=0",
  "while [ ! -e /tmp/stop ]; do",
  "  n=$((n + 1))",
  "  yes $n | head -c 65536 >/tmp/block",
  "  for to in /dev/vdb /tmp/shadow; do dd if=/tmp/block of=$to bs=64k count=1 seek=$((n * 37 % 256)) conv=notrunc,fsync; done",
  "  echo $n >/tmp/written",
  "done",
  "touch /tmp/stopped",
].join("\n");

test(
  "by the real programs a machine of libvirt's moves from node to node, through their agents",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const shared = join(folder.path, "shared");
    mkdirSync(shared);
    const { manager, hosts, cli, logs } = await threeNodes(t, shared);
    const ask = async (...words: string[]) => {
      const { code, stdout, stderr } = await manager.run(cli(...words));
      assert.equal(code, 0, `${words.join(" ")}: ${stderr} ${stdout}`);
      return stdout === "" ? {} : JSON.parse(stdout);
    };
    await manager.run(cli("LogInByAccount", "accountName=admin", "-P", "admin.password"));
    const zone = (await ask("CreateZone", "name=z")).inventory.uuid;
    const cluster = (await ask("CreateCluster", "name=c", `zoneUuid=${zone}`)).inventory.uuid;
    const place = ["name=shared", `zoneUuid=${zone}`, "url=/srv/shared"];
    const storage = (await ask("AddSharedMountPointPrimaryStorage", ...place)).inventory.uuid;
    await ask("AttachPrimaryStorageToCluster", `uuid=${storage}`, `clusterUuid=${cluster}`);
    for (const [name, address] of [
      ["node-1", "10.0.0.11"],
      ["node-2", "10.0.0.12"],
    ] as const) {
      const { fingerprint } = await ask("GetHostFingerprint", `managementIp=${address}`);
      const host = [`name=${name}`, `clusterUuid=${cluster}`, `managementIp=${address}`, `fingerprint=${fingerprint}`];
      await ask("AddKVMHost", ...host, "-P", `${name}.password`);
    }
    const size = ["cpuNum=1", "memorySize=128M", "rootDiskSize=16M"];
    await ask("CreateVmInstance", "name=web", ...size);
    const machine = async () => (await ask("QueryVmInstance")).inventories[0];
    const { uuid, hostUuid } = await machine();
    const domains = () => hosts.map((host) => host.must("virsh", "-q", "list", "--all", "--name").trim());
    const before = domains();
    await ask("MigrateVm", `uuid=${uuid}`);
    assert.deepEqual(domains(), before.toReversed());
    const after = await machine();
    assert.deepEqual([after.state, after.lastHostUuid], ["Running", hostUuid]);
    assert.notEqual(after.hostUuid, hostUuid);
    await ask("MigrateVm", `uuid=${uuid}`, `hostUuid=${hostUuid}`);
    assert.deepEqual(domains(), before);

    await t.test("and with volumes on the nodes' own disks, into which its guest writes as it moves", async (t) => {
      for (const [nth, host] of hosts.entries()) {
        const own = join(folder.path, `local-${nth}`);
        mkdirSync(own);
        host.must("mkdir", "-p", "/srv/local");
        host.must("mount", "--bind", own, "/srv/local");
      }
      const url = ["name=local", `zoneUuid=${zone}`, "url=/srv/local"];
      const local = (await ask("AddLocalPrimaryStorage", ...url)).inventory.uuid;
      await ask("AttachPrimaryStorageToCluster", `uuid=${local}`, `clusterUuid=${cluster}`);
      await ask("ReconnectPrimaryStorage", `uuid=${local}`);
      await ask(
        "UpdateGlobalConfig",
        "category=localStoragePrimaryStorage",
        "name=liveMigrationWithStorage.allow",
        "value=true",
      );
      const own = ["name=db", `hostUuid=${hostUuid}`, `primaryStorageUuidForRootVolume=${local}`];
      await ask("CreateVmInstance", ...own, ...size.slice(0, 2), "rootDiskSize=64M");
      const [db] = (await ask("QueryVmInstance", "name=db")).inventories;
      const data = ["name=data", "diskSize=16M", `primaryStorageUuid=${local}`, `hostUuid=${hostUuid}`];
      await ask("CreateDataVolume", ...data);
      const [volume] = (await ask("QueryVolume", "name=data")).inventories;
      await ask("StopVmInstance", `uuid=${db.uuid}`, "type=cold");
      await ask("AttachDataVolumeToVm", `uuid=${volume.uuid}`, `vmInstanceUuid=${db.uuid}`);
      const paths = (await ask("QueryVolume", `vmInstanceUuid=${db.uuid}`)).inventories.map(
        ({ installPath }: { installPath: string }) => installPath,
      );
      const [root] = (await ask("QueryVolume", `vmInstanceUuid=${db.uuid}`, "type=Root")).inventories;
      const on = (nth: number) => join(folder.path, `local-${nth}`);
      const [{ name }] = (await ask("QueryHost", `uuid=${hostUuid}`)).inventories;
      const from = name === "node-1" ? 0 : 1;
      await guestVolume(join(on(from), relative("/srv/local", root.installPath)));
      await ask("StartVmInstance", `uuid=${db.uuid}`);
      const [source, destination] = [hosts[from], hosts[1 - from]];
      assert.ok(source !== undefined && destination !== undefined);
      const before = await guestShell(source, db.uuid);
      undoAfter(t, () => before.line.close());
      // What it has written it keeps in memory, too.
      await before.shell.run("dd if=/dev/zero of=/tmp/shadow bs=1M count=16");
      await before.shell.run(`cat >/tmp/write <<'END'\n${writer}\nEND`);
      await before.shell.run("sh /tmp/write >/dev/null 2>&1 & while [ ! -e /tmp/written ]; do sleep 1; done");
      before.line.close();
      await ask("MigrateVm", `uuid=${db.uuid}`);
      assert.match(destination.must("virsh", "-q", "list", "--name"), new RegExp(db.uuid));
      const after = await guestShell(destination, db.uuid);
      undoAfter(t, () => after.line.close());
      await after.shell.run("touch /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 1; done; sync");
      await after.shell.run("echo 3 >/proc/sys/vm/drop_caches; cmp /dev/vdb /tmp/shadow");
      assert.ok(Number(await after.shell.run("cat /tmp/written")) > 1);
      const isThere = (nth: number) =>
        paths.map((path: string) => existsSync(join(on(nth), relative("/srv/local", path))));
      await until("the files of the node that it has left to go", () => !isThere(from).includes(true), 120_000);
      assert.deepEqual(isThere(1 - from), [true, true]);
    });
    for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
  },
);
