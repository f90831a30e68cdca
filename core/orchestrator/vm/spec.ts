import type { MachineSpec } from "../../hypervisor/driver.ts";
import { backingOf } from "../images/base.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { folderOf } from "./folder.ts";
import type { Machine } from "./life.ts";
import type { Storage } from "./placement.ts";

/* What a host is told of a machine, from the cloud's records. */

/** Longest name of a network interface in Linux. */
const longestInterface = 15;

/** The file of a volume. */
export function volumePath(storage: Storage, volumeUuid: string): string {
  return `${folderOf(storage)}/volumes/${volumeUuid}/${volumeUuid}.qcow2`;
}

/** The bridge of a network on its hosts: `br_eth0`, with a VLAN `br_eth0_10`. */
function bridgeOf({ physicalInterface, vlan }: RecordOf<"L2Network">): string {
  const end = vlan === null ? "" : `_${vlan}`;
  return `br_${physicalInterface.slice(0, longestInterface - 3 - end.length)}${end}`;
}

export function machineSpec(tx: Tx, { uuid, name, cpuNum, memorySize }: Machine): MachineSpec {
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
      const backing = backingOf(tx, volume.uuid);
      const more = backing === undefined ? {} : { backing };
      return { volumeUuid: volume.uuid, path: volume.installPath, format: volume.format, ...more };
    }),
    nics: nics.map(({ mac, ip, deviceId, l3NetworkUuid }) => {
      const l2 = tx.need("L2Network", tx.need("L3Network", l3NetworkUuid).l2NetworkUuid);
      return { mac, ip, deviceId, bridge: bridgeOf(l2) };
    }),
  };
}
