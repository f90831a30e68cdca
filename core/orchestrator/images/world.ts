import { CloudError } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { FlowEnv } from "../flow/flow.ts";
import type { HostLink } from "../host-link.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";
import type { LiveSettings } from "../settings.ts";
import { taskCancelling } from "../tasks.ts";
import type { ImageStore } from "./image-store.ts";

export type Image = RecordOf<"Image">;
export type Store = RecordOf<"BackupStorage">;

/** What flows of images work with. */
export type ImageWorld = {
  records: Records;
  settings: LiveSettings;
  link: HostLink;
  images: ImageStore;
  newUuid: () => string;
};

/**
 * Does something that is called off when somebody wants the task taken back: then there is nothing to tell, for the next
 * step is not begun. @returns undefined when it was called off so
 */
export async function unlessCancelled<T>(
  { records }: Pick<ImageWorld, "records">,
  { task, signal }: FlowEnv,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let isCancelled = false;
  void taskCancelling(records.mirror, task, until).then(
    () => {
      isCancelled = true;
      over.abort(new Error("The task is taken back."));
    },
    () => undefined,
  );
  try {
    return await action(until);
  } catch (error) {
    if (isCancelled && !signal.aborted) return undefined;
    throw error;
  } finally {
    over.abort(new Error("It has ended."));
  }
}

/** The code of what a host says went wrong; undefined when it is not the host that says so. */
export function hostsCode(error: unknown): string | undefined {
  if (error instanceof CloudError) return error.cause instanceof NodeError ? error.cause.code : undefined;
  return error instanceof NodeError ? error.code : undefined;
}
