import type { ResourceKind } from "../../../../core/model/cloud/resources.ts";

/** A uuid of version 4 for a number. */
export function uuidOf(number: number): string {
  return `${number.toString(16).padStart(12, "0")}4000${"8".padEnd(16, "0")}`;
}

function sampleOf(name: string, own: Record<string, unknown>): Record<string, unknown> {
  const common = { uuid: uuidOf(1), name, description: null, createDate: 1_767_225_600_000, lastOpDate: 0 };
  return { ...common, ...own };
}

/** A good record of each resource. */
export const samples: Readonly<Record<ResourceKind, Record<string, unknown>>> = {
  Host: sampleOf("node-1", {
    clusterUuid: uuidOf(2),
    managementIp: "192.168.0.11",
    state: "Enabled",
    status: "Connected",
    earlierState: null,
    failedPings: 0,
    cpuCores: 32,
    cpuUsed: 8,
    memoryTotal: 137438953472,
    memoryUsed: 8589934592,
    memoryReserved: 1073741824,
    tags: ["os::distribution::debian", "qemu-img::version::10.0.2", "hvm::vmx", "capability:liveSnapshot"],
  }),
  InstanceOffering: sampleOf("small", {
    cpuNum: 1,
    memorySize: 1073741824,
    state: "Enabled",
    networkBandwidth: null,
    diskBandwidth: 104857600,
    diskIops: 500,
  }),
  DiskOffering: sampleOf("10 GB", { diskSize: 10737418240, state: "Enabled", diskBandwidth: null, diskIops: null }),
  VmInstance: sampleOf("web-1", {
    clusterUuid: uuidOf(2),
    hostUuid: uuidOf(3),
    lastHostUuid: uuidOf(3),
    instanceOfferingUuid: uuidOf(4),
    imageUuid: uuidOf(5),
    rootVolumeUuid: uuidOf(6),
    defaultL3NetworkUuid: uuidOf(7),
    vmNicUuids: [uuidOf(8)],
    isoUuids: [],
    affinityGroupUuid: null,
    cpuNum: 1,
    memorySize: 1073741824,
    platform: "Linux",
    state: "Running",
    operation: null,
    earlierState: null,
    stateBeforeRescue: null,
    locked: false,
    haLevel: "NeverStop",
    noRestart: false,
    bootOrder: ["HardDisk", "CdRom"],
    tags: [],
  }),
  VmNic: sampleOf("eth0", {
    vmInstanceUuid: uuidOf(9),
    l3NetworkUuid: uuidOf(7),
    deviceId: 0,
    mac: "fa:16:3e:00:00:01",
    ip: "10.0.0.5",
  }),
  AffinityGroup: sampleOf("web", {
    policy: "antiHard",
    vmInstanceUuids: [uuidOf(9), uuidOf(10)],
    state: "Enabled",
    usage: "web servers apart",
  }),
  GlobalConfig: sampleOf("ping.interval", { category: "host", defaultValue: "60", value: "30" }),
};
