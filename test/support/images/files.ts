import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/* Images as files, made by the real qemu-img. */

export function qemuImg(...args: string[]): void {
  const { status, stderr } = spawnSync("qemu-img", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function qemuIo(...args: string[]): void {
  const { status, stderr, stdout } = spawnSync("qemu-io", args, { encoding: "utf8" });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

/** A qcow2 image with data in it. `seed`: another one has another content. */
export function qcow2Image({
  sizeBytes,
  dataBytes = 1024 ** 2,
  seed = 1,
}: Record<"sizeBytes", number> & { dataBytes?: number; seed?: number }): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "binnacle-image-"));
  try {
    const file = join(folder, "image.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", file, String(sizeBytes));
    qemuIo("-f", "qcow2", "-c", `write -q -P ${seed} 0 ${dataBytes}`, file);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const md5Of = (content: Buffer) => createHash("md5").update(content).digest("hex");
export const sha256Of = (content: Buffer) => createHash("sha256").update(content).digest("hex");

/** What begins as the file system of a CD does, with a text for others to differ. */
export function isoImage(text: string): Buffer {
  const content = Buffer.alloc(64 * 1024, text);
  content.write("CD001", 32_769, "latin1");
  return content;
}
