import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("the manager's program serves the console's pages where its settings say, with its own certificate", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070 });
  undoAfter(t, () => daemon.kill());
  await daemon.start();
  const client = daemon.client();
  undoAfter(t, () => client.close());
  const ca = readFileSync(join(daemon.tlsFolder, "ca.crt"));
  const page = async (host: string, port: number, path: string) => {
    const asked = request({ host, port, path, ca, agent: false });
    asked.end();
    const [response] = await once(asked, "response");
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode, text };
  };
  const set = (name: string, value: string) =>
    client.call("UpdateGlobalConfig", { category: "consoleProxy", name, value });
  for (const port of await freePorts(2)) {
    await set("port", String(port));
    await daemon.said(`"port":${port},"listenOn":"127.0.0.1"`);
    const screen = await page("127.0.0.1", port, "/vnc");
    assert.equal(screen.status, 200);
    assert.match(screen.text, /<script type="module" src="\/vnc\.js">/);
    for (const file of ["/vnc.js", "/serial", "/serial.js", "/page.css", "/terminal.css"])
      assert.equal((await page("127.0.0.1", port, file)).status, 200, file);
  }
  // A machine of nobody's: the proxy is there, and the refusal is the machine's.
  const missing = { vmInstanceUuid: "0f8fad5bd9cb469fa16570867728950e", kind: "vnc" } as const;
  await assert.rejects(client.call("RequestConsoleAccess", missing), { code: "SYS.1005" });
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  assert.deepEqual(daemon.errors, []);
});
