import { mostVolumePieceBytes } from "../../hypervisor/export-commands.ts";
import type { FlowEnv } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import { progressTeller } from "./add.ts";
import type { Fetched, StoreFolder } from "./image-store.ts";
import type { ImageWorld } from "./world.ts";

/** `path`: the file of a volume that stands on nothing and does not change meanwhile. */
export type Received = { imageUuid: string; host: RecordOf<"Host">; path: string; store: StoreFolder };

/**
 * Fetches the file of a volume from its host into an image store, or goes on with that: from the byte that the store wants.
 * @param ofTask percent of the task, of those of the file
 * @throws those of `HostLink` and of `ImageStore.fetch`; the signal's reason
 */
export async function receiveVolume(
  world: ImageWorld,
  { imageUuid, host, path, store }: Received,
  env: FlowEnv,
  signal: AbortSignal,
  ofTask: (percent: number) => number,
): Promise<Fetched> {
  const { images, settings } = world;
  const reservedBytes = settings.number("backupStorage.reservedCapacity");
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const send = async () => {
    for (let offset = 0; ; ) {
      until.throwIfAborted();
      const range = { offset, length: mostVolumePieceBytes };
      const { totalBytes, content } = await world.link.volumePiece(host, path, range, until);
      const next = await images.upload(store, imageUuid, { offset, totalBytes, content }, reservedBytes);
      if (next.isWhole) return;
      // Another manager of the same store may be at it still: where that has come to, it goes on.
      offset = next.offset;
    }
  };
  const fetching = images.fetch(store, {
    ...{ imageUuid, url: `upload://${imageUuid}`, md5: null, reservedBytes, signal: until },
    idleMs: settings.number("image.upload.idleTimeout") * 1000,
    onProgress: progressTeller(world, { imageUuid }, env, ofTask),
  });
  try {
    const [fetched] = await Promise.all([fetching, send()]);
    return fetched;
  } finally {
    over.abort(new Error("It has ended."));
    await fetching.catch(() => undefined);
  }
}
