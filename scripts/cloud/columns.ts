import type { ResourceKind } from "../../core/model/cloud/resources.ts";

/**
 * What a table of a kind shows, the most wanted first: what has no room is left out from the end. Of a machine `ip` and
 * `host` are of other records.
 */
export const tableColumns = {
  Zone: ["name", "uuid", "state", "description", "createDate"],
  Cluster: ["name", "uuid", "state", "hypervisorType", "zoneUuid", "description"],
  Host: ["name", "uuid", "managementIp", "state", "status", "cpuUsed", "cpuCores", "memoryUsed", "memoryTotal"],
  PrimaryStorage: ["name", "uuid", "type", "state", "status", "availableCapacity", "totalCapacity", "url"],
  BackupStorage: ["name", "uuid", "type", "state", "status", "availableCapacity", "totalCapacity", "url"],
  Image: ["name", "uuid", "status", "state", "format", "size", "mediaType", "platform"],
  InstanceOffering: ["name", "uuid", "cpuNum", "memorySize", "state"],
  DiskOffering: ["name", "uuid", "diskSize", "state"],
  VmInstance: ["name", "uuid", "state", "ip", "host", "cpuNum", "memorySize", "operation", "haLevel", "createDate"],
  Volume: ["name", "uuid", "type", "status", "size", "state", "format", "vmInstanceUuid"],
  VolumeSnapshot: ["name", "uuid", "status", "size", "createDate", "volumeUuid"],
  L2Network: ["name", "uuid", "type", "physicalInterface", "vlan", "mtu"],
  L3Network: ["name", "uuid", "state", "ipVersion", "dns", "dhcpServerIp", "l2NetworkUuid"],
  IpRange: ["name", "uuid", "startIp", "endIp", "netmask", "gateway", "l3NetworkUuid"],
  VmNic: ["ip", "uuid", "mac", "deviceId", "vmInstanceUuid"],
  SecurityGroup: ["name", "uuid", "state", "attachedL3NetworkUuids"],
  SecurityGroupRule: ["name", "uuid", "securityGroupUuid"],
  AffinityGroup: ["name", "uuid", "policy", "state"],
  GlobalConfig: ["category", "name", "value", "defaultValue", "description"],
  Task: ["call", "uuid", "state", "createDate", "endDate", "progress", "resourceUuid"],
  AuditRecord: [
    "createDate",
    "call",
    "accountName",
    "succeeded",
    "errorCode",
    "arguments",
    "clientAddress",
    "count",
    "uuid",
  ],
  Alarm: ["name", "uuid", "status", "state", "metric", "comparison", "threshold"],
  User: ["name", "uuid", "state", "mustChangePassword", "passwordChangeDate"],
  Session: ["uuid", "lastUseDate", "clientAddress", "userUuid"],
} as const satisfies Record<ResourceKind, readonly string[]>;

/** Columns whose values may be cut though each is one word, with the places that they keep at least. */
export const cutColumns: ReadonlyMap<string, number> = new Map([
  ["name", 8],
  ["host", 8],
  ["description", 8],
]);

/** Other ones of a kind. A setting is changed by its name, and the longest category nearly has room beside it. */
export const cutColumnsOf: Partial<Record<ResourceKind, ReadonlyMap<string, number>>> = {
  Task: new Map([["call", 8]]),
  GlobalConfig: new Map([
    ["category", 24],
    ["description", 8],
  ]),
};
