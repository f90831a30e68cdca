import { stat } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../../core/model/error.ts";
import { commandsMissing } from "../commands.ts";
import { systemFiles, systemFolder } from "../manifest.ts";
import { unmountTarget } from "../mounts.ts";
import { diskTree, walk } from "../probe/block-devices.ts";
import type { StepContext } from "../work.ts";

/**
 * Whether everything is there that the installation needs, before anything is changed: the medium's files in their
 * full length, the tools, and the very disks that the technician has chosen.
 * @throws NodeError CHECK.MEDIUM, CHECK.TOOLS, CHECK.DISK
 */
export async function check(context: StepContext): Promise<void> {
  await unmountTarget(context);
  await checkMedium(context);
  context.share(0.4);
  const missing = await commandsMissing(context.machine, context.job);
  if (missing.length > 0)
    throw new NodeError("CHECK.TOOLS", `The live system lacks ${missing.join(", ")}.`, {
      remedy: "Start from an unchanged medium of Binnacle.",
    });
  context.share(0.6);
  await checkDisks(context);
}

async function checkMedium({ job, places, log }: StepContext): Promise<void> {
  for (const name of systemFiles) {
    const file = join(systemFolder(places.medium), name);
    const expected = job.manifest.files[name].sizeBytes;
    const found = await stat(file).catch(() => undefined);
    if (found?.size !== expected)
      throw new NodeError("CHECK.MEDIUM", `${file} has ${found?.size ?? "no"} bytes instead of ${expected}.`, {
        remedy: "Put the medium back in, or make it anew, and try again.",
      });
  }
  log(`medium: Binnacle ${job.manifest.version}, complete`);
}

async function checkDisks({ job, machine, signal, log, places }: StepContext): Promise<void> {
  const tree = await diskTree(machine, signal);
  for (const { name } of job.layout.disks) {
    const chosen = job.hardware.disks.find((disk) => disk.name === name);
    const found = tree.flatMap(walk).find((node) => node.name === name);
    const same = found !== undefined && found.sizeBytes === chosen?.sizeBytes && !found.readOnly;
    if (!same)
      throw new NodeError("CHECK.DISK", `The disk ${name} is no longer there, or it is another one.`, {
        remedy: "Go back to the questions and choose the disk again.",
      });
    const mounted = walk(found).flatMap(({ mounts }) => mounts.filter((place) => !place.startsWith(`${places.work}/`)));
    if (mounted.some((place) => place !== "[SWAP]"))
      throw new NodeError("CHECK.DISK", `The disk ${name} is in use: ${mounted.join(", ")}.`, {
        remedy: "Unmount it in a shell, then try again.",
      });
    log(`disk ${name}: ${found.sizeBytes} bytes, ${chosen?.serial ?? "no serial number"}`);
  }
}
