import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { root, temporaryFolder } from "../../support/programs.ts";
import { filesBelow, findSecret } from "../../support/secret-search.ts";
import { undoAfter } from "../../support/undo.ts";

const run = promisify(execFile);

/** A port that is free now, and the next one, too. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function bed(t: TestContext) {
  await ensureBuilt();
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const env = { ...process.env, BINNACLE_HOME: folder.path };
  const port = await freePort();
  const start = async (...more: string[]) => {
    const args = [join(root, "scripts/dev/cloud.ts"), "--port", String(port), ...more];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    undoAfter(t, () => stop(child));
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    await Promise.race([
      once(child, "exit").then(() => Promise.reject(new Error(text))),
      new Promise<void>((resolve) =>
        child.stdout.on("data", () => {
          if (text.includes("Ctrl-C ends it")) resolve();
        }),
      ),
    ]);
    return { child, text: () => text };
  };
  const stop = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, "exit");
    child.kill("SIGINT");
    const [code] = await gone;
    return code;
  };
  const cli = async (...words: string[]) =>
    (
      await run(process.execPath, [join(root, "scripts/dev/cloud-cli.ts"), ...words], {
        env: { ...env, HOME: folder.path },
      })
    ).stdout;
  return { home: folder.path, port, start, stop, cli };
}

test("a cloud for trying out takes the host that it says, ends with all its programs, and goes on where it was", async (t) => {
  const { home, start, stop, cli } = await bed(t);
  const first = await start("--hosts", "1");
  const passwords = ["admin", "root"].map((name) => readFileSync(join(home, `cloud/${name}.password`), "utf8").trim());
  await cli("LogInByAccount", "accountName=admin", "-P", join(home, "cloud/admin.password"));
  const uuidOf = (text: string): string => JSON.parse(text).inventory.uuid;
  const zoneUuid = uuidOf(await cli("CreateZone", "name=east"));
  const clusterUuid = uuidOf(await cli("CreateCluster", "name=blue", `zoneUuid=${zoneUuid}`));
  const [, said = ""] = /zstack-cli -- (AddKVMHost .*clusterUuid=)/.exec(first.text()) ?? [];
  const [managementIp = ""] = /managementIp=\S+/.exec(said) ?? [];
  const { fingerprint } = JSON.parse(await cli("GetHostFingerprint", managementIp));
  await cli(...`${said}${clusterUuid} fingerprint=${fingerprint}`.split(" "));
  assert.equal(await stop(first.child), 0);
  for (const { file, text } of filesBelow(home))
    if (!file.endsWith(".password")) assert.equal(findSecret(text, passwords), undefined, file);
  await assert.rejects(cli("QueryHost"), /CLOUD\.ABSENT/);

  await start("--hosts", "1");
  await cli("ReconnectHost", `uuid=${JSON.parse(await cli("QueryHost", "fields=uuid")).inventories[0].uuid}`);
  assert.match(await cli("-s", "QueryHost", "fields=name,status"), /host-1 +Connected/);
});

test("a cloud whose port is taken leaves nothing running, and names the log that says why", async (t) => {
  const { port, start } = await bed(t);
  const other = createServer().listen(port, "127.0.0.1");
  undoAfter(t, () => other.close());
  await once(other, "listening");
  await assert.rejects(start("--hosts", "0"), /manager ended by itself \(status 1\); see manager\.log/);
});

test("there is one cloud for trying out in a place", async (t) => {
  const { start } = await bed(t);
  await start("--hosts", "0");
  await assert.rejects(start("--hosts", "0"), /A cloud runs in .* already\./);
});
