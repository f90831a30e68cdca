import * as z from "zod/mini";
import { line } from "../model/cloud/fields.ts";

export const diskFormat = z.enum(["qcow2", "raw"]);

/** The file in the image cache that a volume stands on. */
export const backing = z.strictObject({ path: line(4096), format: diskFormat });
export type Backing = z.infer<typeof backing>;
