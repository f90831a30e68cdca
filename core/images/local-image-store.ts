import { chmod, type FileHandle, link, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import type { StorageRoom } from "../hypervisor/driver.ts";
import { uuid } from "../model/cloud/fields.ts";
import { jsonOrNothing } from "../model/json.ts";
import { errnoOf, syncFolder, textOrNothing, writeDurably } from "../node/durable.ts";
import { KeyedTurns } from "../node/turns.ts";
import type {
  Examined,
  Fetched,
  Fetching,
  ImageContent,
  ImageFormat,
  ImageStore,
  StoreFolder,
  Uploaded,
  UploadedContent,
} from "../orchestrator/images/image-store.ts";
import { contentIn } from "./arriving.ts";
import { examineImage } from "./examine.ts";
import { type FetchOptions, fetchImage, isFull } from "./fetch.ts";
import { badFolder, folderFailed, noContent, noRoom } from "./refusals.ts";
import { type UploadLimits, Uploads } from "./upload.ts";

const mark = z.strictObject({ product: z.literal("Binnacle image store"), uuid });
const markName = "binnacle-image-store.json";
const readOnly = 0o444;
const lookMs = 2000;

export type LocalImageStoreOptions = Partial<Pick<FetchOptions, "checkpointBytes" | "pauseMs">> & {
  uploads?: Partial<UploadLimits>;
};

/**
 * Stores of images in folders of this computer. In each: the mark that says which one it is; `content/SHA256`, read-only,
 * once for all images that have the same; `incoming/IMAGE/`, what is being fetched.
 */
export class LocalImageStore implements ImageStore {
  readonly #options: Pick<FetchOptions, "checkpointBytes" | "pauseMs">;
  /** One after the other for each content. */
  readonly #turns = new KeyedTurns();
  readonly #uploads: Uploads;
  /** Who waits for an image that a client sends. */
  readonly #waiting = new Map<string, () => void>();

  constructor({ uploads, ...options }: LocalImageStoreOptions = {}) {
    this.#uploads = new Uploads(uploads);
    this.#options = {
      checkpointBytes: 32 * 1024 * 1024,
      pauseMs: (attempt) => Math.min(8000, 500 * 2 ** attempt),
      ...options,
    };
  }

  async prepare(url: string): Promise<StorageRoom> {
    return inFolder(url, async () => {
      for (const folder of [url, contents(url), incoming(url)]) await mkdir(folder, { recursive: true, mode: 0o700 });
      const probe = join(incoming(url), ".probe");
      await writeDurably(probe, "");
      await rm(probe);
      return roomOf(url);
    });
  }

  async knownAs(url: string): Promise<string | null> {
    return inFolder(url, async () => {
      const text = await textOrNothing(join(url, markName));
      const known = mark.safeParse(text === undefined ? undefined : jsonOrNothing(text));
      return known.success ? known.data.uuid : null;
    });
  }

  async claim({ uuid, url }: StoreFolder): Promise<void> {
    const text = JSON.stringify({ product: "Binnacle image store", uuid });
    await inFolder(url, () => writeDurably(join(url, markName), text));
  }

  async room(store: StoreFolder): Promise<StorageRoom> {
    await this.#requireMark(store);
    return inFolder(store.url, () => roomOf(store.url));
  }

  async fetch(store: StoreFolder, fetching: Fetching): Promise<Fetched> {
    await this.#requireMark(store);
    const folder = incomingOf(store, fetching.imageUuid);
    return fetchImage(fetching, {
      ...this.#options,
      folder,
      uploaded: () => this.#uploads.look(folder),
      uploadSums: () => this.#uploads.sumsOf(folder),
      storeUrl: store.url,
      sent: (signal) => this.#sent(fetching.imageUuid, signal),
      availableBytes: async () => (await roomOf(store.url)).availableBytes,
    });
  }

  async upload(
    store: StoreFolder,
    imageUuid: string,
    upload: UploadedContent,
    reservedBytes: number,
  ): Promise<Uploaded> {
    await this.#requireMark(store);
    const requireRoom = async (bytes: number) => {
      const available = (await roomOf(store.url)).availableBytes - reservedBytes;
      if (bytes > available) throw noRoom(store.url, bytes, available);
    };
    try {
      return await this.#uploads.take(incomingOf(store, imageUuid), { ...upload, requireRoom });
    } catch (error) {
      if (isFull(error)) throw noRoom(store.url, 1, 0);
      throw errnoOf(error) === undefined ? error : folderFailed(store.url, error);
    } finally {
      this.#waiting.get(imageUuid)?.();
    }
  }

  /** Another manager of the same store may have been sent it: that is seen by looking again after a while. */
  async #sent(imageUuid: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lookMs);
    signal.addEventListener("abort", () => resolve(), { once: true });
    this.#waiting.set(imageUuid, resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(imageUuid);
    signal.throwIfAborted();
  }

  async examine(
    store: StoreFolder,
    imageUuid: string,
    how: { format: ImageFormat; mostBytes: number; signal: AbortSignal },
  ): Promise<Examined> {
    return inFolder(store.url, () => examineImage(contentIn(incomingOf(store, imageUuid)), how));
  }

  async keep(store: StoreFolder, imageUuid: string, sha256: string): Promise<void> {
    const folder = incomingOf(store, imageUuid);
    const [from, to] = [contentIn(folder), contentOf(store, sha256)];
    await this.#turns
      .take(to, async () => {
        const [arrived, kept] = [await statOf(from), await statOf(to)];
        if (arrived === undefined && kept === undefined) throw noContent(sha256, "is not there");
        if (arrived !== undefined && kept?.size !== arrived.size) {
          await chmod(from, readOnly);
          await synced(from);
          // In the place of a damaged one, too.
          if (kept === undefined) await link(from, to);
          else await rename(from, to);
          await syncFolder(contents(store.url));
        }
      })
      .catch((error: unknown) => {
        throw folderFailed(store.url, error);
      });
    await this.discard(store, imageUuid);
  }

  async discard(store: StoreFolder, imageUuid: string): Promise<void> {
    await this.#uploads.end(incomingOf(store, imageUuid));
    await inFolder(store.url, () => rm(incomingOf(store, imageUuid), { recursive: true, force: true }));
  }

  async remove(store: StoreFolder, sha256: string, isUnused: () => boolean): Promise<void> {
    const file = contentOf(store, sha256);
    await this.#requireMark(store);
    await inFolder(store.url, () =>
      this.#turns.take(file, async () => {
        if (isUnused()) await rm(file, { force: true });
      }),
    );
  }

  async clean(store: StoreFolder, isWanted: (imageUuid: string) => boolean): Promise<void> {
    await this.#requireMark(store);
    await inFolder(store.url, async () => {
      for (const name of await readdir(incoming(store.url))) if (!isWanted(name)) await this.discard(store, name);
    });
    for (const folder of this.#uploads.folders())
      if (dirname(folder) === incoming(store.url) && !isWanted(basename(folder))) await this.#uploads.end(folder);
  }

  async open(store: StoreFolder, { sha256, sizeBytes }: { sha256: string; sizeBytes: number }): Promise<ImageContent> {
    await this.#requireMark(store);
    const handle = await open(contentOf(store, sha256), "r").catch((error: unknown) => {
      throw errnoOf(error) === "ENOENT" ? noContent(sha256, "is not there") : folderFailed(store.url, error);
    });
    const { size } = await handle.stat();
    if (size === sizeBytes) return new FileContent(handle, store.url);
    await handle.close();
    throw noContent(sha256, `has ${size} bytes in place of ${sizeBytes}`);
  }

  /** Without its file system, a folder of its name is another one. */
  async #requireMark({ uuid, url }: StoreFolder): Promise<void> {
    const known = await this.knownAs(url);
    if (known === uuid) return;
    throw badFolder(url, known === null ? "It has no mark of an image store in it." : "It is another image store.");
  }
}

class FileContent implements ImageContent {
  readonly #handle: FileHandle;
  readonly #url: string;

  constructor(handle: FileHandle, url: string) {
    this.#handle = handle;
    this.#url = url;
  }

  async read(offset: number, length: number, into: Uint8Array = new Uint8Array(length)): Promise<Uint8Array> {
    return inFolder(this.#url, async () => {
      const { buffer, bytesRead } = await this.#handle.read(into, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function contents(url: string): string {
  return join(url, "content");
}

function incoming(url: string): string {
  return join(url, "incoming");
}

function contentOf({ url }: StoreFolder, sha256: string): string {
  return join(contents(url), sha256);
}

/** @param imageUuid one of a record: it is a name of a folder and nothing else */
function incomingOf({ url }: StoreFolder, imageUuid: string): string {
  return join(incoming(url), basename(imageUuid));
}

async function roomOf(url: string): Promise<StorageRoom> {
  const { bsize, blocks, bavail } = await statfs(url);
  return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
}

async function statOf(file: string): Promise<{ size: number } | undefined> {
  return stat(file).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    return undefined;
  });
}

async function synced(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @throws STORAGE.1030 for what the system says of it */
async function inFolder<T>(url: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw folderFailed(url, error);
  }
}
