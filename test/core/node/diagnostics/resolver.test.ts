import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { networkResolver } from "../../../../core/node/diagnostics/resolver.ts";

/** Response codes of RFC 1035. */
const codes: [what: string, code: number][] = [
  ["no such name", 3],
  ["a refusal", 5],
  ["a failure further up", 2],
];
for (const [what, code] of codes)
  test(`${what} is an answer`, async (t) => {
    await networkResolver(await server(t, code), "node1.example", 3000);
  });

test("an address is asked about backwards", async (t) => {
  const questions: string[] = [];
  await networkResolver(await server(t, 3, questions), "10.1.2.3", 3000);
  assert.deepEqual(questions, ["3.2.1.10.in-addr.arpa"]);
});

test("a server that says nothing is no answer", async (t) => {
  await assert.rejects(networkResolver(await server(t, undefined), "node1.example", 100));
});

test("an address that is none is an error, not an answer", async () => {
  await assert.rejects(networkResolver("fe80::1%not-here:x", "node1.example", 100));
});

/** A name server on the loopback that answers every question with a code, or not at all. */
async function server(t: TestContext, code: number | undefined, questions: string[] = []): Promise<string> {
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.on("message", (question, from) => {
    questions.push(nameIn(question));
    if (code === undefined) return;
    const answer = Buffer.from(question);
    answer.writeUInt16BE(0x8180 | code, 2);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return `127.0.0.1:${socket.address().port}`;
}

/** Labels behind the header of twelve bytes, each with its length. Source: RFC 1035. */
function nameIn(question: Buffer): string {
  const labels: string[] = [];
  let at = 12;
  for (let length = question.readUInt8(at); length > 0; length = question.readUInt8(at)) {
    labels.push(question.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join(".");
}
