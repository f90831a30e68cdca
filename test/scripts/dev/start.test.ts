import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openConsole } from "../../support/console.ts";

const run = path.join(import.meta.dirname, "../../../scripts/dev/run");

function start(home: string, args: string[] = []) {
  const env = { ...process.env, BINNACLE_HOME: home };
  return spawnSync("/bin/sh", [run, "start.ts", ...args], { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

function makeHome(test: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-start-"));
  test.after(() => {
    const pid = agentPid(folder);
    if (pid !== undefined) process.kill(pid);
    // The agent takes its socket and its files with it, a moment after the signal.
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  return folder;
}

function agentPid(home: string): number | undefined {
  const file = path.join(home, "agent.pid");
  return fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : undefined;
}

describe("npm start", () => {
  it("shows the console of a private agent, which a second one shares", async (test) => {
    const home = makeHome(test);
    const command = ["/bin/sh", run, "start.ts"] as const;
    const first = await openConsole({ socketPath: "unused", command, env: { BINNACLE_HOME: home } });
    await first.until("NODE INFO");
    const agent = agentPid(home);
    assert.ok(agent !== undefined && fs.existsSync(`/proc/${agent}`));
    const second = await openConsole({ socketPath: "unused", command, env: { BINNACLE_HOME: home } });
    await second.until("NODE INFO");
    assert.equal(agentPid(home), agent);
    for (const console of [first, second]) {
      console.type("q");
      assert.equal((await console.exited).exitCode, 0);
      await console.close();
    }
    assert.ok(fs.existsSync(`/proc/${agent}`), "the agent outlives its consoles for a while");
  });

  it("says that it needs a terminal, and starts nothing", (test) => {
    const home = makeHome(test);
    const answer = start(home);
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /needs a terminal/);
    assert.deepEqual(fs.readdirSync(home), []);
  });

  it("says that a socket's path is too long", () => {
    const answer = start(`/tmp/${"b".repeat(120)}`, ["agent"]);
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /136 bytes; Linux allows 107\. Set BINNACLE_HOME/);
  });
});
