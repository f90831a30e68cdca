import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import { createLog, lossyWriter } from "../../../core/node/log.ts";

let root = "";
let count = 0;
let file = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "log-"));
});
after(() => rm(root, { recursive: true, maxRetries: 5 }));
beforeEach(() => {
  count += 1;
  file = join(root, `${count}.log`);
});
const lines = async () =>
  (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("each entry is a JSON line, on the disk when the call returns, for its owner only", async () => {
  createLog({ level: "info", file }).info({ console: "tty1" }, "opened");
  const [line] = await lines();
  assert.equal(line.msg, "opened");
  assert.equal(line.console, "tty1");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("entries below the level are not written", async () => {
  createLog({ level: "warn", file }).info("x");
  assert.equal(await readFile(file, "utf8"), "");
});

const planted = "plAnted-2a9d";
const ways: [string, object][] = [
  ["a Secret", { any: new Secret(planted) }],
  ["a Secret deep inside", { a: [{ b: { c: [new Secret(planted)] } }] }],
  ["a plain password", { password: planted }],
  ["a request's body", { req: { body: { old: planted, new: planted, password: planted } } }],
  ["a request's headers", { req: { headers: { authorization: `Bearer ${planted}` } } }],
  ["a session", { session: { token: planted } }],
  ["a command's options", { options: { input: planted } }],
  ["an error with a Secret as its cause", { err: new Error("x", { cause: new Secret(planted) }) }],
  ["an error with a Secret in its fields", { err: Object.assign(new Error("x"), { password: new Secret(planted) }) }],
  ["an error's field of a telling name", { err: Object.assign(new Error("x"), { password: planted }) }],
];
for (const [what, object] of ways) {
  test(`${what} is masked`, async () => {
    createLog({ level: "info", file }).error(object, "x");
    const text = await readFile(file, "utf8");
    assert.ok(!text.includes(planted), text);
    assert.equal(text.split("\n").length, 2);
  });
}

test("an error is logged with its code and its cause", async () => {
  const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  createLog({ level: "info", file }).error({ err: new NodeError("SETTINGS.NOT_SAVED", "Not saved.", { cause }) }, "x");
  const [line] = await lines();
  assert.equal(line.err.code, "SETTINGS.NOT_SAVED");
  assert.equal(line.err.cause.code, "ENOSPC");
});

test("a full disk loses lines but neither throws nor keeps them in memory", () => {
  const fd = openSync("/dev/full", "w");
  const writer = lossyWriter(fd);
  for (let i = 0; i < 1000; i++) writer.write(`${"x".repeat(1000)}\n`);
  closeSync(fd);
});

test("lines that were lost are counted in the first line that can be written again", async () => {
  const fd = openSync(file, "a", 0o600);
  const writer = lossyWriter(fd);
  closeSync(fd);
  writer.write('{"msg":"a"}\n');
  writer.write('{"msg":"b"}\n');
  const again = openSync(file, "a");
  assert.equal(again, fd, "the same number is open again");
  writer.write('{"msg":"c"}\n');
  writer.close();
  const [lost, c] = await lines();
  assert.equal(lost.lost, 2);
  assert.equal(c.msg, "c");
});

test("a file that has grown large is put aside when the agent starts", async () => {
  await writeFile(file, "");
  await truncate(file, 6 * 1024 * 1024);
  createLog({ level: "info", file }).info("x");
  assert.equal((await stat(`${file}.1`)).size, 6 * 1024 * 1024);
  assert.equal((await lines()).length, 1);
});
