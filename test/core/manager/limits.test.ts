import assert from "node:assert/strict";
import { test } from "node:test";
import { Tx } from "../../../core/orchestrator/records.ts";
import { machineSpec } from "../../../core/orchestrator/vm/spec.ts";
import { gigabyte, volumePlace } from "../../support/cloud/volumes.ts";

test("a host is told the limits of a machine's offering and of its data volumes' own; nothing where there are none", async (t) => {
  const { call, vm, data, ok, cloud, l3 } = await volumePlace(t, ["10.0.0.2"]);
  const size = { cpuNum: 1, memorySize: gigabyte, networkBandwidth: 1_250_000, diskBandwidth: 10_000_000 };
  const instance = (await call("CreateInstanceOffering", { name: "small", ...size })).inventory.uuid;
  const offered = { name: "slow", diskSize: gigabyte, diskIops: 100 };
  const disk = (await call("CreateDiskOffering", offered)).inventory.uuid;
  const volume = await data({ diskOfferingUuid: disk, diskSize: undefined });
  const more = { l3NetworkUuids: [l3.uuid], instanceOfferingUuid: instance, cpuNum: undefined, memorySize: undefined };
  const [limited, free] = [await vm(more), await vm({ l3NetworkUuids: [l3.uuid] })];
  await ok("AttachDataVolumeToVm", { uuid: volume, vmInstanceUuid: limited });
  const specOf = (uuid: string) => {
    const tx = new Tx(cloud.mirror, 0);
    return machineSpec(tx, tx.need("VmInstance", uuid));
  };
  const { disks, nics } = specOf(limited);
  assert.deepEqual(
    disks.map(({ limits }) => limits),
    [{ bytesPerSecond: 10_000_000 }, { operationsPerSecond: 100 }],
  );
  assert.deepEqual(
    nics.map(({ sentBytesPerSecond }) => sentBytesPerSecond),
    [1_250_000],
  );
  const other = specOf(free);
  assert.ok(!("limits" in (other.disks[0] ?? {})) && !("sentBytesPerSecond" in (other.nics[0] ?? {})));
});
