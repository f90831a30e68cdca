import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { mostIsos } from "../../model/cloud/vm.ts";
import { shown } from "../../model/quote.ts";
import type { Flow } from "../flow/flow.ts";
import { copyKey, noteCopy } from "../images/base.ts";
import type { CarriedIso, ImageCarrier } from "../images/carrier.ts";
import { hostsCode, unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import type { Round } from "../vm/allocator.ts";
import { end, type Held, isHolder, type Machine } from "../vm/life.ts";
import { held, hostOf, look, lostHold, tell, type VmWorld } from "../vm/work.ts";
import { isTakenBack } from "../volume/hold.ts";
import { hostFor, placeOfMachine, storageOf } from "../volume/place.ts";
import { takeRoom } from "../volume/room.ts";
import { requireIso } from "./iso-image.ts";
import { forgetIso, isoPath, noteIso } from "./iso-use.ts";

/*
 * An ISO image comes into a drive of a machine and out of it. The drive reads the copy in the cache of the storage that
 * the machine's root volume is on: whichever host the machine can run on reaches that.
 */

/** However long a slow line takes: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;

/** `hostUuid`: the host that the machine runs on; null when it is off. */
export type IsoData = Held & { hostUuid: string | null; imageUuid: string };
export type AttachIsoData = IsoData & { image: CarriedIso };

export function attachIsoFlow(world: VmWorld, carrier: ImageCarrier): Flow<AttachIsoData> {
  return {
    name: "attachIso",
    steps: [
      {
        name: "place",
        title: "Keeping room for the image",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => placeIso(tx, round, data));
          return undefined;
        },
        // Its record goes with the hooks, after everything outside of the store has gone.
      },
      {
        name: "image",
        title: "Bringing the image to the host",
        cancellable: true,
        timeoutMs: longestBringMs,
        async run(data, env) {
          const tx = look(world);
          const machine = held(world, data);
          const { storage, volume } = storageOfRoot(tx, machine);
          const host = hostFor(tx, volume, storage, placeOfMachine(machine));
          await unlessCancelled(world, env, (signal) => carrier.bringIso(host, storage, data.image, env, signal));
          return undefined;
        },
        // Nothing of it is taken back: the copy goes when nothing wants it any more.
      },
      {
        name: "insert",
        title: "Putting it into a drive",
        cancellable: true,
        async run(data, env) {
          const machine = held(world, data);
          await tellOfIso(world, "insertIso", data, env).catch((error: unknown) => {
            throw hostsCode(error) === "HYPERVISOR.CD_NO_DRIVE" ? noDrive(machine, error) : error;
          });
          return undefined;
        },
        async undo(data, env) {
          // With its machine somebody else works by now, or it was started elsewhere.
          if (!isHolder(look(world), data.vmUuid, data.holder)) return undefined;
          await tellOfIso(world, "ejectIso", data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      putIn(tx, data);
      end(tx, data, "done");
    },
    failed: (tx, data, error, how) => {
      // What is not known to be out again counts as in: the drive may read it.
      const isOut = isTakenBack(error, how) && isHolder(tx, data.vmUuid, data.holder);
      const isUntouched = data.hostUuid === null;
      if (isOut || isUntouched) forgetIso(tx, data.vmUuid, data.imageUuid);
      else putIn(tx, data);
      end(tx, data, "failed");
    },
  };
}

export function detachIsoFlow(world: VmWorld): Flow<IsoData> {
  return {
    name: "detachIso",
    steps: [
      {
        name: "eject",
        title: "Taking it out of its drive",
        async run(data, env) {
          held(world, data);
          await tellOfIso(world, "ejectIso", data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      const { vmUuid, holder, imageUuid } = data;
      const machine = tx.get("VmInstance", vmUuid);
      // Started anew meanwhile, after its host was lost, the machine has it again.
      if (machine !== undefined && isHolder(tx, vmUuid, holder)) {
        tx.update("VmInstance", vmUuid, { isoUuids: machine.isoUuids.filter((each) => each !== imageUuid) });
        forgetIso(tx, vmUuid, imageUuid);
      }
      end(tx, data, "done");
    },
    failed: (tx, data) => void end(tx, data, "failed"),
  };
}

async function tellOfIso(
  world: VmWorld,
  verb: "insertIso" | "ejectIso",
  { vmUuid: uuid, hostUuid, imageUuid }: IsoData,
  env: Parameters<typeof tell>[3],
): Promise<void> {
  const path = hostUuid === null ? undefined : isoPath(look(world), uuid, imageUuid);
  if (hostUuid !== null && path !== undefined)
    await tell(world, hostOf(world, hostUuid), { do: verb, uuid, path }, env);
}

/** The image is the machine's from now on. */
function putIn(tx: Tx, { vmUuid, imageUuid }: IsoData): void {
  const machine = tx.get("VmInstance", vmUuid);
  if (machine === undefined || isoPath(tx, vmUuid, imageUuid) === undefined) return;
  const isoUuids = [...machine.isoUuids.filter((each) => each !== imageUuid), imageUuid];
  if (isoUuids.length <= mostIsos) tx.update("VmInstance", vmUuid, { isoUuids });
  else forgetIso(tx, vmUuid, imageUuid);
}

function placeIso(tx: Tx, round: Round, { vmUuid, holder, imageUuid, image }: AttachIsoData): void {
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // It may have been deleted since it was asked for; from here on it can't be.
  requireIso(tx, imageUuid, machine);
  const { storage } = storageOfRoot(tx, machine);
  const hostUuid = placeOfMachine(machine) ?? "";
  if (tx.get("CachedImage", copyKey(storage, hostUuid, image)) === undefined) {
    const where = storage.type === "LocalStorage" ? hostUuid : null;
    takeRoom(round, storage.uuid, where, { keptBytes: image.sizeBytes });
    noteCopy(tx, storage, hostUuid, image);
  }
  noteIso(tx, { vmUuid, imageUuid, sha256: image.sha256, storageUuid: storage.uuid });
}

function storageOfRoot(tx: Tx, { uuid, rootVolumeUuid }: Machine) {
  if (rootVolumeUuid === null) throw new Error(`${uuid} has no root volume.`);
  const volume = tx.need("Volume", rootVolumeUuid);
  return { volume, storage: storageOf(tx, volume) };
}

function noDrive({ name }: Machine, cause: unknown): CloudError {
  const details =
    "It has no empty drive: it was started by an earlier version, or its guest has an image that is not its.";
  const remedy = "Stop and start it, then ask again: it has all drives then.";
  return new CloudError(refusalOf("VM.1040", { where: `VmInstance ${shown(name)}`, details, remedy }), cause);
}
