import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Client } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { needsPrivateMounts } from "../support/private-mounts.ts";
import { root, startAgent, temporaryFolder } from "../support/programs.ts";
import { undoAfter } from "../support/undo.ts";

const program = join(root, "core/agent.ts");

for (const [args, sentence] of [
  [["--exit-when-idle", "abc"], /--exit-when-idle .*seconds/],
  [["--exit-when-idle", "-1"], /--exit-when-idle/],
  [["--exit-when-idle="], /--exit-when-idle .*seconds/],
  [["--host-port", "99999"], /--host-port .*TCP port/],
  [["--fixture", "x"], /--preview/],
  [["--unknown"], /--unknown/],
] as const)
  test(`${args.join(" ")} is wrong usage`, (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const place = ["--home", folder.path, "--socket", join(folder.path, "s")];
    const { status, stderr } = spawnSync(process.execPath, [program, ...place, ...args], {
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  });

const canPing = { skip: existsSync("/usr/bin/ping") ? false : "ping is not installed", timeout: 60_000 };
test("while the agent waits for its jobs it keeps its socket, and refuses new work", canPing, async (t) => {
  const folder = temporaryFolder();
  const socketPath = join(folder.path, "s");
  const place = ["--preview", "--home", folder.path, "--socket", socketPath];
  const agent = spawn(process.execPath, [program, ...place], { stdio: "ignore" });
  const exited = once(agent, "exit");
  const client = new Client({ socketPath, console: "tty1" });
  undoAfter(t, async () => {
    client.close();
    agent.kill("SIGKILL");
    await exited;
    folder.dispose();
  });
  while (!(await answers(client))) assert.equal(agent.exitCode, null);
  await client.call("choosePassword", { body: { password: "Correct-Horse-9" } });
  client.token = (await client.call("openSession", { body: { password: "Correct-Horse-9" } })).token;
  const { id } = await client.call("startPing", { body: { target: "127.0.0.1" } });
  while ((await client.call("job", { params: { id } })).lines === 0);
  // A job that does not hear that it is to end, so that there is a while to look at.
  const ping = childNamed(agent, "ping");
  process.kill(ping, "SIGSTOP");
  agent.kill("SIGTERM");

  let refusal: unknown;
  while (refusal === undefined) await client.call("status", {}).catch((error: unknown) => (refusal = error));
  assert.ok(refusal instanceof NodeError);
  assert.equal(refusal.code, "AGENT.ENDING");
  assert.equal(existsSync(socketPath), true, "another agent that started now would share its files");
  const [code] = await exited;
  assert.equal(code, 0);
  assert.equal(existsSync(socketPath), false);
  assert.equal(JSON.parse(readFileSync(join(folder.path, "jobs.json"), "utf8")).jobs[0].state, "interrupted");
});

test("a session ends when the node sleeps longer than it may be idle", needsPrivateMounts(), async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const uptime = join(folder.path, "uptime");
  writeFileSync(uptime, "1000000.00 0.00\n");
  // Only a machine that sleeps can make this clock jump: here its file is another one.
  const agent = await startAgent({
    through: [
      ...["unshare", "--mount", "--propagation", "private", "--"],
      ...["sh", "-c", 'mount --bind "$0" /proc/uptime && exec "$@"', uptime],
    ],
  });
  undoAfter(t, () => agent.stop());
  const client = agent.client("tty1");
  await client.call("choosePassword", { body: { password: "Correct-Horse-9" } });
  client.token = (await client.call("openSession", { body: { password: "Correct-Horse-9" } })).token;
  await client.call("jobs", {});
  // In place and of the same length: a reader finds the old time or the new one.
  writeSync(openSync(uptime, "r+"), "1003600.00 0.00\n");
  await assert.rejects(client.call("jobs", {}), { code: "AUTH.NO_SESSION" });
});

test("a recorded machine is read once, so that it may come through a pipe", { timeout: 20_000 }, async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  // Whoever opens it a second time waits for ever.
  const fixture = join(folder.path, "machine.json");
  execFileSync("mkfifo", [fixture]);
  const socketPath = join(folder.path, "s");
  const place = ["--preview", "--home", folder.path, "--socket", socketPath, "--fixture", fixture];
  const agent = spawn(process.execPath, [program, ...place], { stdio: "ignore" });
  const exited = once(agent, "exit");
  const client = new Client({ socketPath, console: "tty1" });
  undoAfter(t, async () => {
    client.close();
    agent.kill("SIGKILL");
    await exited;
  });
  await writeFile(fixture, readFileSync(join(root, "test/fixtures/machines/bonded-server.json")));
  while (!(await answers(client))) assert.equal(agent.exitCode ?? agent.signalCode, null);
});

async function answers(client: Client): Promise<boolean> {
  return client.call("status", {}).then(
    () => true,
    () => false,
  );
}

/** The process of this name among a program's own children. */
function childNamed({ pid = 0 }: ChildProcess, name: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  const found = children.find((child) => readFileSync(`/proc/${child}/comm`, "utf8").trim() === name);
  assert.ok(found, `no child ${name}`);
  return Number(found);
}
