import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { type ByteRange, mostVolumePieceBytes, type VolumePiece } from "../../hypervisor/export-commands.ts";
import { CloudError } from "../../model/cloud/refusal.ts";
import type { FlowEnv } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import { progressTeller } from "./add.ts";
import type { Fetched, StoreFolder } from "./image-store.ts";
import type { ImageWorld } from "./world.ts";

/** `path`: the file of a volume that stands on nothing and does not change meanwhile. */
export type Received = { imageUuid: string; host: RecordOf<"Host">; path: string; store: StoreFolder };

/** Files that one manager fetches at once: people who send images have their places, too. */
const atOnce = 4;

/** Before a piece that did not come is asked for again: a line that is cut for a moment does not end hours of work. */
const pausesMs = [250, 1000, 4000, 16_000];

/** Fetches files of volumes from their hosts into image stores. */
export class VolumeReceiver {
  readonly #world: ImageWorld;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(world: ImageWorld) {
    this.#world = world;
  }

  /**
   * Fetches a file, or goes on with that: from the byte up to which the store has it.
   * @param ofTask percent of the task, of those of the file
   * @throws those of `HostLink`, of `ImageStore.fetch` and `ImageStore.upload`; the signal's reason
   */
  async receive(
    what: Received,
    env: FlowEnv,
    signal: AbortSignal,
    ofTask: (percent: number) => number,
  ): Promise<Fetched> {
    await this.#enter(signal);
    try {
      return await this.#receive(what, env, signal, ofTask);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #receive(what: Received, env: FlowEnv, signal: AbortSignal, ofTask: (percent: number) => number) {
    const { images, settings } = this.#world;
    const { imageUuid, store } = what;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const fetching = images.fetch(store, {
      ...{ imageUuid, url: `upload://${imageUuid}`, md5: null, signal: until },
      reservedBytes: settings.number("backupStorage.reservedCapacity"),
      idleMs: settings.number("image.upload.idleTimeout") * 1000,
      onProgress: progressTeller(this.#world, { imageUuid }, env, ofTask),
    });
    try {
      const [fetched] = await Promise.all([fetching, this.#send(what, until)]);
      return fetched;
    } finally {
      over.abort(new Error("It has ended."));
      await fetching.catch(() => undefined);
    }
  }

  async #send({ imageUuid, host, path, store }: Received, signal: AbortSignal): Promise<void> {
    const { images, settings } = this.#world;
    const reservedBytes = settings.number("backupStorage.reservedCapacity");
    const piece = (range: ByteRange) => this.#piece(host, path, range, signal);
    const { totalBytes } = await piece({ offset: 0, length: 1 });
    const mayGoOn = () => signal.throwIfAborted();
    const how = { hasOwnPlace: true, totalBytes, release: () => undefined, mayGoOn, signal };
    const nothing = { ...how, offset: 0, contentBytes: 0, content: Readable.from([]) };
    const { offset, isWhole } = await images.upload(store, imageUuid, nothing, reservedBytes);
    if (isWhole) return;
    let cause: unknown;
    const pieces = async function* () {
      for (let at = offset; at < totalBytes; ) {
        const range = { offset: at, length: Math.min(mostVolumePieceBytes, totalBytes - at) };
        const { content } = await piece(range).catch((error: unknown) => {
          cause = error;
          throw error;
        });
        if (content.length === 0) throw new Error("The file became shorter while it was read.");
        yield content;
        at += content.length;
      }
    };
    const content = Readable.from(pieces(), { objectMode: true, highWaterMark: 1 });
    try {
      const sent = { ...how, offset, contentBytes: totalBytes - offset, content };
      await images.upload(store, imageUuid, sent, reservedBytes);
    } catch (error) {
      // What the host says is the reason why nothing more came.
      throw cause ?? error;
    } finally {
      content.destroy();
    }
  }

  /** A piece, which is asked for again as long as its host is there and has only not answered. */
  async #piece(host: RecordOf<"Host">, path: string, range: ByteRange, signal: AbortSignal): Promise<VolumePiece> {
    const { link, records } = this.#world;
    for (const pauseMs of pausesMs)
      try {
        return await link.volumePiece(host, path, range, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isSilent = error instanceof CloudError && error.code === "HOST.1010";
        if (!isSilent || records.mirror.get("Host", host.uuid)?.value.status !== "Connected") throw error;
        await setTimeout(pauseMs, undefined, { signal });
      }
    return await link.volumePiece(host, path, range, signal);
  }

  /** @throws the signal's reason */
  async #enter(signal: AbortSignal): Promise<void> {
    while (this.#running >= atOnce) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.push(resolve);
      try {
        signal.throwIfAborted();
        await promise;
      } finally {
        signal.removeEventListener("abort", stop);
        const place = this.#waiting.indexOf(resolve);
        if (place >= 0) this.#waiting.splice(place, 1);
      }
    }
    this.#running += 1;
  }
}
