import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { listed, shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";

/* Volumes on a host's own disks: no other host has them, and they are lost with it. */

type Volume = RecordOf<"Volume">;

/** The host that a machine's volumes on local storage lie on. */
function placeOf({ hostUuid, lastHostUuid }: Machine): string | null {
  return hostUuid ?? lastHostUuid;
}

function isLocal(
  { installPath, primaryStorageUuid }: Volume,
  storageOf: (uuid: string) => { type: string } | undefined,
) {
  if (installPath === null || primaryStorageUuid === null) return false;
  return storageOf(primaryStorageUuid)?.type === "LocalStorage";
}

/** Volumes of a machine that went with their host: that one is not in the cloud any more. */
export function volumesGone(tx: Tx, machine: Machine): Volume[] {
  const place = placeOf(machine);
  if (place === null || tx.get("Host", place) !== undefined) return [];
  const local = (volume: Volume) => isLocal(volume, (uuid) => tx.get("PrimaryStorage", uuid));
  return tx.find("Volume", "vmInstanceUuid", machine.uuid).filter(local);
}

/** @throws VM.1004 when a machine can't start any more, for a volume of it went with its host */
export function requireVolumes(tx: Tx, machine: Machine): void {
  const gone = volumesGone(tx, machine);
  if (gone.length === 0) return;
  const names = gone.map(({ name, size }) => `${shown(name)} (${formatSize(size)})`);
  const host = placeOf(machine) ?? "";
  const details = `start is not possible: on the own disks of the host ${host}, which was deleted, lay ${names.join(", ")}.`;
  const files = gone.map(({ installPath }) => installPath).join(", ");
  const remedy =
    `Delete and expunge the machine (DestroyVmInstance, ExpungeVmInstance) and make a new one. What it held is in your ` +
    `backups, or on the disks of that host as long as nobody erases them: ${files}`;
  throw new CloudError(
    refusalOf("VM.1004", {
      where: `VmInstance ${shown(machine.name)}`,
      details,
      remedy,
      values: { operation: "start", condition: "volumesThere", hostUuid: host, volumes: gone.length },
    }),
  );
}

/** A volume as it is told to whoever deletes its host; `vmInstanceName`: of the machine that it belongs to, if any. */
export type LostVolume = {
  uuid: string;
  name: string;
  size: number;
  vmInstanceUuid: string | null;
  vmInstanceName: string | null;
};

type OnHost = { lost: LostVolume; isDeleted: boolean };

/** Volumes that a host takes along. `isDeleted`: of a deleted machine, which can be recovered until it is expunged. */
function volumesOnlyOn(mirror: Mirror, hostUuid: string): OnHost[] {
  const storageOf = (uuid: string) => mirror.get("PrimaryStorage", uuid)?.value;
  const machines = [
    ...mirror.find("VmInstance", "hostUuid", hostUuid),
    ...mirror.find("VmInstance", "lastHostUuid", hostUuid).filter(({ value }) => value.hostUuid === null),
  ];
  const apart = mirror.find("Volume", "hostUuid", hostUuid).map(({ value: { uuid, name, size, status } }) => ({
    lost: { uuid, name, size, vmInstanceUuid: null, vmInstanceName: null },
    isDeleted: status === "Deleted",
  }));
  const attached = machines.flatMap(({ value: machine }) =>
    mirror
      .find("Volume", "vmInstanceUuid", machine.uuid)
      .filter(({ value }) => isLocal(value, storageOf))
      .map(({ value: { uuid, name, size } }) => {
        const lost = { uuid, name, size, vmInstanceUuid: machine.uuid, vmInstanceName: machine.name };
        return { lost, isDeleted: machine.state === "Destroyed" };
      }),
  );
  return [...attached, ...apart];
}

/** Volumes that are lost with a host. */
export function volumesLostWith(mirror: Mirror, hostUuid: string): LostVolume[] {
  return volumesOnlyOn(mirror, hostUuid).map(({ lost }) => lost);
}

/** Those of deleted machines are in nobody's way. @throws HOST.1003 when others would be lost */
export function requireNoVolumes(mirror: Mirror, { uuid, name }: RecordOf<"Host">): void {
  const kept = volumesOnlyOn(mirror, uuid).filter(({ isDeleted }) => !isDeleted);
  if (kept.length === 0) return;
  const names = kept.map(({ lost }) =>
    lost.vmInstanceName === null ? lost.name : `${lost.name} of ${lost.vmInstanceName}`,
  );
  throw new CloudError(
    refusalOf("HOST.1003", {
      where: `Host ${shown(name)}`,
      details: `With it go volumes that lie on its own disks, and their machines never start again: ${listed(names, 12)}.`,
      remedy: "Delete these machines first, or accept the loss with deleteMode=Enforcing.",
      values: { volumes: kept.length },
    }),
  );
}
