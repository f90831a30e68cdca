import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { fixtureMachine, recording, recordingMachine } from "../../../core/node/fixture.ts";
import { realMachine, sleep } from "../../../core/node/machine.ts";

const machine = realMachine();
const code = (expected: string) => (error: unknown) => error instanceof NodeError && error.code === expected;
const sh = (script: string, more: object = {}) => machine.run("sh", ["-c", script], { timeoutMs: 20_000, ...more });

/** Resolves when the process is gone: killed, and no more than a name in the table. */
async function gone(pid: number, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const stat = await machine.readFile(`/proc/${pid}/stat`).catch(() => undefined);
    if (stat === undefined || / [ZX] /.test(stat.slice(stat.lastIndexOf(")")))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a command gives its exit code and both outputs, whatever the code is", async () => {
  assert.deepEqual(await sh("echo out; echo err >&2; exit 3"), { code: 3, stdout: "out\n", stderr: "err\n" });
});

test("arguments reach the command as they are", async () => {
  const { stdout } = await machine.run("printf", ["%s|", "a b", "$HOME", "'x'; rm", "数"], { timeoutMs: 20_000 });
  assert.equal(stdout, "a b|$HOME|'x'; rm|数|");
});

test("a command runs in the C locale, finds administrators' tools, and sees nothing else of our environment", async () => {
  process.env["BINNACLE_TEST_SECRET"] = "visible";
  const { stdout } = await machine.run("env", [], { timeoutMs: 20_000 });
  delete process.env["BINNACLE_TEST_SECRET"];
  assert.match(stdout, /^LC_ALL=C\.UTF-8$/m);
  assert.match(stdout, /^PATH=.*\/usr\/sbin/m);
  assert.doesNotMatch(stdout, /BINNACLE_TEST_SECRET|NODE_/);
});

test("input goes to standard input; a command that does not read it is no fault", async () => {
  assert.equal((await sh("cat", { input: "a secret\n" })).stdout, "a secret\n");
  assert.equal((await sh("exec <&-; exit 0", { input: "x".repeat(1_000_000) })).code, 0);
});

test("a command that is not installed, and one that may not be run, say so", async () => {
  await assert.rejects(machine.run("no-such-command", [], { timeoutMs: 20_000 }), code("RUN.NOT_FOUND"));
  await assert.rejects(machine.run("/etc/passwd", [], { timeoutMs: 20_000 }), code("RUN.DENIED"));
});

test("a command that takes too long is ended with everything that it started", async () => {
  const script = "sleep 600 & echo $!; echo $$; wait";
  const lines: string[] = [];
  const stream = machine.stream("sh", ["-c", script], (line) => lines.push(line));
  while (lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
  stream.stop();
  assert.equal(await stream.done, null);
  for (const pid of lines) await gone(Number(pid));
  await assert.rejects(sh("sleep 600 & wait", { timeoutMs: 50 }), code("RUN.TIMEOUT"));
});

test("errors never hold what went to standard input", async () => {
  await assert.rejects(sh("cat >/dev/null; sleep 600", { input: "hunter2", timeoutMs: 50 }), (error) => {
    assert.ok(error instanceof NodeError);
    assert.doesNotMatch(JSON.stringify([error.message, error.values, error.stack]), /hunter2/);
    return true;
  });
});

test("a command that can be called off is called off, also before it began", async () => {
  const controller = new AbortController();
  const running = sh("sleep 600", { signal: controller.signal });
  controller.abort();
  await assert.rejects(running, code("RUN.ABORTED"));
  await assert.rejects(sh("true", { signal: controller.signal }), code("RUN.ABORTED"));
});

test("output without end is cut off", async () => {
  await assert.rejects(sh("yes", { maxBytes: 10_000 }), code("RUN.TOO_LONG"));
});

test("a stream gives whole lines of both outputs, the last one also without its end", async () => {
  const lines: string[] = [];
  const stream = machine.stream(
    "sh",
    ["-c", "printf 'a\\nb'; sleep 0; printf 'c\\n\\nlast'; echo e >&2"],
    (line, from) => lines.push(`${from} ${line}`),
  );
  assert.equal(await stream.done, 0);
  assert.deepEqual(lines.sort(), ["stderr e", "stdout ", "stdout a", "stdout bc", "stdout last"]);
});

test("a stream of a command that is not installed ends with the reason and harms nobody who does not look", async () => {
  const stream = machine.stream("no-such-command", [], () => {});
  stream.stop();
  await assert.rejects(stream.done, code("RUN.NOT_FOUND"));
});

for (const [how, ending] of [
  ["is killed", "process.kill(process.pid, 'SIGKILL')"],
  ["crashes", "process.exit(1)"],
] as const)
  test(`what streams to a program ends with it when that ${how}`, { timeout: 20_000 }, async (t) => {
    const script = `
      import { realMachine } from ${JSON.stringify(import.meta.resolve("../../../core/node/machine.ts"))};
      realMachine().stream("sh", ["-c", "echo $$; exec sleep 600"], (pid) => {
        process.stdout.write(pid, () => { ${ending} });
      });`;
    const pid = Number(
      await firstOutput(
        spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] }),
      ),
    );
    t.after(() => {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone, as it should be.
      }
    });
    await gone(pid, t.signal);
  });

test("files: absent, denied and odd ones have their own codes", async () => {
  await assert.rejects(machine.readFile("/no/such/file"), code("FILE.ABSENT"));
  await assert.rejects(machine.readDir("/no/such/folder"), code("FILE.ABSENT"));
  await assert.rejects(machine.readLink("/proc/stat"), code("FILE.FAILED"));
  await assert.rejects(machine.readFile("/proc"), code("FILE.FAILED"));
  assert.match(await machine.readFile("/proc/uptime"), /^\d/);
});

test("sleep ends at once when it is called off", async () => {
  const controller = new AbortController();
  const sleeping = sleep(machine, 3_600_000, controller.signal);
  controller.abort();
  await sleeping;
  await sleep(machine, 3_600_000, controller.signal);
});

test("a recorded machine answers like the one that was recorded", async () => {
  const { machine: recorder, recorded } = recordingMachine(machine);
  const ask = (on: typeof machine) =>
    Promise.allSettled([
      on.readFile("/proc/sys/kernel/ostype"),
      on.readFile("/no/such/file"),
      on.readDir("/sys/class/net"),
      on.readLink("/proc/self/cwd"),
      on.run("echo", ["a  b"], { timeoutMs: 20_000 }),
      on.run("echo", ['{"a":[1,2]}'], { timeoutMs: 20_000 }),
      on.run("false", [], { timeoutMs: 20_000 }),
      on.run("no-such-command", [], { timeoutMs: 20_000 }),
    ]);
  const outcome = (all: Awaited<ReturnType<typeof ask>>) =>
    all.map((one) =>
      one.status === "fulfilled" ? one.value : code(String(one.reason.code))(one.reason) && one.reason.code,
    );
  const real = outcome(await ask(recorder));
  const replayed = recording.parse(JSON.parse(JSON.stringify(recorded)));
  assert.deepEqual(outcome(await ask(fixtureMachine(replayed))), real);
});

test("a recorded command that takes its time meets the caller's time-out, and can be called off", async () => {
  const slow = fixtureMachine(
    recording.parse({ now: 0, files: {}, commands: { "a b": { stdout: "x", delayMs: 3_600_000 } } }),
  );
  await assert.rejects(slow.run("a", ["b"], { timeoutMs: 1 }), code("RUN.TIMEOUT"));
  const controller = new AbortController();
  const running = slow.run("a", ["b"], { timeoutMs: 3_600_000, signal: controller.signal });
  controller.abort();
  await assert.rejects(running, code("RUN.ABORTED"));
});

/** What a child printed, when it has ended. */
async function firstOutput(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  return output;
}
