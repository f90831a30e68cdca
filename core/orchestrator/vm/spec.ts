import type { MachineSpec } from "../../hypervisor/driver.ts";
import type { MachineDisk, VolumePlace } from "../../hypervisor/volume-commands.ts";
import { isosOf } from "../device/iso-use.ts";
import { standingOf } from "../images/base.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { seedOf } from "./guest-data.ts";
import type { Machine } from "./life.ts";
import { diskLimits } from "./limits.ts";
import { nicSpec } from "./nic.ts";

export { volumePath } from "./folder.ts";

/* What a host is told of a machine, from the cloud's records. */

/** A volume as a disk of its machine. */
export function diskSpec(tx: Tx, volume: RecordOf<"Volume">): MachineDisk {
  const { uuid, deviceId } = volume;
  const place = deviceId === null ? {} : { deviceId };
  return { volumeUuid: uuid, ...filePlace(tx, volume), ...place, ...diskLimits(tx, volume) };
}

/** A volume as a file of its storage. */
export function filePlace(tx: Tx, { uuid, installPath: path, format }: RecordOf<"Volume">): VolumePlace {
  if (path === null || format === "rbd") throw new Error(`The volume ${uuid} has no file.`);
  return { path, format, ...standingOf(tx, uuid) };
}

export function machineSpec(tx: Tx, machine: Machine): MachineSpec {
  const { uuid, name, cpuNum, memorySize, rootVolumeUuid } = machine;
  const volumes = tx
    .find("Volume", "vmInstanceUuid", uuid)
    // A data volume that was to be made, and was not when the machine's host was lost, is none; and the disk of a rescue is
    // no disk of the machine's own.
    .filter((volume) => (volume.type === "Root" ? volume.uuid === rootVolumeUuid : volume.installPath !== null))
    .toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0));
  const nics = tx.find("VmNic", "vmInstanceUuid", uuid).toSorted((a, b) => a.deviceId - b.deviceId);
  return {
    uuid,
    name,
    cpuNum,
    memorySize,
    // Where the order says its place, an agent of a former version is told nothing that it does not know.
    disks: volumes.map((volume, nth) => diskSpec(tx, volume.deviceId === nth ? { ...volume, deviceId: null } : volume)),
    nics: nics.map((nic) => nicSpec(tx, machine, nic)),
    ...isosOf(tx, machine),
    ...bootOrderOf(machine),
    ...seedOf(tx, machine),
  };
}

/** What differs from what holds without a word. */
function bootOrderOf({ bootOrder }: Machine): Pick<MachineSpec, "bootOrder"> {
  return bootOrder.join() === "HardDisk,CdRom" ? {} : { bootOrder: [...bootOrder] };
}
