import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { reached } from "../../../../core/hypervisor/libvirt/reached.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";

test("what limits how long a hypervisor may take to answer does not end a connection that stands", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const path = join(folder.path, "socket");
  const server = createServer((socket: Socket) => socket.pipe(socket));
  undoAfter(t, () => void server.close());
  server.listen(path);
  await once(server, "listening");
  const limit = new AbortController();
  const socket = await reached(path, "machine", limit.signal);
  undoAfter(t, () => void socket.destroy());
  limit.abort();
  socket.write("still here");
  const [said] = await once(socket, "data");
  assert.equal(String(said), "still here");
  await assert.rejects(reached(path, "machine", limit.signal), { code: "HYPERVISOR.MIGRATION_FAILED" });
  await assert.rejects(reached(`${path}.other`, "machine", new AbortController().signal), {
    code: "HYPERVISOR.MIGRATION_FAILED",
  });
});
