import type { StoragePlace, StorageRoom } from "../driver.ts";
import {
  type LockProbe,
  type LockState,
  networkStorageFolder,
  notMountable,
  notMounted,
  type SharedStorages,
} from "../shared-storage.ts";
import type { SharedStorage } from "./holds.ts";
import type { Simulation } from "./settings.ts";
import type { SimulatedState } from "./state.ts";

export type SimulatedStoragesOptions = {
  state: SimulatedState;
  bootId: () => string;
  /** What goes wrong now. */
  answering: (signal: AbortSignal) => Promise<Simulation>;
  sharing: (path: string) => SharedStorage | undefined;
};

/** Of each storage unless told. */
const usualStorageBytes = 1024 ** 4;

/** Storages that a simulated host has together with others: which are mounted since its start, and tries of locks. */
export class SimulatedStorages implements SharedStorages {
  readonly #options: SimulatedStoragesOptions;
  readonly #own = new Map<string, object>();

  constructor(options: SimulatedStoragesOptions) {
    this.#options = options;
  }

  /** @throws STORAGE.1051 */
  async connect({ type, url, mark }: StoragePlace, { lostStorages }: Simulation): Promise<void> {
    if (lostStorages.includes(url)) throw notMountable(url, "the simulation was told so");
    const { state, bootId } = this.#options;
    if (type === "NFS" && mark !== undefined && state.mounts.get(mark.uuid) !== bootId())
      await state.putMount(mark.uuid, bootId());
  }

  room(path: string, totalBytes = usualStorageBytes): StorageRoom {
    const { volumes, images } = this.#options.state;
    let used = 0;
    for (const each of [...volumes.values(), ...images.values()])
      if (each.path.startsWith(`${path}/`)) used += each.sizeBytes;
    return { totalBytes, availableBytes: Math.max(0, totalBytes - used) };
  }

  /** @throws STORAGE.1052 for what lies on a network storage that is not mounted */
  require(paths: readonly string[]): void {
    for (const path of paths) {
      const [, uuid] = pattern.exec(path) ?? [];
      if (uuid === undefined || this.#options.state.mounts.get(uuid) === this.#options.bootId()) continue;
      throw notMounted(`${networkStorageFolder}/${uuid}`);
    }
  }

  async lock({ path, probe, step }: LockProbe, signal: AbortSignal): Promise<LockState> {
    const { locksAreLocal } = await this.#options.answering(signal);
    const file = `${path}/${probe}`;
    const files = this.#options.sharing(file)?.probes ?? this.#own;
    if (step === "hold" && !files.has(file)) files.set(file, this);
    if (step === "release") files.delete(file);
    const holder = files.get(file);
    if (holder === undefined) return "absent";
    return holder === this || !locksAreLocal ? "held" : "free";
  }

  async keepOnly(uuids: readonly string[]): Promise<void> {
    const { state } = this.#options;
    for (const uuid of [...state.mounts.keys()])
      if (!uuids.includes(uuid) && !isUsed(state, uuid)) await state.removeMount(uuid);
  }
}

const pattern = new RegExp(`^${networkStorageFolder}/([\\da-f]{32})/`);

function isUsed({ machines }: SimulatedState, uuid: string): boolean {
  const under = `${networkStorageFolder}/${uuid}/`;
  return [...machines.values()].some(
    ({ runsIn, paths }) => runsIn !== null && paths.some((each) => each.startsWith(under)),
  );
}
