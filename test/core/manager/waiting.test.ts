import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { CloudClient } from "../../../core/api/cloud-client.ts";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { standInFor, whenReached } from "../../../core/manager/waiting.ts";
import { NodeError } from "../../../core/model/error.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses } from "../store/conformance.ts";

const unreachable = () => new NodeError("STORE.UNREACHABLE", "No member of etcd answers.");

test("a store that can't be reached is waited for, is told of once, and nothing stands in any more when it is there", async () => {
  const heard: string[] = [];
  let attempts = 0;
  const store = await whenReached({
    open: async () => {
      heard.push("attempt");
      if (++attempts < 4) throw unreachable();
      return "store";
    },
    standIn: async () => {
      heard.push("stands in");
      return async () => void heard.push("ends");
    },
    onWait: ({ code }) => void heard.push(code),
    pauseMs: 1,
  });
  assert.equal(store, "store");
  assert.deepEqual(heard, [...["attempt", "stands in", "STORE.UNREACHABLE", "attempt", "attempt", "attempt"], "ends"]);
});

test("a store that is there is opened without anything else, and any other error ends the waiting", async () => {
  const never = () => Promise.reject(new Error("Nothing has to stand in."));
  const onWait = () => assert.fail("There is nothing to wait for.");
  assert.equal(await whenReached({ open: async () => 1, standIn: never, onWait }), 1);
  const open = async () => {
    throw new NodeError("STORE.DENIED", "etcd does not let us in.");
  };
  await refuses(whenReached({ open, standIn: never, onWait }), "STORE.DENIED");
});

test("who asks a manager without its store is answered at once at both doors, and ports are free afterwards", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const authority = await Authority.open({ ...pkiFiles(), folder: join(folder.path, "tls"), now: Date.now });
  const { key, certificate: cert } = await authority.server(["IP:127.0.0.1"]);
  const [port = 0] = await freePorts(1);
  const place = { host: "127.0.0.1", port, socketPath: join(folder.path, "m.sock") };
  for (let again = 0; again < 2; again++) {
    const { end } = await standInFor({ tls: { key, cert }, ...place });
    for (const address of [{ host: "127.0.0.1", port, ca: authority.certificate }, { socketPath: place.socketPath }]) {
      const client = new CloudClient(address);
      assert.deepEqual(await client.call("IsReady", {}), { ready: false });
      const error = await refuses(client.call("QueryZone", {}), "SYS.1009");
      assert.doesNotMatch(error.message, /\d+\.\d+\.\d+/);
      await refuses(client.call("CreateZone", { name: "x".repeat(200) }), "SYS.1009");
      client.close();
    }
    await end();
    const gone = new CloudClient({ socketPath: place.socketPath });
    await refuses(gone.call("IsReady", {}), "CLOUD.ABSENT");
    gone.close();
  }
});
