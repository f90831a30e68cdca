import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { SharedStorage, type SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import type { CloudOptions } from "../../../core/manager/cloud.ts";
import { hostPassword } from "./hosts.ts";
import { type TestCloud, testCloud } from "./manager.ts";

const mebibyte = 1024 ** 2;
export const machineBytes = 128 * mebibyte;

export type MigrationBed = TestCloud & {
  drivers: Map<string, SimulatedDriver>;
  hostUuids: Map<string, string>;
  clusterUuid: string;
  zoneUuid: string;
  make(name: string, more?: object): Promise<string>;
  /** Where the hypervisors have a machine, and how. */
  there(uuid: string): Promise<string[]>;
};

export const [first, second, third] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;

/** A cloud of simulated hosts that share a storage. */
export async function migrationBed(
  t: TestContext,
  addresses: readonly string[] = [first, second],
  more: Partial<CloudOptions> = {},
): Promise<MigrationBed> {
  const cloud = await testCloud(t, more);
  const { call, done, hosts } = cloud;
  const shared = new SharedStorage("/shared/");
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const given = { name: "shared", zoneUuid: zone.uuid, url: "/shared/one" };
  const storage = (await call("AddSharedMountPointPrimaryStorage", given)).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const [drivers, hostUuids] = [new Map<string, SimulatedDriver>(), new Map<string, string>()];
  for (const address of addresses) {
    drivers.set(address, await hosts.add(address, { shared, memoryBytes: 8 * 1024 * mebibyte }));
    const host = { name: `host-${address}`, clusterUuid: cluster.uuid, managementIp: address, password: hostPassword };
    const added = await done("AddKVMHost", host);
    assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
    hostUuids.set(address, added.resourceUuid ?? "");
  }
  return {
    ...cloud,
    drivers,
    hostUuids,
    clusterUuid: cluster.uuid,
    zoneUuid: zone.uuid,
    async make(name, more = {}) {
      const size = { cpuNum: 1, memorySize: machineBytes, rootDiskSize: mebibyte, l3NetworkUuids: [] };
      const made = await done("CreateVmInstance", { name, ...size, ...more });
      assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
      return made.resourceUuid ?? "";
    },
    async there(uuid) {
      const found: string[] = [];
      for (const [address, driver] of drivers)
        for (const each of await driver.machines(new AbortController().signal))
          if (each.uuid === uuid) found.push(`${address} ${each.migration?.way === "in" ? "incoming" : each.state}`);
      return found;
    },
  };
}
