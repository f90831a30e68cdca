import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import { errnoOf, whyNotWritten, writeDurably } from "../../node/durable.ts";
import type { MachineReport, MachineSpec } from "../driver.ts";
import { seedImage } from "../seed/seed.ts";

/*
 * The disks by which cloud-init in guests is told of them. Each host has those of its own machines, made anew from what
 * the manager says whenever a machine starts there or comes there, so that a move needs no storage for them. They are
 * kept over the host's restarts, for libvirt may start a machine by itself.
 */

const seedsFolder = "/var/lib/libvirt/binnacle-seeds";
const seedFile = (uuid: string) => join(seedsFolder, `${uuid}.iso`);
/** The place of no volume. */
const seedTarget = "vdzz";

/** Of a machine, for its XML: one disk that can only be read, or none. */
export function seedDisks({ uuid, seed }: Pick<MachineSpec, "uuid" | "seed">): object[] {
  if (seed === undefined) return [];
  return [
    {
      "@type": "file",
      "@device": "disk",
      driver: { "@name": "qemu", "@type": "raw" },
      source: { "@file": seedFile(uuid) },
      backingStore: "",
      // Debian's kernels for clouds see no drive of SATA.
      target: { "@dev": seedTarget, "@bus": "virtio" },
      readonly: "",
      serial: "cidata",
    },
  ];
}

/**
 * `seen`: where a file of libvirt's is for this process. `machines`: those that the host knows. `coming`: those that
 * it knows soon.
 */
export type SeedFilesOptions = {
  seen?: ((path: string) => string) | undefined;
  machines: () => Promise<readonly MachineReport[]>;
  coming: { has: (uuid: string) => boolean };
};

export class SeedFiles {
  readonly #options: SeedFilesOptions;
  readonly #folder: string;
  /** How many have been written, and the number of the last one of each machine. */
  #written = 0;
  readonly #lastOf = new Map<string, number>();

  constructor(options: SeedFilesOptions) {
    this.#options = options;
    this.#folder = options.seen?.(seedsFolder) ?? seedsFolder;
  }

  /**
   * Starts a machine, or lets it come here: it has the disk that it is said to have then. Of one that the host does not
   * know after a failure nothing is left. @throws HYPERVISOR.FAILED, what `start` throws
   */
  async starting(spec: MachineSpec, start: () => Promise<void>): Promise<void> {
    try {
      await this.#prepare(spec);
      await start();
    } catch (error) {
      await this.settle(spec.uuid);
      throw error;
    }
  }

  async #prepare({ uuid, name, seed }: MachineSpec): Promise<void> {
    this.#lastOf.set(uuid, ++this.#written);
    try {
      if (seed === undefined) return await this.#remove(this.#nameOf(uuid));
      await mkdir(this.#folder, { recursive: true, mode: 0o711 });
      await chmod(this.#folder, 0o711);
      // libvirt gives it to QEMU's user, as all disks; from others it is kept, for it may hold passwords.
      await writeDurably(join(this.#folder, this.#nameOf(uuid)), seedImage(seed), 0o400);
    } catch (error) {
      throw notWritten(name, error);
    }
  }

  /** Removes those of machines that this host does not know. `notComing`: it comes no more. Never throws. */
  async settle(notComing?: string): Promise<void> {
    const { machines, coming } = this.#options;
    const isComing = (uuid: string) => uuid !== notComing && coming.has(uuid);
    const before = this.#written;
    const names = await readdir(this.#folder).catch(() => []);
    const found = names.flatMap((name) => {
      const uuid = /^\.?([\da-f]{32})\.iso(\.tmp)?$/.exec(name)?.[1];
      return uuid === undefined || isComing(uuid) ? [] : [{ name, uuid }];
    });
    if (found.length === 0) return;
    const all = await machines().catch(() => undefined);
    if (all === undefined) return;
    const known = new Set(all.map(({ uuid }) => uuid));
    for (const { name, uuid } of found) {
      // What was written meanwhile is of one that was not known yet.
      if (known.has(uuid) || isComing(uuid) || (this.#lastOf.get(uuid) ?? 0) > before) continue;
      this.#lastOf.delete(uuid);
      await this.#remove(name).catch(() => undefined);
    }
  }

  #nameOf(uuid: string): string {
    return `${uuid}.iso`;
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }
}

function notWritten(name: string, error: unknown): NodeError {
  const why = errnoOf(error) === undefined ? "it failed in an unknown way" : whyNotWritten(error);
  return new NodeError(
    "HYPERVISOR.FAILED",
    `The disk with what cloud-init in ${JSON.stringify(name)} is told could not be written because ${why}.`,
    { remedy: `Make room on, or repair, the file system of ${seedsFolder} on the host.`, cause: error },
  );
}
