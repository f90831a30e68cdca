import { type FileHandle, open } from "node:fs/promises";

/*
 * The head of a qcow2 file, read by ourselves: before any program of QEMU opens a file that nobody has looked at. Numbers
 * are big endian. Source: QEMU's docs/interop/qcow2.txt.
 */

export type Qcow2Head = {
  readonly version: number;
  /** Bytes that a guest sees. */
  readonly virtualSize: number;
  /** Bytes that it is divided into. */
  readonly clusterBytes: number;
  /** The name of the file that it stands on, as it was written; null for none. */
  readonly backing: string | null;
  /** What format that has, as it was written; null for none. */
  readonly backingFormat: string | null;
  readonly isEncrypted: boolean;
  /** Its data is in another file. */
  readonly hasDataFile: boolean;
  /** QEMU has found it damaged before. */
  readonly isCorrupt: boolean;
};

const magic = Buffer.from("QFI\xfb", "latin1");
const longestName = 1023;
const headBytes = 104;
/** Of the incompatible features. */
const [corruptBit, dataFileBit] = [1n << 1n, 1n << 2n];
/** Of the extensions behind the head: the one that has the format of the backing file, and how many there are at the most. */
const [backingFormatType, mostExtensions] = [0xe2792aca, 64];

/** undefined for a file that is no qcow2. @throws the system's error */
export async function readQcow2Head(file: string): Promise<Qcow2Head | undefined> {
  const handle = await open(file, "r");
  try {
    const head = await bytesAt(handle, 0, headBytes);
    if (head.length < 72 || !head.subarray(0, 4).equals(magic)) return;
    const version = head.readUInt32BE(4);
    const endsAt = version >= 3 && head.length === headBytes ? head.readUInt32BE(100) : 72;
    const features = version >= 3 && head.length === headBytes ? head.readBigUInt64BE(72) : 0n;
    return {
      version,
      virtualSize: Number(head.readBigUInt64BE(24)),
      clusterBytes: 2 ** head.readUInt32BE(20),
      backing: await nameAt(handle, Number(head.readBigUInt64BE(8)), head.readUInt32BE(16)),
      backingFormat: await backingFormatAt(handle, endsAt),
      isEncrypted: head.readUInt32BE(32) !== 0,
      hasDataFile: (features & dataFileBit) !== 0n,
      isCorrupt: (features & corruptBit) !== 0n,
    };
  } finally {
    await handle.close();
  }
}

/** One that says where a name is, and has none there, counts as one that stands on something. */
async function nameAt(handle: FileHandle, offset: number, length: number): Promise<string | null> {
  if (offset === 0) return null;
  if (length > longestName || !Number.isSafeInteger(offset)) return "";
  return (await bytesAt(handle, offset, length)).toString("utf8");
}

async function backingFormatAt(handle: FileHandle, from: number): Promise<string | null> {
  for (let [at, seen] = [from, 0]; seen < mostExtensions; seen++) {
    const start = await bytesAt(handle, at, 8);
    if (start.length < 8 || start.readUInt32BE(0) === 0) return null;
    const length = start.readUInt32BE(4);
    if (start.readUInt32BE(0) === backingFormatType)
      return (await bytesAt(handle, at + 8, Math.min(length, longestName))).toString("utf8");
    at += 8 + 8 * Math.ceil(length / 8);
  }
  return null;
}

async function bytesAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
