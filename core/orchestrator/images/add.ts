import { nextState } from "../../model/cloud/state-machine.ts";
import { isUpload } from "../../model/cloud/storage-place.ts";
import { imageStatusMachine } from "../../model/cloud/volume.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import type { ImageFormat, StoreFolder } from "./image-store.ts";
import { type ImageWorld, unlessCancelled } from "./world.ts";

export type AddImageData = {
  imageUuid: string;
  storeUuid: string;
  /** The store's folder, also when its record is gone. */
  storeUrl: string;
  /** The whole address. */
  url: string;
  format: ImageFormat;
  md5: string | null;
  sizeBytes?: number;
  gotMd5?: string;
  sha256?: string;
};

/** However long a slow line takes: a source that stands still ends it much sooner. */
const longestFetchMs = 7 * 86_400_000;
const tellEveryMs = 1000;
/** A disk that is busy with the image takes long for a note of it, and the manager waits meanwhile: such notes are rarer. */
const pausePerNote = 20;

/**
 * Fetches an image. A manager that takes over goes on where the former one was; what fails, or is cancelled, leaves
 * neither a record nor a file.
 */
export function addImageFlow(world: ImageWorld): Flow<AddImageData> {
  const { images, settings } = world;
  return {
    name: "addImage",
    steps: [
      {
        name: "fetch",
        title: "Fetching the image",
        cancellable: true,
        timeoutMs: longestFetchMs,
        async run(data, env) {
          const { imageUuid, url, md5 } = data;
          const fetched = await unlessCancelled(world, env, (signal) =>
            images.fetch(folderOf(data), {
              imageUuid,
              url,
              md5,
              idleMs: settings.number(`image.${isUpload(url) ? "upload" : "download"}.idleTimeout`) * 1000,
              reservedBytes: settings.number("backupStorage.reservedCapacity"),
              // The first of three steps.
              onProgress: progressTeller(world, data, env, (percent) => Math.floor(percent / 3)),
              signal,
            }),
          );
          if (fetched === undefined) return undefined;
          return { data: { sizeBytes: fetched.sizeBytes, gotMd5: fetched.md5, sha256: fetched.sha256 } };
        },
        async undo(data) {
          await images.discard(folderOf(data), data.imageUuid);
          return undefined;
        },
      },
      {
        name: "examine",
        title: "Examining the image",
        cancellable: true,
        async run(data, env) {
          const { imageUuid, format, sha256 = null, gotMd5: md5 = null, sizeBytes: actualSize = 0 } = data;
          const mostBytes = settings.number("image.maxVirtualSize");
          const examined = await unlessCancelled(world, env, (signal) =>
            images.examine(folderOf(data), imageUuid, { format, mostBytes, signal }),
          );
          if (examined === undefined) return undefined;
          // From now on nobody removes the content that this one is to have.
          const known = { sha256, md5, actualSize, size: examined.virtualSize };
          return { change: (tx) => void tx.update("Image", imageUuid, known) };
        },
      },
      {
        name: "keep",
        title: "Keeping the image",
        cancellable: true,
        async run(data) {
          const { imageUuid, sha256 } = data;
          if (sha256 === undefined) throw new Error(`${imageUuid} was not fetched.`);
          await images.keep(folderOf(data), imageUuid, sha256);
          return undefined;
        },
      },
    ],
    succeeded: (tx, { imageUuid }) => {
      const { name, status } = tx.need("Image", imageUuid);
      tx.update("Image", imageUuid, {
        status: orThrow(nextState(imageStatusMachine, name, status, "ready")),
        progress: 100,
      });
    },
    failed: (tx, { imageUuid }) => {
      if (tx.get("Image", imageUuid) !== undefined) tx.remove("Image", imageUuid);
    },
    result: ({ imageUuid }) => ({ imageUuid }),
  };
}

function folderOf({ storeUuid, storeUrl }: AddImageData): StoreFolder {
  return { uuid: storeUuid, url: storeUrl };
}

/** Notes how far it is: not with every percent of a fast line. */
export function progressTeller(
  { records }: Pick<ImageWorld, "records">,
  { imageUuid }: { imageUuid: string },
  { task }: FlowEnv,
  ofTask: (percent: number) => number,
) {
  let [nextAt, isTelling] = [Number.NEGATIVE_INFINITY, false];
  return (percent: number | null) => {
    const now = performance.now();
    if (percent === null || isTelling || now < nextAt) return;
    isTelling = true;
    const told = records.change((tx) => {
      if (tx.get("Image", imageUuid)?.status !== "Downloading" || tx.get("Task", task)?.endDate !== null) return;
      tx.update("Image", imageUuid, { progress: percent });
      tx.update("Task", task, { progress: ofTask(percent) });
    });
    // What can't be noted now is noted later; whether the store can be written at all is seen at the step's end.
    void told
      .catch(() => undefined)
      .finally(() => {
        const tookMs = performance.now() - now;
        nextAt = now + Math.max(tellEveryMs, pausePerNote * tookMs);
        isTelling = false;
      });
  };
}
