import * as z from "zod/mini";
import { bytes, line, uuid } from "../model/cloud/fields.ts";
import { NodeError } from "../model/error.ts";
import { checkVolumePath } from "./volume-path.ts";

/* Copies of images on a host, which volumes stand on. Part of the contract in driver.ts. */

const diskFormat = z.enum(["qcow2", "raw"]);
/** The file in the image cache that a volume stands on. */
export const backing = z.strictObject({ path: line(4096), format: diskFormat });
export type Backing = z.infer<typeof backing>;

/** An image as a host has it in the cache of a storage: `<storage>/imagecache/<sha256>.<format>`. */
export const cachedImage = z.strictObject({
  path: line(4096),
  format: diskFormat,
  /** Of its content, which its name has too. */
  sha256: z.string().check(z.regex(/^[\da-f]{64}$/)),
  /** Bytes of its content. */
  sizeBytes: bytes,
  /** Who brings it: on a storage that several hosts share, each writes a file of its own until it is whole. */
  bringer: uuid,
});
export type CachedImage = z.infer<typeof cachedImage>;

/** What of an image is on the host. `offset`: the byte to go on from, as many as it has when nothing more is wanted. */
export const imageProgress = z.object({ isWhole: z.boolean(), offset: bytes });
export type ImageProgress = z.infer<typeof imageProgress>;

/** Images are brought in pieces, and checked as a whole by the command keepImage. */
export interface ImageCache {
  /** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.FAILED */
  progress(image: CachedImage): Promise<ImageProgress>;
  /**
   * Takes a piece that begins at a byte. One that does not begin where the last one has ended is left aside, and the
   * answer says where to go on. @throws HYPERVISOR.BAD_PATH, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
   */
  write(image: CachedImage, offset: number, content: Uint8Array): Promise<ImageProgress>;
}

const imageFolder = "imagecache";

/** Where an image is in the cache of a storage. `folder`: the storage's. */
export function cachedImagePath(folder: string, { sha256, format }: Pick<CachedImage, "sha256" | "format">): string {
  return `${folder}/${imageFolder}/${sha256}.${format}`;
}

/** The storage's folder, of the path of an image in its cache. @throws HYPERVISOR.BAD_PATH for any other path */
export function storageOfImage(path: string): string {
  checkVolumePath(path);
  const folder = /^(\/.+)\/imagecache\/[\da-f]{64}\.(qcow2|raw)$/.exec(path)?.[1];
  if (folder !== undefined) return folder;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} is not in a cache of images.`, {
    remedy: "Give the path of an image in its storage's cache.",
  });
}

/** A volume stands on nothing but an image of its own storage. @throws HYPERVISOR.BAD_PATH */
export function checkBacking(path: string, backing: Backing): void {
  const folder = storageOfImage(backing.path);
  const isOwn = path.startsWith(`${folder}/`) && !path.startsWith(`${folder}/${imageFolder}/`);
  if (isOwn && backing.path.endsWith(`.${backing.format}`)) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(backing.path)} is not of the volume's storage.`, {
    remedy: "Give an image in the cache of the volume's own storage, with the format that its name says.",
  });
}
