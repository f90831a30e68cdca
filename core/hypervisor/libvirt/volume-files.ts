import { link, open, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import * as z from "zod/mini";
import { NodeError } from "../../model/error.ts";
import { errnoOf, syncFolder } from "../../node/durable.ts";
import type { Machine } from "../../node/machine.ts";
import { type Backing, checkBacking, checkVolumePath, type HostCommand } from "../driver.ts";
import { type Qcow2Head, readQcow2Head } from "../qcow2-head.ts";
import { noImage, noVolume, otherFormat, otherVolume, volumeInUse } from "../refusals.ts";
import type { VolumeFigures, VolumePlace } from "../volume-commands.ts";
import { makeVolumeFolder } from "./folder.ts";
import { lockFileOf, type MachineLocks } from "./machine-locks.ts";

type NewVolume = Extract<HostCommand, { do: "createVolume" }>;
type NewOverlay = Extract<HostCommand, { do: "createVolumeFromImage" }>;
type Format = NewVolume["format"];

const qemuImgMs = 60_000;
/** For what reads or writes the whole map of a volume's clusters. */
const wholeMapMs = 900_000;

const info = z.object({ snapshots: z.optional(z.array(z.object({ name: z.string() }))) });

/** Of a raw file, the last one is filled up. */
const sectorBytes = 512;
/** How a qcow2 file begins. */
const qcow2Magic = Buffer.from("QFI\xfb", "latin1");

/** Volumes as files, with qemu-img. Everything that a guest has written into one is nobody's word. */
export class VolumeFiles {
  readonly #machine: Pick<Machine, "run">;
  readonly #locks: Pick<MachineLocks, "isHeld"> | undefined;

  /** @param locks without them a file is open where QEMU's own locks say so */
  constructor(machine: Pick<Machine, "run">, locks?: Pick<MachineLocks, "isHeld">) {
    this.#machine = machine;
    this.#locks = locks;
  }

  /**
   * The file takes its name when it is whole and on the disk; one of the same kind that is there is as good.
   * @throws HYPERVISOR.BAD_PATH, HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
   */
  async create({ path, sizeBytes, format }: NewVolume): Promise<void> {
    checkVolumePath(path);
    if (await exists(path)) return this.#requireSame(path, sizeBytes, format);
    await this.#make(path, format, [], sizeBytes);
  }

  /**
   * A thin volume on an image of the cache, which is only read.
   * @throws those of {@link create}; HYPERVISOR.IMAGE_ABSENT
   */
  async createFromImage({ path, sizeBytes, backing }: NewOverlay): Promise<void> {
    checkVolumePath(path);
    checkBacking(path, backing);
    if (await exists(path)) return this.#requireSame(path, sizeBytes, "qcow2", backing);
    if ((await this.#imageSize(backing)) > sizeBytes) throw otherFormat(path, "would be smaller than its image");
    await this.#make(path, "qcow2", ["-b", backing.path, "-F", backing.format], sizeBytes);
    // Who clears the cache looks at the volumes after it has taken the image away: one of the two sees the other.
    if (await exists(backing.path)) return;
    await rm(path, { force: true });
    throw noImage(backing.path);
  }

  async #make(path: string, format: Format, more: readonly string[], sizeBytes: number): Promise<void> {
    const folder = dirname(path);
    // Only this command works on the volume: what lies there is of one that was killed.
    const unfinished = unfinishedOf(path);
    try {
      await makeVolumeFolder(folder);
      await rm(unfinished, { force: true });
      await this.#qemuImg(["create", "-q", "-f", format, ...more, unfinished, String(sizeBytes)]);
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
    // What one who was killed has left of making it.
    await rm(unfinishedOf(path), { force: true });
    if (await exists(path)) {
      if (await this.isOpen(path)) throw volumeInUse(path);
      await rm(markOf(path), { force: true });
      await rm(path, { force: true });
    }
    await rm(lockFileOf(path), { force: true });
    await rm(comingOf(path), { force: true });
    await removeOwnFolder(path);
  }

  /** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.VOLUME_DIFFERS */
  async isThere(path: string): Promise<boolean> {
    checkVolumePath(path);
    return await exists(path);
  }

  /** Whether a machine has a file open, on any host that the locks of its storage reach. */
  async isOpen(path: string): Promise<boolean> {
    if (await this.isHeld(path)) return true;
    // Takes for a moment the lock that a machine takes, and reads nothing of what a guest has written.
    const file = `driver=raw,file.driver=file,file.locking=on,file.filename=${escaped(path)}`;
    const tried = await this.#run("qemu-io", ["--image-opts", file, "-c", "quit"]);
    return tried.code !== 0 && isLocked(tried.stderr);
  }

  /** Whether a machine runs that started from this volume, where machines have locks of their own: see `machine-locks.ts`. */
  async isHeld(path: string): Promise<boolean> {
    return (await this.#locks?.isHeld(path)) ?? false;
  }

  /**
   * What a machine is to be started with is there, and is what it is said to be.
   * @throws HYPERVISOR.BAD_PATH, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS
   */
  async require({ path, format, backing }: VolumePlace): Promise<void> {
    checkVolumePath(path);
    if (backing !== undefined) checkBacking(path, backing);
    if (!(await exists(path))) throw noVolume(path);
    await this.#size(path, format, backing);
    if (backing !== undefined) await this.#imageSize(backing);
    if (await isBegun(path)) await this.#mend(path);
  }

  /** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS */
  async figures({ path, format, backing }: VolumePlace): Promise<VolumeFigures> {
    checkVolumePath(path);
    if (!(await exists(path))) throw noVolume(path);
    const sizeBytes = await this.#size(path, format, backing);
    // Of its bytes, those that the file system keeps something for.
    const { blocks } = await stat(path);
    return { sizeBytes, actualBytes: blocks * 512 };
  }

  /** Names of the snapshots in a file that no machine has open. */
  async snapshots(path: string, backing?: Backing): Promise<string[]> {
    return ((await this.#look(path, backing)).snapshots ?? []).map(({ name }) => name);
  }

  /** Takes a snapshot, goes back to it, deletes it. @throws HYPERVISOR.VOLUME_IN_USE, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED */
  async snapshot(what: "-c" | "-a" | "-d", name: string, path: string): Promise<void> {
    await this.#onFree(path, ["snapshot", "-q", what, name, path]);
    await synced(path);
  }

  /** @throws as {@link snapshot} */
  async resize(path: string, format: Format, sizeBytes: number): Promise<void> {
    await this.#onFree(path, ["resize", "-q", "-f", format, path, String(sizeBytes)]);
    await synced(path);
  }

  async #onFree(path: string, args: readonly string[]): Promise<void> {
    if (await this.isHeld(path)) throw volumeInUse(path);
    const { code, stderr } = await this.#run("qemu-img", args, wholeMapMs);
    if (code === 0) return;
    throw isLocked(stderr) ? volumeInUse(path) : failed(path, new Error(lastLine(stderr)));
  }

  /**
   * What was being changed in a file when power was lost, or the one who changed it was killed, leaves at the worst
   * clusters that count as used: they are given back. One that a machine has open was opened after that.
   * @throws HYPERVISOR.VOLUME_DAMAGED
   */
  async #mend(path: string): Promise<void> {
    if (await this.isHeld(path)) return;
    const found = await this.#checked(path, "leaks");
    if (found.code !== 0) {
      if (isLocked(found.said)) return;
      const mended = await this.#checked(path, "all");
      if (mended.code !== 0)
        throw new NodeError("HYPERVISOR.VOLUME_DAMAGED", `The volume ${path} is damaged: ${lastLine(mended.said)}`, {
          remedy: "Copy its file before anything else, then see what `qemu-img check` says of it.",
          values: { path },
        });
    }
    await rm(markOf(path), { force: true });
  }

  /** What a guest of an image sees. It stands on nothing itself. @throws HYPERVISOR.IMAGE_ABSENT, HYPERVISOR.VOLUME_DIFFERS */
  async #imageSize({ path, format }: Backing): Promise<number> {
    if (!(await exists(path))) throw noImage(path);
    return await this.#size(path, format);
  }

  async #requireSame(path: string, sizeBytes: number, format: Format, backing?: Backing): Promise<void> {
    const size = await this.#size(path, format, backing).catch((error: unknown) => {
      if (error instanceof NodeError && error.code === "HYPERVISOR.VOLUME_DIFFERS") return undefined;
      throw error;
    });
    if (size === undefined) throw otherFormat(path, `is there already, and is not ${format}`);
    if (size !== sizeBytes) throw otherVolume(path, size, format);
  }

  /**
   * Bytes of a volume that is what it is said to be. Its format is never guessed, and it must stand on no other file than
   * the image that it was made of: a guest that writes the head of a qcow2 file would have the host read any file for it.
   * Its head alone says so, which is read by ourselves: a program of QEMU would take longer to start than to look.
   */
  async #size(path: string, format: Format, backing?: Backing): Promise<number> {
    const head = await readQcow2Head(path);
    const isQcow2 = (await headOf(path)).equals(qcow2Magic);
    if (isQcow2 !== (format === "qcow2")) throw otherFormat(path, `is ${isQcow2 ? "qcow2" : "raw"} and not ${format}`);
    if (!isQcow2) {
      if (backing !== undefined) throw otherFormat(path, "stands on another file");
      return Math.ceil((await stat(path)).size / sectorBytes) * sectorBytes;
    }
    if (head === undefined || !isSound(head)) throw otherFormat(path, "can't be read as qcow2: its head is damaged");
    const isAsTold =
      head.backing === (backing?.path ?? null) && (backing === undefined || head.backingFormat === backing.format);
    if (!isAsTold || head.hasDataFile) throw otherFormat(path, "stands on another file");
    return head.virtualSize;
  }

  /** The same by QEMU's own program, which reads all that it says of itself. */
  async #look(path: string, backing?: Backing): Promise<z.infer<typeof info>> {
    await this.#size(path, "qcow2", backing);
    // -U: a machine may have it open.
    const { code, stdout, stderr } = await this.#run("qemu-img", ["info", "-U", "--output=json", "-f", "qcow2", path]);
    if (code !== 0) throw otherFormat(path, `can't be read as qcow2: ${lastLine(stderr)}`);
    return info.parse(JSON.parse(stdout));
  }

  async #qemuImg(args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#run("qemu-img", args);
    if (code !== 0) throw new Error(lastLine(stderr));
  }

  /** Of a large volume qemu-img prints hundreds of megabytes, a line for each cluster: the last of them are kept. */
  async #checked(path: string, repair: "leaks" | "all"): Promise<{ code: number; said: string }> {
    const words = ["qemu-img", "check", "-q", "-f", "qcow2", "-r", repair, path];
    const script = '{ "$@" 2>&1; echo "ended with $?"; } | tail -n 8';
    const { stdout } = await this.#machine.run("sh", ["-c", script, "sh", ...words], { timeoutMs: wholeMapMs });
    const [, said = "", code] = /^([\s\S]*)ended with (\d+)\n$/.exec(stdout) ?? [];
    return { code: Number(code ?? -1), said };
  }

  #run(program: "qemu-img" | "qemu-io", args: readonly string[], timeoutMs = qemuImgMs) {
    return this.#machine.run(program, args, { timeoutMs });
  }
}

/** What QEMU opens at all. */
function isSound({ version, clusterBytes, virtualSize, isCorrupt }: Qcow2Head): boolean {
  const isKnown = version === 2 || version === 3;
  return isKnown && clusterBytes >= 512 && clusterBytes <= 2 ** 21 && Number.isSafeInteger(virtualSize) && !isCorrupt;
}

/** A folder that a volume has for itself is named like it. */
async function removeOwnFolder(path: string): Promise<void> {
  const folder = dirname(path);
  if (basename(folder) === basename(path, extname(path))) await rmdir(folder).catch(() => undefined);
}

/** The name of a volume until it is whole. */
export function unfinishedOf(path: string): string {
  return `${path}.new`;
}

/** Stands beside a volume while its snapshots are being changed. */
export function markOf(path: string): string {
  return `${path}.changing`;
}

/** Stands beside a volume while it comes from another host: nothing is lost with it. */
export function comingOf(path: string): string {
  return `${path}.coming`;
}

export async function isMarked(path: string): Promise<boolean> {
  return await exists(comingOf(path));
}

export async function isBegun(path: string): Promise<boolean> {
  return await exists(markOf(path));
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

export async function synced(path: string): Promise<void> {
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

export function lastLine(words: string): string {
  return (
    words
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^qemu-img: /, "")
      .replace(/\.$/, "") ?? ""
  );
}

export function failed(path: string, error: unknown): NodeError {
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
