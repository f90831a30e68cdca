import { open } from "node:fs/promises";
import * as z from "zod/mini";
import { readQcow2Head } from "../hypervisor/qcow2-head.ts";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { runCommand } from "../node/command.ts";
import type { Examined, ImageFormat } from "../orchestrator/images/image-store.ts";
import { damaged, encrypted, notExamined, notOfFormat, standsOnOther, tooLarge } from "./refusals.ts";

/*
 * Whether a file is an image of its format, and a harmless one. Its format is what was said and never guessed; what
 * QEMU's programs are asked stands behind limits of time, processor and memory, and never opens another file.
 */

/** Milliseconds and seconds of the processor for a program; bytes of its memory. */
const [limitMs, cpuSeconds, memoryBytes] = [600_000, 300, 1024 ** 3];
const sectorBytes = 512;

/** How files of other kinds begin. An address that needs a log-in often gives a page in the image's place. */
const beginnings: readonly { at: number; hex: string; what: string }[] = [
  { at: 0, hex: "514649fb", what: "a qcow2 image" },
  { at: 0, hex: "4b444d56", what: "a VMDK image" },
  { at: 0, hex: "636f6e6563746978", what: "a VHD image" },
  { at: 0, hex: "7668647866696c65", what: "a VHDX image" },
  { at: 0x40, hex: "7f10dabe", what: "a VDI image" },
  { at: 0, hex: "1f8b", what: "packed by gzip" },
  { at: 0, hex: "fd377a585a00", what: "packed by xz" },
  { at: 0, hex: "28b52ffd", what: "packed by zstd" },
  { at: 0, hex: "425a68", what: "packed by bzip2" },
  { at: 0, hex: "504b0304", what: "a ZIP archive" },
  { at: 257, hex: "7573746172", what: "a tar archive" },
];
const luks = "4c554b53babe";

/** Volume descriptors of ISO 9660 and of UDF: their names stand one byte behind the 16th sector of 2048. */
const isoNames = ["CD001", "BEA01", "NSR02", "NSR03"];

const info = z.object({ format: z.string(), "virtual-size": z.number(), encrypted: z.optional(z.boolean()) });
const check = z.object({ "image-end-offset": z.optional(z.number()), corruptions: z.optional(z.number()) });

/** @throws STORAGE.1024 to STORAGE.1028; the signal's reason */
export async function examineImage(
  file: string,
  { format, mostBytes, signal }: { format: ImageFormat; mostBytes: number; signal: AbortSignal },
): Promise<Examined> {
  const { beginning, sizeBytes } = await beginningOf(file);
  if (sizeBytes === 0) throw notOfFormat(format, "It is empty");
  const other = kindOf(beginning);
  if (beginning.subarray(0, 6).toString("hex") === luks) throw encrypted();
  if (other !== undefined && !(format === "qcow2" && other === "a qcow2 image"))
    throw notOfFormat(format, `It is ${other}`);
  if (format === "qcow2") return { virtualSize: await examineQcow2(file, sizeBytes, mostBytes, signal) };
  if (sizeBytes > mostBytes) throw tooLarge(sizeBytes, mostBytes);
  const isIso = isoNames.includes(beginning.subarray(32_769, 32_774).toString("latin1"));
  if (format === "iso" && !isIso) throw notOfFormat(format, "It has no file system of a CD or DVD");
  if (sizeBytes % sectorBytes !== 0)
    throw notOfFormat(format, `Its ${sizeBytes} bytes are no whole number of sectors: it is cut off, or no disk`);
  return { virtualSize: sizeBytes };
}

async function examineQcow2(file: string, sizeBytes: number, mostBytes: number, signal: AbortSignal): Promise<number> {
  const head = await readQcow2Head(file);
  if (head === undefined || ![2, 3].includes(head.version)) throw notOfFormat("qcow2", "It does not begin as one");
  if (head.backing !== null) throw standsOnOther("It is only the changes to another file.");
  if (head.hasDataFile) throw standsOnOther("Its data is in another file.");
  if (head.isEncrypted) throw encrypted();
  if (head.virtualSize > mostBytes) throw tooLarge(head.virtualSize, mostBytes);
  if (head.isCorrupt) throw damaged("It is marked as damaged.");
  const found = info.safeParse(await qemuImg(["info", "-f", "qcow2", "--output=json", file], [0], signal));
  if (!found.success || found.data.format !== "qcow2") throw notExamined("qemu-img says nothing of it.");
  if (found.data.encrypted === true) throw encrypted();
  const virtualSize = found.data["virtual-size"];
  if (virtualSize > mostBytes) throw tooLarge(virtualSize, mostBytes);
  // 2: damaged; 3: only that some room in it is not used.
  const checked = check.safeParse(await qemuImg(["check", "-f", "qcow2", "--output=json", file], [0, 2, 3], signal));
  if (!checked.success) throw notExamined("qemu-img did not check it to the end.");
  const { "image-end-offset": end = 0, corruptions = 0 } = checked.data;
  // Of its last cluster QEMU itself writes no more than is needed.
  if (end - sizeBytes >= head.clusterBytes)
    throw damaged(`It is cut off: it goes on to byte ${end}, and has ${sizeBytes}.`);
  if (corruptions > 0) throw damaged(`It is damaged at ${corruptions} places.`);
  return virtualSize;
}

/** What it prints as JSON. An exit code that is none of these means that it can't read the file. */
async function qemuImg(args: readonly string[], codes: readonly number[], signal: AbortSignal): Promise<unknown> {
  const limits = [`--as=${memoryBytes}`, `--cpu=${cpuSeconds}`, "--core=0", "--fsize=0"];
  try {
    const result = await runCommand("prlimit", [...limits, "--", "qemu-img", ...args], { timeoutMs: limitMs, signal });
    if (codes.includes(result.code)) return jsonOrNothing(result.stdout);
    // Of prlimit itself: what it was to run is not there.
    if (result.code === 126 || result.code === 127) throw notExamined("qemu-img is not installed (qemu-utils).");
    throw damaged(`qemu-img can't read it: ${lastLine(result.stderr)}.`);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NodeError) || !error.code.startsWith("RUN.")) throw error;
    const why = error.code === "RUN.TIMEOUT" ? "It took too long." : "qemu-img came to no end.";
    throw notExamined(why, error);
  }
}

/** Its words without the name of the file. */
function lastLine(words: string): string {
  const last = words.trim().split("\n").at(-1) ?? "";
  return last
    .replace(/^qemu-img: /, "")
    .replace(/^Could not open '[^']*': /, "")
    .replace(/\.$/, "")
    .slice(0, 200);
}

async function beginningOf(file: string): Promise<{ beginning: Buffer; sizeBytes: number }> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(36_864), 0, 36_864, 0);
    return { beginning: buffer.subarray(0, bytesRead), sizeBytes: size };
  } finally {
    await handle.close();
  }
}

function kindOf(beginning: Buffer): string | undefined {
  const found = beginnings.find(({ at, hex }) => beginning.subarray(at, at + hex.length / 2).toString("hex") === hex);
  if (found !== undefined) return found.what;
  return /^\s*<(!doctype|html)/i.test(beginning.subarray(0, 256).toString("latin1")) ? "a page of HTML" : undefined;
}
