import { createHash } from "node:crypto";
import { chmod, type FileHandle, link, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { NodeError } from "../../model/error.ts";
import { errnoOf, syncFolder, whyNotWritten } from "../../node/durable.ts";
import { KeyedTurns } from "../../node/turns.ts";
import { type CachedImage, type ImageCache, type ImageProgress, storageOfImage } from "../driver.ts";
import { readQcow2Head } from "../qcow2-head.ts";
import { calledOff, imageInUse, otherImage } from "../refusals.ts";
import { makeVolumeFolder } from "./folder.ts";

/** Nobody writes into an image that volumes stand on. */
const readOnly = 0o444;
/** How deep below a storage's folder volumes are looked for. */
const deepest = 5;

/**
 * The cache of images in a storage's folder. A file has the name of its content, which it gets when it is whole, checked
 * and on the disk; until then it has its bringer's name, too. What was brought in part stays, to be gone on with.
 */
export class ImageFiles implements ImageCache {
  /** Parts that something works on. */
  readonly #turns = new KeyedTurns();

  async progress(image: CachedImage): Promise<ImageProgress> {
    storageOfImage(image.path);
    return this.#turns.take(partOf(image), async () => {
      if (await isWhole(image)) return { isWhole: true, offset: image.sizeBytes };
      return { isWhole: false, offset: await sizeOf(partOf(image)) };
    });
  }

  async write(image: CachedImage, offset: number, content: Uint8Array): Promise<ImageProgress> {
    storageOfImage(image.path);
    return this.#turns
      .take(partOf(image), async () => {
        if (await isWhole(image)) return { isWhole: true, offset: image.sizeBytes };
        const part = partOf(image);
        await makeVolumeFolder(dirname(part));
        const handle = await open(part, "a+", 0o600);
        try {
          const { size } = await handle.stat();
          if (size !== offset || size + content.length > image.sizeBytes) return { isWhole: false, offset: size };
          await append(handle, content, size);
          return { isWhole: false, offset: size + content.length };
        } finally {
          await handle.close();
        }
      })
      .catch((error: unknown) => {
        throw failed(image.path, error);
      });
  }

  /** Twice is as good as once. @throws HYPERVISOR.IMAGE_DIFFERS: what was brought is gone then */
  async keep(image: CachedImage, signal: AbortSignal): Promise<void> {
    const { path } = image;
    storageOfImage(path);
    await this.#turns
      .take(partOf(image), async () => {
        const part = partOf(image);
        if (!(await isWhole(image))) {
          const sha256 = await sha256Of(part, signal);
          if (sha256 !== image.sha256) {
            await rm(part, { force: true });
            throw otherImage(path, sha256 === undefined ? "was not brought" : "has come with another content");
          }
          await chmod(part, readOnly);
          await synced(part);
          await link(part, path).catch((error: unknown) => {
            // Another host of the same storage was faster, with the same content.
            if (errnoOf(error) !== "EEXIST") throw error;
          });
        }
        await rm(part, { force: true });
        await syncFolder(dirname(path));
      })
      .catch((error: unknown) => {
        throw failed(path, error);
      });
  }

  /**
   * It is put aside first, and only then it is looked whether a volume stands on it: who makes one looks for the image
   * once more afterwards. @throws HYPERVISOR.IMAGE_IN_USE: it is in its place again then
   */
  async delete(path: string): Promise<void> {
    const folder = storageOfImage(path);
    const aside = `${path}.leaving`;
    try {
      await rename(path, aside).catch(unless("ENOENT"));
      const user = await userOf(folder, path);
      if (user !== undefined) {
        await rename(aside, path).catch(unless("ENOENT"));
        throw imageInUse(path, user);
      }
      const name = basename(path);
      for (const other of await namesIn(dirname(path)))
        if (other.startsWith(`${name}.`)) await rm(join(dirname(path), other), { force: true });
    } catch (error) {
      throw failed(path, error);
    }
  }
}

function partOf({ path, bringer }: CachedImage): string {
  return `${path}.${bringer}.part`;
}

/** @throws HYPERVISOR.IMAGE_DIFFERS when something else has its place */
async function isWhole({ path, sizeBytes }: CachedImage): Promise<boolean> {
  const found = await stat(path).catch(unless("ENOENT", "ENOTDIR"));
  if (found === undefined) return false;
  if (found.isFile() && found.size === sizeBytes) return true;
  throw otherImage(path, `is no file of ${sizeBytes} bytes`);
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(unless("ENOENT", "ENOTDIR")))?.size ?? 0;
}

async function append(handle: FileHandle, content: Uint8Array, sizeBefore: number): Promise<void> {
  try {
    for (let at = 0; at < content.length; ) at += (await handle.write(content, at)).bytesWritten;
  } catch (error) {
    // A piece is there whole or not at all.
    await handle.truncate(sizeBefore).catch(() => undefined);
    throw error;
  }
}

/** undefined without the file. */
async function sha256Of(file: string, signal: AbortSignal): Promise<string | undefined> {
  const handle = await open(file, "r").catch(unless("ENOENT"));
  if (handle === undefined) return;
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(1024 * 1024);
    for (;;) {
      if (signal.aborted) throw calledOff();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

async function synced(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A file of the storage that stands on the image, or may: one that can't be read counts. */
async function userOf(folder: string, image: string, depth = 0): Promise<string | undefined> {
  // What goes meanwhile stands on nothing.
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(unless("ENOENT"))) ?? []) {
    const path = join(folder, entry.name);
    if (path === dirname(image)) continue;
    if (entry.isFile() && (await readQcow2Head(path).catch(unless("ENOENT")))?.backing === image) return path;
    if (!entry.isDirectory() || depth === deepest) continue;
    const found = await userOf(path, image, depth + 1);
    if (found !== undefined) return found;
  }
  return;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(unless("ENOENT"))) ?? [];
}

function unless(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(errnoOf(error) ?? "")) throw error;
    return undefined;
  };
}

function failed(path: string, error: unknown): NodeError {
  if (error instanceof NodeError) return error;
  const isFull = ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "");
  if (isFull)
    return new NodeError("HYPERVISOR.STORAGE_FULL", `There is no room for the image ${path}.`, {
      remedy: "Free space on the storage, or take another one.",
      values: { path },
      cause: error,
    });
  return new NodeError("HYPERVISOR.FAILED", `The image ${path} can't be kept because ${whyNotWritten(error)}.`, {
    remedy: "Look at the storage on this host.",
    values: { path },
    cause: error,
  });
}
