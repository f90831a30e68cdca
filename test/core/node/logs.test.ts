import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { logQuery } from "../../../core/api/contract.ts";
import { NodeError } from "../../../core/model/error.ts";
import type { LogLine } from "../../../core/model/records.ts";
import { fixtureMachine, recording } from "../../../core/node/fixture.ts";
import { parseEntry } from "../../../core/node/log-entry.ts";
import { Logs } from "../../../core/node/logs.ts";
import { type Machine, type RunResult, realMachine } from "../../../core/node/machine.ts";

const real = { skip: existsSync("/usr/bin/journalctl") ? false : "journalctl is not installed" };
/** Of the first entry of the journal in test/fixtures/journal. */
const start = 1_795_010_400_000;

const folder = await mkdtemp(join(tmpdir(), "binnacle-logs-"));
after(() => rm(folder, { recursive: true, maxRetries: 5 }));
const packed = await readFile(new URL("../../fixtures/journal/node.journal.gz", import.meta.url));
await writeFile(join(folder, "node.journal"), gunzipSync(packed));
const logs = new Logs(realMachine(), [`--directory=${folder}`]);

test("the newest lines come first, and say that there are older ones", real, async () => {
  const page = await logs.read(query({ limit: 3 }));
  assert.deepEqual(messages(page.lines), ["Tick 19", "Tick 18", "Tick 17"]);
  assert.deepEqual(page.lines[0] && { ...page.lines[0], cursor: "" }, {
    cursor: "",
    at: start + 33_000,
    priority: 3,
    unit: "noisy.service",
    message: "Tick 19",
  });
  assert.equal(page.more, true);
});

test("pages before a cursor join without a gap or a double, back to the first line", real, async () => {
  const all: LogLine[] = [];
  for (let more = true; more; ) {
    const last = all.at(-1);
    const page = await logs.read(query({ limit: 5, ...(last === undefined ? {} : { before: last.cursor }) }));
    all.push(...page.lines);
    more = page.more;
  }
  assert.deepEqual(messages(all), messages((await logs.read(query({ limit: 1000 }))).lines));
  assert.equal(all.at(-1)?.message, "Linux version 6.12.0");
  assert.equal(new Set(all.map((line) => line.cursor)).size, 34);
});

test("a page that ends exactly at the first line has nothing more", real, async () => {
  assert.equal((await logs.read(query({ limit: 34 }))).more, false);
  assert.equal((await logs.read(query({ limit: 33 }))).more, true);
});

const filters: [what: string, part: Record<string, string | number>, expected: string[]][] = [
  ["a unit", { unit: "session-12.scope" }, ["of a login"]],
  ["a unit's messages by systemd", { unit: "chrony.service" }, ["chrony.service: Failed with result 'exit-code'."]],
  ["the kernel", { unit: "kernel", limit: 1 }, [/Out of memory/.source]],
  [
    "a priority and more important ones",
    { unit: "noisy.service", priority: 1 },
    ["Tick 17", "Tick 16", "Tick 9", "Tick 8", "Tick 1", "Tick 0"],
  ],
  ["a range of time", { since: start + 31_500, until: start + 32_500 }, ["Tick 18"]],
  [
    "a text with signs of a pattern, taken literally",
    { match: "50% (OF [all]) *matched* a.b" },
    ["50% (of [all]) *matched* a.b"],
  ],
  ["a text in other letters", { match: "tICK 1", limit: 2 }, ["Tick 19", "Tick 18"]],
  ["a text that looks like an option", { match: "--help" }, []],
  ["a text that is nowhere", { match: "nowhere" }, []],
  ["a unit that says nothing", { unit: "nosuch.service" }, []],
];
for (const [what, part, expected] of filters)
  test(`the filter finds ${what}`, real, async () => {
    const found = messages((await logs.read(query(part))).lines);
    assert.equal(found.length, expected.length, found.join("|"));
    for (const [i, text] of expected.entries()) assert(found[i]?.includes(text), `${found[i]} has ${text}`);
  });

test("a beginning in time holds behind a cursor too", real, async () => {
  const first = await logs.read(query({ since: start + 31_000, limit: 2 }));
  const before = first.lines.at(-1)?.cursor ?? "";
  const second = await logs.read(query({ since: start + 31_000, limit: 2, before }));
  assert.deepEqual([messages(first.lines), messages(second.lines)], [["Tick 19", "Tick 18"], ["Tick 17"]]);
  assert.equal(second.more, false);
});

test("odd messages are shown as far as they are text, and can't steer a terminal", real, async () => {
  const { lines } = await logs.read(query({ unit: "ssh.service" }));
  const [noMessage, noPriority, twoLines, long, bytes] = lines;
  assert.equal(noMessage?.message, "");
  assert.equal(noPriority?.priority, 6);
  assert.equal(twoLines?.message, "two lines");
  assert.equal(long?.message.length, 2000);
  assert.match(long?.message ?? "", /^long xxx.*…$/);
  assert.equal(bytes?.message, "bad \ufffdbytes?");
});

test("units are listed with the kernel first, without the scopes of logins", real, async () => {
  assert.deepEqual(await logs.units(), ["kernel", "init.scope", "noisy.service", "ssh.service"]);
});

for (const part of [{ unit: "a b" }, { unit: "*" }, { unit: "--rotate=1" }, { before: "x y" }, { before: "$(reboot)" }])
  test(`a query with ${JSON.stringify(part)} is refused`, async () => {
    await assert.rejects(logs.read(query(part)), { code: "LOGS.BAD_QUERY" });
  });

test("a cursor that is none is an error with journalctl's words", real, async () => {
  await assert.rejects(logs.read(query({ before: "garbage" })), { code: "LOGS.FAILED", message: /cursor/ });
});

test("a folder without a journal says that none is kept", real, async (t) => {
  const empty = await mkdtemp(join(tmpdir(), "binnacle-nolog-"));
  t.after(() => rm(empty, { recursive: true, maxRetries: 5 }));
  const none = new Logs(realMachine(), [`--directory=${empty}`]);
  await assert.rejects(none.read(query({})), { code: "LOGS.NO_JOURNAL" });
  await assert.rejects(none.units(), { code: "LOGS.NO_JOURNAL" });
  const ended = Promise.withResolvers<NodeError>();
  none.follow(query({}), () => {}, ended.resolve);
  assert.equal((await ended.promise).code, "LOGS.NO_JOURNAL");
});

test("a machine without journalctl says that it has no journal", async () => {
  const none = new Logs(fixtureMachine(recording.parse({ now: 0, files: {}, commands: {} })));
  await assert.rejects(none.read(query({})), { code: "LOGS.NO_JOURNAL" });
  await assert.rejects(none.units(), { code: "LOGS.NO_JOURNAL" });
});

const complaints: [stderr: string, code: string][] = [
  ["No journal files were opened due to insufficient permissions.", "LOGS.DENIED"],
  [
    "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n-- No entries --",
    "LOGS.DENIED",
  ],
  ["Failed to open journal: Input/output error", "LOGS.FAILED"],
];
for (const [stderr, code] of complaints)
  test(`"${stderr.slice(0, 40)}…" becomes ${code}`, async () => {
    await assert.rejects(new Logs(answering(() => ({ code: 1, stdout: "", stderr }))).read(query({})), { code });
  });

test("output that is too long is asked for again in smaller pages", async () => {
  const asked: string[] = [];
  const machine = answering((args) => {
    const lines = args.find((arg) => arg.startsWith("--lines=")) ?? "";
    asked.push(lines);
    return lines === "--lines=51" ? { code: 0, stdout: `${entry(2)}\n${entry(1)}\n`, stderr: "" } : "RUN.TOO_LONG";
  });
  const page = await new Logs(machine).read(query({ limit: 200 }));
  assert.deepEqual(asked, ["--lines=201", "--lines=101", "--lines=51"]);
  assert.deepEqual(messages(page.lines), ["Line 2", "Line 1"]);
  assert.equal(page.more, true);
});

test("lines that are no entries are passed over", () => {
  for (const text of [
    "",
    "-- No entries --",
    "{",
    "null",
    "[]",
    "{}",
    '{"__CURSOR":"a"}',
    '{"__CURSOR":7,"__REALTIME_TIMESTAMP":"x"}',
  ])
    assert.equal(parseEntry(text), undefined, text);
});

test("an entry with a field of an unexpected kind is shown without it", () => {
  const line = parseEntry(
    '{"__CURSOR":"c","__REALTIME_TIMESTAMP":"5000","MESSAGE":{"a":1},"PRIORITY":[["9"]],"_SYSTEMD_UNIT":7}',
  );
  assert.deepEqual(line, { cursor: "c", at: 5, priority: 6, unit: "", message: "" });
});

test("following hands over new lines until it is stopped", async (t) => {
  const { machine, write, stopped } = streaming(t);
  const seen: string[] = [];
  const stop = new Logs(machine).follow(
    query({ unit: "ssh.service", priority: 4 }),
    (line) => seen.push(line.message),
    () => {},
  );
  write(entry(1), "stdout");
  write("noise", "stdout");
  write("a warning of journalctl", "stderr");
  write(entry(2), "stdout");
  assert.deepEqual(seen, ["Line 1", "Line 2"]);
  stop();
  write(entry(3), "stdout");
  assert.deepEqual(seen, ["Line 1", "Line 2"]);
  assert.equal(stopped(), 1);
});

test("the end of journalctl is told once", async (t) => {
  const { machine, end } = streaming(t);
  const ends: string[] = [];
  const told = Promise.withResolvers<void>();
  new Logs(machine).follow(
    query({}),
    () => {},
    (error) => {
      ends.push(error.code);
      told.resolve();
    },
  );
  end(1);
  await told.promise;
  assert.deepEqual(ends, ["LOGS.FAILED"]);
});

test("the search for a journal is called off with the following", async (t) => {
  const { machine } = streaming(t);
  const probe = Promise.withResolvers<AbortSignal | undefined>();
  const run: Machine["run"] = (_command, _args, { signal }) => {
    probe.resolve(signal);
    return new Promise(() => undefined);
  };
  const stop = new Logs({ ...machine, run }).follow(
    query({}),
    () => {},
    () => {},
  );
  const signal = await probe.promise;
  assert.equal(signal?.aborted, false);
  stop();
  assert.equal(signal?.aborted, true);
});

function query(part: Record<string, string | number>) {
  return logQuery.parse(part);
}

function messages(lines: readonly LogLine[]): string[] {
  return lines.map((line) => line.message);
}

function entry(n: number): string {
  return JSON.stringify({ __CURSOR: `c${n}`, __REALTIME_TIMESTAMP: `${n}000000`, MESSAGE: `Line ${n}` });
}

function answering(answer: (args: readonly string[]) => RunResult | "RUN.TOO_LONG"): Machine {
  return {
    ...fixtureMachine(recording.parse({ now: 0, files: {}, commands: {} })),
    async run(_command, args) {
      const given = answer(args);
      if (given !== "RUN.TOO_LONG") return given;
      throw new NodeError("RUN.TOO_LONG", "journalctl printed too much.");
    },
  };
}

function streaming(t: TestContext) {
  let write: (line: string, from: "stdout" | "stderr") => void = () => {};
  const done = Promise.withResolvers<number | null>();
  t.after(() => done.resolve(null));
  let stops = 0;
  const machine: Machine = {
    ...fixtureMachine(recording.parse({ now: 0, files: {}, commands: {} })),
    run: async () => ({ code: 0, stdout: "6\n", stderr: "" }),
    stream(_command, _args, onLine) {
      write = onLine;
      return { stop: () => void stops++, done: done.promise };
    },
  };
  return {
    machine,
    write: (line: string, from: "stdout" | "stderr") => write(line, from),
    end: done.resolve,
    stopped: () => stops,
  };
}
