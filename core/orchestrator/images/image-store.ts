import type { Readable } from "node:stream";
import type { StorageRoom } from "../../hypervisor/driver.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";

/** A store of images: a folder of this computer. */
export type StoreFolder = { readonly uuid: string; readonly url: string };

export type ImageFormat = "qcow2" | "raw" | "iso";

/** What is to be fetched. `imageUuid` names what was fetched so far, also after the manager was started anew. */
export type Fetching = {
  readonly imageUuid: string;
  readonly url: string;
  /** The checksum that it must have, in lower case; null: any. */
  readonly md5: string | null;
  /** Milliseconds without a single byte after which its source has failed. */
  readonly idleMs: number;
  /** Bytes of the file system that stay free. */
  readonly reservedBytes: number;
  /** Percent that is there; null where its source does not tell how much there is. */
  readonly onProgress: (percent: number | null) => void;
  readonly signal: AbortSignal;
};

export type Fetched = { readonly sizeBytes: number; readonly md5: string; readonly sha256: string };

/** What a client sends of an image: all that is missing, or the next part of it. */
export type UploadedContent = {
  /** Where it begins: where the last one has ended. */
  readonly offset: number;
  /** Of the whole image. */
  readonly totalBytes: number;
  /** Of this part; 0: it is only asked how far the image has come. */
  readonly contentBytes: number;
  readonly content: Readable;
  /** Told of each chunk of the content when it is not used any more. */
  readonly release: (chunk: Uint8Array) => void;
  /** Asked from time to time. @throws why nothing more may come */
  readonly mayGoOn: () => void;
  /** Ends it with its reason; what has come is kept. */
  readonly signal: AbortSignal;
  /** The manager's own, which limits the number of those itself: it needs none of the clients' places. */
  readonly hasOwnPlace?: boolean;
};

/** `offset`: how far it has come. */
export type Uploaded = { readonly offset: number; readonly isWhole: boolean };

/** What a guest of an image sees, in bytes. */
export type Examined = { readonly virtualSize: number };

/**
 * The stores of images on the disks of this manager. All errors that a person may meet are CloudErrors STORAGE.1020 to
 * STORAGE.1033; none has a URL's password or query in it.
 */
export interface ImageStore {
  /** Makes a folder where there is none, and looks whether it can be a store. @throws STORAGE.1030 */
  prepare(url: string): Promise<StorageRoom>;
  /** Which store a folder is known to be: its uuid; null when it is none. @throws STORAGE.1030 */
  knownAs(url: string): Promise<string | null>;
  /** Notes in a prepared folder which store it is. @throws STORAGE.1030 */
  claim(store: StoreFolder): Promise<void>;
  /** The room of a store. @throws STORAGE.1030 when its folder is not there, or is another store's */
  room(store: StoreFolder): Promise<StorageRoom>;
  /**
   * Fetches an image into the store, or goes on with that. Called off, it keeps what it has.
   * @throws STORAGE.1020 to STORAGE.1023, STORAGE.1029, STORAGE.1030; the signal's reason
   */
  fetch(store: StoreFolder, fetching: Fetching): Promise<Fetched>;
  /**
   * Takes what a client sends of an image, while {@link fetch} of its `upload://` waits for the whole.
   * @throws STORAGE.1022, STORAGE.1029, STORAGE.1030, STORAGE.1070 to STORAGE.1073, SYS.1013; what `mayGoOn` throws
   */
  upload(store: StoreFolder, imageUuid: string, upload: UploadedContent, reservedBytes: number): Promise<Uploaded>;
  /** Whether what was fetched is such an image, and a harmless one. @throws STORAGE.1024 to STORAGE.1028 */
  examine(
    store: StoreFolder,
    imageUuid: string,
    how: { format: ImageFormat; mostBytes: number; signal: AbortSignal },
  ): Promise<Examined>;
  /** What was fetched is kept by its content, once for all images that have the same. Done already, it stays so. */
  keep(store: StoreFolder, imageUuid: string, sha256: string): Promise<void>;
  /** Removes what was fetched of an image that is not kept. */
  discard(store: StoreFolder, imageUuid: string): Promise<void>;
  /** Removes a content, which is gone already after the first time, if `isUnused` still says so then. */
  remove(store: StoreFolder, sha256: string, isUnused: () => boolean): Promise<void>;
  /** Removes what was fetched of images that nobody fetches any more. */
  clean(store: StoreFolder, isWanted: (imageUuid: string) => boolean): Promise<void>;
  /** A content, to be read in pieces. @throws STORAGE.1033 when it is not there, or was changed */
  open(store: StoreFolder, content: { sha256: string; sizeBytes: number }): Promise<ImageContent>;
}

export interface ImageContent {
  /**
   * Bytes from an offset on: as many as are asked for, less only at the end.
   * @param into a place for them, which is used again and again
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Of a manager without a room for images. */
export const noImageStore: ImageStore = {
  prepare: refused,
  knownAs: refused,
  claim: refused,
  room: refused,
  fetch: refused,
  upload: refused,
  examine: refused,
  keep: refused,
  discard: refused,
  remove: refused,
  clean: refused,
  open: refused,
};

async function refused(): Promise<never> {
  const details = "This manager was started without a room for images.";
  const remedy = "Start it as its service does.";
  throw new CloudError(refusalOf("STORAGE.1030", { where: "manager", details, remedy }));
}
