import type { MachineSpec } from "../../hypervisor/driver.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";
import { nicSpec } from "./nic.ts";
import type { Storage } from "./placement.ts";

/* What a host is told of a machine, from the cloud's records. */

/** Where a storage's files are on a host that uses it. */
export function folderOf({ type, uuid, url }: Storage): string {
  return type === "NFS" ? `/var/lib/binnacle/storage/${uuid}` : url.replace(/\/+$/, "");
}

/** The file of a volume. */
export function volumePath(storage: Storage, volumeUuid: string): string {
  return `${folderOf(storage)}/volumes/${volumeUuid}/${volumeUuid}.qcow2`;
}

export function machineSpec(tx: Tx, machine: Machine): MachineSpec {
  const { uuid, name, cpuNum, memorySize } = machine;
  const volumes = tx.find("Volume", "vmInstanceUuid", uuid).toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0));
  const nics = tx.find("VmNic", "vmInstanceUuid", uuid).toSorted((a, b) => a.deviceId - b.deviceId);
  return {
    uuid,
    name,
    cpuNum,
    memorySize,
    disks: volumes.map((volume) => {
      if (volume.installPath === null || volume.format === "rbd")
        throw new Error(`The volume ${volume.uuid} has no file.`);
      return { volumeUuid: volume.uuid, path: volume.installPath, format: volume.format };
    }),
    nics: nics.map((nic) => nicSpec(tx, machine, nic)),
  };
}
