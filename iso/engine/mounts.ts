import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { parseJson, runText } from "../../core/node/facts/source.ts";
import { devicePath, type Purpose } from "./layout.ts";
import { runStep, type StepContext, tryStep } from "./work.ts";

/** Folders below which the target's file systems are mounted while they are filled. */
export function targetPlaces(work: string) {
  return {
    root: join(work, "root"),
    boot: join(work, "boot"),
    efi: (nth: number) => join(work, `efi${nth}`),
    /** The copied system, read-only. */
    system: join(work, "system"),
  };
}

const mountTable = z.object({ filesystems: z.array(z.object({ target: z.string() })) });

/** Mounts root, boot and the EFI system partitions where they are not mounted yet. */
export async function mountTarget(context: StepContext): Promise<void> {
  const places = targetPlaces(context.places.work);
  const mounted = new Set(await mountedBelow(context));
  await mountVolumes(context, "root", () => places.root, "ext4", mounted);
  await mountVolumes(context, "boot", () => places.boot, "ext4", mounted);
  await mountVolumes(context, "efi", places.efi, "vfat", mounted);
}

async function mountVolumes(
  context: StepContext,
  purpose: Purpose,
  placeOf: (nth: number) => string,
  type: string,
  mounted: ReadonlySet<string>,
): Promise<void> {
  const volumes = context.job.layout.volumes.filter((volume) => volume.purpose === purpose);
  for (const [nth, { device }] of volumes.entries()) {
    const place = placeOf(nth);
    if (mounted.has(place)) continue;
    await mkdir(place, { recursive: true, mode: 0o700 });
    await runStep(context, "mount", ["-t", type, devicePath(device), place], { reason: `fill ${purpose}` });
  }
}

/** The copied system itself, for the files of its /etc and the first contents of /var. */
export async function mountSystem(context: StepContext): Promise<string> {
  const { root, system } = targetPlaces(context.places.work);
  if ((await mountedBelow(context)).includes(system)) return system;
  const file = join(root, "systems", context.job.manifest.version, "system.squashfs");
  await mkdir(system, { recursive: true, mode: 0o700 });
  await runStep(context, "mount", ["-t", "squashfs", "-o", "loop,ro", file, system], {
    reason: "read the copied system",
  });
  return system;
}

/** Unmounts everything of ours, the deepest first. What can't be unmounted is left, and said. */
export async function unmountTarget(
  context: Pick<StepContext, "machine" | "log" | "signal" | "places">,
): Promise<void> {
  for (const place of (await mountedBelow(context)).toSorted((a, b) => b.length - a.length))
    await tryStep(context, "umount", [place], { reason: "leave the disk" });
}

/** Mount points below the engine's folder. */
async function mountedBelow({
  machine,
  places,
  signal,
}: Pick<StepContext, "machine" | "places" | "signal">): Promise<string[]> {
  const limits = { timeoutMs: 10_000, signal };
  const text = await runText(machine, "findmnt", ["--json", "--list", "--output", "TARGET"], limits);
  const { filesystems } = parseJson(mountTable, text, "findmnt");
  return filesystems.map(({ target }) => target).filter((target) => target.startsWith(`${places.work}/`));
}
