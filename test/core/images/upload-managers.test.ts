import assert from "node:assert/strict";
import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { contentIn, readNote, writeNote } from "../../../core/images/arriving.ts";
import { type Upload, Uploads } from "../../../core/images/upload.ts";
import { become } from "../../support/images/content-client.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* Two managers on one image store. */

const text = Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-");
const total = text.length;

function from(offset: number, content: Readable, contentBytes = total - offset): Upload {
  const nothing = () => undefined;
  const asked = { release: nothing, mayGoOn: nothing, requireRoom: async () => undefined };
  return { offset, totalBytes: total, contentBytes, content, signal: new AbortController().signal, ...asked };
}

const part = (offset: number, end = total) => from(offset, Readable.from([text.subarray(offset, end)]), end - offset);
const question = () => part(0, 0);

function folderOf(t: TestContext): string {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  return join(own.path, "image");
}

/** A client that has sent up to `end`, and stands still then. */
async function standing(t: TestContext, uploads: Uploads, folder: string, offset: number, end: number) {
  const stream = new PassThrough();
  undoAfter(t, () => stream.destroy());
  const taken = uploads.take(folder, from(offset, stream)).then(
    () => undefined,
    (error: unknown) => error,
  );
  stream.write(text.subarray(offset, end));
  await become(
    async () => (await uploads.look(folder))?.offset,
    (at) => at === end,
  );
  return { cut: () => stream.destroy(new Error("It broke.")), taken };
}

test("a manager whose client has gone on with another one counts nothing any more, and the image has no hole", async (t) => {
  const folder = folderOf(t);
  const [first, second] = [new Uploads(), new Uploads()];
  await first.take(folder, part(0, 16));
  const before = await standing(t, first, folder, 16, 40);
  before.cut();
  await before.taken;
  assert.equal((await readNote(folder))?.safeBytes, 40);
  const late = await standing(t, first, folder, 40, 50);
  assert.deepEqual(await second.take(folder, question()), { offset: 40, isWhole: false });
  const next = await standing(t, second, folder, 40, 44);
  late.cut();
  await late.taken;
  assert.equal((await readNote(folder))?.safeBytes, 40, "what the second has cut away is not noted by the first");
  next.cut();
  await next.taken;
  assert.deepEqual(await first.take(folder, question()), { offset: 44, isWhole: false });
  assert.equal((await second.take(folder, part(44))).isWhole, true);
  assert.ok(readFileSync(contentIn(folder)).equals(text));
});

test("what is noted beyond the end of the file counts for nothing", async (t) => {
  const folder = folderOf(t);
  const first = new Uploads();
  const before = await standing(t, first, folder, 0, 40);
  before.cut();
  await before.taken;
  truncateSync(contentIn(folder), 20);
  for (const uploads of [first, new Uploads()])
    assert.deepEqual(await uploads.take(folder, question()), { offset: 0, isWhole: false });
  await writeNote(folder, { safeBytes: total, validator: `upload ${total}`, isWhole: true });
  assert.deepEqual(await first.take(folder, question()), { offset: 0, isWhole: false });
  assert.equal((await first.take(folder, part(0))).isWhole, true);
  assert.ok(readFileSync(contentIn(folder)).equals(text));
});
