import { charged } from "../../model/cloud/capacity.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { primaryStorageRefusal } from "../../model/cloud/storage.ts";
import { shown } from "../../model/quote.ts";
import { refuseFor } from "../calls/shared.ts";
import type { Round } from "../vm/allocator.ts";
import type { Storage, StorageOption } from "../vm/placement.ts";
import { everywhere } from "../vm/room.ts";

/* Room for volumes and snapshots. It is given in turns of the allocator, so that no byte is promised twice. */

/** Where the room of a storage is counted for what lies on this host. */
function placeIn({ type }: Storage, hostUuid: string | null): string {
  return type === "LocalStorage" ? (hostUuid ?? "") : everywhere;
}

/** `sizeBytes`: of a volume, charged by the ratio; `keptBytes`: of a snapshot, as they are. */
export type Asked = { sizeBytes: number } | { keptBytes: number };

function chargeOf(asked: Asked, round: Round): number {
  return "keptBytes" in asked ? asked.keptBytes : charged(asked.sizeBytes, round.ratios.storage);
}

/** Why a storage does not take so much; undefined when it does. Codes: STORAGE.1002 to STORAGE.1005. */
function whyNot({ storage, rooms, full, isUnclear }: StorageOption, where: string, bytes: number): string | undefined {
  if (isUnclear) return "the record of a volume that may be on it can't be read";
  const room = rooms.get(where);
  if (room === undefined) return "its host has not said what it has of it";
  if (full.has(where)) return "it is in use above threshold.primaryStorage.physicalCapacity";
  if (bytes > room) return `${formatSize(bytes)} are asked for, ${formatSize(Math.max(0, room))} are free`;
  return primaryStorageRefusal(storage.name, storage, "newVolume")?.details;
}

/**
 * Takes room on one storage. @param hostUuid on local storage the host whose disks it is on
 * @throws STORAGE.1002, STORAGE.1003 for its state, STORAGE.1004 without room
 */
export function takeRoom(round: Round, storageUuid: string, hostUuid: string | null, asked: Asked): void {
  const option = round.storages.find(({ storage }) => storage.uuid === storageUuid);
  if (option === undefined) throw new Error(`There is no storage ${storageUuid}.`);
  const { storage } = option;
  refuseFor(primaryStorageRefusal(storage.name, storage, "newVolume"));
  const [where, bytes] = [placeIn(storage, hostUuid), chargeOf(asked, round)];
  const why = whyNot(option, where, bytes);
  if (why !== undefined)
    throw new CloudError(
      refusalOf("STORAGE.1004", {
        where: `PrimaryStorage ${shown(storage.name)}`,
        details: `It takes nothing more: ${why}.`,
        remedy: "Expunge deleted volumes, delete snapshots, or choose another storage.",
        values: { asked: bytes },
      }),
    );
  round.takeRoom(option, where, bytes);
}

export type VolumeWish = {
  /** Of the volume, for the error. */
  name: string;
  sizeBytes: number;
  clusterUuid: string;
  /** Where its machine is, or was last. */
  hostUuid: string | null;
  /** The storage of the machine's root volume. */
  rootStorageUuid: string | null;
  /** Whether the machine has a volume on local storage already, and so stays on its host anyway. */
  isBound: boolean;
};

/**
 * Takes room for a new volume of a machine where that fits: with its root volume if there is room, else on the storage
 * with the most. A machine that can move stays so: local storage is for those that have a volume on it already.
 *
 * @throws STORAGE.1044 with what was against each storage
 */
export function takeRoomFor(round: Round, wish: VolumeWish): Storage {
  const bytes = chargeOf(wish, round);
  const against: string[] = [];
  const fits: StorageOption[] = [];
  for (const option of round.storages) {
    const { storage } = option;
    const why = !storage.attachedClusterUuids.includes(wish.clusterUuid)
      ? "not attached to the machine's cluster"
      : storage.type === "LocalStorage" && !wish.isBound
        ? "local, and would bind the machine to its host"
        : whyNot(option, placeIn(storage, wish.hostUuid), bytes);
    if (why === undefined) fits.push(option);
    else if (against.length < 12) against.push(`${shown(storage.name)}: ${why}`);
  }
  const room = ({ storage, rooms }: StorageOption) => rooms.get(placeIn(storage, wish.hostUuid)) ?? 0;
  const isRoots = ({ storage }: StorageOption) => storage.uuid === wish.rootStorageUuid;
  const [best] = fits.toSorted(
    (a, b) =>
      Number(isRoots(b)) - Number(isRoots(a)) || room(b) - room(a) || (a.storage.uuid < b.storage.uuid ? -1 : 1),
  );
  if (best !== undefined) {
    const where = placeIn(best.storage, wish.hostUuid);
    round.takeRoom(best, where, bytes);
    return best.storage;
  }
  const details =
    against.length === 0 ? "There are no storages." : `Against each there is something: ${against.join("; ")}.`;
  const remedy =
    "Mend one of these, or make the volume on a storage that you name (CreateDataVolume primaryStorageUuid).";
  throw new CloudError(refusalOf("STORAGE.1044", { where: `Volume ${shown(wish.name)}`, details, remedy }));
}
