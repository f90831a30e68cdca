import { link, open, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import * as z from "zod/mini";
import { NodeError } from "../../model/error.ts";
import { errnoOf, syncFolder } from "../../node/durable.ts";
import type { Machine } from "../../node/machine.ts";
import { checkVolumePath, type HostCommand } from "../driver.ts";
import { noVolume, otherFormat, otherVolume, volumeInUse } from "../refusals.ts";
import { makeVolumeFolder } from "./folder.ts";

type NewVolume = Extract<HostCommand, { do: "createVolume" }>;
type Format = NewVolume["format"];

const qemuImgMs = 60_000;

const info = z.object({
  "virtual-size": z.number(),
  "backing-filename": z.optional(z.string()),
  "full-backing-filename": z.optional(z.string()),
  "format-specific": z.optional(z.object({ data: z.optional(z.object({ "data-file": z.optional(z.string()) })) })),
});

/** How a qcow2 file begins. */
const qcow2Magic = Buffer.from("QFI\xfb", "latin1");

/** Volumes as files, with qemu-img. Everything that a guest has written into one is nobody's word. */
export class VolumeFiles {
  readonly #machine: Pick<Machine, "run">;

  constructor(machine: Pick<Machine, "run">) {
    this.#machine = machine;
  }

  /**
   * The file takes its name when it is whole and on the disk; one of the same kind that is there is as good.
   * @throws HYPERVISOR.BAD_PATH, HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
   */
  async create({ path, sizeBytes, format }: NewVolume): Promise<void> {
    checkVolumePath(path);
    if (await exists(path)) return this.#requireSame(path, sizeBytes, format);
    const folder = dirname(path);
    // Only this command works on the volume: what lies there is of one that was killed.
    const unfinished = `${path}.new`;
    try {
      await makeVolumeFolder(folder);
      await rm(unfinished, { force: true });
      await this.#qemuImg(["create", "-q", "-f", format, unfinished, String(sizeBytes)]);
      await synced(unfinished);
      await link(unfinished, path);
      await syncFolder(folder);
    } catch (error) {
      throw failed(path, error);
    } finally {
      await rm(unfinished, { force: true }).catch(() => undefined);
    }
  }

  /** @throws HYPERVISOR.VOLUME_IN_USE when a machine has it open, on any host that QEMU's locks reach */
  async delete(path: string): Promise<void> {
    checkVolumePath(path);
    if (!(await exists(path))) return;
    // Takes for a moment the lock that a machine takes, and reads nothing of what a guest has written.
    const file = `driver=raw,file.driver=file,file.locking=on,file.filename=${escaped(path)}`;
    const tried = await this.#run("qemu-io", ["--image-opts", file, "-c", "quit"]);
    if (tried.code !== 0 && isLocked(tried.stderr)) throw volumeInUse(path);
    await rm(path, { force: true });
    const folder = dirname(path);
    // A folder that a volume has for itself is named like it.
    if (basename(folder) === basename(path, extname(path))) await rmdir(folder).catch(() => undefined);
  }

  /**
   * What a machine is to be started with is there, and is what it is said to be.
   * @throws HYPERVISOR.BAD_PATH, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS
   */
  async require(path: string, format: Format): Promise<void> {
    checkVolumePath(path);
    if (!(await exists(path))) throw noVolume(path);
    await this.#look(path, format);
  }

  async #requireSame(path: string, sizeBytes: number, format: Format): Promise<void> {
    const size = await this.#look(path, format).catch((error: unknown) => {
      if (error instanceof NodeError && error.code === "HYPERVISOR.VOLUME_DIFFERS") return undefined;
      throw error;
    });
    if (size === undefined) throw otherFormat(path, `is there already, and is not ${format}`);
    if (size !== sizeBytes) throw otherVolume(path, size, format);
  }

  /**
   * The size of a volume that is what it is said to be. Its format is never guessed, and it must stand on no other file:
   * a guest that writes the head of a qcow2 file would have the host read any file for it.
   */
  async #look(path: string, format: Format): Promise<number> {
    const isQcow2 = (await headOf(path)).equals(qcow2Magic);
    if (isQcow2 !== (format === "qcow2")) throw otherFormat(path, `is ${isQcow2 ? "qcow2" : "raw"} and not ${format}`);
    // -U: a machine may have it open.
    const { code, stdout, stderr } = await this.#run("qemu-img", ["info", "-U", "--output=json", "-f", format, path]);
    if (code !== 0) throw otherFormat(path, `can't be read as ${format}: ${lastLine(stderr)}`);
    const found = info.parse(JSON.parse(stdout));
    const other =
      found["full-backing-filename"] ?? found["backing-filename"] ?? found["format-specific"]?.data?.["data-file"];
    if (other !== undefined) throw otherFormat(path, "stands on another file");
    return found["virtual-size"];
  }

  async #qemuImg(args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#run("qemu-img", args);
    if (code !== 0) throw new Error(lastLine(stderr));
  }

  #run(program: "qemu-img" | "qemu-io", args: readonly string[]) {
    return this.#machine.run(program, args, { timeoutMs: qemuImgMs });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isFile()) return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return false;
    throw failed(path, error);
  }
  throw otherFormat(path, "is no file");
}

async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** In the options of an image a comma stands for itself when it is doubled. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

export function isLocked(words: string): boolean {
  return /Failed to get .*lock|Is another process using the image/.test(words);
}

function lastLine(words: string): string {
  return (
    words
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^qemu-img: /, "")
      .replace(/\.$/, "") ?? ""
  );
}

function failed(path: string, error: unknown): NodeError {
  if (error instanceof NodeError) return error;
  const words = error instanceof Error ? error.message : String(error);
  const isFull = ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "") || /No space left|Disk quota/.test(words);
  if (isFull)
    return new NodeError("HYPERVISOR.STORAGE_FULL", `There is no room for the volume ${path}.`, {
      remedy: "Free space on the storage, or take another one.",
      values: { path },
      cause: error,
    });
  return new NodeError("HYPERVISOR.FAILED", `The volume ${path} could not be made or read: ${words}`, {
    remedy: "Look at the storage on this host.",
    values: { path },
    cause: error,
  });
}
