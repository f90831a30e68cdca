import type { MachineSpec } from "../../hypervisor/driver.ts";
import type { MachineDisk } from "../../hypervisor/volume-commands.ts";
import { standing } from "../images/base.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "./folder.ts";
import type { Machine } from "./life.ts";
import { nicSpec } from "./nic.ts";
import type { Storage } from "./placement.ts";

/* What a host is told of a machine, from the cloud's records. */

/** The file of a volume. */
export function volumePath(storage: Storage, volumeUuid: string): string {
  return `${folderOf(storage)}/volumes/${volumeUuid}/${volumeUuid}.qcow2`;
}

/** A volume as a disk of its machine. */
export function diskSpec({ uuid, installPath: path, format, deviceId }: RecordOf<"Volume">): MachineDisk {
  if (path === null || format === "rbd") throw new Error(`The volume ${uuid} has no file.`);
  return { volumeUuid: uuid, path, format, ...(deviceId === null ? {} : { deviceId }) };
}

export function machineSpec(tx: Tx, machine: Machine): MachineSpec {
  const { uuid, name, cpuNum, memorySize } = machine;
  const volumes = tx
    .find("Volume", "vmInstanceUuid", uuid)
    // A data volume that was to be made, and was not when the machine's host was lost, is none.
    .filter(({ type, installPath }) => type === "Root" || installPath !== null)
    .toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0));
  const nics = tx.find("VmNic", "vmInstanceUuid", uuid).toSorted((a, b) => a.deviceId - b.deviceId);
  return {
    uuid,
    name,
    cpuNum,
    memorySize,
    disks: volumes.map((volume) => ({ ...diskSpec(volume), ...standing(tx, volume.uuid) })),
    nics: nics.map((nic) => nicSpec(tx, machine, nic)),
  };
}
