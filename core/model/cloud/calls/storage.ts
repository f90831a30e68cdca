import { line, say } from "../fields.ts";
import { primaryStorage } from "../storage.ts";
import { diskOffering, instanceOffering } from "../vm.ts";
import {
  action,
  asTask,
  cascade,
  creation,
  deletion,
  get,
  named,
  ofCluster,
  onOff,
  preset,
  query,
  renamed,
  update,
} from "./call.ts";

const storageNetworkCidr = preset(primaryStorage.shape.storageNetworkCidr, null);

function adding(summary: string, place: string) {
  return creation("PrimaryStorage", summary, {
    ...named("PrimaryStorage"),
    zoneUuid: primaryStorage.shape.zoneUuid,
    url: say(line(1024), place),
    storageNetworkCidr,
  });
}

export const storageCalls = {
  AddLocalPrimaryStorage: {
    ...adding("Adds a folder of each host as storage.", "A folder of every host, such as /binnacle_ps."),
    path: "/v1/primary-storage/local",
  },
  AddNfsPrimaryStorage: {
    ...adding("Adds a folder of an NFS server as storage.", "Server and folder, such as 192.168.0.1:/nfs_root."),
    path: "/v1/primary-storage/nfs",
  },
  AddSharedMountPointPrimaryStorage: {
    ...adding("Adds a folder that all hosts share as storage.", "Where every host has it mounted, such as /mnt/ocfs2."),
    path: "/v1/primary-storage/shared-mount-point",
  },
  QueryPrimaryStorage: query("PrimaryStorage"),
  GetPrimaryStorage: get("PrimaryStorage"),
  UpdatePrimaryStorage: update("PrimaryStorage", "Changes a storage's name or description.", renamed("PrimaryStorage")),
  ReconnectPrimaryStorage: asTask(action("PrimaryStorage", "reconnect", "Asks all its hosts for it anew.", {})),
  ChangePrimaryStorageState: onOff("PrimaryStorage", "Enables or disables a storage."),
  AttachPrimaryStorageToCluster: ofCluster("PrimaryStorage", "attach", "Lets the hosts of a cluster use it."),
  DetachPrimaryStorageFromCluster: ofCluster("PrimaryStorage", "detach", "Takes it from the hosts of a cluster."),
  DeletePrimaryStorage: cascade(
    "PrimaryStorage",
    "Removes the records of a storage and of what is on it; the data stays.",
  ),
  QueryVolume: query("Volume"),
  GetVolume: get("Volume"),
} as const;

const { cpuNum, memorySize, networkBandwidth, diskBandwidth, diskIops, tags } = instanceOffering.shape;

export const offeringCalls = {
  CreateInstanceOffering: creation("InstanceOffering", "Makes a size of machines.", {
    ...named("InstanceOffering"),
    cpuNum,
    memorySize,
    networkBandwidth: preset(networkBandwidth, null),
    diskBandwidth: preset(diskBandwidth, null),
    diskIops: preset(diskIops, null),
    tags,
  }),
  QueryInstanceOffering: query("InstanceOffering"),
  GetInstanceOffering: get("InstanceOffering"),
  UpdateInstanceOffering: update(
    "InstanceOffering",
    "Changes its name, description or tags; machines of it keep the tags that they have.",
    { ...renamed("InstanceOffering"), tags },
  ),
  ChangeInstanceOfferingState: onOff("InstanceOffering", "Enables or disables it for new machines."),
  DeleteInstanceOffering: deletion("InstanceOffering", "Deletes it; machines of it stay as they are."),
  CreateDiskOffering: creation("DiskOffering", "Makes a size of data volumes.", {
    ...named("DiskOffering"),
    diskSize: diskOffering.shape.diskSize,
    diskBandwidth: preset(diskBandwidth, null),
    diskIops: preset(diskIops, null),
  }),
  QueryDiskOffering: query("DiskOffering"),
  GetDiskOffering: get("DiskOffering"),
  UpdateDiskOffering: update("DiskOffering", "Changes its name or description.", renamed("DiskOffering")),
  ChangeDiskOfferingState: onOff("DiskOffering", "Enables or disables it for new volumes."),
  DeleteDiskOffering: deletion("DiskOffering", "Deletes it; volumes of it stay as they are."),
} as const;
