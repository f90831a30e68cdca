import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, test } from "node:test";
import { listenOn } from "../../core/api/listen.ts";
import { rootDoor } from "../../core/api/server.ts";
import type { UpgradeDisk } from "../../core/node/upgrade/disk.ts";
import { agentBed } from "../core/node/agent-bed.ts";
import { type UpgradeBed, upgradeBed, writeImageFolder } from "../core/node/upgrade/bed.ts";
import { root } from "../support/programs.ts";

const program = join(root, "scripts/zstack-upgrade.ts");

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

/** An agent in this process, on an installed node in a folder, that listens on root's socket. */
async function newAgent(diskOf: (bed: UpgradeBed) => UpgradeDisk = (bed) => bed.world.disk) {
  const node = await upgradeBed();
  cleanUp.push(() => node.dispose());
  const agent = await agentBed({ upgrade: { ...node.world, disk: diskOf(node) } });
  await agent.server.ready();
  const door = rootDoor(agent.server);
  const socket = `${agent.socketPath}.root`;
  await listenOn(door, socket, 0o600);
  cleanUp.push(async () => {
    door.closeAllConnections();
    door.close();
    await agent.dispose();
  });
  const run = (...args: string[]) => typed(["--socket", socket, ...args], dirname(node.file));
  return { node, agent, run };
}

type Typed = { child: ChildProcess; said: (text: string) => Promise<void>; end: Promise<Outcome> };
type Outcome = { code: number | null; stdout: string; stderr: string };

function typed(args: readonly string[], cwd: string = root): Typed {
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  cleanUp.push(() => child.kill("SIGKILL"));
  const output = { stdout: "", stderr: "" };
  let wake = () => {};
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      wake();
    });
  return {
    child,
    async said(text) {
      while (!output.stdout.includes(text)) {
        assert.equal(child.exitCode, null, output.stderr);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    end: once(child, "close").then(([code]) => ({ code, ...output })),
  };
}

for (const args of [
  [],
  ["a.iso", "b.iso"],
  ["a.iso", "-x"],
  ["a.iso", "-r", "--reboot"],
  ["--status", "a.iso"],
  ["--watch", "--status"],
  ["--cancel", "a.iso"],
])
  test(`zstack-upgrade ${args.join(" ")} is wrong usage`, async () => {
    const { code, stdout, stderr } = await typed(args).end;
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^zstack-upgrade: .* See: zstack-upgrade --help\n$/);
  });

test("an upgrade shows its steps and ends with 0; the name may be relative", async () => {
  const { node, agent, run } = await newAgent();
  const { code, stdout, stderr } = await run("new.iso").end;
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^Checking this node\nRunning version 1\.0\.0, the image has 1\.1\.0\n/);
  assert.match(stdout, /\n1\.1\.0 is installed beside 1\.0\.0\. Restart the node to start it\.\n/);
  assert.equal(node.environment().get("trial_version"), "1.1.0");
  const { entries } = await agent.parts.audit.read(10);
  assert.deepEqual(
    entries.map(({ console, action, result }) => `${console} ${action} ${result}`),
    ["root upgrade.system ok", "root upgrade.start ok"],
  );
  assert.equal(
    (await run("--status").end).stdout,
    "1.1.0  starts at the next reboot, on trial\n1.0.0  running, default\n",
  );
});

test("--cancel gives up an upgrade that waits for a restart, and says so when there is none", async () => {
  const { node, agent, run } = await newAgent();
  const none = await run("--cancel").end;
  assert.equal(none.code, 1);
  assert.equal(none.stderr, "zstack-upgrade: No upgrade waits for a restart. See: zstack-upgrade --status\n");
  assert.equal((await run("new.iso").end).code, 0);
  const { code, stdout, stderr } = await run("--cancel").end;
  assert.deepEqual([code, stdout, stderr], [0, "1.1.0\n1.0.0  running, default\n", ""]);
  assert.deepEqual(node.environment(), new Map([["default_version", "1.0.0"]]));
  const [entry] = (await agent.parts.audit.read(1)).entries;
  assert.deepEqual(
    [entry?.action, entry?.result, entry?.before, entry?.after],
    ["upgrade.cancel", "ok", "1.1.0", "1.0.0"],
  );
});

test("an upgrade that fails says why and what to do, and ends with 1", async () => {
  const { node, run } = await newAgent();
  writeImageFolder(node.content, "0.9.0");
  const { code, stdout, stderr } = await run(node.file).end;
  assert.equal(code, 1);
  assert.match(stdout, /UPGRADE\.NOT_NEWER: The image's version 0\.9\.0 is older .*\nGive a newer image/);
  assert.equal(stderr, "zstack-upgrade: it failed (UPGRADE.NOT_NEWER)\n");
});

test("--json prints one document, of the job with its log, of an error or of the status", async () => {
  const { node, run } = await newAgent();
  const status = await run("--status", "--json").end;
  assert.equal(JSON.parse(status.stdout).running, "1.0.0");
  const done = await run(node.file, "--json").end;
  assert.deepEqual([done.code, done.stderr], [0, ""]);
  const { job, log } = JSON.parse(done.stdout);
  assert.deepEqual([job.kind, job.state, log[0]], ["upgrade", "done", "Checking this node"]);
  const absent = await typed(["--status", "--json", "--socket", "/nonexistent/root.sock"]).end;
  assert.equal(absent.code, 1);
  assert.equal(JSON.parse(absent.stdout).error.code, "AGENT.ABSENT");
});

test("-r keeps the image for other nodes and starts nothing", async () => {
  const { node, run } = await newAgent();
  const { code, stderr } = await run("-r", node.file).end;
  assert.equal(code, 0, stderr);
  assert.deepEqual(fs.readdirSync(node.paths.repository).sort(), [
    "binnacle-1.1.0-x86_64.iso",
    "binnacle-1.1.0-x86_64.iso.sha256",
  ]);
  assert.equal(node.environment().get("trial_version"), undefined);
});

test("--reboot restarts the node when the upgrade is complete, and never after a failed one", async () => {
  const { node, agent, run } = await newAgent();
  const changes = join(dirname(agent.socketPath), "preview-changes.jsonl");
  const head = fs.readFileSync(node.file);
  fs.writeFileSync(node.file, "no image");
  assert.equal((await run(node.file, "--reboot").end).code, 1);
  assert.equal(fs.existsSync(changes), false);
  fs.writeFileSync(node.file, head);
  const { code, stdout } = await run(node.file, "--reboot").end;
  assert.equal(code, 0);
  assert.match(stdout, /The node restarts now\.\n$/);
  assert.match(fs.readFileSync(changes, "utf8"), /"systemctl","args":\["reboot"/);
});

test("Ctrl-C leaves the upgrade running and says how to watch it; --watch shows it to its end", async () => {
  let goOn = () => {};
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  cleanUp.push(() => goOn());
  const { run } = await newAgent(({ world: { disk } }) => ({
    ...disk,
    copy: async (from, to, options) => {
      await told;
      return disk.copy(from, to, options);
    },
  }));
  const first = run("new.iso");
  await first.said("Copying system.squashfs");
  first.child.kill("SIGINT");
  const { code, stderr } = await first.end;
  assert.equal(code, 1);
  assert.match(stderr, /The upgrade goes on\. Watch it with: zstack-upgrade --watch/);
  const second = run("--watch");
  await second.said("Copying system.squashfs");
  goOn();
  const watched = await second.end;
  assert.equal(watched.code, 0, watched.stderr);
  assert.match(watched.stdout, /Restart the node to start it/);
});

test("without an upgrade there is nothing to watch", async () => {
  const { run } = await newAgent();
  const { code, stderr } = await run("--watch").end;
  assert.deepEqual([code, stderr], [1, "zstack-upgrade: No upgrade runs, and none is in the list of jobs.\n"]);
});
