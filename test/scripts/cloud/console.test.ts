import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCloudServer } from "../../../core/manager/server.ts";
import { createLog } from "../../../core/node/log.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { consoleCloud } from "../../core/console/bed.ts";
import { adminPassword } from "../../support/cloud/manager.ts";
import { openConsole } from "../../support/console.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { program } from "./bed.ts";

/** A cloud with a machine `web`, its API and its console proxy, and the command on a terminal. */
async function bed(t: TestContext) {
  await ensureBuilt();
  const cloud = await consoleCloud(t);
  const { dispatcher, mirror, identity } = cloud.cloud;
  const { server } = createCloudServer({
    dispatcher,
    mirror,
    authenticate: (token, isUse) => identity.authenticate(token, isUse),
    log: createLog({ level: "silent" }),
    tls: cloud.tls,
  });
  undoAfter(t, () => server.close());
  await server.listen({ host: "127.0.0.1", port: 0 });
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const file = (name: string, content: string) => {
    writeFileSync(join(folder.path, name), content);
    return join(folder.path, name);
  };
  const options = ["-H", "127.0.0.1", "-p", String(address.port), "--ca", file("ca.crt", cloud.ca)];
  const env = { HOME: folder.path, PATH: process.env["PATH"] ?? "" };
  const logIn = [...options, "-P", file("password", adminPassword), "LogInByAccount", "accountName=admin"];
  const [code] = await once(spawn(process.execPath, [program, ...logIn], { env }), "close");
  assert.equal(code, 0);
  return {
    ...cloud,
    /** Behind it, the terminal tells how it was left. */
    async type(...args: string[]) {
      const script = '"$@"; echo "ended with $?"; stty -a; echo "that was all"';
      const command: [string, ...string[]] = ["sh", "-c", script, "sh", process.execPath, program, ...options, ...args];
      const opened = await openConsole({ columns: 100, rows: 40, socketPath: "", command, env });
      undoAfter(t, () => opened.close());
      return opened;
    },
  };
}

type Typed = Awaited<ReturnType<Awaited<ReturnType<typeof bed>>["type"]>>;

async function isLeftAsItWas(typed: Typed): Promise<void> {
  await typed.until("that was all");
  assert.match(typed.raw(), /[^-]icanon/);
  assert.match(typed.raw(), /[^-]echo /);
}

test("console opens a machine's serial line in the terminal, passes on each key, and leaves with Ctrl-]", async (t) => {
  const { type } = await bed(t);
  const typed = await type("console", "web");
  await typed.until("is SIMULATED");
  await typed.until("Ctrl-] leaves");
  // Ctrl-C is the guest's.
  typed.type("one\x03two\r");
  await typed.until("two");
  typed.type("\x1d");
  await typed.until("ended with 0");
  await isLeftAsItWas(typed);
});

test("a machine that stops ends the console in words, and the terminal is as it was", async (t) => {
  const { type, done, uuid } = await bed(t);
  const typed = await type("console", uuid);
  await typed.until("is SIMULATED");
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  await typed.until("does not run any more: it is Stopped");
  await typed.until("ended with 1");
  await isLeftAsItWas(typed);
});

test("at the prompt, console takes the terminal and gives it back", async (t) => {
  const { type } = await bed(t);
  const typed = await type();
  await typed.until(/^admin@.*>$/m);
  typed.type("console web\r");
  await typed.until("is SIMULATED");
  typed.type("\x1d");
  await typed.until((text) => /SIMULATED[\s\S]*\nadmin@.*>$/m.test(text.trimEnd()));
  typed.type("QueryVmInstance fields=name\r");
  await typed.until('"name": "web"');
});

test("a machine that is not there, or has a twin, is told; and nothing is opened", async (t) => {
  const { type, newMachine, proxy } = await bed(t);
  const missing = await type("console", "nothing");
  await missing.until("No machine is called");
  await missing.until("ended with 1");
  await newMachine("web");
  const twins = await type("console", "web");
  await twins.until("Several machines are called");
  await twins.until("ended with 1");
  assert.equal(proxy.count, 0);
});
