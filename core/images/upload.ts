import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "../node/durable.ts";
import type { Uploaded, UploadedContent } from "../orchestrator/images/image-store.ts";
import { contentIn, type Note, readNote } from "./arriving.ts";
import type { FileSums } from "./file-sums.ts";
import { Inflow } from "./inflow.ts";
import { givenUp, goesOnElsewhere, otherSize, sentByOther, takenOver, tooManyUploads } from "./refusals.ts";
import { fromNote, type Reached, UploadFile } from "./upload-file.ts";

export type UploadLimits = {
  /** What may be lost with a crash, and is asked for again then: to wait for the disk more often takes most of the time. */
  unsyncedBytes: number;
  /** Clients that send at once. */
  most: number;
  /** Milliseconds without a byte after which another client may take the place of the one that sends. */
  silentMs: number;
};

const mebibyte = 1024 * 1024;
const usualLimits: UploadLimits = { unsyncedBytes: 64 * mebibyte, most: 12, silentMs: 5_000 };
/** With these a client seldom waits for a write; what is there at once is all that an upload takes of memory. */
const inflow = { leastBytes: 2 * mebibyte, mostBytes: 6 * mebibyte, slowMs: 1_000 };
/** How often it is asked whether the upload may go on. */
const askMs = 10_000;

/** `requireRoom`: @throws STORAGE.1029 where so many bytes have no room. */
export type Upload = UploadedContent & { readonly requireRoom: (bytes: number) => Promise<void> };

/** Images that clients send, each by its folder: one client at a time for each. */
export class Uploads {
  readonly #limits: UploadLimits;
  /** Of those that this process takes: how far it has come beyond the note. */
  readonly #reached = new Map<string, Reached>();
  readonly #writers = new Map<string, Writer>();

  constructor(limits: Partial<UploadLimits> = {}) {
    this.#limits = { ...usualLimits, ...limits };
  }

  /**
   * Takes what a client sends, from where the upload has come so far. Without content it only tells that: which is
   * further back after a crash, or when another manager of the same store has taken some meanwhile. What came before a
   * connection broke is kept.
   * @throws STORAGE.1022, STORAGE.1029, STORAGE.1070 to STORAGE.1073, SYS.1013; the system's error; what `mayGoOn` throws
   */
  async take(folder: string, upload: Upload): Promise<Uploaded> {
    const { totalBytes, contentBytes, offset } = upload;
    const validator = validatorOf(totalBytes);
    if (contentBytes === 0) {
      const { size, isWhole } = await this.#arrived(folder, validator);
      // Of one that broke off behind its last byte nothing more comes: it only has to be waited for.
      const isUnfinished = size === totalBytes && !isWhole && !this.#writers.has(folder);
      if (!isUnfinished) return { offset: size, isWhole };
    } else if (offset + contentBytes > totalBytes) throw otherSize(totalBytes, offset + contentBytes);
    const writer = await this.#enter(folder, upload);
    const stop = () => writer.inflow.fail(upload.signal.reason);
    upload.signal.addEventListener("abort", stop, { once: true });
    try {
      upload.signal.throwIfAborted();
      const { size, isWhole, noted, own } = await this.#arrived(folder, validator);
      if (isWhole) return { offset: size, isWhole };
      if (offset !== size && contentBytes > 0) throw goesOnElsewhere(offset, size);
      upload.mayGoOn();
      if (contentBytes > 0) await upload.requireRoom(totalBytes - size + this.#stillToCome(folder));
      if (own === undefined) this.#forget(folder);
      const reached = own ?? fromNote(folder, validator, size);
      this.#reached.set(folder, reached);
      const file = await UploadFile.open(folder, reached, { ...this.#limits, noted: noted?.writer });
      writer.isWriting = true;
      try {
        await this.#receive(writer, upload, file);
      } finally {
        if (file.isLost) this.#forget(folder);
      }
      return { offset: reached.size, isWhole: reached.size === totalBytes };
    } finally {
      upload.signal.removeEventListener("abort", stop);
      writer.inflow.close();
      this.#writers.delete(folder);
      writer.ended.resolve();
    }
  }

  /** How far an upload has come; null before the first byte. */
  async look(folder: string): Promise<(Uploaded & { totalBytes: number }) | null> {
    const known = await readNote(folder);
    const validator = this.#reached.get(folder)?.validator ?? known?.validator;
    const totalBytes = Number(/^upload (\d+)$/.exec(validator ?? "")?.[1] ?? Number.NaN);
    if (validator === undefined || validator === null || Number.isNaN(totalBytes)) return null;
    const { size, isWhole } = await this.#arrived(folder, validator);
    return { offset: size, isWhole, totalBytes };
  }

  /** The checksums of a whole upload, where they were made while it came. For whoever asks first, who ends them. */
  sumsOf(folder: string): FileSums | undefined {
    const reached = this.#reached.get(folder);
    this.#reached.delete(folder);
    return reached?.sums;
  }

  /** Nothing more comes for it: who sends is told so. Nothing is written into its folder when this resolves. */
  async end(folder: string): Promise<void> {
    const writer = this.#writers.get(folder);
    writer?.inflow.fail(givenUp());
    await writer?.ended.promise;
    this.#forget(folder);
  }

  /** Of those that something is known of. */
  folders(): string[] {
    return [...this.#reached.keys()];
  }

  async #enter(folder: string, { content, contentBytes, hasOwnPlace = false }: Upload): Promise<Writer> {
    for (;;) {
      const other = this.#writers.get(folder);
      if (other === undefined) break;
      if (other.inflow.silentMs < this.#limits.silentMs) throw sentByOther();
      other.inflow.fail(takenOver());
      await other.ended.promise;
    }
    const clients = [...this.#writers.values()].filter((each) => !each.hasOwnPlace).length;
    if (!hasOwnPlace && clients >= this.#limits.most) throw tooManyUploads(this.#limits.most);
    const writer: Writer = {
      inflow: new Inflow(content, inflow),
      leftBytes: contentBytes,
      hasOwnPlace,
      isWriting: false,
      ended: Promise.withResolvers<void>(),
    };
    this.#writers.set(folder, writer);
    return writer;
  }

  async #receive(writer: Writer, upload: Upload, file: UploadFile): Promise<void> {
    const { totalBytes, release, mayGoOn, requireRoom } = upload;
    let [askedAt, checkedAt] = [performance.now(), file.size];
    let isSettled = false;
    try {
      for (;;) {
        const chunks = await writer.inflow.next();
        if (chunks.length === 0) break;
        const before = file.size;
        await file.write(chunks);
        for (const chunk of chunks) release(chunk);
        writer.leftBytes -= file.size - before;
        if (performance.now() - askedAt > askMs) {
          mayGoOn();
          askedAt = performance.now();
        }
        if (file.size - checkedAt >= this.#limits.unsyncedBytes) {
          await requireRoom(1);
          checkedAt = file.size;
        }
      }
      mayGoOn();
      await (file.size === totalBytes ? file.settle(true) : file.quiet());
      isSettled = true;
    } finally {
      // What came before it broke is there after a crash, too.
      if (!isSettled) await file.settle(false).catch(() => undefined);
      await file.close();
    }
  }

  /** What is there. What this process has taken beyond the note counts while nobody else has changed anything. */
  async #arrived(folder: string, validator: string): Promise<Arrived> {
    const noted = await readNote(folder);
    const fileBytes = await sizeOf(folder);
    // Of a file that is shorter than its note nobody knows anything.
    const isKnown = noted !== undefined && noted.safeBytes <= fileBytes;
    // It is being examined: nothing of it changes any more, whatever somebody says that it should be.
    if (isKnown && noted.isWhole) return { size: noted.safeBytes, isWhole: true, noted, own: undefined };
    // Another total is another file: it begins anew.
    const safeBytes = isKnown && noted.validator === validator ? noted.safeBytes : 0;
    const reached = this.#reached.get(folder);
    const isSame = reached?.validator === validator;
    // While a client sends, both go ahead.
    const isSent = this.#writers.get(folder)?.isWriting === true;
    const isOwn = isSame && (isSent || (noted?.writer === reached.writer && isAt(reached, safeBytes, fileBytes)));
    return { size: isOwn ? reached.size : safeBytes, isWhole: false, noted, own: isOwn ? reached : undefined };
  }

  /** What other clients have promised to send into the same store. */
  #stillToCome(folder: string): number {
    let bytes = 0;
    for (const [other, { leftBytes }] of this.#writers)
      if (other !== folder && dirname(other) === dirname(folder)) bytes += leftBytes;
    return bytes;
  }

  #forget(folder: string): void {
    this.#reached.get(folder)?.sums.end();
    this.#reached.delete(folder);
  }
}

/** `own`: this process has written all of it, or has read it since. */
type Arrived = { size: number; isWhole: boolean; noted: Note | undefined; own: Reached | undefined };

/** A client that sends. */
type Writer = {
  readonly inflow: Inflow;
  /** That it has promised to send. */
  leftBytes: number;
  readonly hasOwnPlace: boolean;
  isWriting: boolean;
  readonly ended: PromiseWithResolvers<void>;
};

function validatorOf(totalBytes: number): string {
  return `upload ${totalBytes}`;
}

function isAt(reached: Reached, safeBytes: number, fileBytes: number): boolean {
  return reached.safeBytes === safeBytes && reached.size === fileBytes;
}

/** Of the file; 0 where there is none. */
async function sizeOf(folder: string): Promise<number> {
  return stat(contentIn(folder)).then(
    ({ size }) => size,
    (error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
      return 0;
    },
  );
}
