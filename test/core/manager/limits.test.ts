import assert from "node:assert/strict";
import { test } from "node:test";
import { hostProtocol } from "../../../core/orchestrator/host-link.ts";
import { Tx } from "../../../core/orchestrator/records.ts";
import { machineSpec } from "../../../core/orchestrator/vm/spec.ts";
import { machine } from "../../support/cloud/place.ts";
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

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1o0hZk1mM0p9c1kq1O1q5b3oQpJ6b9t0hD9w3Wk2aF admin";

test("a host whose agent is of a former version is given no limits: it says so, other hosts are taken, and what needs none goes on", async (t) => {
  const bed = await volumePlace(t, ["10.0.0.2", "10.0.0.3"]);
  const { call, done, vm, data, ok, cloud, l3, hosts, hostUuids } = bed;
  const [old = "", fresh = ""] = hostUuids;
  const former = hosts.hosts.get("10.0.0.2");
  assert.ok(former !== undefined);
  former.protocol = 1;
  await ok("ReconnectHost", { uuid: old });
  const size = { cpuNum: 1, memorySize: gigabyte };
  const offering = async (more: object) =>
    (await call("CreateInstanceOffering", { name: "small", ...size, ...more })).inventory.uuid;
  const [limited, free] = [await offering({ networkBandwidth: 1_250_000, diskIops: 100 }), await offering({})];
  const given = (instanceOfferingUuid: string, hostUuid?: string) => ({
    ...{ l3NetworkUuids: [l3.uuid], instanceOfferingUuid, cpuNum: undefined, memorySize: undefined, hostUuid },
  });
  const refused = await machine(bed, given(limited, old));
  assert.equal(refused.error?.code, "VM.1008");
  assert.match(refused.error?.details ?? "", /knows no limits,.*upgrade it \(10\.0\.0\.2\)/);
  const told = await machine(bed, { ...given(await offering({}), old), sshPublicKeys: [key] });
  assert.match(told.error?.details ?? "", /knows no .*data for cloud-init.*\(10\.0\.0\.2\)/);
  const hostOf = (uuid: string) => cloud.mirror.get("VmInstance", uuid)?.value.hostUuid;
  const one = await vm(given(limited));
  assert.equal(hostOf(one), fresh);
  const other = await vm(given(free, old));
  const seeded = await vm({ ...given(free), sshPublicKeys: [key] });
  await call("DeleteVmSshKey", { uuid: seeded });
  const moved = await done("MigrateVm", { uuid: seeded, hostUuid: old });
  assert.match(moved.error?.details ?? "", /knows no .*data for cloud-init.*\(10\.0\.0\.2\)/, "it runs with it");
  await ok("StopVmInstance", { uuid: seeded, type: "cold" });
  const latter = hosts.hosts.get("10.0.0.3");
  assert.ok(latter !== undefined);
  for (const protocol of [1, hostProtocol]) {
    latter.protocol = protocol;
    await ok("ReconnectHost", { uuid: fresh });
    if (protocol === 1) await ok("StartVmInstance", { uuid: seeded, hostUuid: fresh });
  }
  const slow = { name: "slow", diskSize: gigabyte, diskIops: 100 };
  const disk = (await call("CreateDiskOffering", slow)).inventory.uuid;
  const volume = await data({ diskOfferingUuid: disk, diskSize: undefined });
  const attached = await done("AttachDataVolumeToVm", { uuid: volume, vmInstanceUuid: other });
  assert.equal(attached.error?.code, "HOST.1040");
  assert.match(attached.error?.remedy ?? "", /Upgrade the node/);
  await ok("AttachDataVolumeToVm", { uuid: await data(), vmInstanceUuid: other });
  // What it runs already, and what was limited elsewhere, is nothing that it would have to limit.
  await call("ChangeHostState", { uuid: fresh, stateEvent: "disable" });
  await ok("MigrateVm", { uuid: one, hostUuid: old });
  assert.equal(hostOf(one), old);
  former.protocol = 2;
  await ok("ReconnectHost", { uuid: old });
  await ok("AttachDataVolumeToVm", { uuid: volume, vmInstanceUuid: other });
  await ok("StopVmInstance", { uuid: one, type: "cold" });
  await ok("StartVmInstance", { uuid: one, hostUuid: old });
});

test("a host of a version that is not known here is not connected", async (t) => {
  const { done, hosts, hostUuids } = await volumePlace(t, ["10.0.0.2"]);
  const host = hosts.hosts.get("10.0.0.2");
  assert.ok(host !== undefined);
  for (const [protocol, code] of [
    [0, "HOST.1031"],
    [hostProtocol + 1, "HOST.1031"],
    [hostProtocol, undefined],
  ] as const) {
    host.protocol = protocol;
    assert.equal((await done("ReconnectHost", { uuid: hostUuids[0] ?? "" })).error?.code, code);
  }
});
