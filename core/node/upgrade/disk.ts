import { createHash } from "node:crypto";
import { chmod, chown, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder, writeDurably } from "../durable.ts";

export type CopyOptions = {
  /** Told how many bytes more were read. */
  onBytes: (bytes: number) => void;
  signal: AbortSignal;
};

/**
 * The changes that an upgrade makes on the disk. Each is on the disk when it resolves, so that a power cut finds all
 * that were made before and none that come after.
 */
export type UpgradeDisk = {
  /** Makes a folder; its parent too, where that is absent. */
  makeFolder(path: string): Promise<void>;
  /** Copies a file to a name that is not taken. Gives the SHA-256 of what was copied, in hexadecimal. */
  copy(from: string, to: string, options: CopyOptions): Promise<string>;
  /** Replaces a small file as a whole. */
  write(file: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with everything in it; what is not there is no error. */
  remove(path: string): Promise<void>;
};

const chunkBytes = 1024 * 1024;
/** Written through so often: a progress that only filled the memory would say nothing. */
const syncBytes = 64 * 1024 * 1024;

export const realDisk: UpgradeDisk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
    // The agent's mask would keep others out.
    await chmod(path, 0o755);
    await giveToRoot(path);
    await syncFolder(dirname(path));
  },
  async copy(from, to, options) {
    const target = await open(to, "wx", 0o644);
    try {
      await target.chmod(0o644);
      await giveToRoot(to);
      let unsynced = 0;
      const sum = await reading(from, options, async (chunk) => {
        await target.writeFile(chunk);
        unsynced += chunk.length;
        if (unsynced < syncBytes) return;
        await target.sync();
        unsynced = 0;
      });
      await target.sync();
      return sum;
    } finally {
      await target.close();
      await syncFolder(dirname(to));
    }
  },
  async write(file, text) {
    await writeDurably(file, text, 0o644);
    await giveToRoot(file);
  },
  async rename(from, to) {
    await rename(from, to);
    await syncFolder(dirname(to));
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true });
    await syncFolder(dirname(path));
  },
};

/** What the agent makes has the group of its socket; the system's files belong to root alone. */
async function giveToRoot(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, 0, 0);
}

/** SHA-256 of a file, in hexadecimal. */
export function checksumOf(file: string, options: CopyOptions): Promise<string> {
  return reading(file, options, async () => undefined);
}

async function reading(
  file: string,
  { onBytes, signal }: CopyOptions,
  take: (chunk: Buffer) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256");
  const source = await open(file, "r");
  try {
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return hash.digest("hex");
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      await take(chunk);
      onBytes(bytesRead);
    }
  } finally {
    await source.close();
  }
}
