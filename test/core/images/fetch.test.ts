import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import type { Fetching } from "../../../core/orchestrator/images/image-store.ts";
import { md5Of, sha256Of } from "../../support/images/files.ts";
import { imageServer, serving } from "../../support/images/server.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const kibibyte = 1024;
const imageUuid = "0f8fad5bd9cb469fa16570867728950e";
const content = Buffer.from(Array.from({ length: 300 * kibibyte }, (_, i) => (i * 7) % 251));
const never = new AbortController().signal;

async function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const url = join(folder.path, "store");
  const store = { uuid: "11111111222243338444555566667777", url };
  const open = () => new LocalImageStore({ checkpointBytes: 64 * kibibyte, pauseMs: () => 1 });
  const images = open();
  await images.prepare(url);
  await images.claim(store);
  const server = await imageServer(t);
  const fetching = (from: string, more: Partial<Fetching> = {}): Fetching => ({
    ...{
      imageUuid,
      url: from,
      md5: null,
      idleMs: 60_000,
      reservedBytes: 0,
      onProgress: () => undefined,
      signal: never,
    },
    ...more,
  });
  const fetched = (from: string, more: Partial<Fetching> = {}) => images.fetch(store, fetching(from, more));
  const kept = async (sha256: string) => {
    await images.keep(store, imageUuid, sha256);
    return readFileSync(join(url, "content", sha256));
  };
  return { folder: folder.path, store, images, open, server, fetching, fetched, kept };
}

async function refusal(attempt: Promise<unknown>, code: string): Promise<CloudError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CloudError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

const whole = { sizeBytes: content.length, md5: md5Of(content), sha256: sha256Of(content) };

/** Sends a part of what it says, and breaks the connection. */
function breaking(said: number, sent: Buffer, head: Record<string, string> = {}) {
  return (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { "content-length": said, ...head });
    response.write(sent, () => response.destroy());
  };
}

test("an image is fetched by HTTP with its checksums, through redirects, and progress is told", async (t) => {
  const { server, fetched, kept } = await bed(t);
  server.answers.set("/image", serving(content));
  server.answers.set("/moved", (_, response) => response.writeHead(302, { location: "/image?key=1" }).end());
  const told: (number | null)[] = [];
  assert.deepEqual(await fetched(`${server.url}/moved`, { onProgress: (each) => told.push(each) }), whole);
  assert.equal(told.at(-1), 100);
  assert.ok((await kept(whole.sha256)).equals(content));
});

test("what a broken connection has brought is gone on with from where it was, and only if the content is the same", async (t) => {
  const { server, fetched, kept } = await bed(t);
  const etag = `"${md5Of(content)}"`;
  let breaks = 2;
  let breakNow = () => {};
  server.answers.set("/image", (request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "bytes=0-")?.[1]);
    if (breaks-- <= 0) return serving(content)(request, response);
    const part = content.subarray(from, from + 100 * kibibyte);
    const head = { "content-length": content.length - from, etag };
    if (from === 0) response.writeHead(200, head);
    else response.writeHead(206, { ...head, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` });
    breakNow = () => response.destroy();
    response.write(part);
  });
  // A third of it each time: when that was taken.
  const onProgress = (percent: number | null) => void ([33, 66].includes(percent ?? 0) && breakNow());
  assert.deepEqual(await fetched(`${server.url}/image`, { onProgress }), whole);
  assert.deepEqual(
    server.asked.map(({ range }) => range),
    [undefined, `bytes=${100 * kibibyte}-`, `bytes=${200 * kibibyte}-`],
  );
  assert.ok((await kept(whole.sha256)).equals(content));

  const newer = Buffer.from(content).reverse();
  server.answers.set("/changing", (request, response) => {
    server.answers.set("/changing", serving(newer));
    breaking(content.length, content.subarray(0, 100 * kibibyte), { etag })(request, response);
  });
  assert.equal((await fetched(`${server.url}/changing`)).sha256, sha256Of(newer));
});

test("a manager that was killed goes on from what was on the disk, whatever came after that", async (t) => {
  const { store, images, open, server, fetching, folder } = await bed(t);
  server.answers.set("/image", (_, response) => {
    response.writeHead(200, { "content-length": content.length, etag: `"${md5Of(content)}"` });
    response.write(content.subarray(0, 150 * kibibyte));
  });
  const ending = new AbortController();
  const progress = Promise.withResolvers<void>();
  const onProgress = (percent: number | null) => void ((percent ?? 0) >= 50 && progress.resolve());
  const cut = images.fetch(store, fetching(`${server.url}/image`, { signal: ending.signal, onProgress }));
  await progress.promise;
  const incoming = join(folder, "store/incoming", imageUuid);
  const asKilled = readFileSync(join(incoming, "note.json"), "utf8");
  const { safeBytes } = JSON.parse(asKilled);
  assert.ok(safeBytes >= 64 * kibibyte && safeBytes <= 150 * kibibyte);
  ending.abort(new Error("The manager ends."));
  await assert.rejects(cut, /The manager ends/);
  // As a power cut leaves it: the note of before, and zeros where the file has grown since.
  writeFileSync(join(incoming, "note.json"), asKilled);
  writeFileSync(join(incoming, "content"), Buffer.concat([content.subarray(0, safeBytes), Buffer.alloc(99_999)]));
  server.answers.set("/image", serving(content));
  assert.deepEqual(await open().fetch(store, fetching(`${server.url}/image`)), whole);
  assert.equal(server.asked.at(-1)?.range, `bytes=${safeBytes}-`);
  // And once more, when it was whole and nobody had noted that.
  const asked = server.asked.length;
  assert.deepEqual(await open().fetch(store, fetching(`${server.url}/image`)), whole);
  assert.equal(server.asked.length, asked);
});

test("a server that sends less than it says, says nothing, refuses, or leads astray is told of, without the address's secrets", async (t) => {
  const { server, fetched } = await bed(t);
  const { answers, url } = server;
  const to = (location: string) => (_: unknown, response: ServerResponse) =>
    response.writeHead(301, { location }).end();
  answers.set("/short", breaking(content.length, content.subarray(0, 1000)));
  answers.set("/mute", () => undefined);
  answers.set("/stuck", (_, response) => void response.writeHead(200, { "content-length": 10 }).write("x"));
  answers.set("/loop", to("/loop"));
  answers.set("/file", to("file:///etc/hostname"));
  answers.set("/password", to("http://user:secret@127.0.0.1/x"));
  answers.set("/nowhere", to("http://"));
  answers.set("/forbidden", (_, response) => response.writeHead(403).end());
  answers.set("/busy", (_, response) => response.writeHead(503).end());
  answers.set("/packed", (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"));
  answers.set("/drop", (_, response) => response.destroy());
  const expected: [string, string, RegExp][] = [
    ["/short", "STORAGE.1022", /said 307200 bytes, and (1000|0) came/],
    ["/mute", "STORAGE.1021", /Not one byte came within 0.3 s/],
    ["/stuck", "STORAGE.1021", /Not one byte/],
    ["/loop", "STORAGE.1020", /redirected more than 5 times/],
    ["/file", "STORAGE.1020", /redirected from http: to file:/],
    ["/password", "STORAGE.1020", /a password in it/],
    ["/nowhere", "STORAGE.1020", /redirected to no address/],
    ["/forbidden", "STORAGE.1020", /status 403/],
    ["/busy", "STORAGE.1020", /status 503/],
    ["/absent", "STORAGE.1020", /status 404/],
    ["/packed", "STORAGE.1020", /packs what it sends/],
    ["/drop", "STORAGE.1020", /connection/],
  ];
  for (const [path, code, words] of expected) {
    const error = await refusal(fetched(`${url}${path}?secret=key`, { idleMs: 300 }), code);
    assert.match(error.message, words);
    assert.doesNotMatch(JSON.stringify(error.toBody()), /secret/, path);
  }
  await refusal(fetched("http://127.0.0.1:1/image"), "STORAGE.1020");
});

test("an image with another checksum is refused", async (t) => {
  const { server, fetched } = await bed(t);
  server.answers.set("/image", serving(content));
  const error = await refusal(fetched(`${server.url}/image`, { md5: "0".repeat(32) }), "STORAGE.1023");
  assert.match(error.message, new RegExp(whole.md5));
});

test("of the files of the management node, only plain ones that everybody may read are taken", async (t) => {
  const { folder, fetched, kept } = await bed(t);
  const file = join(folder, "an image.raw");
  writeFileSync(file, content, { mode: 0o644 });
  chmodSync(file, 0o644);
  symlinkSync(file, join(folder, "link"));
  symlinkSync("/proc/self/environ", join(folder, "to-proc"));
  linkSync(file, join(folder, "hard"));
  mkdirSync(join(folder, "folder"));
  const secret = join(folder, "secret.raw");
  writeFileSync(secret, content, { mode: 0o600 });
  const refused: [string, RegExp][] = [
    [`file://${folder}/to-proc`, /under \/proc/],
    ["file:///proc/version", /under \/proc/],
    ["file:///sys/kernel/uevent_seqnum", /under \/sys/],
    ["file:///dev/zero", /under \/dev/],
    [`file://${folder}/folder`, /no file/],
    [`file://${secret}`, /Not everybody/],
    [`file://${folder}/absent`, /no such file/],
    [`file://${folder}/a%00b`, /names no file/],
  ];
  for (const [url, words] of refused) assert.match((await refusal(fetched(url), "STORAGE.1020")).message, words, url);
  for (const name of ["link", "hard", "an%20image.raw"])
    assert.deepEqual(await fetched(`file://${folder}/${name}`), whole);
  assert.ok((await kept(whole.sha256)).equals(content));
});

test("a store whose folder is not there, or is another one, is not written to", async (t) => {
  const { store, images, fetching, server, folder } = await bed(t);
  server.answers.set("/image", serving(content));
  const other = { ...store, uuid: "99999999222243338444555566667777" };
  await refusal(images.fetch(other, fetching(`${server.url}/image`)), "STORAGE.1030");
  const unmounted = { ...store, url: join(folder, "unmounted") };
  mkdirSync(unmounted.url);
  await refusal(images.room(unmounted), "STORAGE.1030");
  assert.deepEqual(readdirSync(unmounted.url), []);
  await images.fetch(store, fetching(`${server.url}/image`));
  await images.clean(store, () => true);
  assert.ok(existsSync(join(store.url, "incoming", imageUuid)));
  await images.clean(store, () => false);
  assert.deepEqual(readdirSync(join(store.url, "incoming")), []);
});

test("no room is told before anything is fetched", async (t) => {
  const { server, fetched, store } = await bed(t);
  server.answers.set("/image", serving(content));
  await refusal(fetched(`${server.url}/image`, { reservedBytes: Number.MAX_SAFE_INTEGER }), "STORAGE.1029");
  const { safeBytes } = JSON.parse(readFileSync(join(store.url, "incoming", imageUuid, "note.json"), "utf8"));
  assert.equal(safeBytes, 0);
});
