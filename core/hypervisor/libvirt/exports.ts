import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { ByteRange, ExportCommand, LongCommand, VolumePiece } from "../export-commands.ts";
import { calledOff, noVolume, otherFormat } from "../refusals.ts";
import { type CopiesOptions, copyVolume, flattenVolume } from "./copies.ts";
import type { VolumeFiles } from "./volume-files.ts";

const readBytes = 1024 ** 2;

/** @throws those of `copyVolume`; HYPERVISOR.VOLUME_DIFFERS for another content */
export async function exportVolume(options: CopiesOptions, command: LongCommand, signal: AbortSignal): Promise<void> {
  if (command.do === "copyVolume") await copyVolume(options, command, signal);
  else if (command.do === "flattenVolume") await flattenVolume(options, command, signal);
  else await verifyVolume(options.volumes, command, signal);
}

async function verifyVolume(
  volumes: VolumeFiles,
  { path, sha256 }: Extract<ExportCommand, { do: "verifyVolume" }>,
  signal: AbortSignal,
): Promise<void> {
  if (!(await volumes.isThere(path))) throw noVolume(path);
  const handle = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(readBytes);
    for (;;) {
      if (signal.aborted) throw calledOff();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
    if (hash.digest("hex") !== sha256) throw otherFormat(path, "has another content than it should have");
  } finally {
    await handle.close();
  }
}

/** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS */
export async function readPiece(
  volumes: VolumeFiles,
  path: string,
  { offset, length }: ByteRange,
): Promise<VolumePiece> {
  await volumes.figures({ path, format: "qcow2" });
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const content = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
    const { bytesRead } = await handle.read(content, 0, content.length, offset);
    return { totalBytes: size, content: content.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}
