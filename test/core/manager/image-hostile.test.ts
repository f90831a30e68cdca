import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { CloudClient } from "../../../core/api/cloud-client.ts";
import { uploadImage } from "../../../core/api/image-upload.ts";
import { readNote } from "../../../core/images/arriving.ts";
import { answered, become, ContentClient } from "../../support/images/content-client.ts";
import { type ContentServerOptions, contentServer, contentStore } from "../../support/images/content-server.ts";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { line } from "../../support/spaces.ts";
import { undoAfter } from "../../support/undo.ts";

/* Whoever sends images badly: on a real store, over real connections. */

const mebibyte = 1024 ** 2;
const uuid = "0f8fad5bd9cb469fa16570867728950e";
const content = randomBytes(5 * mebibyte);
const total = content.length;
const server = join(import.meta.dirname, "../../support/images/content-server.ts");

async function bed(t: TestContext, options: Partial<ContentServerOptions> = {}) {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const folder = join(own.path, "store");
  const socketPath = join(own.path, "http.sock");
  const made = await contentServer({ folder, ...options });
  undoAfter(t, () => made.server.close());
  await made.server.listen({ path: socketPath });
  const client = new ContentClient({ socketPath });
  return {
    ...{ ...made, folder, socketPath, client },
    came: (bytes: number) =>
      become(
        () => client.offsetOf(uuid, total),
        (offset) => offset >= bytes,
      ),
    /** The former client's end has been noticed: else it would be in the way of the next one. */
    quiet: () =>
      become(
        () => client.put(uuid, total - 1, total, content.subarray(-1)),
        (answer) => answer.json().error?.code === "STORAGE.1071",
      ),
    /** The rest from where it is. @returns what the store sums up */
    async finish() {
      const offset = await client.offsetOf(uuid, total);
      const rest = await client.put(uuid, offset, total, content.subarray(offset));
      assert.deepEqual(rest.json(), { offset: total, isWhole: true });
      return sumOf(made, uuid);
    },
  };
}

/** What the store says of an image that has come. */
async function sumOf(
  { images, store }: Pick<Awaited<ReturnType<typeof contentServer>>, "images" | "store">,
  of: string,
) {
  const { signal } = new AbortController();
  const nothing = { md5: null, idleMs: 60_000, reservedBytes: 0, onProgress: () => undefined, signal };
  return (await images.fetch(store, { imageUuid: of, url: "upload://x", ...nothing })).sha256;
}

const sha256Of = (data: Buffer) => createHash("sha256").update(data).digest("hex");

test("a client that sends almost nothing is told so and let go; what it has sent is kept", async (t) => {
  const { client, finish, came } = await bed(t, { pace: { everyMs: 200, leastBytes: 1000 } });
  const { asked, answer } = client.begin(uuid, 0, total, total);
  asked.write(content.subarray(0, 2 * mebibyte));
  await came(2 * mebibyte);
  let at = 2 * mebibyte;
  const drip = setInterval(() => asked.write(content.subarray(at, ++at)), 50);
  undoAfter(t, () => clearInterval(drip));
  assert.equal(answered(await answer).json().error?.code, "STORAGE.1072");
  clearInterval(drip);
  asked.destroy();
  assert.equal(await finish(), sha256Of(content));
});

test("a body that is longer than was said is no part of the image; one that is shorter is gone on with", async (t) => {
  const { client, socketPath, finish, came, quiet } = await bed(t);
  const path = `/v1/images/${uuid}/content?offset=0&total=${total}`;
  const said = 2 * mebibyte;
  const head = `PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: ${said}\r\n\r\n`;
  const long = connect(socketPath);
  const ended = new Promise<string>((resolve) => {
    let text = "";
    long.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    long.on("close", () => resolve(text));
    long.on("error", () => undefined);
  });
  long.write(head);
  long.write(content.subarray(0, said));
  long.write("and some more that nobody has announced\r\n\r\n");
  assert.match(await ended, /HTTP\/1.1 400/);
  const offset = await become(
    () => client.offsetOf(uuid, total),
    (at) => at === said,
  );
  const short = client.begin(uuid, offset, total, total - offset);
  short.asked.write(content.subarray(offset, offset + mebibyte));
  await came(offset + mebibyte);
  short.asked.destroy();
  assert.equal(await short.answer, null);
  await quiet();
  assert.equal(await finish(), sha256Of(content));
});

test("of two that send the same image the second is refused, and takes the place of one that stands still", async (t) => {
  const slow = await bed(t, { uploads: { silentMs: 3_600_000 } });
  const first = slow.client.begin(uuid, 0, total, total);
  first.asked.write(content.subarray(0, mebibyte));
  const at = await slow.came(mebibyte);
  const second = await slow.client.put(uuid, at, total, content.subarray(at));
  assert.equal(second.json().error?.code, "STORAGE.1070");
  first.asked.end(content.subarray(mebibyte));
  assert.deepEqual(answered(await first.answer).json(), { offset: total, isWhole: true });
  assert.equal(await sumOf(slow, uuid), sha256Of(content));

  const quick = await bed(t, { uploads: { silentMs: 0 } });
  const silent = quick.client.begin(uuid, 0, total, total);
  silent.asked.write(content.subarray(0, mebibyte));
  await quick.came(mebibyte);
  assert.equal(await quick.finish(), sha256Of(content));
  assert.equal(answered(await silent.answer).json().error?.code, "STORAGE.1070");
  silent.asked.destroy();
});

test("more clients than there is memory for are told to come again; each that ends makes room", async (t) => {
  const { client } = await bed(t, { uploads: { most: 2 } });
  const uuids = ["a", "b", "c"].map((letter) => letter.repeat(32));
  const [one, two, three = ""] = uuids;
  const open = [one ?? "", two ?? ""].map((each) => client.begin(each, 0, total, total));
  for (const [n, { asked }] of open.entries()) {
    asked.write(content.subarray(0, mebibyte));
    await become(
      () => client.offsetOf(uuids[n] ?? "", total),
      (offset) => offset > 0,
    );
  }
  const refused = await client.put(three, 0, total, content);
  assert.deepEqual([refused.status, refused.json().error?.code], [503, "SYS.1013"]);
  for (const { asked } of open) asked.destroy();
  await become(
    () => client.put(three, 0, total, content),
    ({ status }) => status === 200,
  );
});

test("a client whose connection or manager is killed in the middle goes on by itself, and the image is the same", async (t) => {
  const own = temporaryFolder();
  undoAfter(t, own.dispose);
  const [folder, socketPath] = [join(own.path, "store"), join(own.path, "http.sock")];
  const start = async () => {
    rmSync(socketPath, { force: true });
    const child = spawn(process.execPath, [server, socketPath, folder], { stdio: ["ignore", "pipe", "inherit"] });
    undoAfter(t, () => child.kill("SIGKILL"));
    await line(child, "ready");
    return child;
  };
  let child = await start();
  const kill = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  const large = randomBytes(24 * mebibyte);
  const client = new CloudClient({ socketPath });
  undoAfter(t, () => client.close());
  const from: number[] = [];
  // Each attempt is given some more of it, and then nothing, until the manager is killed.
  const read = (offset: number) => {
    from.push(offset);
    const isLast = from.length === 3;
    const end = isLast ? large.length : offset + 6 * mebibyte;
    let at = offset;
    return new Readable({
      read() {
        const next = Math.min(end, at + 512 * 1024);
        if (at < next) this.push(large.subarray(at, next));
        else if (isLast) this.push(null);
        at = next;
      },
    });
  };
  const sent = uploadImage(client, uuid, { sizeBytes: large.length, read });
  for (const attempt of [1, 2]) {
    await become(
      async () => (await readNote(join(folder, "incoming", uuid)))?.safeBytes ?? 0,
      (safeBytes) => from.length === attempt && safeBytes > (from.at(-1) ?? 0),
    );
    await kill();
    child = await start();
  }
  await sent;
  assert.deepEqual([from.length, from[0]], [3, 0]);
  assert.ok((from[1] ?? 0) > 0 && (from[2] ?? 0) > (from[1] ?? 0), `it went on from ${from}`);
  assert.ok(readFileSync(join(folder, "incoming", uuid, "content")).equals(large));
  await kill();
  const next = await contentServer({ folder });
  undoAfter(t, () => next.server.close());
  assert.equal(await sumOf(next, uuid), sha256Of(large));
  await next.images.discard(contentStore(folder), uuid);
  assert.deepEqual(readdirSync(join(folder, "incoming")), []);
});

test(
  "a disk that is full, or would be, ends an upload with a word of it; when there is room again it goes on",
  needsPrivateMounts(),
  async (t) => {
    const own = temporaryFolder();
    undoAfter(t, own.dispose);
    const script = join(import.meta.dirname, "image-full-disk.real-child.ts");
    const { code, stdout, stderr } = await runWithPrivateMounts(script, [own.path]);
    assert.equal(code, 0, stderr);
    const seen = JSON.parse(stdout);
    assert.deepEqual([seen.said, seen.together, seen.full], ["STORAGE.1029", "STORAGE.1029", "STORAGE.1029"]);
    assert.deepEqual([seen.isWhole, seen.isSame], [true, true]);
  },
);
