import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { createCloudServer } from "../../../core/manager/server.ts";
import { createLog } from "../../../core/node/log.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { imageContentOf } from "../../support/images/content.ts";
import { undoAfter } from "../../support/undo.ts";

/* Clients that begin a request and never end it, on the server of the cloud's API. None of them has logged in. */

const path = `/v1/images/${"0".repeat(32)}/content?offset=0&total=5`;

async function server(t: TestContext): Promise<number> {
  const bed = await imageCloud(t, []);
  const { cloud } = bed;
  const made = createCloudServer({
    dispatcher: cloud.dispatcher,
    mirror: cloud.mirror,
    authenticate: (given, isUse) => cloud.identity.authenticate(given, isUse),
    images: imageContentOf(bed),
    log: createLog({ level: "silent" }),
    bodyTimeoutMs: 200,
  });
  undoAfter(t, () => made.server.close());
  return Number(new URL(await made.server.listen({ host: "127.0.0.1", port: 0 })).port);
}

for (const [what, head] of [
  ["an image's content that says it is JSON", `PUT ${path} HTTP/1.1\r\nContent-Type: application/json`],
  ["an image's content", `PUT ${path} HTTP/1.1\r\nContent-Type: application/octet-stream`],
  ["a question for an image with a body", `GET ${path} HTTP/1.1\r\nContent-Type: application/octet-stream`],
  ["a call that there is not", "PUT /v1/nothing HTTP/1.1\r\nContent-Type: application/json"],
] as const)
  test(`${what}, of which no more than a byte comes, holds no connection without a session`, async (t) => {
    const socket = connect(await server(t), "127.0.0.1");
    undoAfter(t, () => socket.destroy());
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    socket.write(`${head}\r\nHost: binnacle\r\nContent-Length: 1000\r\n\r\n{`);
    await once(socket, "close");
    assert.match(answer, /^HTTP\/1\.1 4\d\d /);
  });
