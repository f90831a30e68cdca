import { link, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../../node/durable.ts";
import type { Machine } from "../../node/machine.ts";
import type { CopyVolume } from "../copy-commands.ts";
import { calledOff, noSnapshot, otherVolume, shrinks, volumeInUse } from "../refusals.ts";
import { makeVolumeFolder } from "./folder.ts";
import { failed, isLocked, lastLine, synced, unfinishedOf, type VolumeFiles } from "./volume-files.ts";

/** However large it is: whoever asks for it has a limit of its own. */
const longestMs = 24 * 3_600_000;

/**
 * Copies of volumes, by qemu-img. What stands in the volume's image is not copied: the copy stands on the image itself.
 * Of a volume that a machine has open a snapshot is read, which nobody changes.
 */
export class Copies {
  readonly #machine: Pick<Machine, "run">;
  readonly #volumes: VolumeFiles;

  constructor({ machine, volumes }: { machine: Pick<Machine, "run">; volumes: VolumeFiles }) {
    this.#machine = machine;
    this.#volumes = volumes;
  }

  /**
   * @throws HYPERVISOR.ABORTED, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.VOLUME_IN_USE,
   * HYPERVISOR.VOLUME_NO_SNAPSHOT, HYPERVISOR.VOLUME_SHRINKS, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
   */
  async copy({ path, from, snapshotUuid, sizeBytes, backing }: CopyVolume, signal: AbortSignal): Promise<void> {
    const standing = backing === undefined ? {} : { backing };
    const copied = { path, format: "qcow2", ...standing } as const;
    await this.#volumes.require({ path: from, format: "qcow2", ...standing });
    if (await this.#volumes.isThere(path)) {
      const { sizeBytes: now } = await this.#volumes.figures(copied);
      if (now !== sizeBytes) throw otherVolume(path, now, "qcow2");
      return;
    }
    if (snapshotUuid !== undefined && !(await this.#volumes.snapshots(from, backing)).includes(snapshotUuid))
      throw noSnapshot(from, snapshotUuid);
    const how = snapshotUuid === undefined ? [] : ["-U", "-l", `snapshot.name=${snapshotUuid}`];
    const on = backing === undefined ? [] : ["-B", backing.path, "-F", backing.format];
    // Only this command works on the copy: what lies there is of one that was killed.
    const unfinished = unfinishedOf(path);
    const folder = dirname(path);
    try {
      await makeVolumeFolder(folder);
      await rm(unfinished, { force: true });
      await this.#run(["convert", "-q", "-f", "qcow2", "-O", "qcow2", ...how, ...on, from, unfinished], from, signal);
      // It had another size at the snapshot perhaps.
      const { sizeBytes: now } = await this.#volumes.figures({ ...copied, path: unfinished });
      if (now > sizeBytes) throw shrinks(path, now, sizeBytes);
      if (now < sizeBytes) await this.#volumes.resize(unfinished, "qcow2", sizeBytes);
      await synced(unfinished);
      await link(unfinished, path);
      await syncFolder(folder);
    } catch (error) {
      throw signal.aborted ? calledOff() : failed(path, error);
    } finally {
      await rm(unfinished, { force: true }).catch(() => undefined);
    }
  }

  async #run(args: readonly string[], from: string, signal: AbortSignal): Promise<void> {
    const { code, stderr } = await this.#machine.run("qemu-img", args, { timeoutMs: longestMs, signal });
    if (code === 0) return;
    if (isLocked(stderr)) throw volumeInUse(from);
    throw new Error(lastLine(stderr));
  }
}
