import { Readable } from "node:stream";
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
  async function* pieces(from: number): AsyncGenerator<Uint8Array> {
    for (let offset = from; ; ) {
      until.throwIfAborted();
      const { totalBytes, content } = await world.link.volumePiece(host, path, pieceAt(offset), until);
      if (content.length > 0) yield content;
      offset += content.length;
      if (offset >= totalBytes || content.length === 0) return;
    }
  }
  const send = async () => {
    const { totalBytes } = await world.link.volumePiece(host, path, { offset: 0, length: 1 }, until);
    const take = (offset: number, contentBytes: number, content: Readable) =>
      images.upload(
        store,
        imageUuid,
        {
          ...{ offset, totalBytes, contentBytes, content, signal: until },
          release: () => undefined,
          mayGoOn: () => until.throwIfAborted(),
        },
        reservedBytes,
      );
    const { offset, isWhole } = await take(0, 0, Readable.from([]));
    if (isWhole) return;
    await take(offset, totalBytes - offset, Readable.from(pieces(offset), { objectMode: false }));
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

const pieceAt = (offset: number) => ({ offset, length: mostVolumePieceBytes });
