import { rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../../node/durable.ts";
import { checkVolumePath } from "../driver.ts";
import type { MachineSpec } from "../machine-spec.ts";
import type { CopiedDisk, NewCopy } from "../migration/commands.ts";
import { noVolume, otherFormat } from "../refusals.ts";
import { makeVolumeFolder } from "./folder.ts";
import { comingOf, failed, isMarked, type VolumeFiles } from "./volume-files.ts";

/*
 * Volumes that come from another host with their machine. They are made empty before it comes, each with a mark beside
 * it, by which a later attempt knows what it may make anew: a file without one is never touched.
 */

/**
 * Makes the disks that come, empty: of one that stands on an image only what was written above that is carried over.
 * @throws those of {@link VolumeFiles.createFromImage}; HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.VOLUME_IN_USE
 */
export async function makeComing(volumes: VolumeFiles, spec: MachineSpec, copies: readonly NewCopy[]): Promise<void> {
  for (const { path, sizeBytes } of copies) {
    const disk = spec.disks.find((each) => each.path === path);
    if (disk === undefined) throw noVolume(path);
    checkVolumePath(path);
    if (await isMarked(path)) await volumes.delete(path);
    if (await volumes.isThere(path)) throw otherFormat(path, "is there already, and is no copy that was begun");
    try {
      await makeVolumeFolder(dirname(path));
      await writeFile(comingOf(path), "", { mode: 0o600 });
      await syncFolder(dirname(path));
    } catch (error) {
      throw failed(path, error);
    }
    const { format, backing } = disk;
    if (backing === undefined) await volumes.create({ do: "createVolume", path, sizeBytes, format });
    else await volumes.createFromImage({ do: "createVolumeFromImage", path, sizeBytes, backing });
  }
}

/** The machine is here: what it came with is as good as any other volume. */
export async function arrived(paths: Iterable<string>): Promise<void> {
  for (const path of paths) await rm(comingOf(path), { force: true });
}

/** A machine as it is to be on the other host, where its files have these names. */
export function xmlThere(xml: string, copies: readonly CopiedDisk[]): string {
  const names = new Map(
    copies.flatMap((copy) => [copy, ...(copy.backing === undefined ? [] : [copy.backing])].map(pairOf)),
  );
  return xml.replaceAll(
    /(<source\b[^>]*\bfile=)(['"])([^'"]*)\2/g,
    (whole, before: string, quote: string, file: string) => {
      const name = names.get(file);
      return name === undefined ? whole : `${before}${quote}${name}${quote}`;
    },
  );
}

export function areRenamed(copies: readonly CopiedDisk[]): boolean {
  return copies.some(({ from, to, backing }) => from !== to || (backing !== undefined && backing.from !== backing.to));
}

function pairOf({ from, to }: { from: string; to: string }): [string, string] {
  return [escaped(from), escaped(to)];
}

function escaped(text: string): string {
  const named: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
  };
  return text.replaceAll(/[&<>'"]/g, (one) => named[one] ?? one);
}
