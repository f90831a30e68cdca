import { copyFile, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeError } from "../../../core/model/error.ts";
import { errnoOf, syncFolder } from "../../../core/node/durable.ts";
import { type SystemFile, systemFiles, systemFolder } from "../manifest.ts";
import { mountTarget, targetPlaces } from "../mounts.ts";
import type { Job, Places, StepContext } from "../work.ts";

const chunkBytes = 4 * 1024 * 1024;
/** Written through so often: a progress that only filled the memory would say nothing. */
const syncBytes = 64 * 1024 * 1024;

/** Where a file of the system lies on the target. */
export function copiedFile(
  { manifest }: Pick<Job, "manifest">,
  { work }: Pick<Places, "work">,
  name: SystemFile | "manifest.json",
): string {
  const { root, boot } = targetPlaces(work);
  const inRoot = name === "system.squashfs" || name === "manifest.json";
  return inRoot ? join(root, "systems", manifest.version, name) : join(boot, manifest.version, name);
}

/**
 * Copies the system's files from the medium, each durably and under its name only when it is complete.
 * @throws NodeError COPY.FAILED
 */
export async function copy(context: StepContext): Promise<void> {
  const { job, places } = context;
  await mountTarget(context);
  const total = systemFiles.reduce((sum, name) => sum + job.manifest.files[name].sizeBytes, 0);
  let before = 0;
  for (const name of systemFiles) {
    const from = join(systemFolder(places.medium), name);
    const to = copiedFile(job, places, name);
    context.log(`copying ${name}, ${job.manifest.files[name].sizeBytes} bytes`);
    await copying(from, to, () =>
      copyDurably(from, to, (bytes) => context.share((before + bytes) / total), context.signal),
    );
    before += job.manifest.files[name].sizeBytes;
  }
  const list = copiedFile(job, places, "manifest.json");
  const listFrom = join(systemFolder(places.medium), "manifest.json");
  await copying(listFrom, list, () => copyFile(listFrom, list));
}

async function copyDurably(
  from: string,
  to: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  const temporary = `${to}.part`;
  await rm(temporary, { force: true });
  const source = await open(from, "r");
  try {
    const target = await open(temporary, "wx", 0o644);
    try {
      const buffer = Buffer.alloc(chunkBytes);
      let done = 0;
      let synced = 0;
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, chunkBytes, null);
        if (bytesRead === 0) break;
        await target.writeFile(buffer.subarray(0, bytesRead));
        done += bytesRead;
        if (done - synced >= syncBytes) {
          await target.sync();
          synced = done;
        }
        onBytes(done);
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  await rename(temporary, to);
  await syncFolder(dirname(to));
}

async function copying(from: string, to: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new NodeError("COPY.FAILED", `${from} could not be copied to ${to} (${errno}).`, {
      remedy:
        errno === "EIO"
          ? "The medium or the disk can't be read or written: the log's kernel messages say which. Replace it."
          : "Look at the log, then try again.",
      cause: error,
    });
  }
}
