import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { UpgradeStatus } from "../../model/upgrade.ts";
import { compareVersions } from "../../model/version.ts";
import type { CopyOptions } from "./disk.ts";
import { type Image, requireSame } from "./image.ts";
import { unfinished } from "./manifest.ts";
import { doing, inWords, problem } from "./problem.ts";
import { freeBytes, namesIn } from "./state.ts";
import type { UpgradePaths, UpgradeWorld } from "./world.ts";

/** Left free beside an image. */
const reserveBytes = 256 * 1024 * 1024;

const imageName = /^binnacle-(.+)-x86_64\.iso$/;

/** What an image is called in the repository, whatever it was called before. */
export function repositoryName(version: string): string {
  return `binnacle-${version}-x86_64.iso`;
}

/** @throws NodeError UPGRADE.NO_SPACE */
export async function requireRepositoryRoom({ disk, paths }: UpgradeWorld, image: Image): Promise<void> {
  await doing("Making the repository", () => disk.makeFolder(paths.repository));
  await removeLeftovers({ disk, paths });
  const neededBytes = image.sizeBytes + reserveBytes;
  const free = await freeBytes(paths.repository);
  if (free >= neededBytes) return;
  throw problem(
    "UPGRADE.NO_SPACE",
    `The image needs ${inWords(neededBytes)} in ${paths.repository}, where ${inWords(free)} are free.`,
    "Remove images of former versions from there.",
    { place: paths.repository, neededBytes, freeBytes: free },
  );
}

/**
 * Keeps an image, with its checksum beside it, for the upgrade of other nodes. It has its name when all of it is on the
 * disk.
 *
 * @throws NodeError UPGRADE.DAMAGED, UPGRADE.FAILED
 */
export async function keepImage(
  { disk, paths }: Pick<UpgradeWorld, "disk" | "paths">,
  image: Image,
  published: string | undefined,
  options: CopyOptions,
): Promise<void> {
  const name = repositoryName(image.manifest.version);
  const target = join(paths.repository, name);
  try {
    const sum = await doing(`Copying ${name}`, () => disk.copy(image.file, target + unfinished, options));
    if (published !== undefined) requireSame(name, published, sum);
    options.signal.throwIfAborted();
    // First: an image without its checksum would be taken for one that was never checked.
    await doing("Writing the checksum", () => disk.write(`${target}.sha256`, `${sum}  ${name}\n`));
    await doing(`Naming ${name}`, () => disk.rename(target + unfinished, target));
  } catch (error) {
    await disk.remove(target + unfinished).catch(() => undefined);
    throw error;
  }
}

async function removeLeftovers({ disk, paths }: Pick<UpgradeWorld, "disk" | "paths">): Promise<void> {
  for (const name of await namesIn(paths.repository))
    if (name.endsWith(unfinished)) await doing(`Removing ${name}`, () => disk.remove(join(paths.repository, name)));
}

/** The images that are kept, newest first. */
export async function keptImages({ repository }: UpgradePaths): Promise<UpgradeStatus["repository"]> {
  const found: UpgradeStatus["repository"] = [];
  for (const file of await namesIn(repository)) {
    const version = imageName.exec(file)?.[1];
    const known = version === undefined ? undefined : await stat(join(repository, file)).catch(() => undefined);
    if (version !== undefined && known?.isFile() === true) found.push({ version, file, sizeBytes: known.size });
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}
