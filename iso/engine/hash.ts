import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

const chunkBytes = 1024 * 1024;

/** SHA-256 of a file in hexadecimal; `onBytes` is told how many bytes were read so far. */
export async function sha256Of(
  path: string,
  onBytes: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  const options = { highWaterMark: chunkBytes, ...(signal === undefined ? {} : { signal }) };
  for await (const chunk of createReadStream(path, options)) {
    if (!Buffer.isBuffer(chunk)) continue;
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
  }
  return hash.digest("hex");
}
