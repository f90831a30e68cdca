import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { contentIn, type Note, readNote, writeNote } from "./arriving.ts";
import { FileSums } from "./file-sums.ts";
import { otherManager } from "./refusals.ts";

/** How far an upload has come in this process: `size` may be beyond what is on the disk for sure, and noted. */
export type Reached = {
  size: number;
  safeBytes: number;
  readonly validator: string;
  /** In the note while nobody else has taken the upload over. */
  readonly writer: string;
  readonly sums: FileSums;
};

/** Waits for the disk at once, of all uploads: each holds one of Node's four threads, and others need some, too. */
const mostSyncs = 2;
/** Beyond so many steps that are not on the disk a client is held up: the system would hold up everybody then. */
const mostSteps = 4;
/** However little came: so often it is on the disk, for slow lines and for other managers, who see only that. */
const longestUnsyncedMs = 5_000;

/**
 * The file of an upload, while a client sends. It is written to and waited for at the same time: after each step of
 * `unsyncedBytes` the disk takes what is there, and the note says so, while more comes.
 */
export class UploadFile {
  readonly #folder: string;
  readonly #handle: FileHandle;
  readonly #unsyncedBytes: number;
  readonly #reached: Reached;
  #syncing: Promise<void> | undefined;
  #failure: unknown;
  #isLost = false;
  #syncedAt = performance.now();

  private constructor(folder: string, handle: FileHandle, reached: Reached, unsyncedBytes: number) {
    this.#folder = folder;
    this.#handle = handle;
    this.#reached = reached;
    this.#unsyncedBytes = unsyncedBytes;
  }

  /**
   * Takes the upload over, if another one has it.
   * @param reached goes along with what is written
   * @param noted the writer of the note that was found
   * @throws the system's error; STORAGE.1070
   */
  static async open(
    folder: string,
    reached: Reached,
    { unsyncedBytes, noted }: { unsyncedBytes: number; noted: string | undefined },
  ): Promise<UploadFile> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(contentIn(folder), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      // Before anything of the file goes: whoever had it must not count any more what is not there.
      if (noted !== reached.writer) await writeNote(folder, noteOf(reached, reached.safeBytes));
      // To make it longer would put zeros in the place of what is not there.
      if ((await handle.stat()).size < reached.size) throw otherManager();
      // What came before, and is not counted, counts for nothing.
      await handle.truncate(reached.size);
      return new UploadFile(folder, handle, reached, unsyncedBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#reached.size;
  }

  /** The disk has failed: of what is not noted nobody knows whether it is there, though it can be read for a while. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** @throws the system's error, also that of a wait for the disk that went on meanwhile; STORAGE.1070 */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const { safeBytes } = this.#reached;
    if (this.size - safeBytes > mostSteps * this.#unsyncedBytes) await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    let left = chunks.reduce((sum, { length }) => sum + length, 0);
    for (let rest = chunks; left > 0; ) {
      const { bytesWritten } = await this.#handle.writev(rest, this.#reached.size);
      this.#reached.size += bytesWritten;
      left -= bytesWritten;
      if (left > 0) rest = behind(rest, bytesWritten);
    }
    this.#reached.sums.reached(this.size);
    const isLate = performance.now() - this.#syncedAt >= longestUnsyncedMs;
    if (isLate || this.size - safeBytes >= this.#unsyncedBytes) this.#beginToSync();
  }

  /** All that was written is on the disk, and noted, when this resolves. @throws as {@link write} */
  async settle(isWhole: boolean): Promise<void> {
    await this.quiet();
    if (isWhole || this.#reached.safeBytes < this.size) await this.#sync(isWhole);
  }

  /** What the disk has begun to take is there. @throws as {@link write} */
  async quiet(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Only after {@link write} and {@link settle} have ended. */
  async close(): Promise<void> {
    await this.#syncing;
    await this.#handle.close();
  }

  #beginToSync(): void {
    this.#syncing ??= this.#sync(false)
      // Whoever writes or waits next is told.
      .catch(() => undefined)
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Never again after it has failed: the system tells of what it lost only once. */
  async #sync(isWhole: boolean): Promise<void> {
    try {
      await this.#syncOnce(isWhole);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async #syncOnce(isWhole: boolean): Promise<void> {
    const { size, writer } = this.#reached;
    try {
      await syncs.take(() => this.#handle.datasync());
    } catch (error) {
      this.#isLost = true;
      throw error;
    }
    if ((await readNote(this.#folder))?.writer !== writer) throw otherManager();
    await writeNote(this.#folder, noteOf(this.#reached, size, isWhole));
    this.#reached.safeBytes = size;
    this.#syncedAt = performance.now();
  }
}

function noteOf({ validator, writer }: Reached, safeBytes: number, isWhole = false): Note {
  return { safeBytes, validator, isWhole, writer };
}

function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return chunks.flatMap((chunk) => {
    const from = Math.min(skip, chunk.length);
    skip -= from;
    return from === chunk.length ? [] : [chunk.subarray(from)];
  });
}

/** Has no more than some do the same at once; the others wait for their turn. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async take<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

const syncs = new Turns(mostSyncs);

/** Of a folder of which nothing is known yet, or no more. */
export function fromNote(folder: string, validator: string, safeBytes: number): Reached {
  return { size: safeBytes, safeBytes, validator, writer: randomUUID(), sums: new FileSums(contentIn(folder)) };
}
