import * as z from "zod/mini";
import type { CopiedDisk, NewCopy } from "../../hypervisor/migration/commands.ts";

/*
 * Volumes on a host's own disks that go along when their machine moves while it runs: to the same storage as the other
 * host has it. What the guest has is carried over, and the image that a volume stands on is brought there before.
 */

/** `size`: what a guest sees, and what the other host is charged for. */
export const copiedVolume = z.object({
  volumeUuid: z.string(),
  storageUuid: z.string(),
  path: z.string(),
  size: z.number(),
});
export type CopiedVolume = z.infer<typeof copiedVolume>;

/** What hosts are told of them; nothing when there are none. */
export function newCopies(copies: readonly CopiedVolume[]): { copies?: NewCopy[] } {
  return copies.length === 0 ? {} : { copies: copies.map(({ path, size }) => ({ path, sizeBytes: size })) };
}

export function copiedDisks(copies: readonly CopiedVolume[]): { copies?: CopiedDisk[] } {
  return copies.length === 0 ? {} : { copies: copies.map(({ path }) => ({ from: path, to: path })) };
}
