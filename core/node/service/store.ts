import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { Keeping, StoreLook } from "../../model/service.ts";
import { freeBytesAt, reserveBytes } from "../archives/world.ts";
import { errnoOf, whyNotWritten } from "../durable.ts";

/** The store of a management node, as far as resetting needs it. */
export type Store = {
  /** What is in it. Never fails: what can't be read is `unreadable`. */
  look(signal: AbortSignal): Promise<StoreLook>;
  /**
   * Leaves an empty store behind, and gives the folder or the backup that now holds the former one; null when `mayDelete`
   * and there is no room for it. The manager must not be running.
   *
   * @throws SERVICE.NO_ROOM, SERVICE.NOT_KEPT, SERVICE.STORE_IN_USE, and of etcd STORE.…: the store is as it was
   */
  empty(mayDelete: boolean, signal: AbortSignal): Promise<string | null>;
};

/** Where a store that is put aside now is kept. */
export function keptAt(kept: string, now: number): string {
  return join(kept, new Date(now).toISOString().replaceAll(":", "").replace(/\..*/, "Z"));
}

/** Undefined when a copy of that size has room where `folder` is, or will be. */
export async function roomFor(folder: string, sizeBytes: number): Promise<(Keeping & { how: "noRoom" }) | undefined> {
  const [neededBytes, freeBytes] = [sizeBytes + reserveBytes, await freeBytesAt(folder)];
  return neededBytes <= freeBytes ? undefined : { how: "noRoom", neededBytes, freeBytes };
}

export function noRoom({ neededBytes, freeBytes }: Keeping & { how: "noRoom" }): NodeError {
  return new NodeError(
    "SERVICE.NO_ROOM",
    "There is no room for a copy of the store, and nobody agreed to do without.",
    {
      remedy: "Make room below /var/lib/binnacle, or agree to lose the store for good.",
      values: { neededBytes, freeBytes },
    },
  );
}

export function notKept(to: string, error: unknown): NodeError {
  const isOurs = error instanceof NodeError || (errnoOf(error) === undefined && error instanceof Error);
  const words = isOurs ? error.message : whyNotWritten(error);
  const why = words.replace(/\.$/, "");
  return new NodeError("SERVICE.NOT_KEPT", `The store could not be kept in ${to}: ${why}. It is as it was.`, {
    remedy: "Look at the file system of /var/lib/binnacle, and try again.",
    values: { to },
    cause: error,
  });
}

/** @param why as a sentence goes on */
export function inUse(why: string): NodeError {
  return new NodeError("SERVICE.STORE_IN_USE", `The store is still in use: ${why}. It is as it was.`, {
    remedy: "Stop every manager of this store first.",
    values: { why },
  });
}
