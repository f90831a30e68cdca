import { forgetIsos } from "../device/iso-use.ts";
import { noteExpunging } from "../expunging.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { isKept, moveOn } from "../images/delete.ts";
import { VolumeReceiver } from "../images/receive.ts";
import { type ImageWorld, unlessCancelled } from "../images/world.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { discardVolume, pathOf } from "../volume/discard.ts";
import { isTakenBack, removeVolume } from "../volume/hold.ts";
import { hostForVolume, hostToKeep, storageOf } from "../volume/place.ts";
import { takeRoom } from "../volume/room.ts";
import type { Round } from "./allocator.ts";
import { end, endFailed, isHolder, isRunning } from "./life.ts";
import type { VmData } from "./run.ts";
import { dropShelf, insertEmptyRoot, noteShelf, shelfOf } from "./shelf.ts";
import { filePlace, machineSpec } from "./spec.ts";
import { held, hostOf, look, lostHold, tell, tellEnd, type VmWorld } from "./work.ts";

/*
 * A machine becomes an image. Its root volume is copied on its storage, with what it stands on, and the copy's file is
 * brought to the image store; its host says that the store has what it has. One transaction makes that image the machine's,
 * and its former root volume one that nobody wants any more; only then a file goes. Until then all is taken back.
 */

const longestCopyMs = 24 * 3_600_000;
const longestSendMs = 7 * 86_400_000;
/** What a slow disk copies, or reads, in a second. */
const slowest = 20 * 1024 ** 2;

const [stopTitle, copyTitle, keepTitle] = ["Stopping the machine", "Copying the root volume", "Keeping the image"];

/** `copyUuid`: of the copy, a root volume of the machine that no start gives to it. `freshUuid`: of its root volume afterwards. */
export type ShelveData = VmData & {
  rootUuid: string;
  copyUuid: string;
  freshUuid: string;
  spareUuid: string;
  imageUuid: string;
  storeUuid: string;
  storeUrl: string;
  ran: boolean;
  graceMs: number;
  sizeBytes?: number;
  md5?: string;
  sha256?: string;
};

export function shelveVmFlow(world: VmWorld, images: ImageWorld): Flow<ShelveData> {
  const receiver = new VolumeReceiver(images);
  const steps: Flow<ShelveData>["steps"] = [
    {
      name: "place",
      title: "Keeping room for the copy",
      cancellable: true,
      async run(data) {
        await world.allocator.allocate((tx, round) => insert(tx, round, data));
        return undefined;
      },
      // The records go when the flow has failed, after the files have gone.
    },
    {
      name: "stop",
      title: stopTitle,
      cancellable: true,
      async run(data, env) {
        const machine = held(world, data);
        const command = { do: "stopMachine", uuid: data.vmUuid, graceMs: data.graceMs } as const;
        if (data.ran) await tellEnd(world, machine, hostOf(world, machine.hostUuid ?? ""), command, env, data);
        return undefined;
      },
      async undo(data, env) {
        const tx = look(world);
        const machine = isRunning(tx, data.vmUuid, data.holder) ? tx.get("VmInstance", data.vmUuid) : undefined;
        if (!data.ran || machine === undefined || isCommitted(tx, data)) return undefined;
        const command = { do: "startMachine", machine: machineSpec(tx, machine) } as const;
        await tell(world, hostOf(world, machine.hostUuid ?? ""), command, env);
        return undefined;
      },
    },
    {
      name: "copy",
      title: copyTitle,
      cancellable: true,
      timeoutMs: 2 * longestCopyMs,
      async run(data, env) {
        held(world, data);
        const { host, root, copyPath: path } = filesOf(look(world), data);
        const { path: from, backing } = filePlace(look(world), root);
        const below = backing === undefined ? {} : { backing };
        const command = { do: "flattenVolume", path, from, sizeBytes: root.size, ...below } as const;
        await unlessCancelled(world, env, (signal) => tell(world, host, command, { ...env, signal }, timeFor(root)));
        return undefined;
      },
      async undo(data, env) {
        const tx = look(world);
        if (isCommitted(tx, data) || tx.get("Volume", data.copyUuid) === undefined) return undefined;
        const { host, copyPath: path } = filesOf(tx, data);
        await tell(world, host, { do: "deleteVolume", path }, env);
        return undefined;
      },
    },
    {
      name: "send",
      title: "Bringing the copy to the image store",
      cancellable: true,
      timeoutMs: longestSendMs,
      async run(data, env) {
        held(world, data);
        const { host, copyPath: path } = filesOf(look(world), data);
        const what = { imageUuid: data.imageUuid, host, path, store: storeOf(data) };
        // The fourth of eight steps.
        const ofTask = (percent: number) => Math.floor((100 * (3 + percent / 100)) / 8);
        const got = await unlessCancelled(world, env, (signal) => receiver.receive(what, env, signal, ofTask));
        return got === undefined ? undefined : { data: { sizeBytes: got.sizeBytes, md5: got.md5, sha256: got.sha256 } };
      },
      async undo(data) {
        await images.images.discard(storeOf(data), data.imageUuid);
        return undefined;
      },
    },
    {
      name: "examine",
      title: "Examining the image",
      cancellable: true,
      async run(data, env) {
        const { imageUuid, sha256 = null, md5 = null, sizeBytes: actualSize = 0 } = data;
        const { size } = look(world).need("Volume", data.rootUuid);
        const mostBytes = Math.max(size, world.settings.number("image.maxVirtualSize"));
        const found = await unlessCancelled(world, env, (signal) =>
          images.images.examine(storeOf(data), imageUuid, { format: "qcow2", mostBytes, signal }),
        );
        if (found === undefined) return undefined;
        // From now on nobody removes the content that this one is to have.
        const known = { sha256, md5, actualSize, size: found.virtualSize };
        return { change: (tx) => void tx.update("Image", imageUuid, known) };
      },
    },
    {
      name: "verify",
      title: "Comparing the image with what its host has",
      cancellable: true,
      timeoutMs: 2 * longestCopyMs,
      async run(data, env) {
        held(world, data);
        const { host, root, copyPath: path } = filesOf(look(world), data);
        const command = { do: "verifyVolume", path, sha256: data.sha256 ?? "" } as const;
        await unlessCancelled(world, env, (signal) => tell(world, host, command, { ...env, signal }, timeFor(root)));
        return undefined;
      },
    },
    {
      name: "keep",
      title: keepTitle,
      cancellable: true,
      async run(data) {
        held(world, data);
        await images.images.keep(storeOf(data), data.imageUuid, data.sha256 ?? "");
        return { change: (tx) => commit(tx, data) };
      },
      async undo(data) {
        const { imageUuid: uuid, sha256, storeUuid } = data;
        if (isCommitted(look(world), data) || sha256 === undefined) return undefined;
        const isUnused = () => !isKept(world.records.mirror, { uuid, sha256 }, storeUuid);
        await images.images.remove(storeOf(data), sha256, isUnused);
        return undefined;
      },
    },
    {
      name: "free",
      title: "Removing the root volume",
      async run(data, env) {
        const gone = await removeFiles(world, data, env);
        return {
          change: (tx) => {
            for (const uuid of gone) if (tx.get("Volume", uuid) !== undefined) removeVolume(tx, uuid);
          },
        };
      },
    },
  ];
  return {
    name: "shelveVm",
    steps,
    succeeded: (tx, data) => void end(tx, data, "done"),
    failed: (tx, data, error, how) => {
      if (isCommitted(tx, data)) {
        end(tx, data, "done");
        return;
      }
      const [copy, machine] = [tx.get("Volume", data.copyUuid), tx.get("VmInstance", data.vmUuid)];
      const image = tx.get("Image", data.imageUuid);
      if (image !== undefined && image.sha256 !== null && how.notUndone.includes(keepTitle)) leave(tx, image.uuid);
      else if (image !== undefined) tx.remove("Image", image.uuid);
      // Of a copy that may be there the record stays until its file has gone.
      if (copy !== undefined && (machine === undefined || isTakenBack(error, how))) removeVolume(tx, copy.uuid);
      else if (copy !== undefined && machine !== undefined) discardVolume(tx, copy, machine);
      endFailed(tx, data, { notUndone: how.notUndone.filter((title) => title === stopTitle) });
    },
    result: ({ vmUuid, imageUuid }) => ({ vmInstanceUuid: vmUuid, imageUuid }),
  };
}

/** The store may have an image's content still: that goes with the next look, and nobody gets it back. */
function leave(tx: Tx, imageUuid: string): void {
  for (const event of ["ready", "delete", "deleted"] as const) moveOn(tx, imageUuid, event);
  noteExpunging(tx, imageUuid);
}

function isCommitted(tx: Tx, { vmUuid, imageUuid }: ShelveData): boolean {
  return shelfOf(tx, vmUuid)?.imageUuid === imageUuid;
}

function storeOf({ storeUuid, storeUrl }: ShelveData) {
  return { uuid: storeUuid, url: storeUrl };
}

/** However large the volume is. */
function timeFor({ size }: RecordOf<"Volume">): { graceMs: number } {
  return { graceMs: Math.min(longestCopyMs - 3_600_000, Math.ceil((size / slowest) * 1000)) };
}

function filesOf(tx: Tx, { rootUuid, copyUuid }: ShelveData) {
  const root = tx.need("Volume", rootUuid);
  return { root, host: hostForVolume(tx, root), copyPath: pathOf(tx, tx.need("Volume", copyUuid)) };
}

function insert(tx: Tx, round: Round, data: ShelveData): void {
  const { vmUuid, holder, rootUuid, copyUuid, imageUuid, storeUuid } = data;
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // A manager has ended between this and the note that it is done.
  if (tx.get("Volume", copyUuid) !== undefined) return;
  const root = tx.need("Volume", rootUuid);
  takeRoom(round, storageOf(tx, root).uuid, hostToKeep(tx, root, machine), { sizeBytes: root.size });
  tx.insert("Volume", {
    ...{ uuid: copyUuid, name: `SHELF-for-${machine.name}`.slice(0, 255).trimEnd(), description: null },
    ...{ primaryStorageUuid: root.primaryStorageUuid, hostUuid: null, vmInstanceUuid: vmUuid, type: "Root" },
    ...{ format: "qcow2", size: root.size, actualSize: 0, installPath: null, rootImageUuid: null },
    ...{ diskOfferingUuid: null, deviceId: null, state: "Enabled", status: "Creating" },
  });
  tx.insert("Image", {
    ...{ uuid: imageUuid, name: `SHELVED-${machine.name}`.slice(0, 255).trimEnd(), description: null },
    ...{ backupStorageUuids: [storeUuid], url: `upload://${imageUuid}`, format: "qcow2" },
    ...{ mediaType: "RootVolumeTemplate", platform: machine.platform, size: 0, actualSize: 0, md5: null, sha256: null },
    // No other machine is made of it.
    ...{ progress: 0, state: "Disabled", status: "Downloading" },
  });
}

/** The one transaction after which the image is what there is of the machine. */
function commit(tx: Tx, data: ShelveData): void {
  const { vmUuid, holder, rootUuid, copyUuid, freshUuid, spareUuid, imageUuid } = data;
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  moveOn(tx, imageUuid, "ready");
  tx.update("Image", imageUuid, { progress: 100 });
  const [root, copy] = [tx.need("Volume", rootUuid), tx.need("Volume", copyUuid)];
  discardVolume(tx, root, machine);
  discardVolume(tx, copy, machine);
  insertEmptyRoot(tx, vmUuid, freshUuid, root);
  // What its drives read is in the cache of a storage that it may not come to again.
  tx.update("VmInstance", vmUuid, { isoUuids: [] });
  forgetIsos(tx, vmUuid);
  // One that did not run since it was taken from its shelf still has its former image.
  dropShelf(tx, vmUuid);
  noteShelf(tx, { vmUuid, imageUuid, spareUuid });
}

/** What stays is removed when deleted volumes are looked at. Gives the volumes whose files have gone. */
async function removeFiles(world: VmWorld, data: ShelveData, env: FlowEnv): Promise<string[]> {
  const tx = look(world);
  const { vmUuid: uuid, rootUuid, copyUuid } = data;
  const machine = tx.get("VmInstance", uuid);
  const last = tx.get("Host", machine?.hostUuid ?? machine?.lastHostUuid ?? "");
  const tried = async (action: () => Promise<void>): Promise<boolean> => {
    try {
      await action();
      return true;
    } catch {
      env.signal.throwIfAborted();
      return false;
    }
  };
  if (last?.status === "Connected")
    await tried(() => tell(world, last, { do: "removeMachine", uuid }, env, { part: "machine" }));
  const gone: string[] = [];
  for (const volumeUuid of [rootUuid, copyUuid]) {
    const volume = tx.get("Volume", volumeUuid);
    const path = volume?.installPath ?? null;
    if (volume === undefined || path === null) continue;
    const remove = () =>
      tell(world, hostForVolume(tx, volume), { do: "deleteVolume", path }, env, { part: volumeUuid });
    if (await tried(remove)) gone.push(volumeUuid);
  }
  return gone;
}
