import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import Fastify from "fastify";
import { limitBodies, refusingNonsense } from "../../../core/api/doors.ts";
import { undoAfter } from "../../support/undo.ts";

test("a body that does not come whole in time is refused, but where it may take long", async (t) => {
  const server = Fastify();
  undoAfter(t, () => server.close());
  const refuse = refusingNonsense((why) => ({ why }));
  limitBodies(server, 100, refuse, ({ routeOptions }) => routeOptions.url === "/long");
  for (const path of ["/short", "/long"]) server.post(path, ({ body }) => body);
  const { port } = new URL(await server.listen({ host: "127.0.0.1", port: 0 }));
  const begin = (path: string) => {
    const socket = connect(Number(port), "127.0.0.1");
    undoAfter(t, () => socket.destroy());
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n[`);
    const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    return { socket, answer };
  };
  const long = begin("/long");
  const short = begin("/short");
  assert.match(await short.answer, /^HTTP\/1.1 408.*\{"why":"late"\}$/s);
  long.socket.write("12]");
  assert.match(await long.answer, /^HTTP\/1.1 200.*\[12\]$/s);
});
