import { type Backing, type CachedImage, cachedImagePath, type ImageProgress } from "../../hypervisor/driver.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { FlowEnv } from "../flow/flow.ts";
import { mostPieceBytes } from "../host-link.ts";
import type { RecordOf } from "../kinds.ts";
import { folderOf } from "../vm/folder.ts";
import type { Storage } from "../vm/placement.ts";
import { type BaseImage, type CopiedImage, copyKey } from "./base.ts";
import { hostsCode, type ImageWorld } from "./world.ts";

/** `storeUuid`: where its content is. */
export type CarriedImage = BaseImage & { storeUuid: string };
export type CarriedIso = CopiedImage & { format: "iso"; storeUuid: string };

/** Bytes a second that a host reads at the least, when it checks what it was brought. */
const slowestRead = 5 * 1024 * 1024;
const [leastCheckMs, longestCheckMs] = [120_000, 86_400_000];
/** Attempts to bring one whose content was not the right one on the host. */
const attempts = 2;
/** Answers in a row that want another byte than the next one, as when two managers bring the same. */
const mostMisses = 100;

/**
 * Brings images to the caches of primary storages. Of several that want the same there, one brings it and the others wait;
 * when that one gives up, the next goes on where it was.
 */
export class ImageCarrier {
  readonly #world: ImageWorld;
  readonly #turns = new Map<string, Promise<void>>();

  constructor(world: ImageWorld) {
    this.#world = world;
  }

  /** Where it is in the cache of a storage once it was brought; whoever builds on it sees whether it still is. */
  static placeOf(storage: Storage, image: BaseImage): Backing {
    return { path: cachedImagePath(folderOf(storage), image), format: image.format };
  }

  /**
   * The image in the cache of a storage, as a host has it.
   * @throws those of `HostLink`; STORAGE.1030, STORAGE.1033; the signal's reason
   */
  async bring(
    host: RecordOf<"Host">,
    storage: Storage,
    image: CarriedImage,
    env: FlowEnv,
    signal: AbortSignal,
  ): Promise<Backing> {
    return { path: await this.#bring(host, storage, image, env, signal), format: image.format };
  }

  /** The same of an ISO image: its path there. */
  bringIso(
    host: RecordOf<"Host">,
    storage: Storage,
    image: CarriedIso,
    env: FlowEnv,
    signal: AbortSignal,
  ): Promise<string> {
    return this.#bring(host, storage, image, env, signal);
  }

  async #bring(
    host: RecordOf<"Host">,
    storage: Storage,
    image: CarriedImage | CarriedIso,
    env: FlowEnv,
    signal: AbortSignal,
  ): Promise<string> {
    const { sha256, format, sizeBytes } = image;
    const path = cachedImagePath(folderOf(storage), image);
    const cached: CachedImage = { path, format, sha256, sizeBytes, bringer: host.uuid };
    const leave = await this.#enter(copyKey(storage, host.uuid, image), signal);
    try {
      for (let attempt = 1; ; attempt++)
        try {
          await this.#bringOnce(host, cached, image, env, signal);
          return path;
        } catch (error) {
          if (hostsCode(error) !== "HYPERVISOR.IMAGE_DIFFERS" || attempt === attempts) throw error;
        }
    } finally {
      leave();
    }
  }

  async #bringOnce(
    host: RecordOf<"Host">,
    cached: CachedImage,
    image: CarriedImage | CarriedIso,
    { commandId, task: flow, epoch }: FlowEnv,
    signal: AbortSignal,
  ): Promise<void> {
    const { link, newUuid } = this.#world;
    const progress = await link.imageProgress(host, cached, signal);
    if (progress.isWhole) return;
    if (progress.offset < cached.sizeBytes) await this.#send(host, cached, image, progress, signal);
    // Done twice it is done: the id need not be known again.
    const id = `${commandId}.keep.${newUuid().slice(0, 8)}`;
    const timeoutMs = Math.min(longestCheckMs, leastCheckMs + Math.ceil((1000 * cached.sizeBytes) / slowestRead));
    await link.command(host, { do: "keepImage", ...cached }, { id, flow, epoch, timeoutMs, signal });
  }

  async #send(
    host: RecordOf<"Host">,
    cached: CachedImage,
    { storeUuid }: Pick<CarriedImage, "storeUuid">,
    begin: ImageProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const { records, images, link } = this.#world;
    const store = records.mirror.get("BackupStorage", storeUuid)?.value;
    if (store === undefined) throw noStore(storeUuid);
    const content = await images.open(store, cached);
    // While one piece goes over the line, the next is read.
    const buffers = [new Uint8Array(mostPieceBytes), new Uint8Array(mostPieceBytes)];
    const read = (from: number, turn: number) => {
      const length = Math.min(mostPieceBytes, Math.max(0, cached.sizeBytes - from));
      const piece = content.read(from, length, buffers[turn % 2]);
      // It is waited for in the next turn.
      piece.catch(() => undefined);
      return piece;
    };
    try {
      let misses = 0;
      let ahead = read(begin.offset, 0);
      for (let at = begin.offset, turn = 1; at < cached.sizeBytes; turn++) {
        signal.throwIfAborted();
        const piece = await ahead;
        const end = at + piece.length;
        ahead = read(end, turn);
        const next = await link.imagePiece(host, { image: cached, offset: at, content: piece }, signal);
        if (next.isWhole) return;
        misses = next.offset === end ? 0 : misses + 1;
        if (misses > mostMisses || piece.length === 0) throw notTaken(host.name);
        at = next.offset;
        if (at === end) continue;
        await ahead;
        ahead = read(at, turn);
      }
    } finally {
      await content.close();
    }
  }

  /** Waits for its turn; gives what ends it. @throws the signal's reason */
  async #enter(key: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      signal.throwIfAborted();
      const before = this.#turns.get(key);
      if (before === undefined) break;
      const { promise, reject } = Promise.withResolvers<never>();
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      await Promise.race([before, promise]).finally(() => signal.removeEventListener("abort", stop));
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.set(key, promise);
    return () => {
      this.#turns.delete(key);
      resolve();
    };
  }
}

function noStore(uuid: string): CloudError {
  const details = "Its image store is not in the cloud any more.";
  const remedy = "Take another image, or add the store again and its images to it.";
  return new CloudError(refusalOf("STORAGE.1033", { where: `BackupStorage ${uuid}`, details, remedy }));
}

function notTaken(name: string): CloudError {
  const details = "It takes no piece of the image.";
  const remedy = "See whether another manager brings the same image; try again.";
  return new CloudError(refusalOf("HOST.1012", { where: `Host ${shown(name)}`, details, remedy }));
}
