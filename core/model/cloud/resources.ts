import type * as z from "zod/mini";
import { host, hostStateMachine, hostStatusMachine } from "./host.ts";
import { ipRange, l2Network, l3Network, l3NetworkState } from "./network.ts";
import {
  alarm,
  alarmStateMachine,
  alarmStatusMachine,
  auditRecord,
  session,
  task,
  taskStateMachine,
  user,
  userState,
} from "./operations.ts";
import { cluster, clusterState, zone, zoneState } from "./place.ts";
import { securityGroup, securityGroupRule, securityGroupState } from "./security-group.ts";
import { globalConfig } from "./setting-values.ts";
import type { StateMachine } from "./state-machine.ts";
import {
  backupStorage,
  backupStorageStateMachine,
  backupStorageStatusMachine,
  primaryStorage,
  primaryStorageStateMachine,
  primaryStorageStatusMachine,
} from "./storage.ts";
import {
  affinityGroup,
  affinityGroupState,
  diskOffering,
  diskOfferingState,
  instanceOffering,
  instanceOfferingState,
  vmInstance,
  vmNic,
} from "./vm.ts";
import {
  image,
  imageStateMachine,
  imageStatusMachine,
  snapshotStatusMachine,
  volume,
  volumeSnapshot,
  volumeStateMachine,
  volumeStatusMachine,
} from "./volume.ts";

/*
 * Every resource of the cloud: what the store keeps, the API offers and its documentation describes.
 * Source: ../shared/spec/cloud.md, "Resources".
 */

type ResourceFacts = {
  description: string;
  schema: z.ZodMiniObject;
  /** Fields that name an owner: when it is deleted, this goes too. */
  owners: Readonly<Record<string, string>>;
  machines: readonly StateMachine[];
};

export const resources = {
  Zone: { description: "A place with its own power and network.", schema: zone, owners: {}, machines: [zoneState] },
  Cluster: {
    description: "Hosts of one kind, with the same storages and networks.",
    schema: cluster,
    owners: { zoneUuid: "Zone" },
    machines: [clusterState],
  },
  Host: {
    description: "A physical server that runs virtual machines.",
    schema: host,
    owners: { clusterUuid: "Cluster" },
    machines: [hostStateMachine, hostStatusMachine],
  },
  PrimaryStorage: {
    description: "Where volumes are kept. Removing it removes its records, never the data.",
    schema: primaryStorage,
    owners: { zoneUuid: "Zone" },
    machines: [primaryStorageStateMachine, primaryStorageStatusMachine],
  },
  BackupStorage: {
    description: "Where images are kept. Removing it removes its records, never the data.",
    schema: backupStorage,
    owners: { zoneUuid: "Zone" },
    machines: [backupStorageStateMachine, backupStorageStatusMachine],
  },
  Image: {
    description: "What root volumes are made of, or a CD. It goes with the last storage that holds it.",
    schema: image,
    owners: { backupStorageUuids: "BackupStorage" },
    machines: [imageStateMachine, imageStatusMachine],
  },
  InstanceOffering: {
    description: "A size of virtual machines.",
    schema: instanceOffering,
    owners: {},
    machines: [instanceOfferingState],
  },
  DiskOffering: {
    description: "A size of data volumes.",
    schema: diskOffering,
    owners: {},
    machines: [diskOfferingState],
  },
  VmInstance: {
    description: "A virtual machine. Its states and operations have tables of their own.",
    schema: vmInstance,
    owners: { clusterUuid: "Cluster" },
    machines: [],
  },
  Volume: {
    description: "A disk of a virtual machine. A root volume goes with its machine, a data volume stays.",
    schema: volume,
    owners: { primaryStorageUuid: "PrimaryStorage" },
    machines: [volumeStateMachine, volumeStatusMachine],
  },
  VolumeSnapshot: {
    description: "What a volume held at one moment.",
    schema: volumeSnapshot,
    owners: { volumeUuid: "Volume" },
    machines: [snapshotStatusMachine],
  },
  L2Network: {
    description: "A network of frames that the hosts of its clusters share.",
    schema: l2Network,
    owners: { zoneUuid: "Zone" },
    machines: [],
  },
  L3Network: {
    description: "A network of addresses, with its own DHCP on every host.",
    schema: l3Network,
    owners: { l2NetworkUuid: "L2Network" },
    machines: [l3NetworkState],
  },
  IpRange: {
    description: "Addresses that network cards may get.",
    schema: ipRange,
    owners: { l3NetworkUuid: "L3Network" },
    machines: [],
  },
  VmNic: {
    description: "A network card of a virtual machine.",
    schema: vmNic,
    owners: { vmInstanceUuid: "VmInstance", l3NetworkUuid: "L3Network" },
    machines: [],
  },
  SecurityGroup: {
    description: "What its network cards let in and out.",
    schema: securityGroup,
    owners: {},
    machines: [securityGroupState],
  },
  SecurityGroupRule: {
    description: "Something that the cards of a security group let in or out. What no rule names is dropped.",
    schema: securityGroupRule,
    owners: { securityGroupUuid: "SecurityGroup" },
    machines: [],
  },
  AffinityGroup: {
    description: "Virtual machines that want to be apart, or together.",
    schema: affinityGroup,
    owners: {},
    machines: [affinityGroupState],
  },
  GlobalConfig: {
    description: "A setting of the cloud; it holds at once, without a restart.",
    schema: globalConfig,
    owners: {},
    machines: [],
  },
  Task: { description: "A call that takes long.", schema: task, owners: {}, machines: [taskStateMachine] },
  AuditRecord: { description: "One call of the API, as it went.", schema: auditRecord, owners: {}, machines: [] },
  Alarm: {
    description: "A figure that is watched.",
    schema: alarm,
    owners: {},
    machines: [alarmStateMachine, alarmStatusMachine],
  },
  User: { description: "Somebody who may log in.", schema: user, owners: {}, machines: [userState] },
  Session: { description: "A log-in.", schema: session, owners: { userUuid: "User" }, machines: [] },
} as const satisfies Record<string, ResourceFacts>;

export type ResourceKind = keyof typeof resources;
