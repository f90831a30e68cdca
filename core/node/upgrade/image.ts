import { mkdir, open, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { NodeError } from "../../model/error.ts";
import { type CopyOptions, checksumOf } from "./disk.ts";
import { bootParts, type Manifest, manifest, manifestName, systemParts } from "./manifest.ts";
import { doing, problem } from "./problem.ts";
import type { UpgradeWorld } from "./world.ts";

/** An image whose files can be read. */
export type Image = {
  /** The ISO's own path and size. */
  file: string;
  sizeBytes: number;
  manifest: Manifest;
  /** Where one of its files lies now. */
  pathOf(name: string): string;
};

/** A disk that answers at all has answered by then. */
const lookMs = 20_000;
const mountMs = 60_000;

/**
 * Mounts an ISO read-only in a private place, gives it to `use`, and unmounts it, however that ends.
 *
 * @throws NodeError UPGRADE.BAD_FILE, UPGRADE.NOT_ISO, UPGRADE.DAMAGED, UPGRADE.NOT_MOUNTED, UPGRADE.NOT_BINNACLE
 */
export async function withImage<T>(
  world: UpgradeWorld,
  file: string,
  use: (image: Image) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const sizeBytes = await sizeOf(world, file, signal);
  await requireIso(file, sizeBytes);
  const place = join(world.paths.work, "image");
  await mkdir(world.paths.work, { recursive: true, mode: 0o700 });
  await mkdir(place, { recursive: true, mode: 0o700 });
  // An agent that was killed may have left one.
  await unmount(world, place);
  await mount(world, file, place);
  try {
    const found = await manifestOf(join(place, "binnacle", manifestName), file);
    return await use({ file, sizeBytes, manifest: found, pathOf: (name) => join(place, "binnacle", name) });
  } finally {
    await unmount(world, place);
  }
}

/** By a command: a file system that hangs must not hold one of Node's file threads. */
async function sizeOf({ machine }: UpgradeWorld, file: string, signal: AbortSignal): Promise<number> {
  const options = { timeoutMs: lookMs, signal, reason: "the image" };
  const { code, stdout } = await machine.run("stat", ["--dereference", "--format=%F|%s", "--", file], options);
  const [type = "", size = ""] = stdout.trim().split("|");
  if (code !== 0)
    throw problem("UPGRADE.BAD_FILE", `There is no file ${file} that the agent could read.`, notThere, { file });
  // An empty one is a "regular empty file", and simply no ISO.
  if (!type.startsWith("regular"))
    throw problem("UPGRADE.BAD_FILE", `${file} is no file: it is a ${type}.`, giveIso, { file });
  return Number(size);
}

const giveIso = "Give the path of a Binnacle image, binnacle-VERSION-x86_64.iso.";
const notThere = `${giveIso} It must be where root can read it.`;

const sectorBytes = 2048;
/** The primary volume descriptor lies in the first sector behind the 16 of the system area. Source: ECMA-119, 8.4. */
const descriptorAt = 16 * sectorBytes;

async function requireIso(file: string, sizeBytes: number): Promise<void> {
  const descriptor = Buffer.alloc(sectorBytes);
  await doing(`Reading ${file}`, async () => {
    const handle = await open(file, "r");
    try {
      await handle.read(descriptor, 0, sectorBytes, descriptorAt);
    } finally {
      await handle.close();
    }
  });
  if (descriptor.toString("latin1", 1, 6) !== "CD001")
    throw problem("UPGRADE.NOT_ISO", `${file} is not an ISO image.`, giveIso, { file });
  const expected = descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128);
  if (sizeBytes < expected)
    throw problem("UPGRADE.DAMAGED", `${file} is cut short: ${sizeBytes} of ${expected} bytes.`, fetchAgain, { file });
}

async function mount({ machine }: UpgradeWorld, file: string, place: string): Promise<void> {
  const args = ["-t", "iso9660", "-o", "ro,loop,nosuid,nodev,noexec", "--", file, place];
  const { code, stderr } = await machine.run("mount", args, { timeoutMs: mountMs, reason: "read the image" });
  if (code === 0) return;
  const said = stderr.trim().split("\n")[0]?.slice(0, 200) ?? "";
  throw problem(
    "UPGRADE.NOT_MOUNTED",
    `${file} can't be mounted: ${said.replace(/\.$/, "") || `mount ended with ${code}`}.`,
    "Look at the kernel's messages, journalctl -k, and compare the image's checksum.",
    { file },
  );
}

async function unmount({ machine }: UpgradeWorld, place: string): Promise<void> {
  // Not an error when nothing is mounted there.
  await machine
    .run("umount", ["--lazy", "--quiet", "--", place], { timeoutMs: mountMs, reason: "leave the image" })
    .catch(() => undefined);
}

async function manifestOf(path: string, file: string): Promise<Manifest> {
  try {
    return manifest.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new NodeError("UPGRADE.NOT_BINNACLE", `${file} is no Binnacle image, or its list of files is damaged.`, {
      remedy: giveIso,
      values: { file },
      cause: error,
    });
  }
}

const fetchAgain = "Fetch the image again, and compare its checksum with the one that was published.";

/**
 * Compares the checksums of the image's files, and of the image itself when FILE.sha256 lies beside it.
 *
 * @throws NodeError UPGRADE.DAMAGED with the file
 */
export async function checkImage(image: Image, published: string | undefined, options: CopyOptions): Promise<void> {
  if (published !== undefined) requireSame(basename(image.file), published, await reading(image.file, options));
  for (const name of [...bootParts, ...systemParts])
    requireSame(name, image.manifest.files[name].sha256, await reading(image.pathOf(name), options));
}

/** @throws NodeError UPGRADE.DAMAGED */
export function requireSame(name: string, expected: string, found: string): void {
  if (found === expected) return;
  throw problem("UPGRADE.DAMAGED", `${name} is damaged: its checksum is not the published one.`, fetchAgain, {
    file: name,
  });
}

/** What can't be read to its end is damaged as well. */
async function reading(file: string, options: CopyOptions): Promise<string> {
  try {
    return await checksumOf(file, options);
  } catch (error) {
    if (options.signal.aborted) throw error;
    throw new NodeError("UPGRADE.DAMAGED", `${basename(file)} is damaged: it can't be read to its end.`, {
      remedy: fetchAgain,
      values: { file: basename(file) },
      cause: error,
    });
  }
}

/**
 * The checksum that FILE.sha256 beside an image gives for it; undefined where there is no such file.
 *
 * @throws NodeError UPGRADE.BAD_CHECKSUM when it gives none for this image
 */
export async function publishedChecksum(file: string): Promise<string | undefined> {
  const text = await readFile(`${file}.sha256`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const found = checksumIn(text, basename(file));
  if (found !== undefined) return found;
  throw problem(
    "UPGRADE.BAD_CHECKSUM",
    `${basename(file)}.sha256 in ${dirname(file)} holds no checksum of this image.`,
    "Fetch it again together with the image, or remove it.",
    { file: `${file}.sha256` },
  );
}

/** The checksum of a file in what sha256sum prints; a single line without a name counts as well. */
export function checksumIn(text: string, name: string): string | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  for (const line of lines) {
    const [, sum, named] = /^([0-9a-f]{64})(?:\s+\*?(\S.*?))?\s*$/i.exec(line) ?? [];
    if (sum === undefined) continue;
    if (named === undefined ? lines.length === 1 : basename(named) === name) return sum.toLowerCase();
  }
  return undefined;
}
