import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCloudServer } from "../../../core/manager/server.ts";
import { createLog } from "../../../core/node/log.ts";
import type { TestCloud } from "../../support/cloud/manager.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { imageContentOf } from "../../support/images/content.ts";
import { type Answer, answered, become, ContentClient } from "../../support/images/content-client.ts";
import { md5Of, sha256Of } from "../../support/images/files.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
const content = Buffer.alloc(10 * mebibyte, "an image from somebody's own disk. ");

/** The manager's server over HTTP, and admin's client of it. */
async function serverOf(t: TestContext, bed: Pick<TestCloud, "cloud" | "imageStore" | "token">) {
  const { cloud, token } = bed;
  const { server } = createCloudServer({
    dispatcher: cloud.dispatcher,
    mirror: cloud.mirror,
    authenticate: (given, isUse) => cloud.identity.authenticate(given, isUse),
    images: imageContentOf(bed),
    log: createLog({ level: "silent" }),
  });
  undoAfter(t, () => server.close());
  const { port } = new URL(await server.listen({ host: "127.0.0.1", port: 0 }));
  return { server, where: { port: Number(port) }, client: new ContentClient({ port: Number(port) }, token) };
}

test("a client sends an image, goes on over a restart of the manager, and gets it back whole or in part", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, cloud, store, hosts, images } = bed;
  const first = await serverOf(t, bed);
  const given = { ...images.given("", { format: "raw", md5: md5Of(content) }), url: "upload://mine.raw" };
  const { task } = await call("AddImage", given);
  const uuid = task.resourceUuid ?? "";
  const [total, half] = [content.length, 4 * mebibyte];
  const part = await first.client.put(uuid, 0, total, content.subarray(0, half));
  assert.deepEqual(part.json(), { offset: half, isWhole: false });
  await seen(cloud.mirror, () => (cloud.mirror.get("Image", uuid)?.value.progress ?? 0) > 0);
  for (const offset of [0, 1, 9 * mebibyte]) {
    const { error } = (await first.client.put(uuid, offset, total, content.subarray(0, 1000))).json();
    assert.deepEqual([error?.code, error?.values], ["STORAGE.1071", { offset: half }]);
  }
  assert.equal((await first.client.get(uuid)).json().error?.code, "STORAGE.1034");
  const cut = first.client.begin(uuid, half, total, total - half);
  cut.asked.write(content.subarray(half, half + mebibyte));
  await become(
    () => first.client.offsetOf(uuid, total),
    (offset) => offset === half + mebibyte,
  );
  cut.asked.destroy();
  await first.server.close();
  await cloud.close();

  const next = await managerOn(t, store, hosts);
  const second = await serverOf(t, next);
  assert.equal(await second.client.offsetOf(uuid, total), half + mebibyte, "what came is on the disk");
  const rest = await second.client.put(uuid, half + mebibyte, total, content.subarray(half + mebibyte));
  assert.deepEqual(rest.json(), { offset: total, isWhole: true });
  const { mirror } = next.cloud;
  await seen(mirror, () => mirror.get("Task", task.uuid)?.value.endDate !== null);
  assert.equal(mirror.get("Task", task.uuid)?.value.state, "Succeeded", JSON.stringify(mirror.get("Task", task.uuid)));
  assert.ok(readFileSync(join(images.storeFolder, "content", sha256Of(content))).equals(content));
  assert.equal((await second.client.put(uuid, 0, total, content)).json().error?.code, "STORAGE.1034");

  const whole = await second.client.get(uuid);
  assert.deepEqual([whole.status, whole.headers["content-length"]], [200, String(content.length)]);
  assert.ok(whole.body.equals(content));
  const etag = `"${sha256Of(content)}"`;
  const parts: [Record<string, string>, number, Buffer][] = [
    [{ range: "bytes=5-9" }, 206, content.subarray(5, 10)],
    [{ range: "bytes=-7" }, 206, content.subarray(-7)],
    [{ range: `bytes=${content.length - 3}-`, "if-range": etag }, 206, content.subarray(-3)],
    [{ range: "bytes=5-9", "if-range": '"another"' }, 200, content],
    [{ range: `bytes=${content.length}-` }, 416, Buffer.alloc(0)],
    [{ range: "bytes=9-5" }, 416, Buffer.alloc(0)],
  ];
  for (const [headers, status, body] of parts) {
    const answer = await second.client.get(uuid, headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    assert.ok(answer.body.equals(body), JSON.stringify(headers));
  }
});

test("what is no image, of nobody, of another image or beyond its end is refused, and nothing of it is kept", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images, cloud } = bed;
  const { where, client } = await serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given(""), url: "upload://mine.qcow2", format: "qcow2" });
  const uuid = task.resourceUuid ?? "";
  const small = Buffer.alloc(1000);
  const codeOf = async (answer: Promise<Answer>) => (await answer).json().error?.code;
  const stranger = new ContentClient(where, "nobody");
  assert.equal(await codeOf(stranger.put(uuid, 0, 1000, small)), "IDENTITY.1001");
  assert.equal(await codeOf(stranger.get(uuid)), "IDENTITY.1001");
  assert.equal(await codeOf(client.put("0".repeat(32), 0, 1000, small)), "SYS.1005");
  assert.equal(await codeOf(client.put(uuid, 0, 1000, small, { "content-type": "text/html" })), "SYS.1010");
  assert.equal(await codeOf(client.put(uuid, -1, 1000, small)), "SYS.1010");
  assert.equal(await codeOf(client.put(uuid, 0, 0, small)), "SYS.1010");
  assert.equal(await codeOf(client.put(uuid, 0, 10, small)), "STORAGE.1022");
  const chunked = client.begin(uuid, 0, 1000, 0, { "transfer-encoding": "chunked" });
  chunked.asked.end(small);
  assert.equal(answered(await chunked.answer).json().error?.code, "SYS.1010");
  assert.equal(await client.offsetOf(uuid, 1000), 0);
  assert.deepEqual(images.incoming(), []);
  await call("CancelTask", { uuid: task.uuid });
  await seen(cloud.mirror, () => cloud.mirror.get("Task", task.uuid)?.value.state === "Cancelled");
  for (const url of ["upload://", "upload://../x", "upload://a/b", "upload://a b"])
    await assert.rejects(call("AddImage", images.given("", { url })), { code: "STORAGE.1011" });
});

test("an image whose task is cancelled while it comes is given up: who sends is told, and nothing of it stays", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images, cloud } = bed;
  const { client } = await serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given("", { format: "raw" }), url: "upload://mine.raw" });
  const uuid = task.resourceUuid ?? "";
  const { asked, answer } = client.begin(uuid, 0, content.length, content.length);
  asked.write(content.subarray(0, 3 * mebibyte));
  await become(
    () => client.offsetOf(uuid, content.length),
    (offset) => offset > 0,
  );
  await call("CancelTask", { uuid: task.uuid });
  await seen(cloud.mirror, () => cloud.mirror.get("Task", task.uuid)?.value.state === "Cancelled");
  assert.equal(answered(await answer).json().error?.code, "STORAGE.1073");
  asked.destroy();
  assert.deepEqual([images.kept(), images.incoming()], [[], []]);
});

test("who has logged out before an image has come whole has not sent it", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images, cloud } = bed;
  const { client } = await serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given("", { format: "raw" }), url: "upload://mine.raw" });
  const uuid = task.resourceUuid ?? "";
  const total = content.length;
  const { asked, answer } = client.begin(uuid, 0, total, total);
  asked.write(content.subarray(0, mebibyte));
  await become(
    () => client.offsetOf(uuid, total),
    (offset) => offset > 0,
  );
  await call("LogOut", {});
  asked.end(content.subarray(mebibyte));
  assert.equal(answered(await answer).json().error?.code, "IDENTITY.1001");
  assert.equal(cloud.mirror.get("Task", task.uuid)?.value.endDate, null);
});

test("a server that is closed lets clients go that send and take, and what they sent is kept", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images } = bed;
  const ready = await images.added(content, { format: "raw" });
  const { client, server } = await serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given("", { format: "raw" }), url: "upload://mine.raw" });
  const uuid = task.resourceUuid ?? "";
  const { asked, answer } = client.begin(uuid, 0, content.length, content.length);
  asked.write(content.subarray(0, 3 * mebibyte));
  await become(
    () => client.offsetOf(uuid, content.length),
    (offset) => offset === 3 * mebibyte,
  );
  const taking = client.beginToGet(ready);
  const goOn = await taking.begun;
  await server.close();
  goOn();
  assert.equal(answered(await answer).json().error?.code, "STORAGE.1072");
  assert.equal(await taking.answer, null);
  const next = await serverOf(t, bed);
  assert.equal(await next.client.offsetOf(uuid, content.length), 3 * mebibyte);
});

test("each image that is sent has one record in the audit with who sent it, and so has what is refused or broke off", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images, cloud, store } = bed;
  const { client } = await serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given("", { format: "raw" }), url: "upload://mine.raw" });
  const uuid = task.resourceUuid ?? "";
  const total = content.length;
  const cut = client.begin(uuid, 0, total, total);
  cut.asked.write(content.subarray(0, mebibyte));
  const offset = await become(
    () => client.offsetOf(uuid, total),
    (at) => at > 0,
  );
  cut.asked.destroy();
  assert.equal((await client.put(uuid, total - 1, total, content.subarray(-1))).status, 409);
  const rest = () => client.put(uuid, offset, total, content.subarray(offset));
  await become(rest, ({ status }) => status === 200);
  await seen(cloud.mirror, () => cloud.mirror.get("Task", task.uuid)?.value.state === "Succeeded");
  await client.get(uuid);
  await client.get(uuid, { range: "bytes=0-9" });
  // A download is noted when its client has it.
  const told = await become(
    async () => {
      await cloud.dispatching.audit.flush();
      const { records } = await store.list({ kind: "AuditRecord" });
      return records.map(({ value }) => value).filter(({ call }) => String(call).endsWith("ImageContent"));
    },
    (records) =>
      records.reduce((sum, each) => sum + (each["call"] === "DownloadImageContent" ? Number(each["count"]) : 0), 0) ===
      2,
  );
  const of = (name: string, code: string | null) =>
    told.filter(({ call, errorCode }) => call === name && errorCode === code);
  const sent = of("UploadImageContent", null).filter(({ requestBytes }) => requestBytes === total - offset);
  assert.deepEqual(
    sent.map((each) => [each["accountName"], each["resourceUuid"], each["succeeded"]]),
    [["admin", uuid, true]],
  );
  assert.equal(of("UploadImageContent", "STORAGE.1072").length, 1, JSON.stringify(told));
  assert.ok(of("DownloadImageContent", null).every(({ resourceUuid }) => resourceUuid === uuid));
});
