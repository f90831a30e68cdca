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
import { md5Of, sha256Of } from "../../support/images/files.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;
const content = Buffer.alloc(10 * mebibyte, "an image from somebody's own disk. ");

/** The manager's server, and requests of admin to it. */
function serverOf(t: TestContext, { cloud, imageStore, token }: Pick<TestCloud, "cloud" | "imageStore" | "token">) {
  const { server } = createCloudServer({
    dispatcher: cloud.dispatcher,
    mirror: cloud.mirror,
    authenticate: (given, isUse) => cloud.identity.authenticate(given, isUse),
    images: { images: imageStore, settings: cloud.settings },
    log: createLog({ level: "silent" }),
  });
  undoAfter(t, () => server.close());
  const authorization = `Bearer ${token}`;
  const path = (uuid: string) => `/v1/images/${uuid}/content`;
  return {
    server,
    put: (uuid: string, offset: number, body: Buffer, more: Record<string, string> = {}) =>
      server.inject({
        method: "PUT",
        url: `${path(uuid)}?offset=${offset}&total=${content.length}`,
        headers: { authorization, "content-type": "application/octet-stream", ...more },
        body,
      }),
    get: (uuid: string, headers: Record<string, string> = {}) =>
      server.inject({ method: "GET", url: path(uuid), headers: { authorization, ...headers } }),
  };
}

test("a client sends an image in pieces, over a restart of the manager, and gets it back whole or in part", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, cloud, store, hosts, images } = bed;
  const first = serverOf(t, bed);
  const given = { ...images.given("", { format: "raw", md5: md5Of(content) }), url: "upload://mine.raw" };
  const { task } = await call("AddImage", given);
  const uuid = task.resourceUuid ?? "";
  const piece = (offset: number) => content.subarray(offset, offset + 4 * mebibyte);
  assert.deepEqual((await first.put(uuid, 0, piece(0))).json(), { offset: 4 * mebibyte, isWhole: false });
  await seen(cloud.mirror, () => (cloud.mirror.get("Image", uuid)?.value.progress ?? 0) > 0);
  // Twice, and from elsewhere: it is told where to go on.
  for (const offset of [0, 1, 9 * mebibyte])
    assert.deepEqual((await first.put(uuid, offset, piece(0))).json(), { offset: 4 * mebibyte, isWhole: false });
  assert.equal((await first.get(uuid)).json().error.code, "STORAGE.1034");
  await cloud.close();

  const next = await managerOn(t, store, hosts);
  const second = serverOf(t, next);
  for (const offset of [4, 8]) await second.put(uuid, offset * mebibyte, piece(offset * mebibyte));
  const { mirror } = next.cloud;
  await seen(mirror, () => mirror.get("Task", task.uuid)?.value.endDate !== null);
  assert.equal(mirror.get("Task", task.uuid)?.value.state, "Succeeded", JSON.stringify(mirror.get("Task", task.uuid)));
  assert.ok(readFileSync(join(images.storeFolder, "content", sha256Of(content))).equals(content));
  assert.equal((await second.put(uuid, 0, piece(0))).json().error.code, "STORAGE.1034");

  const whole = await second.get(uuid);
  assert.deepEqual([whole.statusCode, whole.headers["content-length"]], [200, String(content.length)]);
  assert.ok(whole.rawPayload.equals(content));
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
    const answer = await second.get(uuid, headers);
    assert.equal(answer.statusCode, status, JSON.stringify(headers));
    assert.ok(answer.rawPayload.equals(body), JSON.stringify(headers));
  }
});

test("pieces that are none, of nobody, of another image or beyond its end are refused, and nothing of them is kept", async (t) => {
  const bed = await imageCloud(t, []);
  const { call, images } = bed;
  const { server, put } = serverOf(t, bed);
  const { task } = await call("AddImage", { ...images.given(""), url: "upload://mine.qcow2", format: "qcow2" });
  const uuid = task.resourceUuid ?? "";
  const codeOf = async (answer: ReturnType<typeof put>) => (await answer).json().error.code;
  const small = Buffer.alloc(1000);
  assert.equal(await codeOf(put(uuid, 0, small, { authorization: "Bearer nobody" })), "IDENTITY.1001");
  assert.equal(await codeOf(put("0".repeat(32), 0, small)), "SYS.1005");
  assert.equal(await codeOf(put(uuid, 0, small, { "content-type": "text/html" })), "SYS.1010");
  assert.equal(await codeOf(put(uuid, 0, Buffer.alloc(9 * mebibyte))), "SYS.1010");
  assert.equal(await codeOf(put(uuid, -1, small)), "SYS.1010");
  const beyond = server.inject({
    method: "PUT",
    url: `/v1/images/${uuid}/content?offset=0&total=10`,
    headers: { authorization: `Bearer ${bed.token}`, "content-type": "application/octet-stream" },
    body: small,
  });
  assert.equal(await codeOf(beyond), "STORAGE.1022");
  await call("CancelTask", { uuid: task.uuid });
  await seen(bed.cloud.mirror, () => bed.cloud.mirror.get("Task", task.uuid)?.value.state === "Cancelled");
  assert.deepEqual([images.kept(), images.incoming()], [[], []]);
  for (const url of ["upload://", "upload://../x", "upload://a/b", "upload://a b"])
    await assert.rejects(call("AddImage", images.given("", { url })), { code: "STORAGE.1011" });
});
