import * as z from "zod/mini";
import type { ResourceKind } from "../resources.ts";
import type { JsonSchema } from "./answer-schemas.ts";
import type { CloudCall } from "./call.ts";

/*
 * An example of each call, made of its schema: what must be given, and what shows something. Texts that a schema can't
 * tell are here by their field; that each example is a good one is tested.
 */

/** A uuid of version 4 that no cloud will ever have given. */
const someUuid = "0f8fad5bd9cb469fa16570867728950e";

const names: Readonly<Partial<Record<ResourceKind, string>>> = {
  Zone: "east",
  Cluster: "rack-1",
  Host: "node-1",
  PrimaryStorage: "fast",
  BackupStorage: "images",
  Image: "debian-12",
  InstanceOffering: "small",
  DiskOffering: "20 GB",
  Volume: "data",
  VolumeSnapshot: "before the upgrade",
  L2Network: "trunk",
  L3Network: "office",
  IpRange: "office addresses",
  SecurityGroup: "web servers",
  AffinityGroup: "web servers apart",
};

const texts: Readonly<Record<string, string>> = {
  managementIp: "192.168.0.11",
  password: "the password",
  oldPassword: "the present password",
  newPassword: "the new password",
  consolePassword: "the console's password",
  accountName: "admin",
  url: "/binnacle_ps",
  physicalInterface: "bond0",
  dns: "192.168.0.2",
  startIp: "192.168.10.10",
  endIp: "192.168.10.200",
  netmask: "255.255.255.0",
  gateway: "192.168.10.1",
  networkCidr: "192.168.10.0/24",
  ip: "192.168.10.77",
  mac: "fa:00:00:00:00:01",
  userData: "I2Nsb3VkLWNvbmZpZwo=",
  hostName: "web-1.example.org",
  fingerprint: Array.from({ length: 32 }, () => "3F").join(":"),
};

/** What another call of the same field would not take. */
const textsOfCalls: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AddNfsPrimaryStorage: { url: "192.168.0.1:/nfs_root" },
  AddSharedMountPointPrimaryStorage: { url: "/mnt/ocfs2" },
  AddImageStoreBackupStorage: { url: "/var/lib/binnacle/images" },
  AddImage: { url: "https://images.example.org/debian-12.qcow2" },
  UpdateGlobalConfig: { category: "host", name: "reservedMemory", value: "2G" },
  ResetGlobalConfig: { category: "host", name: "reservedMemory" },
};

/** Of a key that nobody has. */
const somePublicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g anna@office";

const numbers: Readonly<Record<string, number>> = {
  cpuNum: 2,
  memorySize: 2 * 1024 ** 3,
  rootDiskSize: 20 * 1024 ** 3,
  diskSize: 20 * 1024 ** 3,
  vlan: 100,
  size: 40 * 1024 ** 3,
};

/** Fields that may be left out, and that a person wants to see. */
const shownFields: ReadonlySet<string> = new Set([
  "name",
  "netmask",
  "gateway",
  "cpuNum",
  "memorySize",
  "imageUuid",
  "rootDiskSize",
  "l3NetworkUuids",
  "fingerprint",
  "q",
  "limit",
]);

/** Arguments with which a call can be made. Of those that may be left out, some. */
export function exampleInput(name: string, { input, resource }: CloudCall): Record<string, unknown> {
  const ownTexts = { ...texts, name: names[resource] ?? "web-1", ...textsOfCalls[name] };
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: "input" });
  const example: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(properties)) {
    if (!required.includes(field) && !shownFields.has(field)) continue;
    if (typeof schema === "object") example[field] = exampleValue(ownTexts, field, schema);
  }
  return example;
}

function exampleValue(texts: Readonly<Record<string, string>>, field: string, schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (field === "q") return ["name~=web%"];
  if (field === "bootOrder") return ["CdRom", "HardDisk"];
  if (field === "sshPublicKeys") return [somePublicKey];
  if (field === "names") return ["web-2", "web-3"];
  const text = texts[field];
  if (text !== undefined) return text;
  const number = numbers[field];
  if (number !== undefined) return number;
  if (/uuids$/i.test(field)) return [someUuid];
  if (/uuid$/i.test(field)) return someUuid;
  if (schema.default !== undefined) return schema.default;
  switch (schema.type) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "array":
      return [];
    default:
      return "text";
  }
}
