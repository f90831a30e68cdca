import { type ResourceKind, resources } from "../../model/cloud/resources.ts";
import { resourceKinds } from "../kinds.ts";

/*
 * How a query walks from one resource to others. Each field that holds the uuid of another resource gives two names:
 * one forth, one back. Where the reference (ZStack's expanded queries) has the relation, the names are its own.
 */

/** A field `xUuid` or `xUuids` of `from`, the kind that it names, and the relation's name in both directions. */
export type Link = {
  readonly from: ResourceKind;
  readonly field: string;
  readonly to: ResourceKind;
  readonly forth: string;
  readonly back: string;
};

function link(from: ResourceKind, field: string, forth: string, to: ResourceKind, back: string): Link {
  return { from, field, to, forth, back };
}

export const links: readonly Link[] = [
  link("Cluster", "zoneUuid", "zone", "Zone", "cluster"),
  link("Host", "clusterUuid", "cluster", "Cluster", "host"),
  link("PrimaryStorage", "zoneUuid", "zone", "Zone", "primaryStorage"),
  link("PrimaryStorage", "attachedClusterUuids", "cluster", "Cluster", "primaryStorage"),
  link("BackupStorage", "zoneUuid", "zone", "Zone", "backupStorage"),
  link("Image", "backupStorageUuids", "backupStorage", "BackupStorage", "image"),
  link("VmInstance", "clusterUuid", "cluster", "Cluster", "vmInstance"),
  link("VmInstance", "hostUuid", "host", "Host", "vmInstance"),
  link("VmInstance", "lastHostUuid", "lastHost", "Host", "lastVmInstance"),
  link("VmInstance", "instanceOfferingUuid", "instanceOffering", "InstanceOffering", "vmInstance"),
  link("VmInstance", "imageUuid", "image", "Image", "vmInstance"),
  link("VmInstance", "rootVolumeUuid", "rootVolume", "Volume", "rootVmInstance"),
  link("VmInstance", "defaultL3NetworkUuid", "defaultL3Network", "L3Network", "defaultVmInstance"),
  link("VmInstance", "isoUuids", "iso", "Image", "isoVmInstance"),
  link("VmInstance", "affinityGroupUuid", "affinityGroup", "AffinityGroup", "vmInstance"),
  link("VmNic", "vmInstanceUuid", "vmInstance", "VmInstance", "vmNics"),
  link("VmNic", "l3NetworkUuid", "l3Network", "L3Network", "vmNic"),
  link("VmNic", "securityGroupUuids", "securityGroup", "SecurityGroup", "vmNic"),
  link("SecurityGroup", "attachedL3NetworkUuids", "l3Network", "L3Network", "securityGroup"),
  link("SecurityGroupRule", "securityGroupUuid", "securityGroup", "SecurityGroup", "rules"),
  link("SecurityGroupRule", "remoteSecurityGroupUuid", "remoteSecurityGroup", "SecurityGroup", "namingRules"),
  link("Volume", "primaryStorageUuid", "primaryStorage", "PrimaryStorage", "volume"),
  link("Volume", "hostUuid", "host", "Host", "localVolume"),
  link("Volume", "vmInstanceUuid", "vmInstance", "VmInstance", "allVolumes"),
  link("Volume", "rootImageUuid", "image", "Image", "volume"),
  link("Volume", "diskOfferingUuid", "diskOffering", "DiskOffering", "volume"),
  link("VolumeSnapshot", "volumeUuid", "volume", "Volume", "snapshot"),
  link("VolumeSnapshot", "primaryStorageUuid", "primaryStorage", "PrimaryStorage", "volumeSnapshot"),
  link("VolumeSnapshot", "parentUuid", "parent", "VolumeSnapshot", "children"),
  link("L2Network", "zoneUuid", "zone", "Zone", "l2Network"),
  link("L2Network", "attachedClusterUuids", "cluster", "Cluster", "l2Network"),
  link("L3Network", "l2NetworkUuid", "l2Network", "L2Network", "l3Network"),
  link("IpRange", "l3NetworkUuid", "l3Network", "L3Network", "ipRanges"),
  link("Task", "sessionUuid", "session", "Session", "task"),
  link("Session", "userUuid", "user", "User", "session"),
];

/** Fields with the uuid of something that give no relation, and why. */
export const unlinked: Readonly<Record<string, string>> = {
  "VmInstance.vmNicUuids": "VmNic.vmInstanceUuid says the same.",
  "AffinityGroup.vmInstanceUuids": "VmInstance.affinityGroupUuid says the same.",
  "VolumeSnapshot.treeUuid": "A tree is no resource.",
  "Task.resourceUuid": "It may be of any kind.",
  "AuditRecord.resourceUuid": "It may be of any kind.",
  "AuditRecord.taskUuid": "The audit keeps more than there are tasks.",
  "Alarm.resourceUuid": "It may be of any kind.",
};

/** One step of a path: from a record of one kind to the related ones of another. */
export type Relation = {
  readonly name: string;
  /** Of the related records. */
  readonly kind: ResourceKind;
  readonly link: Link;
  /** The field stands in the record that the step starts from, not in the related ones. */
  readonly isForth: boolean;
  /** Two records may have the same related one; not so where each related record names one owner. */
  readonly isShared: boolean;
};

/** The relations of a kind by their names. */
export function relationsOf(kind: ResourceKind): ReadonlyMap<string, Relation> {
  return byKind.get(kind) ?? new Map();
}

const byKind = new Map(
  resourceKinds.map((kind) => [kind, new Map(relationsFrom(kind).map((relation) => [relation.name, relation]))]),
);

function relationsFrom(kind: ResourceKind): Relation[] {
  return links.flatMap((each) => [
    ...(each.from === kind ? [forth(each)] : []),
    ...(each.to === kind ? [back(each)] : []),
  ]);
}

function forth(each: Link): Relation {
  return { name: each.forth, kind: each.to, link: each, isForth: true, isShared: true };
}

function back(each: Link): Relation {
  return { name: each.back, kind: each.from, link: each, isForth: false, isShared: each.field.endsWith("Uuids") };
}

/** Fields of the schemas that hold uuids of other records, as `Kind.field`. */
export function uuidFields(): string[] {
  return resourceKinds.flatMap((kind) =>
    Object.keys(resources[kind].schema.shape)
      .filter((field) => /.Uuids?$/.test(field))
      .map((field) => `${kind}.${field}`),
  );
}
