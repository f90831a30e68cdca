import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contentIn } from "../../../core/images/arriving.ts";
import { takePiece, uploadedOf } from "../../../core/images/upload.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("an upload that is whole stays as it is, whatever size somebody gives it afterwards", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const piece = (offset: number, totalBytes: number, text: string) =>
    takePiece(folder, { offset, totalBytes, content: Buffer.from(text) });
  assert.deepEqual(await piece(0, 4, "ab"), { offset: 2, isWhole: false });
  assert.deepEqual(await piece(0, 4, "xx"), { offset: 2, isWhole: false }, "it goes on where it was");
  assert.deepEqual(await piece(2, 4, "cd"), { offset: 4, isWhole: true });
  assert.deepEqual(await piece(0, 5, "evil!"), { offset: 4, isWhole: true });
  assert.equal(readFileSync(contentIn(folder), "utf8"), "abcd");
  assert.deepEqual(await uploadedOf(folder), { offset: 4, isWhole: true, totalBytes: 4 });
});
