import { sizeOfNext } from "../../model/cloud/snapshot-tree.ts";
import { beginVm } from "../../model/cloud/vm-life.ts";
import { joinGroup } from "../affinity/members.ts";
import { orThrow } from "../calls/shared.ts";
import type { Tx } from "../records.ts";
import { removeVolume, type Volume } from "../volume/hold.ts";
import { hostOfVolume, placeOfMachine, storageOf } from "../volume/place.ts";
import { takeRoom } from "../volume/room.ts";
import { snapshotsOf } from "../volume/snapshots.ts";
import type { Round } from "./allocator.ts";
import { ensureDhcpServer } from "./dhcp-address.ts";
import { copyGuestData } from "./guest-data.ts";
import { end, type Held, isHolder, isRunning, type Machine } from "./life.ts";
import { needsSecond } from "./limits.ts";
import { hostNameOf, insertNic, requireFreeMac } from "./nic.ts";
import { marksOf } from "./placement.ts";
import { volumePath } from "./spec.ts";
import { lostHold } from "./work.ts";

/* The records of machines that are copies of another one, and of the snapshots that they are copied at. */

/** A machine that is to be a copy. `volumes`: its own, each with the one that it is a copy of. */
export type NewClone = {
  vmUuid: string;
  name: string;
  nics: { uuid: string; mac: string; l3NetworkUuid: string }[];
  volumes: { uuid: string; fromUuid: string }[];
};

/**
 * `vmUuid`: the machine that is copied. `snapshots`: one of each volume that is copied, of a machine that runs; none
 * otherwise. `fileBytes`: of the volumes' files, in the same order. `isStarted`: the copies run at the end.
 */
export type CloneData = Held & {
  clones: NewClone[];
  snapshots: { uuid: string; volumeUuid: string }[];
  fileBytes?: number[];
  isStarted: boolean;
  /** The one that copies belong to; absent: that of the machine. */
  affinityGroupUuid?: string | null;
};

/** In a turn of the allocator. @throws VM.1008, STORAGE.1004, NETWORK.1004 and others: then nothing is written */
export function insertClones(tx: Tx, round: Round, data: CloneData): void {
  const source = tx.need("VmInstance", data.vmUuid);
  if (source.operation === null || !isHolder(tx, source.uuid, data.holder)) throw lostHold(source);
  // A manager has ended between this and the note that it is done.
  if (data.clones.some(({ vmUuid }) => tx.get("VmInstance", vmUuid) !== undefined)) return;
  for (const [nth, { uuid, volumeUuid }] of data.snapshots.entries())
    insertSnapshot(tx, round, uuid, tx.need("Volume", volumeUuid), { source, fileBytes: data.fileBytes?.[nth] ?? 0 });
  for (const clone of data.clones) insertClone(tx, round, source, clone, data);
}

/**
 * It belongs to no tree of the volume's: nobody goes on from it. Its status stays Creating, so that it can be deleted
 * and never gone back to, should it be left.
 */
function insertSnapshot(
  tx: Tx,
  round: Round,
  uuid: string,
  volume: Volume,
  { source, fileBytes }: { source: Machine; fileBytes: number },
): void {
  const { uuid: primaryStorageUuid } = storageOf(tx, volume);
  const size = sizeOfNext(snapshotsOf(tx, volume.uuid), fileBytes);
  takeRoom(round, primaryStorageUuid, hostOfVolume(tx, volume), { keptBytes: size });
  tx.insert("VolumeSnapshot", {
    ...{ uuid, primaryStorageUuid, size, volumeUuid: volume.uuid, treeUuid: uuid, parentUuid: null, depth: 1 },
    ...{
      latest: false,
      status: "Creating",
      name: "for copies",
      description: `To be deleted after copying ${source.uuid}.`,
    },
  });
}

function insertClone(tx: Tx, round: Round, source: Machine, clone: NewClone, data: CloneData): void {
  const { vmUuid, name, nics } = clone;
  const own = clone.volumes.map(({ uuid, fromUuid }) => ({ uuid, from: tx.need("Volume", fromUuid) }));
  const { affinityGroupUuid = groupOf(tx, source) } = data;
  if (affinityGroupUuid !== null) joinGroup(tx, affinityGroupUuid, { uuid: vmUuid, name }, "affinityGroupUuid");
  const placedUuid = data.isStarted
    ? placed(
        tx,
        round,
        source,
        clone,
        affinityGroupUuid,
        own.map(({ from }) => from),
      )
    : null;
  const addresses = nics.map(({ l3NetworkUuid }) => round.address(l3NetworkUuid));
  for (const { l3NetworkUuid, mac } of nics) {
    ensureDhcpServer(tx, l3NetworkUuid);
    requireFreeMac(tx, mac, "uuid");
  }
  tx.put("VmOperation", vmUuid, { holder: data.holder });
  const { description, clusterUuid, instanceOfferingUuid, imageUuid, defaultL3NetworkUuid } = source;
  const { cpuNum, memorySize, platform, haLevel, bootOrder, tags } = source;
  tx.insert("VmInstance", {
    ...orThrow(beginVm(name, null, data.isStarted ? "create" : "define", {})),
    ...{ uuid: vmUuid, name, description, clusterUuid, instanceOfferingUuid, imageUuid, defaultL3NetworkUuid },
    ...{ cpuNum, memorySize, platform, haLevel, bootOrder: [...bootOrder], tags: [...tags] },
    hostUuid: placedUuid,
    // On local storage the host that it was on last is the one that has its volumes.
    lastHostUuid: placedUuid === null ? placeOfMachine(source) : null,
    rootVolumeUuid: own.find(({ from }) => from.type === "Root")?.uuid ?? null,
    vmNicUuids: nics.map(({ uuid }) => uuid),
    isoUuids: [],
    affinityGroupUuid,
    noRestart: false,
  });
  // It holds the same data.
  const password = tx.get("ConsolePassword", source.uuid);
  if (password !== undefined) tx.put("ConsolePassword", vmUuid, { ...password });
  copyGuestData(tx, source.uuid, { uuid: vmUuid, nameAsHost: hostNameOf({ name, uuid: vmUuid }, null) });
  for (const { uuid, from } of own) insertVolume(tx, round, { uuid, vmUuid, name }, from);
  for (const [deviceId, { uuid, mac, l3NetworkUuid }] of nics.entries())
    insertCard(tx, source, { uuid, vmUuid, l3NetworkUuid, deviceId, mac, ip: addresses[deviceId] ?? null });
}

/** One that is gone is none. */
function groupOf(tx: Tx, { affinityGroupUuid: uuid }: Machine): string | null {
  return uuid === null || tx.get("AffinityGroup", uuid) === undefined ? null : uuid;
}

/** It is in the security groups of the card that it is a copy of: in none it would be open. */
function insertCard(tx: Tx, source: Machine, card: Parameters<typeof insertNic>[1]): void {
  insertNic(tx, card);
  const like = tx
    .find("VmNic", "vmInstanceUuid", source.uuid)
    .find(({ l3NetworkUuid }) => l3NetworkUuid === card.l3NetworkUuid);
  const groups = (like?.securityGroupUuids ?? []).filter((uuid) => tx.get("SecurityGroup", uuid) !== undefined);
  if (groups.length > 0) tx.update("VmNic", card.uuid, { securityGroupUuids: groups });
  for (const uuid of groups) tx.guard(uuid);
}

function placed(
  tx: Tx,
  round: Round,
  source: Machine,
  { vmUuid, name, nics }: NewClone,
  affinityGroupUuid: string | null,
  volumes: readonly Volume[],
): string {
  const storages = volumes.map((volume) => storageOf(tx, volume));
  const { cpuNum, memorySize, clusterUuid } = source;
  return round.place({
    ...{ name, cpuNum, memorySize, clusterUuid, storages },
    machine: marksOf({ ...source, uuid: vmUuid, affinityGroupUuid }, "running"),
    wantedHostUuid: null,
    // It is told what is wanted of its source, whatever that runs with.
    needsSecond: needsSecond(tx, source, "nextStart"),
    volumesHostUuid: storages.some(({ type }) => type === "LocalStorage") ? placeOfMachine(source) : null,
    networks: nics.map(({ l3NetworkUuid }) => {
      const network = tx.need("L3Network", l3NetworkUuid);
      return { name: network.name, clusterUuids: tx.need("L2Network", network.l2NetworkUuid).attachedClusterUuids };
    }),
    rootVolume: null,
    image: null,
  }).hostUuid;
}

type Owner = { uuid: string; vmUuid: string; name: string };

function insertVolume(tx: Tx, round: Round, { uuid, vmUuid, name }: Owner, from: Volume): void {
  const storage = storageOf(tx, from);
  const { size, type, deviceId, rootImageUuid, diskOfferingUuid } = from;
  takeRoom(round, storage.uuid, hostOfVolume(tx, from), { sizeBytes: size });
  tx.insert("Volume", {
    ...{ uuid, size, type, deviceId, rootImageUuid, diskOfferingUuid, vmInstanceUuid: vmUuid, hostUuid: null },
    name: `${type === "Root" ? "ROOT" : "DATA"}-for-${name}`.slice(0, 255).trimEnd(),
    description: null,
    primaryStorageUuid: storage.uuid,
    format: "qcow2",
    actualSize: 0,
    installPath: null,
    state: "Enabled",
    status: "Creating",
  });
  const base = tx.get("VolumeBase", from.uuid);
  if (base !== undefined) tx.put("VolumeBase", uuid, base);
}

/** All copies are whole. */
export function endClones(tx: Tx, { clones, holder }: CloneData): void {
  for (const { vmUuid } of clones) end(tx, { vmUuid, holder }, "done");
}

/**
 * Copying has failed: nothing of the copies is left. `isBroken`: what there is of them could not be removed, or is not
 * known: they stay, to be deleted and expunged with their files.
 */
export function dropClones(tx: Tx, { clones, holder }: CloneData, isBroken: boolean): void {
  for (const { vmUuid, volumes } of clones) {
    if (tx.get("VmInstance", vmUuid) === undefined) continue;
    // What was not taken back of one whose host was lost belongs to its record.
    const stays = isBroken || !isRunning(tx, vmUuid, holder);
    for (const { uuid } of volumes) {
      const volume = tx.get("Volume", uuid);
      if (volume === undefined || (stays && volume.status !== "Creating")) continue;
      if (stays) tx.update("Volume", uuid, { status: "Ready", installPath: volumePath(storageOf(tx, volume), uuid) });
      else if (volume.type === "Data") removeVolume(tx, uuid);
    }
    end(tx, { vmUuid, holder }, isBroken ? "broken" : "failed");
  }
}
