import { rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { NodeError } from "../../model/error.ts";
import { syncFolder } from "../../node/durable.ts";
import type { Backing } from "../backing.ts";
import { calledOff, noSnapshot, volumeInUse } from "../refusals.ts";
import type { VolumeCommand, VolumePlace } from "../volume-commands.ts";
import type { Disks } from "./disks.ts";
import type { Virsh } from "./virsh.ts";
import { isBegun, markOf, type VolumeFiles } from "./volume-files.ts";

type Of<V extends VolumeCommand["do"]> = Extract<VolumeCommand, { do: V }>;

const named = z.object({ name: z.string() });
const blocks = z.array(
  z.object({
    inserted: z.optional(
      z.object({
        file: z.string(),
        "node-name": z.optional(z.string()),
        image: z.object({ snapshots: z.optional(z.array(named)) }),
      }),
    ),
  }),
);

export type SnapshotsOptions = { virsh: Virsh; volumes: VolumeFiles; disks: Disks };

/**
 * Snapshots inside of the qcow2 file of a volume (core/orchestrator/volume/README.md says why). Of a machine that runs QEMU takes them, and does
 * so wholly or not at all, whatever becomes of this process. A mark beside the file stands while one is being worked
 * on: where it is found, power was lost perhaps, and the file is put right before anything else opens it.
 */
export class Snapshots {
  readonly #virsh: Virsh;
  readonly #volumes: VolumeFiles;
  readonly #disks: Disks;

  constructor({ virsh, volumes, disks }: SnapshotsOptions) {
    this.#virsh = virsh;
    this.#volumes = volumes;
    this.#disks = disks;
  }

  async take({ uuid, path, snapshotUuid: name, backing }: Of<"snapshotVolume">, signal: AbortSignal): Promise<void> {
    await this.#change(uuid, placeOf(path, backing), signal, {
      live: async (machine) => {
        const { node, snapshots } = await this.#liveImage(machine, path);
        if (!snapshots.includes(name))
          await this.#virsh.monitor(machine, "blockdev-snapshot-internal-sync", { device: node, name });
      },
      still: async () => {
        if (!(await this.#volumes.snapshots(path, backing)).includes(name))
          await this.#volumes.snapshot("-c", name, path);
      },
    });
  }

  async delete({ uuid, path, snapshotUuid: name, backing }: Of<"deleteSnapshot">, signal: AbortSignal): Promise<void> {
    await this.#change(uuid, placeOf(path, backing), signal, {
      live: async (machine) => {
        const { node, snapshots } = await this.#liveImage(machine, path);
        if (snapshots.includes(name))
          await this.#virsh.monitor(machine, "blockdev-snapshot-delete-internal-sync", { device: node, name });
      },
      still: async () => {
        if ((await this.#volumes.snapshots(path, backing)).includes(name))
          await this.#volumes.snapshot("-d", name, path);
      },
    });
  }

  /** @throws HYPERVISOR.VOLUME_IN_USE, HYPERVISOR.VOLUME_NO_SNAPSHOT */
  async revert(
    { path, snapshotUuid: name, sizeBytes, backing }: Of<"revertVolume">,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#change(null, placeOf(path, backing), signal, {
      live: async () => {
        throw volumeInUse(path);
      },
      still: async () => {
        if (!(await this.#volumes.snapshots(path, backing)).includes(name)) throw noSnapshot(path, name);
        await this.#volumes.snapshot("-a", name, path);
        // The disk has the size again that it had then; what was promised to its machine since stays.
        const { sizeBytes: now } = await this.#volumes.figures(placeOf(path, backing));
        if (now < sizeBytes) await this.#volumes.resize(path, "qcow2", sizeBytes);
      },
    });
  }

  async #change(
    uuid: string | null,
    place: VolumePlace,
    signal: AbortSignal,
    how: { live: (uuid: string) => Promise<void>; still: () => Promise<void> },
  ): Promise<void> {
    const { path } = place;
    await this.#volumes.require(place);
    const isLive = uuid !== null && (await this.#disks.placeOf(uuid, path, signal)) !== undefined;
    if (signal.aborted) throw calledOff();
    if (!(await isBegun(path))) {
      await writeFile(markOf(path), "", { mode: 0o600 });
      await syncFolder(dirname(path));
    }
    try {
      await (isLive && uuid !== null ? how.live(uuid) : how.still());
    } catch (error) {
      if (isRefusal(error)) await rm(markOf(path), { force: true });
      throw error;
    }
    await rm(markOf(path), { force: true });
  }

  /** A volume as QEMU has it open. */
  async #liveImage(uuid: string, path: string): Promise<{ node: string; snapshots: string[] }> {
    const all = blocks.parse(await this.#virsh.monitor(uuid, "query-block"));
    const found = all.find(({ inserted }) => inserted?.file === path)?.inserted;
    const node = found?.["node-name"];
    if (found === undefined || node === undefined)
      throw new NodeError("HYPERVISOR.FAILED", `QEMU does not know the volume ${path} of the machine ${uuid}.`, {
        remedy: "Stop the machine, and try again.",
        values: { machine: uuid, path },
      });
    return { node, snapshots: (found.image.snapshots ?? []).map(({ name }) => name) };
  }
}

/** Snapshots are in qcow2 files only. */
function placeOf(path: string, backing: Backing | undefined): VolumePlace {
  return { path, format: "qcow2", ...(backing === undefined ? {} : { backing }) };
}

/** Nothing was begun. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof NodeError &&
    ["HYPERVISOR.VOLUME_IN_USE", "HYPERVISOR.VOLUME_NO_SNAPSHOT", "HYPERVISOR.BAD_PATH"].includes(error.code)
  );
}
