import { NodeError } from "../../model/error.ts";
import { errnoOf } from "../../node/durable.ts";

/** SQLite's primary result codes that a person can do something about: https://sqlite.org/rescode.html */
const known: Readonly<Record<number, readonly [code: string, why: string, remedy: string]>> = {
  5: ["STORE.LOCKED", "another program has it open", "Stop the other manager, or whatever has the file open."],
  8: [
    "STORE.READ_ONLY",
    "it can't be written",
    "Make the file and its folder writable; see whether the disk has failed.",
  ],
  10: ["STORE.DISK", "the disk reported an error", "See the kernel's log, and restore a backup on a sound disk."],
  11: ["STORE.DAMAGED", "it is damaged", "Restore the last backup; keep the damaged file."],
  13: ["STORE.FULL", "the file system is full", "Make room on it and try again."],
  14: ["STORE.NOT_OPENED", "it can't be opened", "See that its folder exists and may be written."],
  26: ["STORE.DAMAGED", "it is not a store of Binnacle", "Restore the last backup; keep the file that is there."],
};

/** An error of SQLite or of the system, as one that a person can read. What is none of them stays as it is. */
export function storeFailure(file: string, error: unknown): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error;
  const primary = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : primaryOf(error);
  const found = primary === undefined ? undefined : known[primary];
  if (found === undefined) return error;
  const [code, why, remedy] = found;
  return new NodeError(code, `The store ${file} can't be used because ${why}.`, {
    remedy,
    values: { file },
    cause: error,
  });
}

function primaryOf(error: Error): number | undefined {
  switch (errnoOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return 13;
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return 8;
    case "EIO":
      return 10;
    case "ENOENT":
    case "ENOTDIR":
    case "EISDIR":
      return 14;
    default:
      return undefined;
  }
}
