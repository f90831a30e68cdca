import { checkBacking, checkVolumePath, type HostCommand } from "../driver.ts";
import { noVolume, otherFormat, otherVolume } from "../refusals.ts";
import type { VolumePlace } from "../volume-commands.ts";
import type { Holds, SharedStorage } from "./holds.ts";
import type { SimulatedImages } from "./images.ts";
import type { SimulatedState, SimulatedVolume } from "./state.ts";

type Wait = () => Promise<void>;

export type SimulatedVolumesOptions = {
  state: SimulatedState;
  holds: Holds;
  images: SimulatedImages;
  /** What several hosts have; volumes elsewhere are this host's alone. */
  shared: SharedStorage | undefined;
};

/** Which volumes there are, on the host's own storage and on what it shares with others. */
export class SimulatedVolumes {
  readonly #options: SimulatedVolumesOptions;

  constructor(options: SimulatedVolumesOptions) {
    this.#options = options;
  }

  find(path: string): SimulatedVolume | undefined {
    return (this.sharing(path) ?? this.#options.state).volumes.get(path);
  }

  sharing(path: string): SharedStorage | undefined {
    const { shared } = this.#options;
    return shared !== undefined && path.startsWith(shared.under) ? shared : undefined;
  }

  async store(volume: SimulatedVolume): Promise<void> {
    const shared = this.sharing(volume.path);
    if (shared === undefined) await this.#options.state.putVolume(volume);
    else shared.volumes.set(volume.path, volume);
  }

  async create({ path, sizeBytes, format }: Extract<HostCommand, { do: "createVolume" }>, wait: Wait): Promise<void> {
    checkVolumePath(path);
    await wait();
    await this.#put({ path, sizeBytes, format });
  }

  async createFromImage(
    { path, sizeBytes, backing }: Extract<HostCommand, { do: "createVolumeFromImage" }>,
    wait: Wait,
  ): Promise<void> {
    checkVolumePath(path);
    checkBacking(path, backing);
    await wait();
    if (this.find(path) === undefined) this.#options.images.need(backing.path);
    await this.#put({ path, sizeBytes, format: "qcow2", image: backing.path });
  }

  async delete(path: string, wait: Wait): Promise<void> {
    checkVolumePath(path);
    if (this.find(path) === undefined) return;
    await wait();
    this.#options.holds.checkFree(path);
    const shared = this.sharing(path);
    if (shared === undefined) await this.#options.state.removeVolume(path);
    else shared.volumes.delete(path);
  }

  /**
   * That a machine can have it as its disk. @param mayCome whether one that is still being copied here will do
   * @throws as a driver does when it can't
   */
  check({ path, format, backing }: VolumePlace, mayCome = false): void {
    checkVolumePath(path);
    if (backing !== undefined) checkBacking(path, backing);
    const found = this.find(path);
    if (found === undefined) throw noVolume(path);
    if (found.format !== format) throw otherFormat(path, `is ${found.format} and not ${format}`);
    if (found.isComing === true && !mayCome) throw otherFormat(path, "is not all there");
    if (found.image !== backing?.path) throw otherFormat(path, "stands on another file");
    if (backing !== undefined) this.#options.images.need(backing.path);
  }

  async #put(volume: SimulatedVolume): Promise<void> {
    const { path, sizeBytes, format, image } = volume;
    const found = this.find(path);
    if (found?.sizeBytes === sizeBytes && found.format === format && found.image === image) return;
    if (found !== undefined) throw otherVolume(path, found.sizeBytes, found.format);
    await this.store(volume);
  }
}
