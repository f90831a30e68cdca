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
  L3Network: ["name", "uuid", "state", "ipVersion", "dns", "l2NetworkUuid"],
  IpRange: ["name", "uuid", "startIp", "endIp", "netmask", "gateway", "l3NetworkUuid"],
  VmNic: ["ip", "uuid", "mac", "deviceId", "vmInstanceUuid"],
  AffinityGroup: ["name", "uuid", "policy", "state"],
  GlobalConfig: ["category", "name", "value", "defaultValue", "description"],
  Task: ["call", "uuid", "state", "createDate", "endDate", "progress", "resourceUuid"],
  AuditRecord: ["createDate", "call", "accountName", "clientAddress", "succeeded", "errorCode", "count", "uuid"],
  Alarm: ["name", "uuid", "status", "state", "metric", "comparison", "threshold"],
  User: ["name", "uuid", "state", "mustChangePassword", "passwordChangeDate"],
  Session: ["uuid", "userUuid", "clientAddress", "lastUseDate"],
} as const satisfies Record<ResourceKind, readonly string[]>;
