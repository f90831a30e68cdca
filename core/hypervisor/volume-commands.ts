import * as z from "zod/mini";
import { bytes, line, uuid } from "../model/cloud/fields.ts";
import { backing, diskFormat as format } from "./backing.ts";
import { copyCommands } from "./copy-commands.ts";
import { exportCommands } from "./export-commands.ts";

/* What a host can be asked to do with volumes that are there. Part of the contract in driver.ts. */

const path = line(4096);
/** What the volume stands on; without it, on nothing. */
const standing = { backing: z.exactOptional(backing) };

const limit = z.int().check(z.minimum(1));

/** `deviceId`: its place in the machine, where a guest finds it again: 0 is vda. By the order of the list unless told. */
export const machineDisk = z.strictObject({
  volumeUuid: uuid,
  path,
  format,
  ...standing,
  deviceId: z.optional(z.int().check(z.nonnegative(), z.maximum(255))),
  /** Of reading and writing together; without it there is none. */
  limits: z.exactOptional(
    z.strictObject({ bytesPerSecond: z.exactOptional(limit), operationsPerSecond: z.exactOptional(limit) }),
  ),
});
export type MachineDisk = z.infer<typeof machineDisk>;

/** `uuid`: the machine that has the volume, whether it runs or not; null when none has it. */
const ofVolume = { uuid: z.nullable(uuid), path, ...standing };

/** As all commands, each may come twice. */
export const volumeCommands = [
  /** Gives a machine that runs one disk more. One that it has already is a success. */
  z.strictObject({ do: z.literal("attachVolume"), uuid, disk: machineDisk }),
  /**
   * Takes a disk from a machine that runs, as soon as its guest lets it go. A machine without it, or one that is off, is
   * a success. What was asked of the guest can't be taken back: it may let go later than after `waitMs`.
   */
  z.strictObject({ do: z.literal("detachVolume"), uuid, path, waitMs: z.int().check(z.nonnegative()) }),
  /** Lets a volume grow. One that has the size is a success. */
  z.strictObject({ do: z.literal("resizeVolume"), ...ofVolume, format, sizeBytes: bytes }),
  /** Keeps what a qcow2 volume holds now, by this name. One of the name is a success. A machine that runs goes on. */
  z.strictObject({ do: z.literal("snapshotVolume"), ...ofVolume, snapshotUuid: uuid }),
  /** One that is not there is a success. */
  z.strictObject({ do: z.literal("deleteSnapshot"), ...ofVolume, snapshotUuid: uuid }),
  /** The volume holds again what it held then, with `sizeBytes` at least; no machine may have it open. */
  z.strictObject({ do: z.literal("revertVolume"), path, ...standing, snapshotUuid: uuid, sizeBytes: bytes }),
  ...copyCommands,
  ...exportCommands,
] as const;
export type VolumeCommand = z.infer<(typeof volumeCommands)[number]>;

export function isVolumeCommand<C extends { do: string }>(command: C | VolumeCommand): command is VolumeCommand {
  return verbs.has(command.do);
}
const verbs: ReadonlySet<string> = new Set(volumeCommands.flatMap(({ shape }) => [...shape.do.def.values]));

/** The file of a volume, as a host is asked how large it is. */
export const volumePlace = z.strictObject({ path, format, ...standing });
export type VolumePlace = z.infer<typeof volumePlace>;
/** `sizeBytes`: what a guest sees; `actualBytes`: what it takes up, with its snapshots. */
export const volumeFigures = z.object({ sizeBytes: bytes, actualBytes: bytes });
export type VolumeFigures = z.infer<typeof volumeFigures>;
