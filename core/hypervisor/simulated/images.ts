import { isoInUse } from "../device-refusals.ts";
import { type CachedImage, type ImageCache, type ImageProgress, storageOfImage } from "../driver.ts";
import { imageInUse, noImage } from "../refusals.ts";
import type { SharedStorage } from "./holds.ts";
import type { SimulatedImage, SimulatedMachine, SimulatedState, SimulatedVolume } from "./state.ts";

/** The caches of a simulated host: it asks for no content, and notes that an image is there. */
export class SimulatedImages implements ImageCache {
  readonly #state: SimulatedState;
  readonly #shared: SharedStorage | undefined;

  readonly #runs: (machine: SimulatedMachine) => boolean;

  constructor(state: SimulatedState, shared: SharedStorage | undefined, runs: (machine: SimulatedMachine) => boolean) {
    this.#state = state;
    this.#shared = shared;
    this.#runs = runs;
  }

  async progress({ path, sizeBytes }: CachedImage): Promise<ImageProgress> {
    storageOfImage(path);
    return { isWhole: this.#placeOf(path).images.has(path), offset: sizeBytes };
  }

  write(image: CachedImage): Promise<ImageProgress> {
    return this.progress(image);
  }

  async keep({ path, sizeBytes }: CachedImage): Promise<void> {
    storageOfImage(path);
    const place = this.#placeOf(path);
    if (place.images.has(path)) return;
    if (place === this.#state) await this.#state.putImage({ path, sizeBytes });
    else place.images.set(path, { path, sizeBytes });
  }

  /** @throws HYPERVISOR.IMAGE_IN_USE */
  async delete(path: string): Promise<void> {
    storageOfImage(path);
    const place = this.#placeOf(path);
    for (const volume of place.volumes.values()) if (volume.image === path) throw imageInUse(path, volume.path);
    for (const machine of this.#state.machines.values())
      if (machine.isos?.includes(path) === true && this.#runs(machine)) throw isoInUse(path);
    if (!place.images.has(path)) return;
    if (place === this.#state) await this.#state.removeImage(path);
    else place.images.delete(path);
  }

  /** @throws HYPERVISOR.IMAGE_ABSENT */
  need(path: string): void {
    if (!this.#placeOf(path).images.has(path)) throw noImage(path);
  }

  #placeOf(path: string): { images: Map<string, SimulatedImage>; volumes: Map<string, SimulatedVolume> } {
    const isShared = this.#shared !== undefined && path.startsWith(this.#shared.under);
    return isShared ? this.#shared : this.#state;
  }
}
