import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { Job } from "../../../core/model/records.ts";
import { JobLog, readJobLog } from "../../../core/node/job-log.ts";
import { type JobRequest, Jobs, type JobsOptions, type Work } from "../../../core/node/jobs.ts";
import { undoAfter } from "../../support/undo.ts";

const request: JobRequest = { kind: "ping", subject: "127.0.0.1", console: "tty1", cancellable: true };

test("a job runs, tells its progress and log, and ends as done", async (t) => {
  const jobs = await open(t);
  const job = jobs.start(request, async (context) => {
    context.log("first\nsecond");
    context.progress(0.5);
  });
  assert.equal(job.state, "running");
  assert.equal(job.endedAt, null);
  const done = await ended(jobs, job.id);
  assert.deepEqual(
    { state: done.state, progress: done.progress, lines: done.lines, error: done.error },
    { state: "done", progress: 1, lines: 2, error: null },
  );
  assert.deepEqual(await jobs.log(job.id, 0), { first: 0, lines: ["first", "second"] });
  assert.deepEqual(await jobs.log(job.id, 1), { first: 1, lines: ["second"] });
  assert.deepEqual(await jobs.log(job.id, 99), { first: 2, lines: [] });
});

test("a job that throws a NodeError fails with its code and sentence", async (t) => {
  const jobs = await open(t);
  const { id } = jobs.start(request, async () => {
    throw new NodeError("PING.NO_ROUTE", "There is no route to 10.9.9.9.");
  });
  assert.deepEqual((await ended(jobs, id)).error, {
    code: "PING.NO_ROUTE",
    description: "There is no route to 10.9.9.9.",
  });
});

test("a job that crashes fails with a sentence, and only the agent's log gets the error", async (t) => {
  const troubles: unknown[] = [];
  const jobs = await open(t, { onTrouble: (_what, error) => troubles.push(error) });
  const { id } = jobs.start(request, () => {
    throw new TypeError("x is undefined at line 3");
  });
  const { state, error } = await ended(jobs, id);
  assert.equal(state, "failed");
  assert.equal(error?.code, "JOB.CRASHED");
  assert.doesNotMatch(error?.description ?? "", /undefined/);
  assert.match(String(troubles[0]), /x is undefined/);
});

test("a cancelled job may still write its last lines, and is cancelled when it has ended", async (t) => {
  const jobs = await open(t);
  const { id } = jobs.start(request, async (context) => {
    await aborted(context.signal);
    context.log("summary");
  });
  assert.equal(jobs.cancel(id).state, "running");
  assert.equal((await ended(jobs, id)).state, "cancelled");
  assert.deepEqual((await jobs.log(id, 0)).lines, ["summary"]);
});

test("cancelling says why it is refused", async (t) => {
  const jobs = await open(t);
  const { id } = jobs.start({ ...request, cancellable: false }, forever);
  assert.throws(() => jobs.cancel(id), { code: "JOB.NOT_CANCELLABLE" });
  assert.throws(() => jobs.cancel("none"), { code: "JOB.UNKNOWN" });
  assert.throws(() => jobs.get("none"), { code: "JOB.UNKNOWN" });
  await assert.rejects(jobs.log("../jobs", 0), { code: "JOB.UNKNOWN" });
  const short = jobs.start(request, async () => {});
  await ended(jobs, short.id);
  assert.throws(() => jobs.cancel(short.id), { code: "JOB.ENDED" });
});

test("running jobs are listed first, and in each group the newest first", async (t) => {
  const jobs = await open(t);
  const long1 = jobs.start({ ...request, kind: "a" }, forever);
  const short1 = jobs.start({ ...request, kind: "b" }, async () => {});
  await ended(jobs, short1.id);
  const short2 = jobs.start({ ...request, kind: "c" }, async () => {});
  await ended(jobs, short2.id);
  const long2 = jobs.start({ ...request, kind: "d" }, forever);
  assert.deepEqual(
    jobs.list().map((job) => job.id),
    [long2.id, long1.id, short2.id, short1.id],
  );
  assert.equal(jobs.running, 2);
});

test("a console may run five jobs of one kind, another console its own five", async (t) => {
  const jobs = await open(t);
  for (let i = 0; i < 5; i++) jobs.start(request, forever);
  assert.throws(() => jobs.start(request, forever), { code: "JOB.TOO_MANY" });
  jobs.start({ ...request, kind: "other" }, forever);
  jobs.start({ ...request, console: "ttyS0" }, forever);
});

test("a node runs twenty jobs at most, and takes another when one has ended", async (t) => {
  const jobs = await open(t);
  const running = Array.from({ length: 20 }, (_, i) => jobs.start({ ...request, kind: `kind${i}` }, forever));
  assert.throws(() => jobs.start({ ...request, kind: "more" }, forever), { code: "JOB.TOO_MANY" });
  const first = running[0];
  assert(first);
  jobs.cancel(first.id);
  await ended(jobs, first.id);
  jobs.start({ ...request, kind: "more" }, forever);
});

test("a log keeps its last 2,000 lines and says which they are, in memory and in its file", async (t) => {
  const jobs = await open(t);
  const { promise: goOn, resolve: end } = Promise.withResolvers<void>();
  const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
  const { id } = jobs.start(request, async (context) => {
    for (let i = 0; i < 12_345; i++) context.log(`line ${i}`);
    wrote();
    await goOn;
  });
  await written;
  const expected = { first: 10_345, lines: Array.from({ length: 2000 }, (_, i) => `line ${10_345 + i}`) };
  assert.deepEqual(await jobs.log(id, 0), expected);
  end();
  assert.equal((await ended(jobs, id)).lines, 12_345);
  assert.deepEqual(await jobs.log(id, 0), expected);
  assert.deepEqual(await jobs.log(id, 12_344), { first: 12_344, lines: ["line 12344"] });
});

test("lines that were dropped before they could be written leave no gap in the file's numbers", async (t) => {
  const file = join(await folderFor(t), "x.log");
  const log = new JobLog(file);
  log.add("line 0");
  assert.equal(await log.flush(), true);
  for (let i = 1; i < 5000; i++) log.add(`line ${i}`);
  assert.equal(await log.flush(), true);
  log.add("line 5000");
  assert.equal(await log.flush(), true);
  assert.deepEqual(await readJobLog(file), {
    first: 3001,
    lines: Array.from({ length: 2000 }, (_, i) => `line ${3001 + i}`),
  });
});

test("a log can't steer the terminal that shows it", async (t) => {
  const jobs = await open(t);
  const { id } = jobs.start(request, async (context) => context.log("\x1b[2Jgone\x07\u202e"));
  await ended(jobs, id);
  assert.deepEqual((await jobs.log(id, 0)).lines, ["gone??"]);
});

test("a progress beyond its bounds is kept within them", async (t) => {
  const jobs = await open(t);
  const { id } = jobs.start(request, async (context) => {
    context.progress(7);
    await aborted(context.signal);
  });
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(jobs.get(id).progress, 1);
});

test("a listener gets the newest state, far less often than a chatty job speaks", async (t) => {
  const jobs = await open(t);
  const seen: Job[] = [];
  jobs.subscribe((job) => seen.push(job));
  const { id } = jobs.start(request, async (context) => {
    for (let i = 0; i < 5000; i++) context.log("again");
  });
  const last = await ended(jobs, id);
  assert.deepEqual(seen.at(-1), last);
  assert(seen.length <= 5, `${seen.length} notices`);
});

test("after the agent ended, jobs and their logs are there; what ran is interrupted", async (t) => {
  const folder = await folderFor(t);
  const before = await Jobs.open({ folder });
  const done = before.start(request, async (context) => context.log("said"));
  await ended(before, done.id);
  const cut = before.start(request, async (context) => {
    context.log("half");
    await aborted(context.signal);
  });
  await Promise.resolve();
  await before.close();

  const after = await open(t, {}, folder);
  assert.deepEqual(
    after.list().map((job) => [job.id, job.state]),
    [
      [cut.id, "interrupted"],
      [done.id, "done"],
    ],
  );
  assert.deepEqual((await after.log(cut.id, 0)).lines, ["half"]);
  assert.deepEqual((await after.log(done.id, 0)).lines, ["said"]);
});

test("after the agent was killed, what ran is interrupted with the last lines that reached the disk", async (t) => {
  const folder = await folderFor(t);
  const id = "0123456789ab";
  const killed: Job = {
    ...request,
    id,
    state: "running",
    startedAt: 5,
    endedAt: null,
    progress: 0.2,
    error: null,
    lines: 0,
  };
  await (await Jobs.open({ folder })).close();
  await writeFile(join(folder, "jobs.json"), JSON.stringify({ jobs: [killed] }));
  await writeFile(join(folder, "jobs", `${id}.log`), "7\nline 7\nline 8\ntorn of");
  await writeFile(join(folder, "jobs", "feedfeedfeed.log"), "0\nof a job that is in no list\n");

  const jobs = await open(t, {}, folder);
  const job = jobs.get(id);
  assert.equal(job.state, "interrupted");
  assert.equal(job.lines, 9);
  assert(job.endedAt !== null && job.endedAt >= job.startedAt);
  assert.deepEqual(await jobs.log(id, 0), { first: 7, lines: ["line 7", "line 8"] });
  await assert.rejects(readFile(join(folder, "jobs", "feedfeedfeed.log")), { code: "ENOENT" });
});

test("the last hundred jobs are kept, with their logs; running ones always", async (t) => {
  const folder = await folderFor(t);
  const jobs = await open(t, {}, folder);
  const long = jobs.start({ ...request, kind: "long" }, forever);
  const first = jobs.start(request, async (context) => context.log("x"));
  await ended(jobs, first.id);
  for (let i = 0; i < 7; i++) {
    const batch = Array.from({ length: 15 }, (_, kind) =>
      jobs.start({ ...request, kind: `kind${kind}` }, async () => {}),
    );
    await Promise.all(batch.map((job) => ended(jobs, job.id)));
  }
  assert.equal(jobs.list().length, 100);
  assert.equal(jobs.get(long.id).state, "running");
  assert.throws(() => jobs.get(first.id), { code: "JOB.UNKNOWN" });
});

test("a job runs, and its log can be read, although nothing can be written", async (t) => {
  const folder = await folderFor(t);
  const troubles: string[] = [];
  const jobs = await open(t, { onTrouble: (what) => troubles.push(what) }, folder);
  await rm(folder, { recursive: true, maxRetries: 5 });
  const { id } = jobs.start(request, async (context) => context.log("still here"));
  assert.equal((await ended(jobs, id)).state, "done");
  await jobs.close();
  assert.deepEqual((await jobs.log(id, 0)).lines, ["still here"]);
  assert(troubles.length > 0);
});

test("a damaged list costs the damaged entries only", async (t) => {
  const folder = await folderFor(t);
  const before = await Jobs.open({ folder });
  const { id } = before.start(request, async () => {});
  await ended(before, id);
  await before.close();
  const file = join(folder, "jobs.json");
  const saved: { jobs: unknown[] } = JSON.parse(await readFile(file, "utf8"));
  saved.jobs.push({ id: "../../etc/passwd", kind: 3 });
  await writeFile(file, JSON.stringify(saved));
  await appendFile(join(folder, "jobs", `${id}.log`), "");

  const damages: string[] = [];
  const jobs = await open(t, { onDamage: (damage) => damages.push(damage.kind) }, folder);
  assert.deepEqual(
    jobs.list().map((job) => job.id),
    [id],
  );
  assert.deepEqual(damages, ["repaired"]);
});

test("of a long list only the newest hundred are taken over, and only their logs are read", {
  timeout: 20_000,
}, async (t) => {
  const folder = await folderFor(t);
  const one: Job = {
    ...request,
    id: "",
    state: "running",
    startedAt: 5,
    endedAt: null,
    progress: 0,
    error: null,
    lines: 0,
  };
  const many = Array.from({ length: 500 }, (_, i) => ({ ...one, id: i.toString(16).padStart(12, "0") }));
  await (await Jobs.open({ folder })).close();
  await writeFile(join(folder, "jobs.json"), JSON.stringify({ jobs: many }));
  const last = many.at(-1)?.id ?? "";
  const first = many[0]?.id ?? "";
  await writeFile(join(folder, "jobs", `${last}.log`), "0\nhello\n");
  // Whoever reads this one waits for ever.
  execFileSync("mkfifo", [join(folder, "jobs", `${first}.log`)]);
  const jobs = await open(t, {}, folder);
  assert.equal(jobs.list().length, 100);
  assert.equal(jobs.list()[0]?.id, last);
  assert.equal(jobs.list()[0]?.lines, 1);
  await jobs.close();
  assert.equal(JSON.parse(await readFile(join(folder, "jobs.json"), "utf8")).jobs.length, 100);
  assert.deepEqual(await readdir(join(folder, "jobs")), [`${last}.log`]);
});

test("a log that was being written when the agent was killed is removed, and the job keeps its former one", async (t) => {
  const folder = await folderFor(t);
  const before = await Jobs.open({ folder });
  const { id } = before.start(request, async (context) => context.log("whole"));
  await ended(before, id);
  await before.close();
  const logs = join(folder, "jobs");
  for (const name of [`.${id}.log.tmp`, ".feedfeedfeed.log.tmp"]) await writeFile(join(logs, name), "0\nhal");
  const jobs = await open(t, {}, folder);
  assert.deepEqual(await readdir(logs), [`${id}.log`]);
  assert.deepEqual(await jobs.log(id, 0), { first: 0, lines: ["whole"] });
});

test("files in the folder of logs that are no logs stay", async (t) => {
  const folder = await folderFor(t);
  await (await Jobs.open({ folder })).close();
  const names = ["notes.txt", "feedfeedfeed.log.gz", "feedfeedfeedfeed.log", "FEEDFEEDFEED.log", ".notes.log.tmp"];
  for (const name of names) await writeFile(join(folder, "jobs", name), "");
  await open(t, {}, folder);
  assert.deepEqual((await readdir(join(folder, "jobs"))).sort(), names.sort());
});

for (const [what, make] of [
  ["a file", (at: string) => writeFile(at, "mine")],
  ["a symbolic link to another folder", (at: string, elsewhere: string) => symlink(elsewhere, at)],
] as const)
  test(`${what} in place of the folder of logs is set aside, and what it leads to is left alone`, async (t) => {
    const folder = await folderFor(t);
    const elsewhere = await folderFor(t);
    await writeFile(join(elsewhere, "feedfeedfeed.log"), "of somebody else");
    await make(join(folder, "jobs"), elsewhere);
    const damages: { kind: string; keptAs: string | null }[] = [];
    const jobs = await open(t, { onDamage: (damage) => damages.push(damage) }, folder);
    const { id } = jobs.start(request, async (context) => context.log("said"));
    await ended(jobs, id);
    assert.equal(damages.length, 1);
    assert.equal(damages[0]?.kind, "setAside");
    assert.match(damages[0]?.keptAs ?? "", /\/jobs\.damaged-/);
    await lstat(damages[0]?.keptAs ?? "");
    assert.deepEqual(await readdir(elsewhere), ["feedfeedfeed.log"]);
    assert((await lstat(join(folder, "jobs"))).isDirectory());
  });

test("a job that is started while the agent ends is refused", async (t) => {
  const jobs = await open(t);
  await jobs.close();
  assert.throws(() => jobs.start(request, forever), { code: "AGENT.ENDING" });
});

const forever: Work = (context) => aborted(context.signal);

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The job when it is no longer running, as a listener is told. */
function ended(jobs: Jobs, id: string): Promise<Job> {
  return new Promise((resolve) => {
    const stop = jobs.subscribe((job) => {
      if (job.id !== id || job.state === "running") return;
      stop();
      resolve(job);
    });
  });
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "binnacle-jobs-"));
  undoAfter(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

async function open(t: TestContext, options: Partial<JobsOptions> = {}, folder?: string): Promise<Jobs> {
  const jobs = await Jobs.open({ folder: folder ?? (await folderFor(t)), ...options });
  undoAfter(t, () => jobs.close());
  return jobs;
}
