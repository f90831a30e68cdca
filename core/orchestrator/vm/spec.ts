import type { MachineSpec } from "../../hypervisor/driver.ts";
import type { MachineDisk } from "../../hypervisor/volume-commands.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";
import type { Storage } from "./placement.ts";

/* What a host is told of a machine, from the cloud's records. */

/** Longest name of a network interface in Linux. */
const longestInterface = 15;

/** Where a storage's files are on a host that uses it. */
export function folderOf({ type, uuid, url }: Storage): string {
  return type === "NFS" ? `/var/lib/binnacle/storage/${uuid}` : url.replace(/\/+$/, "");
}

/** The file of a volume. */
export function volumePath(storage: Storage, volumeUuid: string): string {
  return `${folderOf(storage)}/volumes/${volumeUuid}/${volumeUuid}.qcow2`;
}

/** The bridge of a network on its hosts: `br_eth0`, with a VLAN `br_eth0_10`. */
function bridgeOf({ physicalInterface, vlan }: RecordOf<"L2Network">): string {
  const end = vlan === null ? "" : `_${vlan}`;
  return `br_${physicalInterface.slice(0, longestInterface - 3 - end.length)}${end}`;
}

/** A volume as a disk of its machine. */
export function diskSpec({ uuid, installPath: path, format, deviceId }: RecordOf<"Volume">): MachineDisk {
  if (path === null || format === "rbd") throw new Error(`The volume ${uuid} has no file.`);
  return { volumeUuid: uuid, path, format, ...(deviceId === null ? {} : { deviceId }) };
}

export function machineSpec(tx: Tx, { uuid, name, cpuNum, memorySize }: Machine): MachineSpec {
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
    // Where the order says its place, an agent of a former version is told nothing that it does not know.
    disks: volumes.map((volume, nth) => diskSpec(volume.deviceId === nth ? { ...volume, deviceId: null } : volume)),
    nics: nics.map(({ mac, ip, deviceId, l3NetworkUuid }) => {
      const l2 = tx.need("L2Network", tx.need("L3Network", l3NetworkUuid).l2NetworkUuid);
      return { mac, ip, deviceId, bridge: bridgeOf(l2) };
    }),
  };
}
