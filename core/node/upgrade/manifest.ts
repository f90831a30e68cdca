import * as z from "zod";
import { isVersion } from "../../model/grub-config.ts";

/** What a folder of a system is called while it is not complete, and when it is about to be removed. */
export const unfinished = ".new";

/** The parts of a system on the root partition, and those on /boot. */
export const systemParts = ["system.squashfs"] as const;
export const bootParts = ["vmlinuz", "initrd.img"] as const;
export const manifestName = "manifest.json";

const file = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: z.number().int().positive() });
export const manifest = z.object({
  product: z.literal("Binnacle"),
  version: z.string().refine((version) => isVersion(version) && !version.endsWith(unfinished)),
  files: z.object({ vmlinuz: file, "initrd.img": file, "system.squashfs": file }).catchall(file),
});
/** What an image holds, with sizes and checksums; made with the image. */
export type Manifest = z.infer<typeof manifest>;
