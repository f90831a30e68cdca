import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { bytes, uuid } from "../../model/cloud/fields.ts";
import { NodeError } from "../../model/error.ts";
import type { Damage } from "../../node/document.ts";
import { whyNotWritten } from "../../node/durable.ts";
import { LineJournal } from "../../node/line-journal.ts";
import { type HostFirewall, hostFirewall, openFirewall } from "../firewall.ts";
import type { MachineSpec } from "../machine-spec.ts";
import { nicSpec } from "../nic-spec.ts";
import { seedImage } from "../seed/seed.ts";

export const simulatedVolume = z.strictObject({
  path: z.string(),
  sizeBytes: bytes,
  format: z.enum(["qcow2", "raw"]),
  /** Its snapshots, the oldest first; absent without any. */
  snapshots: z.optional(z.array(uuid)),
  /** The image that it stands on. */
  image: z.optional(z.string()),
  /** It comes with a machine, and is not all there. */
  isComing: z.optional(z.boolean()),
});
export type SimulatedVolume = Readonly<z.infer<typeof simulatedVolume>>;

/** A network storage, mounted in one start of the host. */
const mount = z.strictObject({ uuid, bootId: z.string() });

const image = z.strictObject({ path: z.string(), sizeBytes: bytes });
export type SimulatedImage = Readonly<z.infer<typeof image>>;

const machine = z.strictObject({
  uuid,
  memorySize: bytes,
  paths: z.array(z.string()),
  /** The start of the host in which it was started last, while it has not been stopped: it runs in no other one. */
  runsIn: z.nullable(z.string()),
  /** Whether it stands still; absent in what a former version has written. */
  isPaused: z.optional(z.boolean()),
  /** The cards that it was started with; absent in what a former version has written. */
  nics: z.optional(z.array(nicSpec)),
  /** ISO images in its drives; absent without any. */
  isos: z.optional(z.array(z.string())),
  /** What it boots from; absent where it was not told. */
  bootOrder: z.optional(z.array(z.string())),
  /** SHA-256 of the disk that tells cloud-init of it; absent without one. The disk itself may hold passwords. */
  seed: z.optional(z.string()),
  /** Whether its memory is kept; absent in what a former version has written. */
  isSuspended: z.optional(z.boolean()),
  /** As it was started the last time; absent in what a former version has written, and of one that came from a host. */
  name: z.optional(z.string()),
  cpuNum: z.optional(z.int()),
});
export type SimulatedMachine = Readonly<z.infer<typeof machine>>;

/** A machine as it is when it was just started. @param runsIn the start of the host */
export function startedMachine(spec: MachineSpec, runsIn: string): SimulatedMachine {
  const { uuid, name, cpuNum, memorySize, disks, nics, isos, bootOrder } = spec;
  const paths = disks.map(({ path }) => path);
  const seed = spec.seed === undefined ? {} : { seed: createHash("sha256").update(seedImage(spec.seed)).digest("hex") };
  return { uuid, name, cpuNum, memorySize, paths, runsIn, nics, isos, bootOrder, ...seed };
}

const entry = z.union([
  z.strictObject({ firewall: hostFirewall }),
  z.strictObject({ volume: simulatedVolume }),
  z.strictObject({ noVolume: z.string() }),
  z.strictObject({ machine }),
  z.strictObject({ noMachine: z.string() }),
  z.strictObject({ image }),
  z.strictObject({ noImage: z.string() }),
  z.strictObject({ mount }),
  z.strictObject({ noMount: z.string() }),
]);
type Entry = z.infer<typeof entry>;

/**
 * Machines and volumes of one simulated host. What changes is durable before it counts, at the cost of one line: a
 * document that is rewritten would cost a megabyte for each command with thousands of machines.
 */
export class SimulatedState {
  readonly machines = new Map<string, SimulatedMachine>();
  readonly volumes = new Map<string, SimulatedVolume>();
  readonly images = new Map<string, SimulatedImage>();
  /** By the storage's uuid, the start of the host in which it was mounted. */
  readonly mounts = new Map<string, string>();
  firewall: HostFirewall = openFirewall;
  /** Called after each change of a machine. */
  readonly onChange = new Set<() => void>();
  readonly #journal: Promise<LineJournal<Entry>>;

  private constructor(file: string | undefined, onDamage: ((damage: Damage) => void) | undefined) {
    this.#journal = this.#load(file, onDamage);
  }

  /** Without a file nothing is kept. @throws the system's error */
  static async open(file: string | undefined, onDamage?: (damage: Damage) => void): Promise<SimulatedState> {
    const state = new SimulatedState(file, onDamage);
    await state.#journal;
    return state;
  }

  /** @throws HYPERVISOR.NOT_SAVED; nothing has changed then. The same holds for all changes. */
  putMachine(value: SimulatedMachine): Promise<void> {
    return this.#change({ machine: { ...value, paths: [...value.paths] } });
  }

  removeMachine(uuid: string): Promise<void> {
    return this.#change({ noMachine: uuid });
  }

  putVolume(value: SimulatedVolume): Promise<void> {
    return this.#change({ volume: value });
  }

  removeVolume(path: string): Promise<void> {
    return this.#change({ noVolume: path });
  }

  putImage(value: SimulatedImage): Promise<void> {
    return this.#change({ image: value });
  }

  removeImage(path: string): Promise<void> {
    return this.#change({ noImage: path });
  }

  putMount(uuid: string, bootId: string): Promise<void> {
    return this.#change({ mount: { uuid, bootId } });
  }

  removeMount(uuid: string): Promise<void> {
    return this.#change({ noMount: uuid });
  }

  putFirewall(firewall: HostFirewall): Promise<void> {
    return this.#change({ firewall });
  }

  async #load(file: string | undefined, onDamage: ((damage: Damage) => void) | undefined) {
    const live = {
      count: () => 1 + this.machines.size + this.volumes.size + this.images.size + this.mounts.size,
      entries: () => this.#entries(),
    };
    const { journal, entries } = await LineJournal.open({ file, schema: entry, live, onDamage });
    for (const one of entries) this.#apply(one);
    return journal;
  }

  *#entries(): Generator<Entry> {
    if (this.firewall.cards.length > 0) yield { firewall: this.firewall };
    for (const one of this.volumes.values()) yield { volume: one };
    for (const one of this.images.values()) yield { image: one };
    for (const [uuid, bootId] of this.mounts) yield { mount: { uuid, bootId } };
    for (const one of this.machines.values()) yield { machine: { ...one, paths: [...one.paths] } };
  }

  async #change(one: Entry): Promise<void> {
    const journal = await this.#journal;
    try {
      await journal.append(one, () => this.#apply(one));
    } catch (error) {
      throw new NodeError(
        "HYPERVISOR.NOT_SAVED",
        `The simulated hypervisor could not note the change because ${whyNotWritten(error)}; nothing has changed.`,
        { remedy: "Make room on, or repair, the file system of its folder.", cause: error },
      );
    }
  }

  #apply(one: Entry): void {
    if ("machine" in one) this.machines.set(one.machine.uuid, one.machine);
    else if ("noMachine" in one) this.machines.delete(one.noMachine);
    else if ("firewall" in one) this.firewall = one.firewall;
    else if ("image" in one) this.images.set(one.image.path, one.image);
    else if ("noImage" in one) this.images.delete(one.noImage);
    else if ("mount" in one) this.mounts.set(one.mount.uuid, one.mount.bootId);
    else if ("noMount" in one) this.mounts.delete(one.noMount);
    else if ("volume" in one) this.volumes.set(one.volume.path, one.volume);
    else this.volumes.delete(one.noVolume);
    if ("machine" in one || "noMachine" in one) for (const changed of [...this.onChange]) changed();
  }
}
