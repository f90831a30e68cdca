import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import { Audit, type AuditOptions } from "../../../core/node/audit.ts";

let root = "";
let folder = "";
let file = "";
let clock = 0;
let logged: unknown[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), "audit-"));
});
after(() => rm(root, { recursive: true, maxRetries: 5 }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, "a-"));
  file = join(folder, "audit.jsonl");
  clock = 1_000;
  logged = [];
});

function audit(more: Partial<AuditOptions> = {}): Audit {
  const log = { error: (what: object) => void logged.push(what) };
  return new Audit({ file, now: () => clock++, log, ...more });
}
const entry = (action: string) =>
  ({ console: "tty1", action, result: "ok", before: null, after: null, detail: null }) as const;
const actions = (read: { entries: { action: string }[] }) => read.entries.map((e) => e.action);

test("entries come back newest first, from a file for its owner only", async () => {
  const a = audit();
  for (const action of ["one", "two", "three"]) await a.append(entry(action));
  assert.deepEqual(await a.read(2), {
    entries: [
      { at: 1_002, ...entry("three") },
      { at: 1_001, ...entry("two") },
    ],
    damaged: 0,
  });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await readFile(file, "utf8")).split("\n").length, 4);
});

test("an audit log that does not exist yet has no entries", async () => {
  assert.deepEqual(await audit().read(10), { entries: [], damaged: 0 });
});

test("entries of many consoles at once are each on a line of their own", async () => {
  const a = audit();
  await Promise.all(Array.from({ length: 50 }, (_, i) => a.append(entry(`a${i}`))));
  const read = await a.read(100);
  assert.equal(read.entries.length, 50);
  assert.equal(read.damaged, 0);
});

test("line ends, quotes and other scripts in a value do not break a line", async () => {
  const a = audit();
  await a.append({ ...entry("x"), before: 'a\n"b"', after: "密码\u2028" });
  const read = await a.read(1);
  assert.equal(read.entries[0]?.before, 'a\n"b"');
  assert.equal(read.entries[0]?.after, "密码\u2028");
});

test("a torn last line is passed over and counted, and the next entry is whole", async () => {
  await audit().append(entry("before the crash"));
  await appendFile(file, '{"at": 5, "conso');
  const a = audit();
  assert.deepEqual(await a.read(10).then((r) => [actions(r), r.damaged]), [["before the crash"], 1]);
  await a.append(entry("after the crash"));
  assert.deepEqual(await a.read(10).then((r) => [actions(r), r.damaged]), [["after the crash", "before the crash"], 1]);
});

test("damaged lines in the middle are counted and cost no other entry", async () => {
  const a = audit();
  await a.append(entry("one"));
  await appendFile(file, 'nonsense\n{"at": "never"}\n\0\0\0\0\n\n');
  await appendFile(file, `${"x".repeat(300_000)}\n`);
  await a.append(entry("two"));
  assert.deepEqual(await a.read(10).then((r) => [actions(r), r.damaged]), [["two", "one"], 4]);
});

test("entries are found whatever the length of the lines around them", async () => {
  const a = audit();
  const detail = (i: number) => "ä".repeat((i * 37) % 900);
  for (let i = 0; i < 120; i++) await a.append({ ...entry(`a${i}`), detail: detail(i) });
  const read = await a.read(1_000);
  assert.deepEqual(
    actions(read),
    Array.from({ length: 120 }, (_, i) => `a${119 - i}`),
  );
  assert.ok(read.entries.every((e, i) => e.detail === detail(119 - i)));
});

test("only the end of a large file is read", async () => {
  const large = 512 * 1024 * 1024 * 1024;
  const handle = await open(file, "w");
  await handle.truncate(large);
  await handle.write(`\n${JSON.stringify({ at: 1, ...entry("last") })}\n`, large);
  await handle.close();
  assert.deepEqual(actions(await audit().read(1)), ["last"]);
});

test("a full file is put aside, a few are kept, and reading goes on in them", async () => {
  const a = audit({ maxBytes: 1_000, keep: 2 });
  for (let i = 0; i < 60; i++) await a.append(entry(`a${i}`));
  assert.deepEqual((await readdir(folder)).sort(), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
  const seen = actions(await a.read(1_000));
  assert.ok(seen.length > 15 && seen.length < 60);
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, i) => `a${59 - i}`),
  );
});

test("an entry that can't be written is an error, is in the log, stays readable, and is written later", async () => {
  file = join(folder, "not-yet", "audit.jsonl");
  const a = audit();
  await assert.rejects(a.append(entry("login")), { code: "AUDIT.NOT_WRITTEN" });
  assert.equal(a.unwritten, 1);
  assert.match(JSON.stringify(logged), /"action":"login"/);
  assert.deepEqual(actions(await a.read(10)), ["login"]);
  await mkdir(join(folder, "not-yet"));
  await a.append(entry("logout"));
  assert.equal(a.unwritten, 0);
  assert.deepEqual(actions(await audit().read(10)), ["logout", "login"]);
});

test("what waits for room on the disk is bounded", async () => {
  file = join(folder, "absent", "audit.jsonl");
  const a = audit();
  for (let i = 0; i < 300; i++) await a.append(entry(`a${i}`)).catch(() => undefined);
  assert.equal(a.unwritten, 200);
  assert.equal(actions(await a.read(1))[0], "a299");
});

test("an action that succeeds is recorded with what its result tells", async () => {
  const a = audit();
  const result = await a.audited(
    { console: "ttyS0", action: "settings.node" },
    async () => ({ before: 10, after: 5 }),
    (changed) => ({ before: `lockMinutes ${changed.before}`, after: `lockMinutes ${changed.after}` }),
  );
  assert.deepEqual(result, { before: 10, after: 5 });
  assert.deepEqual((await a.read(1)).entries[0], {
    at: 1_000,
    console: "ttyS0",
    action: "settings.node",
    result: "ok",
    before: "lockMinutes 10",
    after: "lockMinutes 5",
    detail: null,
  });
});

for (const [code, result] of [
  ["AUTH.WRONG_PASSWORD", "refused"],
  ["AUTH.NO_SESSION", "refused"],
  ["PASSWORD.TOO_SHORT", "refused"],
  ["PASSWORD.NOT_CHANGED", "failed"],
  ["SETTINGS.NOT_SAVED", "failed"],
  ["POWER.NOT_DONE", "failed"],
  ["RUN.TIMEOUT", "failed"],
] as const) {
  test(`an action that ends with ${code} is recorded as ${result} and throws the same error`, async () => {
    const a = audit();
    const error = new NodeError(code, "A sentence.");
    await assert.rejects(
      a.audited({ console: "tty1", action: "x" }, () => Promise.reject(error)),
      (thrown) => thrown === error,
    );
    const [recorded] = (await a.read(1)).entries;
    assert.equal(recorded?.result, result);
    assert.equal(recorded?.detail, `${code}: A sentence.`);
  });
}

test("an unforeseen error is recorded without its words, which nobody has checked for secrets", async () => {
  const a = audit();
  await assert.rejects(a.audited({ console: "tty1", action: "x" }, () => Promise.reject(new Error("pAss in here"))));
  const text = await readFile(file, "utf8");
  assert.match(text, /"failed"/);
  assert.ok(!text.includes("pAss"));
});

test("an action goes through although its record can't be written", async () => {
  file = join(folder, "absent", "audit.jsonl");
  const a = audit();
  assert.equal(await a.audited({ console: "tty1", action: "login" }, async () => "in"), "in");
  assert.equal(logged.length, 1);
});

test("a reboot is on record before it is done", async () => {
  const a = audit();
  await a.auditedFirst({ console: "tty1", action: "power.reboot" }, async () => {
    assert.match(await readFile(file, "utf8"), /power\.reboot/);
  });
  await assert.rejects(
    a.auditedFirst({ console: "tty1", action: "power.reboot" }, () =>
      Promise.reject(new NodeError("POWER.NOT_DONE", "Inhibited.")),
    ),
  );
  const read = await a.read(10);
  assert.deepEqual(
    read.entries.map((e) => e.result),
    ["failed", "ok", "ok"],
  );
});

test("secrets before and after a change are masked", async () => {
  const a = audit();
  await a.audited(
    { console: "tty1", action: "password", before: new Secret("plAnted-1"), after: new Secret("plAnted-2") },
    async () => undefined,
  );
  assert.deepEqual((await a.read(1)).entries[0]?.after, "[secret]");
  assert.ok(!(await readFile(file, "utf8")).includes("plAnted"));
});

test("a value of any length makes a line of bounded length", async () => {
  const a = audit();
  await a.append({ ...entry("x"), detail: "y".repeat(1_000_000) });
  assert.ok((await stat(file)).size < 2_000);
});

test("an audit file that is a symbolic link is not followed", async () => {
  const { symlink } = await import("node:fs/promises");
  await writeFile(join(folder, "other"), "");
  await symlink(join(folder, "other"), file);
  await assert.rejects(audit().append(entry("x")), { code: "AUDIT.NOT_WRITTEN" });
});

test("a folder in place of the file is damage, not an error, and older files are still read", async () => {
  await mkdir(file);
  await writeFile(`${file}.1`, `${JSON.stringify({ at: 1, ...entry("older") })}\n`);
  const read = await audit().read(10);
  assert.deepEqual(actions(read), ["older"]);
  assert.equal(read.damaged, 1);
  assert.equal(logged.length, 1);
});
