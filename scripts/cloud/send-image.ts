import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { CallRefused, type CloudClient } from "../../core/api/cloud-client.ts";
import { uploadImage } from "../../core/api/image-upload.ts";
import { NodeError } from "../../core/model/error.ts";
import { shown } from "../../core/model/quote.ts";
import { ProgressLine } from "./progress.ts";
import type { Request } from "./request.ts";

/* AddImage url=upload://FILE: the file of this machine goes to the manager, once it has a task that waits for it. */

const readBytes = 1024 * 1024;

export type LocalImage = { url: string; handle: FileHandle; sizeBytes: number };

/** undefined for an image that comes from elsewhere. @throws CLOUD.NO_FILE */
export async function localImage({ name, texts }: Pick<Request, "name" | "texts">): Promise<LocalImage | undefined> {
  const path = /^upload:\/\/(.+)$/.exec(name === "AddImage" ? (texts.get("url")?.at(-1) ?? "") : "")?.[1];
  if (path === undefined) return;
  const handle = await open(path, "r").catch((error: unknown) => {
    throw noFile(path, error);
  });
  const found = await handle.stat();
  // The manager's name for it is one that any file may have.
  const url = `upload://${basename(path)
    .replaceAll(/[^\w.+-]/g, "_")
    .slice(0, 200)}`;
  if (found.isFile() && found.size > 0) return { url, handle, sizeBytes: found.size };
  await handle.close();
  throw noFile(path);
}

/**
 * Sends it, and goes on with that after a connection broke. What the manager refuses takes the task back, so that it does
 * not wait for what never comes; a task that has failed by itself says why better. @throws CallRefused, CLOUD.…
 */
export async function sendImage(
  client: CloudClient,
  task: { uuid: string; resourceUuid: string | null },
  { handle, sizeBytes }: LocalImage,
  signal: AbortSignal,
): Promise<void> {
  const uuid = task.resourceUuid ?? "";
  const line = new ProgressLine();
  try {
    const read = (start: number) =>
      handle.createReadStream({ start, end: sizeBytes - 1, autoClose: false, highWaterMark: readBytes });
    const onSent = (bytes: number) => line.show(`AddImage: ${Math.floor((100 * bytes) / sizeBytes)} % sent`);
    await uploadImage(client, uuid, { sizeBytes, read }, { signal, onSent });
  } catch (error) {
    const isOver = error instanceof CallRefused || (error instanceof NodeError && error.code === "CLOUD.FILE_CHANGED");
    if (!isOver) throw error;
    await client.ask("CancelTask", { uuid: task.uuid }).catch(() => undefined);
    const ended = await client.follow(task.uuid, { signal });
    // What was refused then is one more of what has come: of the first only the answer was lost.
    const isThere = ended.state === "Succeeded" && error instanceof CallRefused;
    if (ended.state !== "Failed" && !isThere) throw error;
  } finally {
    line.end();
    await handle.close();
  }
}

function noFile(path: string, cause?: unknown): NodeError {
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new NodeError("CLOUD.NO_FILE", `${shown(path)} is no file with something in it that can be read${code}.`, {
    remedy: "Give a file of this machine: url=upload://PATH",
  });
}
