import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { readNote } from "../../../core/images/arriving.ts";
import { type Upload, Uploads } from "../../../core/images/upload.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* A disk that could not keep what came. The kernel tells that once, and forgets the bytes. */

const text = Buffer.alloc(32, "x");

function part(offset: number, end = text.length): Upload {
  const nothing = () => undefined;
  const asked = { release: nothing, mayGoOn: nothing, requireRoom: async () => undefined };
  const content = Readable.from(end > offset ? [text.subarray(offset, end)] : []);
  const signal = new AbortController().signal;
  return { offset, totalBytes: text.length, contentBytes: end - offset, content, signal, ...asked };
}

/** The next time that the disk is waited for it says that it has failed. */
async function failOnce(t: TestContext, folder: string): Promise<void> {
  const handle = await open(join(folder, "any"), "w");
  const files: { datasync(): Promise<void> } = Object.getPrototypeOf(handle);
  await handle.close();
  t.mock.method(files, "datasync", async () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })), {
    times: 1,
  });
}

for (const [when, sent, unsyncedBytes] of [
  ["in its midst", 16, 4],
  ["at its end", 32, 1000],
] as const)
  test(`what came when the disk failed ${when} is asked for again, for it is not there`, async (t) => {
    const own = temporaryFolder();
    undoAfter(t, own.dispose);
    const folder = join(own.path, "image");
    const uploads = new Uploads({ unsyncedBytes });
    await uploads.take(folder, part(0, 8));
    await failOnce(t, own.path);
    await assert.rejects(uploads.take(folder, part(8, sent)), /EIO/);
    const offset = (await readNote(folder))?.safeBytes ?? 0;
    assert.ok(offset <= 8, String(offset));
    assert.deepEqual(await uploads.take(folder, part(0, 0)), { offset, isWhole: false });
    assert.deepEqual(await uploads.take(folder, part(offset)), { offset: 32, isWhole: true });
  });
