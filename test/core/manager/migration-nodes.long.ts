import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

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
    for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
  },
);
