import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { examineImage } from "../../../core/images/examine.ts";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import type { ImageFormat } from "../../../core/orchestrator/images/image-store.ts";
import { qcow2Image, qemuImg } from "../../support/images/files.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
const mostBytes = 1024 ** 4 / 2;
const signal = new AbortController().signal;

function freshFolder(t: TestContext): string {
  const { path, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  return path;
}

const examined = (file: string, format: ImageFormat, most = mostBytes) =>
  examineImage(file, { format, mostBytes: most, signal });

async function refusal(attempt: Promise<unknown>, code: string): Promise<CloudError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CloudError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

test("an image of each format is examined for the size that a guest sees", async (t) => {
  const folder = freshFolder(t);
  const file = join(folder, "image");
  writeFileSync(file, qcow2Image({ sizeBytes: 64 * mebibyte }));
  assert.deepEqual(await examined(file, "qcow2"), { virtualSize: 64 * mebibyte });
  for (const more of [
    ["-o", "compat=0.10"],
    ["-o", "extended_l2=on"],
    ["-o", "compression_type=zstd"],
  ]) {
    qemuImg("convert", "-q", "-f", "qcow2", "-O", "qcow2", ...more, file, join(folder, "other"));
    assert.deepEqual(await examined(join(folder, "other"), "qcow2"), { virtualSize: 64 * mebibyte });
  }
  const raw = join(folder, "raw");
  qemuImg("convert", "-q", "-f", "qcow2", "-O", "raw", file, raw);
  assert.deepEqual(await examined(raw, "raw"), { virtualSize: 64 * mebibyte });
  mkdirSync(join(folder, "disc"));
  writeFileSync(join(folder, "disc/file"), "something");
  execFileSync("xorriso", ["-as", "mkisofs", "-quiet", "-o", join(folder, "iso"), join(folder, "disc")], {
    stdio: "ignore",
  });
  const { virtualSize } = await examined(join(folder, "iso"), "iso");
  assert.equal(virtualSize, readFileSync(join(folder, "iso")).length);
});

test("a file that is none of its format is refused, with what it seems to be", async (t) => {
  const folder = freshFolder(t);
  const qcow2 = join(folder, "qcow2");
  writeFileSync(qcow2, qcow2Image({ sizeBytes: 8 * mebibyte }));
  const others = ["vmdk", "vdi", "vhdx", "vpc"].map((format): [string, RegExp] => {
    qemuImg("convert", "-q", "-f", "qcow2", "-O", format, qcow2, join(folder, format));
    return [format, format === "vpc" ? /VHD/ : new RegExp(format, "i")];
  });
  const written = (name: string, content: Buffer | string): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  const kinds: [string, RegExp][] = [
    ...others,
    ["qcow2", /a qcow2 image/],
    [written("gz", gzipSync(readFileSync(qcow2))), /packed by gzip/],
    [written("page", "\n<!DOCTYPE html><title>Log in</title>".padEnd(512)), /a page of HTML/],
    [written("empty", ""), /empty/],
    [written("odd", Buffer.alloc(1000)), /no whole number of sectors/],
  ];
  for (const [name, words] of kinds)
    assert.match((await refusal(examined(join(folder, name), "raw"), "STORAGE.1024")).message, words, name);
  written("zeros", Buffer.alloc(mebibyte));
  for (const format of ["qcow2", "iso"] as const)
    await refusal(examined(join(folder, "zeros"), format), "STORAGE.1024");
});

test("an image that would have other files read, that is encrypted, or far too large, is refused", async (t) => {
  const folder = freshFolder(t);
  const secret = join(folder, "secret");
  writeFileSync(secret, "root:secret".padEnd(mebibyte));
  const file = join(folder, "image");
  qemuImg("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", file);
  await refusal(examined(file, "qcow2"), "STORAGE.1025");
  qemuImg("create", "-q", "-f", "qcow2", "-u", "-b", 'json:{"driver":"nbd"}', "-F", "raw", file, "1M");
  await refusal(examined(file, "qcow2"), "STORAGE.1025");
  qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${secret},data_file_raw=on`, file, "1M");
  const external = await refusal(examined(file, "qcow2"), "STORAGE.1025");
  assert.doesNotMatch(JSON.stringify(external.toBody()), /secret/);
  // The head says that the rest is encrypted: by AES, by LUKS; and the head of LUKS itself.
  for (const method of [1, 2]) {
    const content = qcow2Image({ sizeBytes: mebibyte });
    content.writeUInt32BE(method, 32);
    writeFileSync(file, content);
    await refusal(examined(file, "qcow2"), "STORAGE.1026");
  }
  const luks = Buffer.alloc(mebibyte);
  luks.write("LUKS\xba\xbe", "latin1");
  writeFileSync(file, luks);
  await refusal(examined(file, "raw"), "STORAGE.1026");
  qemuImg("create", "-q", "-f", "qcow2", file, "1T");
  const bomb = await refusal(examined(file, "qcow2"), "STORAGE.1027");
  assert.match(bomb.message, /1T; 512G are allowed/);
  assert.deepEqual(await examined(file, "qcow2", 1024 ** 4), { virtualSize: 1024 ** 4 });
  writeFileSync(file, Buffer.alloc(2 * mebibyte));
  await refusal(examined(file, "raw", mebibyte), "STORAGE.1027");
});

test("an image that is cut off or damaged is refused, wherever", async (t) => {
  const folder = freshFolder(t);
  const whole = join(folder, "whole");
  writeFileSync(whole, qcow2Image({ sizeBytes: 8 * mebibyte, dataBytes: 2 * mebibyte }));
  const { length } = readFileSync(whole);
  const file = join(folder, "image");
  for (const bytes of [4, 72, 600, 65_536, 200_000, length - mebibyte, length - 65_536]) {
    copyFileSync(whole, file);
    truncateSync(file, bytes);
    await refusal(examined(file, "qcow2"), "STORAGE.1024");
  }
  // The offset of its first table points behind its end; and the head says something that QEMU does not know.
  for (const [at, value] of [
    [40, 0x7fffffffffff0000n],
    [72, 1n << 40n],
    [72, 1n << 1n],
  ] as const) {
    const content = readFileSync(whole);
    content.writeBigUInt64BE(value, at);
    writeFileSync(file, content);
    await refusal(examined(file, "qcow2"), "STORAGE.1024");
  }
});

test("heads of random bytes are refused in bounded time and memory, and never crash", async (t) => {
  const file = join(freshFolder(t), "image");
  const whole = qcow2Image({ sizeBytes: 8 * mebibyte });
  let state = 1;
  const random = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state % most;
  };
  for (let n = 0; n < 25; n++) {
    const content = Buffer.from(whole);
    for (let i = 0; i < 6; i++) content[4 + random(100)] = random(256);
    writeFileSync(file, content);
    await examined(file, "qcow2").catch((error: unknown) => {
      assert.ok(error instanceof CloudError, String(error));
      assert.match(error.code, /^STORAGE\.102[4-8]$/);
    });
  }
});
