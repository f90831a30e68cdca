import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { CloudOptions } from "../../../core/manager/cloud.ts";
import type { Mirror } from "../../../core/orchestrator/mirror.ts";
import { hostPassword } from "./hosts.ts";
import { type TestCloud, testCloud } from "./manager.ts";

/** A zone with a cluster, storage, a network with ten addresses for machines, and hosts of these addresses. */
export async function place(
  t: TestContext,
  addresses: readonly string[],
  storage: "local" | "shared" = "shared",
  more: Partial<CloudOptions> = {},
  url = "/binnacle_ps",
) {
  const bed = await testCloud(t, more);
  const { call, done, hosts } = bed;
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "rack 1", zoneUuid: zone.uuid })).inventory;
  const given = { name: "store", zoneUuid: zone.uuid, url };
  const name = storage === "local" ? "AddLocalPrimaryStorage" : "AddSharedMountPointPrimaryStorage";
  const primary = (await call(name, given)).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: primary.uuid, clusterUuid: cluster.uuid });
  const l2 = (await call("CreateL2NoVlanNetwork", { name: "flat", zoneUuid: zone.uuid, physicalInterface: "eth0" }))
    .inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
  const l3 = (await call("CreateL3Network", { name: "people", l2NetworkUuid: l2.uuid })).inventory;
  const range = {
    name: "r",
    l3NetworkUuid: l3.uuid,
    startIp: "10.0.0.10",
    endIp: "10.0.0.20",
    netmask: "255.255.255.0",
  };
  await call("AddIpRange", range);
  const hostUuids: string[] = [];
  for (const managementIp of addresses) {
    await hosts.add(managementIp);
    const input = { name: managementIp, clusterUuid: cluster.uuid, managementIp, password: hostPassword };
    const task = await done("AddKVMHost", input);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    hostUuids.push(task.resourceUuid ?? "");
  }
  return { ...bed, zone, cluster, primary, l3, hostUuids };
}

/** Resolves when something is so in the mirror. */
export async function seen(mirror: Mirror, isSo: () => boolean | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => void (isSo() === true && resolve());
  const end = mirror.subscribe(look);
  look();
  await promise;
  end();
}

const gigabyte = 1024 ** 3;

/** Makes a machine; the task when it has ended. */
export async function machine({ done }: Pick<TestCloud, "done">, more: object = {}) {
  const input = { name: "web", cpuNum: 2, memorySize: gigabyte, rootDiskSize: 10 * gigabyte, ...more };
  return done("CreateVmInstance", input);
}
