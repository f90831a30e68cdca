import * as z from "zod/mini";
import { bytes, line } from "../model/cloud/fields.ts";
import { backing } from "./backing.ts";
import type { CopyVolume } from "./copy-commands.ts";

/* What a host can be asked to do so that a volume can be taken away from it as an image. Part of the contract in driver.ts. */

const path = line(4096);

/** As all commands, each may come twice. */
export const exportCommands = [
  /**
   * Makes the qcow2 volume `path` with all that the qcow2 volume `from` holds, and with what lies below that: it stands on
   * nothing. No machine may have `from` open. One of the same size is there already: a success. It is there whole or not
   * at all, even after a kill.
   */
  z.strictObject({
    do: z.literal("flattenVolume"),
    path,
    from: path,
    sizeBytes: bytes,
    backing: z.exactOptional(backing),
  }),
  /** The file of a volume has this content: it is read wholly, and is not what it should be otherwise. */
  z.strictObject({ do: z.literal("verifyVolume"), path, sha256: z.string().check(z.regex(/^[\da-f]{64}$/)) }),
] as const;
export type ExportCommand = z.infer<(typeof exportCommands)[number]>;

/** Bytes of a file of a volume that are asked for at once, at the most. */
export const mostVolumePieceBytes = 1024 ** 2;

/** A piece of the file of a volume that stands on nothing. `content` is empty behind the file's end. */
export type VolumePiece = { totalBytes: number; content: Uint8Array };
export type ByteRange = { offset: number; length: number };

export function isExportCommand<C extends { do: string }>(command: C | ExportCommand): command is ExportCommand {
  return command.do === "flattenVolume" || command.do === "verifyVolume";
}

/** What takes as long as a volume is large. */
export function takesLong<C extends { do: string }>(command: C | LongCommand): command is LongCommand {
  return command.do === "copyVolume" || isExportCommand(command);
}
export type LongCommand = ExportCommand | CopyVolume;
