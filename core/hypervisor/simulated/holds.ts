import { NodeError } from "../../model/error.ts";
import type { MachineSpec } from "../driver.ts";
import { noMemory } from "../refusals.ts";
import type { SimulatedImage, SimulatedMachine, SimulatedVolume } from "./state.ts";

type Opener = { readonly host: object; readonly uuid: string };

/**
 * A storage that several simulated hosts of one process share: everything below one folder. It lasts as long as the
 * process. As with QEMU's image locks, a volume that a machine has open can't be opened by another host.
 */
export class SharedStorage {
  readonly under: string;
  readonly volumes = new Map<string, SimulatedVolume>();
  readonly images = new Map<string, SimulatedImage>();
  readonly openers = new Map<string, Opener>();
  /** Who holds which lock, of those that are tried. */
  readonly probes = new Map<string, object>();

  /** @param under an absolute path that ends in a slash */
  constructor(under: string) {
    this.under = under;
  }
}

/** What the machines of one simulated host hold while they run or are being started: memory and open volumes. */
export class Holds {
  readonly #host: object;
  readonly #memoryBytes: number;
  readonly #shared: SharedStorage | undefined;
  readonly #openers = new Map<string, Opener>();
  readonly #held = new Map<string, Pick<SimulatedMachine, "memorySize" | "paths">>();
  #usedBytes = 0;

  constructor(host: object, memoryBytes: number, shared: SharedStorage | undefined) {
    this.#host = host;
    this.#memoryBytes = memoryBytes;
    this.#shared = shared;
  }

  /** @throws HYPERVISOR.NO_MEMORY, HYPERVISOR.VOLUME_IN_USE; nothing is held then */
  take({ uuid, name, memorySize, disks }: MachineSpec): void {
    const freeBytes = this.#memoryBytes - this.#usedBytes + (this.#held.get(uuid)?.memorySize ?? 0);
    if (memorySize > freeBytes) throw noMemory(name, memorySize, freeBytes);
    for (const { path } of disks) this.checkFree(path, uuid);
    this.keep({ uuid, memorySize, paths: disks.map(({ path }) => path) });
  }

  /** Holds what a machine has already that was running before. */
  keep({ uuid, memorySize, paths }: Pick<SimulatedMachine, "uuid" | "memorySize" | "paths">): void {
    this.release(uuid);
    this.#held.set(uuid, { memorySize, paths });
    this.#usedBytes += memorySize;
    for (const path of paths) {
      const openers = this.#openersOf(path);
      // One that stands still since it was moved has let go what runs elsewhere by now.
      if ((openers.get(path)?.host ?? this.#host) === this.#host) openers.set(path, { host: this.#host, uuid });
    }
  }

  /** Memory for one that comes from another host, which has its volumes open yet. @throws HYPERVISOR.NO_MEMORY */
  takeMemory(spec: MachineSpec): void {
    this.take({ ...spec, disks: [] });
  }

  /** And its volumes, when that host has let them go. @throws HYPERVISOR.VOLUME_IN_USE */
  takeVolumes(spec: MachineSpec): void {
    this.take(spec);
  }

  /** Lets the volumes of one that stands still go, and keeps its memory. */
  releaseVolumes(uuid: string): void {
    const held = this.#held.get(uuid);
    if (held !== undefined) this.keep({ uuid, memorySize: held.memorySize, paths: [] });
  }

  /** One disk more of a machine that runs. @throws HYPERVISOR.VOLUME_IN_USE */
  open(uuid: string, path: string): void {
    this.checkFree(path, uuid);
    const held = this.#held.get(uuid);
    if (held === undefined || held.paths.includes(path)) return;
    this.keep({ uuid, memorySize: held.memorySize, paths: [...held.paths, path] });
  }

  /** One disk less. */
  close(uuid: string, path: string): void {
    const held = this.#held.get(uuid);
    if (held === undefined) return;
    this.keep({ uuid, memorySize: held.memorySize, paths: held.paths.filter((each) => each !== path) });
  }

  release(uuid: string): void {
    const held = this.#held.get(uuid);
    if (held === undefined) return;
    this.#held.delete(uuid);
    this.#usedBytes -= held.memorySize;
    for (const path of held.paths) {
      const openers = this.#openersOf(path);
      if (openers.get(path)?.host === this.#host) openers.delete(path);
    }
  }

  releaseAll(): void {
    for (const uuid of [...this.#held.keys()]) this.release(uuid);
  }

  /** @param uuid the machine that may have it open. @throws HYPERVISOR.VOLUME_IN_USE */
  checkFree(path: string, uuid?: string): void {
    const opener = this.#openersOf(path).get(path);
    if (opener === undefined || (opener.host === this.#host && opener.uuid === uuid)) return;
    throw new NodeError("HYPERVISOR.VOLUME_IN_USE", `The machine ${opener.uuid} has the volume ${path} open.`, {
      remedy: "Stop that machine first.",
      values: { path, machine: opener.uuid },
    });
  }

  #openersOf(path: string): Map<string, Opener> {
    return this.#shared !== undefined && path.startsWith(this.#shared.under) ? this.#shared.openers : this.#openers;
  }
}
