import type { MachineSpec } from "../../hypervisor/driver.ts";
import type { MachineDisk } from "../../hypervisor/volume-commands.ts";
import { isoPath } from "../device/iso-use.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";
import type { Rescue } from "./rescue-disk.ts";
import { diskSpec, machineSpec } from "./spec.ts";

/** Everything that a machine is started with for its rescue; it boots from nothing else. */
export function rescueSpec(tx: Tx, machine: Machine, { imageUuid, volumeUuid }: Rescue): MachineSpec {
  const spec = machineSpec(tx, machine);
  // The host's own console shows it by this name.
  const own = { ...spec, name: `${spec.name} (rescued)` };
  if (volumeUuid === null) {
    const path = isoPath(tx, machine.uuid, imageUuid);
    if (path === undefined) throw new Error(`The rescue of ${machine.uuid} has no image.`);
    // Its own images are out meanwhile: one of them could be started where the other is none to boot from.
    return { ...own, isos: [path], bootOrder: ["CdRom"] };
  }
  const disk = diskSpec(tx, tx.need("Volume", volumeUuid));
  return { ...own, disks: disksWith(disk, own.disks, machine.rootVolumeUuid), bootOrder: ["HardDisk"] };
}

/** The disk of the rescue has the first place, the root volume the first one that is free; data volumes keep theirs. */
function disksWith(rescue: MachineDisk, own: readonly MachineDisk[], rootUuid: string | null): MachineDisk[] {
  const placed = own.map((disk, nth) => ({ ...disk, deviceId: disk.deviceId ?? nth }));
  const taken = new Set(placed.filter(({ volumeUuid }) => volumeUuid !== rootUuid).map(({ deviceId }) => deviceId));
  let free = 1;
  while (taken.has(free)) free++;
  const all = placed.map((disk) => (disk.volumeUuid === rootUuid ? { ...disk, deviceId: free } : disk));
  return [{ ...rescue, deviceId: 0 }, ...all]
    .toSorted((a, b) => a.deviceId - b.deviceId)
    .map(({ deviceId, ...disk }, nth) => (deviceId === nth ? disk : { ...disk, deviceId }));
}
