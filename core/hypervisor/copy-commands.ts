import * as z from "zod/mini";
import { bytes, line, uuid } from "../model/cloud/fields.ts";
import { backing } from "./backing.ts";

/* What a host can be asked to do with what a volume holds. Part of the contract in driver.ts. */

const path = line(4096);

/** As all commands, it may come twice. */
export const copyCommands = [
  /**
   * Makes the qcow2 volume `path` with what the qcow2 volume `from` holds, or held at a snapshot: with one, a machine
   * may have it open. It has `sizeBytes`, no less than that, none of the other's snapshots, and stands on the same image.
   * One of the same size and image is there already: a success. It is there whole or not at all, even after a kill.
   */
  z.strictObject({
    do: z.literal("copyVolume"),
    path,
    from: path,
    snapshotUuid: z.exactOptional(uuid),
    sizeBytes: bytes,
    backing: z.exactOptional(backing),
  }),
] as const;
export type CopyVolume = z.infer<(typeof copyCommands)[0]>;
