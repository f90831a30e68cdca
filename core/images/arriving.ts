import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { jsonOrNothing } from "../model/json.ts";
import { syncFolder, textOrNothing, writeDurably } from "../node/durable.ts";
import { FileSums, type Sums } from "./file-sums.ts";

const note = z.strictObject({
  /** Bytes that are on the disk, whatever happens. */
  safeBytes: z.int().check(z.nonnegative()),
  validator: z.nullable(z.string()),
  isWhole: z.boolean(),
  /** Who takes it of a client: a manager's own random name for that. Whoever finds another one has lost it. */
  writer: z.optional(z.string()),
});
export type Note = z.infer<typeof note>;

/**
 * An image that arrives: a file, and a note of how much of it is on the disk. What came after the last note counts for
 * nothing after a crash, for a file system may give zeros in its place.
 */
export class Arriving {
  readonly #folder: string;
  readonly #checkpointBytes: number;
  readonly #handle: FileHandle;
  #note: Note;
  #size: number;
  #sums: FileSums;

  private constructor(
    { folder, checkpointBytes }: { folder: string; checkpointBytes: number },
    handle: FileHandle,
    known: Note,
    sums: FileSums | undefined,
  ) {
    this.#folder = folder;
    this.#checkpointBytes = checkpointBytes;
    this.#handle = handle;
    this.#note = known;
    this.#size = known.safeBytes;
    this.#sums = sums ?? new FileSums(contentIn(folder));
    this.#sums.reached(this.#size);
  }

  /**
   * What has arrived before is read once more, for its checksums.
   * @param sums of what is there, of somebody who has made them while it came
   * @throws the system's error
   */
  static async open(folder: string, checkpointBytes: number, sums?: FileSums): Promise<Arriving> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const noted = await readNote(folder);
    const handle = await open(contentIn(folder), "a+", 0o600);
    try {
      await syncFolder(folder);
      const { size } = await handle.stat();
      const isKnown = noted !== undefined && noted.safeBytes <= size;
      const known = isKnown ? noted : { safeBytes: 0, validator: null, isWhole: false };
      await handle.truncate(known.safeBytes);
      if (!isKnown) sums?.end();
      return new Arriving({ folder, checkpointBytes }, handle, known, isKnown ? sums : undefined);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  get isWhole(): boolean {
    return this.#note.isWhole;
  }

  get validator(): string | null {
    return this.#note.validator;
  }

  /** From the beginning again. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#size = 0;
    this.#sums.end();
    this.#sums = new FileSums(contentIn(this.#folder));
    await this.#write({ safeBytes: 0, validator: null, isWhole: false });
  }

  /** What names the content that is arriving now. */
  async isOf(validator: string | null): Promise<void> {
    if (validator !== this.#note.validator) await this.#write({ ...this.#note, validator });
  }

  /** Whether this was the time for a checkpoint. */
  async add(chunk: Uint8Array): Promise<boolean> {
    for (let at = 0; at < chunk.length; ) at += (await this.#handle.write(chunk, at)).bytesWritten;
    this.#size += chunk.length;
    this.#sums.reached(this.#size);
    if (this.#size - this.#note.safeBytes < this.#checkpointBytes) return false;
    await this.checkpoint();
    return true;
  }

  /** What has arrived is on the disk from now on. */
  async checkpoint(isWhole = false): Promise<void> {
    await this.#handle.sync();
    await this.#write({ ...this.#note, safeBytes: this.#size, isWhole });
  }

  /** Of what has arrived. Only once. @throws the signal's reason */
  sums(signal: AbortSignal): Promise<Sums> {
    return this.#sums.of(this.#size, signal);
  }

  close(): Promise<void> {
    this.#sums.end();
    return this.#handle.close();
  }

  async #write(next: Note): Promise<void> {
    await writeNote(this.#folder, next);
    this.#note = next;
  }
}

/** The file of an image that arrives. */
export function contentIn(folder: string): string {
  return join(folder, "content");
}

/** undefined for none that can be read. */
export async function readNote(folder: string): Promise<Note | undefined> {
  const text = await textOrNothing(join(folder, "note.json"));
  const parsed = note.safeParse(text === undefined ? undefined : jsonOrNothing(text));
  return parsed.success ? parsed.data : undefined;
}

export async function writeNote(folder: string, next: Note): Promise<void> {
  await writeDurably(join(folder, "note.json"), JSON.stringify(next));
}
