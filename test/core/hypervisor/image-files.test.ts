import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { ImageFiles } from "../../../core/hypervisor/libvirt/image-files.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { imageContent, refuses, sampleImage, uuidOf } from "./conformance.ts";

const never = new AbortController().signal;

function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const image = sampleImage(folder.path);
  return { folder: folder.path, image, files: new ImageFiles(), names: () => readdirSync(dirname(image.path)) };
}

const half = imageContent.length / 2;
const [first, second] = [imageContent.subarray(0, half), imageContent.subarray(half)];

test("an image that was brought in part is gone on with after a restart, and a piece that comes twice is taken once", async (t) => {
  const { image, files } = bed(t);
  assert.deepEqual(await files.write(image, 0, first), { isWhole: false, offset: half });
  assert.deepEqual(await files.write(image, 0, first), { isWhole: false, offset: half });
  const anew = new ImageFiles();
  assert.deepEqual(await anew.progress(image), { isWhole: false, offset: half });
  assert.deepEqual(await anew.write(image, 1, second), { isWhole: false, offset: half });
  await refuses(anew.keep(image, never), "HYPERVISOR.IMAGE_DIFFERS");
  assert.deepEqual(await anew.progress(image), { isWhole: false, offset: 0 }, "what is wrong is brought anew");
  for (const [at, piece] of [
    [0, first],
    [half, second],
  ] as const)
    await anew.write(image, at, piece);
  await anew.keep(image, never);
  assert.ok(readFileSync(image.path).equals(imageContent));
  assert.equal(statSync(image.path).mode & 0o777, 0o444);
});

test("more bytes than an image has are not taken, and one whose bytes are wrong never gets its name", async (t) => {
  const { image, files, names } = bed(t);
  const wrong = Buffer.from(imageContent);
  wrong[7] = 0;
  assert.equal((await files.write(image, 0, Buffer.concat([imageContent, first]))).offset, 0);
  await files.write(image, 0, wrong);
  const error = await refuses(files.keep(image, never), "HYPERVISOR.IMAGE_DIFFERS");
  assert.match(error.message, /another content/);
  assert.deepEqual(names(), []);
});

test("two hosts that bring one image to a storage at once each write their own file, and one copy is left", async (t) => {
  const { image, names } = bed(t);
  const hosts = [image, { ...image, bringer: uuidOf(0x72) }].map((own) => ({ own, files: new ImageFiles() }));
  for (const { own, files } of hosts) await files.write(own, 0, first);
  for (const { own, files } of hosts) await files.write(own, half, second);
  await Promise.all(hosts.map(({ own, files }) => files.keep(own, never)));
  assert.deepEqual(names(), [image.path.slice(dirname(image.path).length + 1)]);
  assert.ok(readFileSync(image.path).equals(imageContent));
});

test("a cached image that a volume names in its head is not removed, also when an agent was killed at removing it", async (t) => {
  const { folder, image, files, names } = bed(t);
  await files.write(image, 0, imageContent);
  await files.keep(image, never);
  // The head of a qcow2 file that stands on the image, as QEMU writes it.
  const head = Buffer.alloc(2048);
  head.write("QFI\xfb", 0, "latin1");
  head.writeUInt32BE(3, 4);
  head.writeBigUInt64BE(1024n, 8);
  head.writeUInt32BE(Buffer.byteLength(image.path), 16);
  head.write(image.path, 1024);
  const volume = join(folder, "volume.qcow2");
  writeFileSync(volume, head);
  await refuses(files.delete(image.path), "HYPERVISOR.IMAGE_IN_USE");
  assert.ok(existsSync(image.path));
  writeFileSync(volume, "nothing any more");
  await files.write({ ...image, sha256: image.sha256, bringer: uuidOf(0x73) }, 0, first);
  writeFileSync(`${image.path}.${uuidOf(0x74)}.part`, "half of it");
  await files.delete(image.path);
  assert.deepEqual(names(), [], "nor what was brought of it");
  await files.delete(image.path);
});
