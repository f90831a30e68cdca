import { charged } from "../model/cloud/capacity.ts";
import { type FiguresView, settingOf } from "./figures-view.ts";
import type { RecordOf } from "./kinds.ts";
import type { MirrorChange } from "./mirror.ts";

type Storage = RecordOf<"PrimaryStorage">;
type Volume = RecordOf<"Volume">;
type Snapshot = RecordOf<"VolumeSnapshot">;

const storageRatio = "mevoco.overProvisioning.primaryStorage";

/** What storages have promised to volumes, and what images in their caches take: added up while the records come, as the sums of hosts are. */
export class StorageSums {
  readonly #view: FiguresView;
  readonly #sums = new Map<string, number>();
  #ratio: number;

  /** @param view the records as they were loaded */
  constructor(view: FiguresView) {
    this.#view = view;
    this.#ratio = settingOf(view, storageRatio);
    this.#addAll();
  }

  /** Takes in what a transaction changed; gives the storages whose figures may differ now. */
  follow(changes: readonly MirrorChange[]): Set<string> {
    const storages = new Set<string>();
    let hasSettings = false;
    for (const { kind, key, before, after } of changes)
      if (kind === "Volume" || kind === "VolumeSnapshot") {
        for (const [record, sign] of [
          [before, -1],
          [after, 1],
        ] as const) {
          if (record === undefined) continue;
          const uuid =
            kind === "Volume"
              ? this.#add(record.value as Volume, sign)
              : this.#addSnapshot(record.value as Snapshot, sign);
          if (uuid !== null) storages.add(uuid);
        }
      } else if (kind === "CachedImage") {
        for (const [record, sign] of [
          [before, -1],
          [after, 1],
        ] as const) {
          const uuid = record === undefined ? null : this.#addImage(record.value as RecordOf<"CachedImage">, sign);
          if (uuid !== null) storages.add(uuid);
        }
      } else if (kind === "PrimaryStorage") storages.add(key);
      else if (kind === "GlobalConfig") hasSettings = true;
    if (!hasSettings) return storages;
    const ratio = settingOf(this.#view, storageRatio);
    if (ratio === this.#ratio) return storages;
    this.#ratio = ratio;
    this.#sums.clear();
    this.#addAll();
    return new Set([...this.#view.all("PrimaryStorage")].map(({ value }) => value.uuid));
  }

  /** Below zero it is none: an over-provisioning that was lowered takes nothing back. */
  figures({ uuid, totalCapacity }: Storage): Pick<Storage, "availableCapacity"> {
    return { availableCapacity: Math.max(0, totalCapacity - (this.#sums.get(uuid) ?? 0)) };
  }

  #addAll(): void {
    for (const { value } of this.#view.all("Volume")) this.#add(value, 1);
    for (const { value } of this.#view.all("VolumeSnapshot")) this.#addSnapshot(value, 1);
    for (const { value } of this.#view.all("CachedImage")) this.#addImage(value, 1);
  }

  /** By what it really takes up: over-provisioning does not shrink what is there. */
  #addSnapshot({ primaryStorageUuid, size }: Snapshot, sign: 1 | -1): string {
    return this.#addTo(primaryStorageUuid, sign * size);
  }

  /** By real size, too. */
  #addImage({ storageUuid, sizeBytes }: RecordOf<"CachedImage">, sign: 1 | -1): string | null {
    if (typeof storageUuid !== "string" || typeof sizeBytes !== "number") return null;
    return this.#addTo(storageUuid, sign * sizeBytes);
  }

  #add({ primaryStorageUuid, size }: Volume, sign: 1 | -1): string | null {
    if (primaryStorageUuid === null) return null;
    return this.#addTo(primaryStorageUuid, sign * charged(size, this.#ratio));
  }

  #addTo(storageUuid: string, bytes: number): string {
    const sum = (this.#sums.get(storageUuid) ?? 0) + bytes;
    if (sum === 0) this.#sums.delete(storageUuid);
    else this.#sums.set(storageUuid, sum);
    return storageUuid;
  }
}
