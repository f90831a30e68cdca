import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { contentIn, readNote } from "../../../core/images/arriving.ts";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import { type Upload, Uploads } from "../../../core/images/upload.ts";
import { become } from "../../support/images/content-client.ts";
import { contentStore } from "../../support/images/content-server.ts";
import { md5Of, sha256Of } from "../../support/images/files.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const never = new AbortController().signal;

function uploadOf(offset: number, totalBytes: number, content: Readable, contentBytes: number): Upload {
  const nothing = () => undefined;
  const asked = { release: nothing, mayGoOn: nothing, requireRoom: async () => undefined };
  return { offset, totalBytes, contentBytes, content, signal: never, ...asked };
}

const part = (offset: number, totalBytes: number, text: string) =>
  uploadOf(offset, totalBytes, Readable.from([Buffer.from(text)]), text.length);

test("an upload that is whole stays as it is, whatever size somebody gives it afterwards", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const uploads = new Uploads();
  assert.deepEqual(await uploads.take(folder, part(0, 4, "ab")), { offset: 2, isWhole: false });
  await assert.rejects(uploads.take(folder, part(0, 4, "xx")), { code: "STORAGE.1071", values: { offset: 2 } });
  assert.deepEqual(await uploads.take(folder, part(2, 4, "cd")), { offset: 4, isWhole: true });
  assert.deepEqual(await uploads.take(folder, part(0, 5, "evil!")), { offset: 4, isWhole: true });
  assert.equal(readFileSync(contentIn(folder), "utf8"), "abcd");
  assert.deepEqual(await uploads.look(folder), { offset: 4, isWhole: true, totalBytes: 4 });
});

test("after a crash an upload goes on from what was on the disk, and with two managers from what either has noted", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const text = "0123456789abcdef";
  const end = text.length;
  const sent = (uploads: Uploads, at: number, bytes = 1) =>
    uploads.take(folder, part(at, end, text.slice(at, at + bytes)));
  const wants = (offset: number) => ({ code: "STORAGE.1071", values: { offset } });
  let first = new Uploads({ unsyncedBytes: 4 });
  for (let at = 0; at < 7; at++) assert.equal((await sent(first, at)).offset, at + 1);
  // Every fourth byte is noted.
  first = new Uploads({ unsyncedBytes: 4 });
  await assert.rejects(sent(first, 7), wants(4));
  assert.equal((await sent(first, 4)).offset, 5);
  const second = new Uploads({ unsyncedBytes: 4 });
  await assert.rejects(sent(second, 5), wants(4), "what the other one has not noted is not known here");
  assert.equal((await sent(second, 4, 2)).offset, 6);
  await assert.rejects(sent(first, 5), wants(4), "what somebody else has written is not taken for its own");
  for (let at = 4; at < end; at++) assert.equal((await sent(first, at)).isWhole, at === end - 1);
  assert.equal(readFileSync(contentIn(folder), "utf8"), text);
  const sums = await first.sumsOf(folder)?.of(end, never);
  assert.deepEqual(sums, { md5: md5Of(Buffer.from(text)), sha256: sha256Of(Buffer.from(text)) });
});

test("a manager that is sent an image beside another one gives up when it sees what that one has noted", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const stream = new PassThrough();
  const first = new Uploads({ unsyncedBytes: 4 });
  const taken = first.take(folder, uploadOf(0, 16, stream, 16));
  const refused = assert.rejects(taken, { code: "STORAGE.1070" });
  stream.write("ab");
  await become(
    async () => (await first.look(folder))?.offset,
    (offset) => offset === 2,
  );
  await new Uploads({ unsyncedBytes: 4 }).take(folder, part(0, 16, "ABCD"));
  stream.end("cdefghijklmnop");
  await refused;
  assert.equal((await readNote(folder))?.safeBytes, 4);
});

test("an upload that broke off behind its last byte is whole when somebody asks for it", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "image");
  const uploads = new Uploads();
  let isRefused = false;
  const mayGoOn = () => {
    if (isRefused) throw new Error("not now");
    isRefused = true;
  };
  await assert.rejects(uploads.take(folder, { ...part(0, 4, "abcd"), mayGoOn }), /not now/);
  assert.deepEqual(await uploads.take(folder, part(0, 4, "")), { offset: 4, isWhole: true });
});

test("what is cleaned away of a store is forgotten, too, and begins anew", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const store = contentStore(own.path);
  const images = new LocalImageStore();
  await images.prepare(own.path);
  await images.claim(store);
  const image = "0f8fad5bd9cb469fa16570867728950e";
  await images.upload(store, image, part(0, 4, "ab"), 0);
  await images.clean(store, () => true);
  assert.equal((await images.upload(store, image, part(0, 4, ""), 0)).offset, 2);
  await images.clean(store, () => false);
  assert.equal((await images.upload(store, image, part(0, 4, ""), 0)).offset, 0);
  assert.equal((await images.upload(store, image, part(0, 4, "abcd"), 0)).isWhole, true);
});
