import { statfs } from "node:fs/promises";
import { NodeError } from "../../model/error.ts";
import type { Machine } from "../../node/machine.ts";
import { KeyedTurns } from "../../node/turns.ts";
import {
  type CachedImage,
  checkVolumePath,
  type ImageCache,
  type ImageProgress,
  type StoragePlace,
  type StorageRoom,
} from "../driver.ts";
import { type LockProbe, type LockState, notMounted, type SharedStorages } from "../shared-storage.ts";
import { makeVolumeFolder } from "./folder.ts";
import type { MachineLocks } from "./machine-locks.ts";
import { MountPoints } from "./mount-points.ts";
import { mountAt, roomAt } from "./mounts.ts";
import { NetworkStorage } from "./network-storage.ts";
import { StorageLocks } from "./storage-locks.ts";

/**
 * The primary storages of a host. Of those that lie on another computer, or may hang for another reason, nothing is
 * opened by the agent before a process of its own has found that they are there and answer: `require`.
 */
export class HostStorages implements SharedStorages {
  readonly #machine: Machine;
  readonly #network: NetworkStorage;
  readonly #locks: StorageLocks;
  readonly #mountPoints: MountPoints;
  /** Storages that are being looked at: one look serves all who ask at the same time. */
  readonly #looks = new Map<string, Promise<void>>();
  /** One after the other for each storage. */
  readonly #turns = new KeyedTurns();

  /**
   * @param root where network storages are mounted, see {@link NetworkStorage}
   * @param mountPoints where shared mount points are noted, see {@link MountPoints}
   */
  constructor(
    machine: Machine,
    { root, mountPoints, locks }: { root?: string | undefined; mountPoints?: string | undefined; locks: MachineLocks },
  ) {
    this.#machine = machine;
    this.#mountPoints = new MountPoints(mountPoints);
    this.#network = new NetworkStorage(machine, root);
    this.#locks = new StorageLocks(machine, locks);
  }

  /** As {@link HypervisorDriver.storage}. @throws HYPERVISOR.FAILED, HYPERVISOR.BAD_PATH, STORAGE.1051 to STORAGE.1055 */
  async room(place: StoragePlace, signal: AbortSignal): Promise<StorageRoom> {
    const { type, path } = place;
    checkVolumePath(path);
    switch (type) {
      case "LocalStorage":
        await this.#mountPoints.note(path, false);
        return await localRoom(path);
      case "SharedMountPoint":
        await this.#mountPoints.note(path, true);
        if ((await mountAt(this.#machine, path)) === undefined) throw notMounted(path);
        return await roomAt(this.#machine, path, signal);
      case "NFS":
        return await this.#turns.take(path, () => this.#network.connect(place, signal));
      default:
        throw new NodeError("HYPERVISOR.FAILED", `This version can't use storage of the type ${type}.`, {
          remedy: "Use local storage, NFS or a shared mount point.",
        });
    }
  }

  /** That the storages of these files are there, and answer at this moment. @throws STORAGE.1052, STORAGE.1054, STORAGE.1055, HYPERVISOR.FAILED */
  async require(paths: Iterable<string>): Promise<void> {
    const folders = new Set<string>();
    for (const path of paths) {
      const folder = this.#network.folderOf(path) ?? (await this.#mountPoints.folderOf(path));
      if (folder !== undefined) folders.add(folder);
    }
    for (const folder of folders) await this.#look(folder);
  }

  async lock(probe: LockProbe, signal: AbortSignal): Promise<LockState> {
    await this.require([`${probe.path}/x`]);
    return await this.#locks.carryOut(probe, signal);
  }

  keepOnly(uuids: readonly string[]): Promise<void> {
    return this.#network.keepOnly(uuids);
  }

  async #look(folder: string): Promise<void> {
    const underWay = this.#looks.get(folder);
    if (underWay !== undefined) return await underWay;
    const look = this.#lookAt(folder).finally(() => this.#looks.delete(folder));
    this.#looks.set(folder, look);
    await look;
  }

  async #lookAt(folder: string): Promise<void> {
    if ((await mountAt(this.#machine, folder)) === undefined) throw notMounted(folder);
    if (this.#network.folderOf(`${folder}/x`) === folder) await this.#network.require(folder);
    else await roomAt(this.#machine, folder);
  }
}

/** A cache of images whose storages are looked at first. */
export function guardedImages(images: ImageCache, storages: HostStorages): ImageCache {
  return {
    async progress(image: CachedImage): Promise<ImageProgress> {
      await storages.require([image.path]);
      return await images.progress(image);
    },
    async write(image: CachedImage, offset: number, content: Uint8Array): Promise<ImageProgress> {
      await storages.require([image.path]);
      return await images.write(image, offset, content);
    },
  };
}

async function localRoom(path: string): Promise<StorageRoom> {
  try {
    await makeVolumeFolder(path);
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
  } catch (error) {
    throw new NodeError("HYPERVISOR.FAILED", `The storage ${path} can't be used on this host.`, {
      remedy: "Look at its disk, and whether it is mounted.",
      cause: error,
    });
  }
}
