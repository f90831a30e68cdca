import { cachedImagePath } from "../../hypervisor/driver.ts";
import { NodeError } from "../../model/error.ts";
import type { JsonObject } from "../../store/record.ts";
import { isosInUse } from "../device/iso-use.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import { folderOf } from "../vm/folder.ts";
import type { Storage } from "../vm/placement.ts";
import type { CopiedImage } from "./base.ts";
import type { ImageWorld } from "./world.ts";

/** `hostUuid` null: all hosts of the storage have the same. */
type Copy = CopiedImage & { storageUuid: string; hostUuid: string | null };

/** Hosts that are asked at once. */
const atOnce = 16;

/** Removes copies that nothing needs any more. */
export class ImageCaches {
  readonly #world: ImageWorld;
  readonly #onTrouble: (what: string, error: unknown) => void;

  constructor(world: ImageWorld, onTrouble: (what: string, error: unknown) => void) {
    this.#world = world;
    this.#onTrouble = onTrouble;
  }

  /** Those that can't be removed now, on hosts that are away for instance, stay on record for the next time. */
  async clean(signal: AbortSignal): Promise<void> {
    const { mirror } = this.#world.records;
    const wanted = contentsWanted(mirror);
    if (wanted === undefined) return;
    const unwanted = [...mirror.entries("CachedImage")].flatMap(([key, { value }]): [string, Copy][] => {
      const copy = copyOf(value);
      if (copy === undefined || wanted.has(contentKey(copy))) return [];
      return wanted.has(`${copy.storageUuid}:${contentKey(copy)}`) ? [] : [[key, copy]];
    });
    for (let at = 0; at < unwanted.length; at += atOnce) {
      signal.throwIfAborted();
      await Promise.all(unwanted.slice(at, at + atOnce).map(([key, copy]) => this.#removeIfCan(key, copy, signal)));
    }
    await this.#forget();
  }

  async #removeIfCan(key: string, copy: Copy, signal: AbortSignal): Promise<void> {
    await this.#remove(key, copy, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      // A host that does not do it now is asked again; one whose volumes stand on it, of which the records know nothing,
      // keeps it.
      if (!(error instanceof NodeError)) this.#onTrouble(`the cached image ${key} stays`, error);
    });
  }

  async #remove(key: string, copy: Copy, signal: AbortSignal): Promise<void> {
    const { records, link, newUuid } = this.#world;
    const { mirror } = records;
    const storage = mirror.get("PrimaryStorage", copy.storageUuid)?.value;
    const isGone = copy.hostUuid !== null && mirror.get("Host", copy.hostUuid) === undefined;
    const isUnknown = mirror.unreadable.get("PrimaryStorage", copy.storageUuid) !== undefined;
    if (isUnknown || (isGone && mirror.unreadable.get("Host", copy.hostUuid ?? "") !== undefined)) return;
    // With the records of its storage or host the data is nobody's concern any more.
    if (storage !== undefined && !isGone) {
      const host = hostsOf(mirror, storage, copy).find(({ status }) => status === "Connected");
      if (host === undefined) return;
      const path = cachedImagePath(folderOf(storage), copy);
      const id = `image-cache-${newUuid()}`;
      await link.command(
        host,
        { do: "deleteCachedImage", path },
        { id, flow: id, epoch: 0, timeoutMs: 60_000, signal },
      );
    }
    await records.change((tx) => {
      // A volume has come to stand on it meanwhile: its host brings it anew, and it stays on record.
      const isWanted = contentsWanted(mirror)?.has(`${copy.storageUuid}:${contentKey(copy)}`) ?? true;
      if (!isWanted && tx.get("CachedImage", key) !== undefined) tx.delete("CachedImage", key);
    });
  }

  /** Notes of volumes that are gone. */
  async #forget(): Promise<void> {
    const { records } = this.#world;
    const { mirror } = records;
    const gone = [...mirror.entries("VolumeBase")].filter(([uuid]) => !isThere(mirror, uuid)).map(([uuid]) => uuid);
    for (const uuid of gone)
      await records.change((tx) => {
        if (tx.get("Volume", uuid) === undefined && tx.get("VolumeBase", uuid) !== undefined)
          tx.delete("VolumeBase", uuid);
      });
  }
}

/**
 * Contents of images, and by their storage those that volumes stand on or drives read; undefined while an image can't be read, which
 * may be any.
 */
function contentsWanted(mirror: Mirror): Set<string> | undefined {
  if (!mirror.unreadable.all("Image").next().done) return;
  const wanted = new Set<string>();
  for (const { value } of mirror.all("Image"))
    if (value.sha256 !== null && value.status !== "Deleting") wanted.add(`${value.sha256}.${value.format}`);
  for (const [uuid, { value }] of mirror.entries("VolumeBase"))
    if (isThere(mirror, uuid)) wanted.add(`${value["storageUuid"]}:${value["sha256"]}.${value["format"]}`);
  for (const copy of isosInUse(mirror)) wanted.add(copy);
  return wanted;
}

function isThere(mirror: Mirror, volumeUuid: string): boolean {
  return mirror.get("Volume", volumeUuid) !== undefined || mirror.unreadable.get("Volume", volumeUuid) !== undefined;
}

function hostsOf(mirror: Mirror, storage: Storage, { hostUuid }: Copy): RecordOf<"Host">[] {
  const own = hostUuid === null ? undefined : mirror.get("Host", hostUuid)?.value;
  if (own !== undefined) return [own];
  return storage.attachedClusterUuids.flatMap((cluster) =>
    mirror.find("Host", "clusterUuid", cluster).map(({ value }) => value),
  );
}

function contentKey({ sha256, format }: CopiedImage): string {
  return `${sha256}.${format}`;
}

function copyOf({ storageUuid, hostUuid, sha256, format, sizeBytes }: JsonObject): Copy | undefined {
  if (typeof storageUuid !== "string" || typeof sha256 !== "string" || typeof sizeBytes !== "number") return;
  if (format !== "qcow2" && format !== "raw" && format !== "iso") return;
  return { storageUuid, hostUuid: typeof hostUuid === "string" ? hostUuid : null, sha256, format, sizeBytes };
}
