import type { CloudErrorCode } from "../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { formatSize } from "../model/cloud/size.ts";
import { quoted, shown } from "../model/quote.ts";
import { whyNotWritten } from "../node/durable.ts";

/* What can be wrong with an image, its source and its store. Of an address only its server is told. */

type Values = Readonly<Record<string, string | number | boolean>>;

function error(
  code: CloudErrorCode,
  where: string,
  details: string,
  remedy: string,
  values: Values = {},
  cause?: unknown,
) {
  return new CloudError(refusalOf(code, { where, details, remedy, values }), cause);
}

/** A failure of a source that may pass: a connection that broke, a server that is busy. */
export class SourceFailed extends Error {
  readonly told: CloudError;

  constructor(told: CloudError) {
    super(told.message);
    this.told = told;
  }
}

export function notFetched(url: URL, details: string, cause?: unknown): CloudError {
  const remedy = "Try the address with another client from the management node, then add the image again.";
  return error("STORAGE.1020", `source ${serverOf(url)}`, details, remedy, {}, cause);
}

export function badStatus(url: URL, status: number): CloudError {
  const details = `The server answers with the status ${status}.`;
  const remedy =
    status === 401 || status === 403
      ? "Give an address that needs no password, or fetch the image yourself and give it as file:///."
      : "Look at the address with another client.";
  return error("STORAGE.1020", `source ${serverOf(url)}`, details, remedy, { status });
}

export function badFile(details: string, remedy: string): CloudError {
  return error("STORAGE.1020", "source", details, remedy);
}

export function silent(url: URL, idleMs: number): CloudError {
  const details = `Not one byte came within ${idleMs / 1000} s.`;
  const remedy = "Look at the server and the network; for a slow one raise download.idleTimeout.";
  return error("STORAGE.1021", `source ${serverOf(url)}`, details, remedy, { idleMs });
}

export function otherSize(said: number, got: number): CloudError {
  const details = `The source said ${said} bytes, and ${got} came.`;
  const remedy = "Add the image again; if it stays so, look at the server.";
  return error("STORAGE.1022", "source", details, remedy, { said, got });
}

export function otherChecksum(expected: string, got: string): CloudError {
  const details = `Its md5 is ${got}, and should be ${expected}.`;
  const remedy = "Compare with what the image's publisher says; add it again.";
  return error("STORAGE.1023", "md5", details, remedy, { expected, got });
}

/** `why`: "It …". */
export function notOfFormat(format: string, why: string): CloudError {
  const remedy =
    "Give the format that the file has; unpack a packed one first, and convert others with qemu-img convert.";
  return error("STORAGE.1024", "image", `${why}; it should be ${format}.`, remedy, { format });
}

export function damaged(why: string): CloudError {
  return error("STORAGE.1024", "image", why, "Fetch or make the image anew: this one is not whole.");
}

export function standsOnOther(why: string): CloudError {
  const remedy = "Make one file of it (qemu-img convert -O qcow2), and add that.";
  return error("STORAGE.1025", "image", why, remedy);
}

export function encrypted(): CloudError {
  const remedy = "Decrypt it first (qemu-img convert), and add that.";
  return error("STORAGE.1026", "image", "Nobody can start a machine from it without its key.", remedy);
}

export function tooLarge(virtualSize: number, mostBytes: number): CloudError {
  const details = `A guest would see ${formatSize(virtualSize)}; ${formatSize(mostBytes)} are allowed.`;
  const remedy = "Give a smaller one, or raise image.maxVirtualSize.";
  return error("STORAGE.1027", "image", details, remedy, { virtualSize, most: mostBytes });
}

export function notExamined(why: string, cause?: unknown): CloudError {
  const remedy = "Look at the image with qemu-img info and qemu-img check, where they can do no harm.";
  return error("STORAGE.1028", "image", why, remedy, {}, cause);
}

export function noRoom(url: string, neededBytes: number, availableBytes: number): CloudError {
  const details = `${formatSize(neededBytes)} are needed, and ${formatSize(Math.max(0, availableBytes))} may be taken.`;
  const remedy = "Expunge deleted images, make room there, or lower backupStorage.reservedCapacity.";
  return error("STORAGE.1029", `folder ${quoted(url)}`, details, remedy, { neededBytes, availableBytes });
}

export function badFolder(url: string, why: string, cause?: unknown): CloudError {
  const remedy =
    "Look at the folder on the management node, and whether it is mounted there; then reconnect the store.";
  return error("STORAGE.1030", `folder ${quoted(url)}`, why, remedy, {}, cause);
}

/** What the system says of a folder. */
export function folderFailed(url: string, cause: unknown): CloudError {
  if (cause instanceof CloudError) return cause;
  return badFolder(url, `It can't be used because ${whyNotWritten(cause)}.`, cause);
}

export function noContent(sha256: string, why: string): CloudError {
  const remedy = "Look at the folder of the image store; delete the image and add it again.";
  return error("STORAGE.1033", "image", `Its content ${why}.`, remedy, { sha256 });
}

export function sentByOther(): CloudError {
  const details = "Another connection sends it at this moment.";
  const remedy = "Wait until that has ended; one that stands still gives way after some seconds.";
  return error("STORAGE.1070", "image", details, remedy);
}

export function otherManager(): CloudError {
  const remedy = "Send all of it to the same management node.";
  return error("STORAGE.1070", "image", "It is sent to another management node, too.", remedy);
}

export function takenOver(): CloudError {
  const details = "This connection stood still, and another one goes on with it.";
  return error("STORAGE.1070", "image", details, "Nothing need be done: the other one has all that came.");
}

export function goesOnElsewhere(given: number, offset: number): CloudError {
  const details = `It begins at byte ${given}; byte ${offset} is the next one.`;
  const remedy = "Ask without a body where to go on, and send from there.";
  return error("STORAGE.1071", "offset", details, remedy, { offset });
}

export function brokeOff(details: string, cause?: unknown): CloudError {
  const remedy = "Ask without a body where to go on, and send the rest from there: what came is kept.";
  return error("STORAGE.1072", "image", details, remedy, {}, cause);
}

export function givenUp(): CloudError {
  return error("STORAGE.1073", "image", "Its task was cancelled, or has failed.", "Look at the task; add it again.");
}

export function tooManyUploads(most: number): CloudError {
  const details = `${most} images are being sent already.`;
  return error("SYS.1013", "images", details, "Try again when one of them has come.", { retryAfterMs: 10_000 });
}

function serverOf(url: URL): string {
  return shown(url.host);
}
