import { link, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../../node/durable.ts";
import type { Machine } from "../../node/machine.ts";
import type { Backing } from "../backing.ts";
import type { CopyVolume } from "../copy-commands.ts";
import type { ExportCommand } from "../export-commands.ts";
import { calledOff, noSnapshot, otherVolume, shrinks, volumeInUse } from "../refusals.ts";
import { makeVolumeFolder } from "./folder.ts";
import { failed, isLocked, lastLine, synced, unfinishedOf, type VolumeFiles } from "./volume-files.ts";

/** However large it is: whoever asks for it has a limit of its own. */
const longestMs = 24 * 3_600_000;

export type CopiesOptions = { machine: Pick<Machine, "run">; volumes: VolumeFiles };

/**
 * Copies a volume, by qemu-img. What stands in the volume's image is not copied: the copy stands on the image itself.
 * Of a volume that a machine has open a snapshot is read, which nobody changes.
 * @throws HYPERVISOR.ABORTED, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.VOLUME_IN_USE,
 * HYPERVISOR.VOLUME_NO_SNAPSHOT, HYPERVISOR.VOLUME_SHRINKS, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
 */
export async function copyVolume(options: CopiesOptions, command: CopyVolume, signal: AbortSignal): Promise<void> {
  const { backing } = command;
  await copyTo(options, command, backing === undefined ? {} : { backing }, signal);
}

/** Copies what stands in the volume's image, too. @throws as {@link copyVolume} */
export async function flattenVolume(
  options: CopiesOptions,
  command: Omit<Extract<ExportCommand, { do: "flattenVolume" }>, "do">,
  signal: AbortSignal,
): Promise<void> {
  await copyTo(options, command, {}, signal);
}

/** @param standing what the copy stands on */
async function copyTo(
  { machine, volumes }: CopiesOptions,
  { path, from, snapshotUuid, sizeBytes, backing: below }: Omit<CopyVolume, "do">,
  standing: { backing?: Backing },
  signal: AbortSignal,
): Promise<void> {
  const { backing } = standing;
  const copied = { path, format: "qcow2", ...standing } as const;
  await volumes.require({ path: from, format: "qcow2", ...(below === undefined ? {} : { backing: below }) });
  if (await volumes.isThere(path)) {
    const { sizeBytes: now } = await volumes.figures(copied);
    if (now !== sizeBytes) throw otherVolume(path, now, "qcow2");
    return;
  }
  if (snapshotUuid !== undefined && !(await volumes.snapshots(from, below)).includes(snapshotUuid))
    throw noSnapshot(from, snapshotUuid);
  // Where a machine has other locks than QEMU's own, qemu-img does not see that it runs on another host.
  if (snapshotUuid === undefined && (await volumes.isHeld(from))) throw volumeInUse(from);
  const how = snapshotUuid === undefined ? [] : ["-U", "-l", `snapshot.name=${snapshotUuid}`];
  const on = backing === undefined ? [] : ["-B", backing.path, "-F", backing.format];
  // Only this command works on the copy: what lies there is of one that was killed.
  const unfinished = unfinishedOf(path);
  const folder = dirname(path);
  const args = ["convert", "-q", "-f", "qcow2", "-O", "qcow2", ...how, ...on, from, unfinished];
  try {
    await makeVolumeFolder(folder);
    await rm(unfinished, { force: true });
    const { code, stderr } = await machine.run("qemu-img", args, { timeoutMs: longestMs, signal });
    if (code !== 0) throw isLocked(stderr) ? volumeInUse(from) : new Error(lastLine(stderr));
    // It had another size at the snapshot perhaps.
    const { sizeBytes: now } = await volumes.figures({ ...copied, path: unfinished });
    if (now > sizeBytes) throw shrinks(path, now, sizeBytes);
    if (now < sizeBytes) await volumes.resize(unfinished, "qcow2", sizeBytes);
    await synced(unfinished);
    await link(unfinished, path);
    await syncFolder(folder);
  } catch (error) {
    throw signal.aborted ? calledOff() : failed(path, error);
  } finally {
    await rm(unfinished, { force: true }).catch(() => undefined);
  }
}
