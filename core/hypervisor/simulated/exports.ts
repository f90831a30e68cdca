import { createHash } from "node:crypto";
import { checkVolumePath } from "../driver.ts";
import type { ByteRange, ExportCommand, VolumePiece } from "../export-commands.ts";
import { noVolume, otherFormat, otherVolume } from "../refusals.ts";
import type { SimulatedHost } from "./disks.ts";
import type { SimulatedVolume } from "./state.ts";

type Host = Pick<SimulatedHost, "holds" | "volume" | "putVolume" | "check">;

/** Volumes that are taken away as images: only the books, and an empty file in the place of what they hold. */
export async function exportSimulated(host: Host, command: ExportCommand, wait: () => Promise<void>): Promise<void> {
  const { path } = command;
  checkVolumePath(path);
  if (command.do === "verifyVolume") {
    const sha256 = createHash("sha256")
      .update(contentOf(needed(host, path)))
      .digest("hex");
    await wait();
    if (sha256 !== command.sha256) throw otherFormat(path, "has another content than it should have");
    return;
  }
  const { from, sizeBytes, backing } = command;
  host.check({ path: from, format: "qcow2", ...(backing === undefined ? {} : { backing }) });
  const found = host.volume(path);
  if (found !== undefined) {
    if (found.sizeBytes === sizeBytes && found.image === undefined) return;
    throw otherVolume(path, found.sizeBytes, found.format);
  }
  host.holds.checkFree(from);
  await wait();
  host.holds.checkFree(from);
  needed(host, from);
  await host.putVolume({ path, sizeBytes, format: "qcow2" });
}

export function simulatedPiece(host: Host, path: string, { offset, length }: ByteRange): VolumePiece {
  host.check({ path, format: "qcow2" });
  const content = contentOf(needed(host, path));
  return { totalBytes: content.length, content: content.subarray(offset, offset + length) };
}

function needed(host: Host, path: string): SimulatedVolume {
  checkVolumePath(path);
  const volume = host.volume(path);
  if (volume === undefined) throw noVolume(path);
  return volume;
}

const clusterBytes = 65_536;
/** Head, table and block of references, first table: all that a file of QEMU's format needs when it holds nothing. */
const clusters = 4;

/** What its file would be, empty. Its path stands in it, in a part that QEMU skips: no two are the same. */
function contentOf({ path, sizeBytes }: SimulatedVolume): Buffer {
  const content = Buffer.alloc(clusters * clusterBytes);
  content.write("QFI\xfb", 0, "latin1");
  content.writeUInt32BE(3, 4);
  content.writeUInt32BE(16, 20);
  content.writeBigUInt64BE(BigInt(sizeBytes), 24);
  content.writeUInt32BE(Math.max(1, Math.ceil(sizeBytes / (clusterBytes * (clusterBytes / 8)))), 36);
  content.writeBigUInt64BE(BigInt(3 * clusterBytes), 40);
  content.writeBigUInt64BE(BigInt(clusterBytes), 48);
  content.writeUInt32BE(1, 56);
  content.writeUInt32BE(4, 96);
  content.writeUInt32BE(104, 100);
  const name = createHash("sha256").update(path).digest();
  content.writeUInt32BE(0x42_4e_43_4c, 104);
  content.writeUInt32BE(name.length, 108);
  name.copy(content, 112);
  content.writeBigUInt64BE(BigInt(2 * clusterBytes), clusterBytes);
  for (let nth = 0; nth < clusters; nth++) content.writeUInt16BE(1, 2 * clusterBytes + 2 * nth);
  return content;
}
