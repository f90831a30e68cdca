import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contentIn } from "../../../core/images/arriving.ts";
import { Uploads, uploadedOf } from "../../../core/images/upload.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("an upload that is whole stays as it is, whatever size somebody gives it afterwards", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const uploads = new Uploads();
  const piece = (offset: number, totalBytes: number, text: string) =>
    uploads.take(folder, { offset, totalBytes, content: Buffer.from(text) });
  assert.deepEqual(await piece(0, 4, "ab"), { offset: 2, isWhole: false });
  assert.deepEqual(await piece(0, 4, "xx"), { offset: 2, isWhole: false }, "it goes on where it was");
  assert.deepEqual(await piece(2, 4, "cd"), { offset: 4, isWhole: true });
  assert.deepEqual(await piece(0, 5, "evil!"), { offset: 4, isWhole: true });
  assert.equal(readFileSync(contentIn(folder), "utf8"), "abcd");
  assert.deepEqual(await uploadedOf(folder), { offset: 4, isWhole: true, totalBytes: 4 });
});

test("after a crash an upload goes on from what was on the disk, and with two managers from what either has noted", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const text = "0123456789abcdef";
  const end = text.length;
  const piece = (uploads: Uploads, offset: number, bytes = 1) =>
    uploads.take(folder, { offset, totalBytes: end, content: Buffer.from(text.slice(offset, offset + bytes)) });
  let first = new Uploads(4);
  for (let at = 0; at < 7; at++) assert.equal((await piece(first, at)).offset, at + 1);
  // The first piece and every fourth byte behind it are noted.
  first = new Uploads(4);
  assert.equal((await piece(first, 7)).offset, 5);
  assert.equal((await piece(first, 5)).offset, 6);
  const second = new Uploads(4);
  assert.equal((await piece(second, 6)).offset, 5, "what the other one has not noted is not known here");
  assert.equal((await piece(second, 5, 2)).offset, 7);
  assert.equal((await piece(first, 6)).offset, 5, "what somebody else has written is not taken for its own");
  for (let at = 5; at < end; at++) assert.equal((await piece(first, at)).isWhole, at === end - 1);
  assert.equal(readFileSync(contentIn(folder), "utf8"), text);
});
