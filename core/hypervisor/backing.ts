import * as z from "zod/mini";
import { line } from "../model/cloud/fields.ts";

export const diskFormat = z.enum(["qcow2", "raw"]);
/** Of what is in a cache of images: an ISO image is no disk. */
export const imageFormat = z.enum(["qcow2", "raw", "iso"]);

/** The file in the image cache that a volume stands on. */
export const backing = z.strictObject({ path: line(4096), format: diskFormat });
export type Backing = z.infer<typeof backing>;
