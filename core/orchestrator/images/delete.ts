import { isExpungeDue } from "../../model/cloud/deletion.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { imageStatusMachine } from "../../model/cloud/volume.ts";
import { orThrow } from "../calls/shared.ts";
import { forgetExpunging, noteExpunging } from "../expunging.ts";
import type { Flow } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import type { LiveSettings } from "../settings.ts";
import type { ImageCaches } from "./caches.ts";
import type { Image, ImageWorld } from "./world.ts";

export type DeleteImageData = { imageUuid: string; expunges: boolean };

/**
 * Deletes an image; or removes it for good: its content, where no other image has the same, and its copies in the caches
 * of hosts, where no volume stands on them. Hosts that are away lose theirs when they are back.
 */
export function deleteImageFlow(world: ImageWorld, caches: ImageCaches): Flow<DeleteImageData> {
  const { mirror } = world.records;
  return {
    name: "deleteImage",
    steps: [
      {
        name: "begin",
        title: "Noting that it goes",
        async run({ imageUuid, expunges }) {
          const image = mirror.get("Image", imageUuid)?.value;
          if (!expunges || image === undefined) return undefined;
          // While its folder is not there it can still be recovered.
          for (const store of storesOf(mirror, image)) await world.images.room(store);
          return { change: (tx) => noteExpunging(tx, imageUuid) };
        },
      },
      {
        name: "content",
        title: "Removing its content",
        async run({ imageUuid, expunges }) {
          const image = mirror.get("Image", imageUuid)?.value;
          if (!expunges || image === undefined || image.sha256 === null) return undefined;
          for (const store of storesOf(mirror, image))
            await world.images.remove(store, image.sha256, () => !isKept(mirror, image, store.uuid));
          return undefined;
        },
      },
      {
        name: "caches",
        title: "Removing it from the caches of hosts",
        async run({ expunges }, { signal }) {
          if (expunges) await caches.clean(signal);
          return undefined;
        },
      },
    ],
    succeeded: (tx, { imageUuid, expunges }) => {
      if (expunges && tx.get("Image", imageUuid) !== undefined) removeImage(tx, imageUuid);
      else if (!expunges) moveOn(tx, imageUuid, "deleted");
    },
    // What can't be removed now can be later, and can't be used meanwhile.
    failed: (tx, { imageUuid }) => {
      if (tx.get("Image", imageUuid) !== undefined) moveOn(tx, imageUuid, "deleted");
    },
  };
}

function storesOf(mirror: Mirror, { backupStorageUuids }: Image): RecordOf<"BackupStorage">[] {
  return backupStorageUuids.flatMap((uuid) => mirror.get("BackupStorage", uuid)?.value ?? []);
}

export function removeImage(tx: Tx, uuid: string): void {
  tx.remove("Image", uuid);
  if (tx.get("Discarded", uuid) !== undefined) tx.delete("Discarded", uuid);
  forgetExpunging(tx, uuid);
}

/** Whether another image of a store has the same content. One that is being removed has none any more. */
export function isKept(mirror: Mirror, { uuid, sha256 }: Pick<Image, "uuid" | "sha256">, storeUuid: string): boolean {
  // It may be one that can't be read.
  if (mirror.unreadable.naming(storeUuid, "Image") !== undefined) return true;
  return mirror
    .find("Image", "backupStorageUuids", storeUuid)
    .some(({ value }) => value.uuid !== uuid && value.sha256 === sha256 && value.status !== "Deleting");
}

/** An image after an event. @throws STORAGE.1008 */
export function moveOn(tx: Tx, uuid: string, event: keyof typeof imageStatusMachine.events): Image {
  const { name, status } = tx.need("Image", uuid);
  return tx.update("Image", uuid, { status: orThrow(nextState(imageStatusMachine, name, status, event)) });
}

/** Tasks that one look begins at the most. */
const atOnce = 100;

/**
 * Images that were deleted so long ago that they are to be removed for good now, are half removed, or that nobody can want
 * back; the oldest first.
 */
export function imagesToExpunge(mirror: Mirror, settings: LiveSettings, now: number): string[] {
  const policy = settings.choice("image.deletionPolicy");
  // What the settings say is not known while one of them can't be read.
  if (!mirror.unreadable.all("GlobalConfig").next().done) return [];
  const seconds = settings.number("image.expungePeriod");
  const isDue = ({ lastOpDate }: Image) => policy !== "Never" && isExpungeDue("Delay", lastOpDate, seconds, now);
  const isWantedGone = (uuid: string) =>
    (["Expunging", "Discarded"] as const).some((kind) => mirror.get(kind, uuid) !== undefined);
  const due: Image[] = [];
  for (const { value } of mirror.all("Image"))
    if (value.status === "Deleted") if (isWantedGone(value.uuid) || isDue(value)) due.push(value);
  return due
    .sort((a, b) => a.lastOpDate - b.lastOpDate)
    .slice(0, atOnce)
    .map(({ uuid }) => uuid);
}
