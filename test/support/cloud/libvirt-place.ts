import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { LibvirtHost } from "../libvirt/host.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import { hostPassword } from "./hosts.ts";
import { testCloud } from "./manager.ts";

/** A manager with one host in namespaces, on whose own disks volumes are. */
export async function libvirtPlace(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const { call, done, hosts, cloud } = await testCloud(t);
  const driver = new LibvirtDriver({ machine: host.machine, uri: host.uri, hasKvm: false, rebootGraceMs: 500 });
  await hosts.addReal("10.0.0.2", driver);
  const ok = async (name: CloudCallName, input: object) => {
    const { task } = (await call(name, input)) as { task: { uuid: string } };
    const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(300_000));
    assert.equal(ended?.state, "Succeeded", JSON.stringify(ended?.error));
    return ended?.resourceUuid ?? "";
  };
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder.path, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  await ok("AddKVMHost", given);
  return { call, done, ok, cloud, host, url, storage };
}
