import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

test(
  "by the real programs machines of libvirt's are made without being started, started, resized, copied and rebuilt",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const shared = join(folder.path, "shared");
    mkdirSync(shared);
    const { manager, hosts, cli, logs } = await threeNodes(t, shared);
    const [host] = hosts;
    assert.ok(host !== undefined);
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
    const { fingerprint } = await ask("GetHostFingerprint", "managementIp=10.0.0.11");
    const node = ["name=node-1", `clusterUuid=${cluster}`, "managementIp=10.0.0.11", `fingerprint=${fingerprint}`];
    await ask("AddKVMHost", ...node, "-P", "node-1.password");
    await ask("UpdateGlobalConfig", "category=backupStorage", "name=reservedCapacity", "value=0B");
    const kept = ["name=images", `zoneUuid=${zone}`, "url=/var/lib/binnacle/images"];
    const store = (await ask("AddImageStoreBackupStorage", ...kept)).inventory.uuid;
    writeFileSync(manager.inside("/root/image.qcow2"), qcow2Image({ sizeBytes: 16 * mebibyte }));
    const source = ["name=debian", "url=file:///root/image.qcow2", "format=qcow2", `backupStorageUuids=${store}`];
    await ask("AddImage", ...source);
    const image = (await ask("QueryImage")).inventories[0].uuid;

    const size = ["cpuNum=1", "memorySize=128M", `imageUuid=${image}`];
    await ask("CreateVmInstance", "name=web", "strategy=CreateStopped", ...size);
    const machines = async () => (await ask("QueryVmInstance", "sortBy=name")).inventories;
    const states = async () =>
      (await machines()).map((each: { name: string; state: string }) => `${each.name} ${each.state}`);
    const domains = () => host.must("virsh", "-q", "list", "--name").trim().split("\n").filter(Boolean);
    assert.deepEqual([await states(), domains()], [["web Created"], []]);
    const [{ uuid, rootVolumeUuid }] = await machines();
    await ask("StartVmInstance", `uuid=${uuid}`);
    assert.deepEqual([await states(), domains()], [["web Running"], [uuid]]);
    await ask("CloneVmInstance", `uuid=${uuid}`, "names=web-2,web-3");
    assert.deepEqual(await states(), ["web Running", "web-2 Running", "web-3 Running"]);
    assert.equal(domains().length, 3);

    await ask("StopVmInstance", `uuid=${uuid}`, "type=cold");
    await ask("ChangeInstanceOffering", `uuid=${uuid}`, "cpuNum=2", "memorySize=192M");
    await ask("ReimageVmInstance", `uuid=${uuid}`);
    await ask("StartVmInstance", `uuid=${uuid}`);
    const info = host.must("virsh", "dominfo", uuid);
    assert.match(info, /CPU\(s\): +2\n/);
    assert.match(info, new RegExp(`Max memory: +${192 * 1024} KiB`));
    const fresh = (await machines())[0].rootVolumeUuid;
    assert.notEqual(fresh, rootVolumeUuid);
    assert.match(host.must("virsh", "-q", "domblklist", uuid), new RegExp(fresh));
    await ask("RecoverDataVolume", `uuid=${rootVolumeUuid}`);
    await ask("AttachDataVolumeToVm", `uuid=${rootVolumeUuid}`, `vmInstanceUuid=${uuid}`);
    assert.match(host.must("virsh", "-q", "domblklist", uuid), new RegExp(`vdb +\\S+${rootVolumeUuid}`));
    for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
  },
);
