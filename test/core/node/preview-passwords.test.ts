import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { Secret } from "../../../core/model/secret.ts";
import { previewPasswords } from "../../../core/node/preview-passwords.ts";

const one = new Secret("  one: $pass 'word' 密码 ");
const two = new Secret("two-pass-word");

let root = "";
let count = 0;
let file = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "preview-"));
});
after(() => rm(root, { recursive: true, maxRetries: 5 }));
beforeEach(() => {
  count += 1;
  file = join(root, `${count}.json`);
});

test("a preview has no password until one is chosen, and then only that one is right", async () => {
  const passwords = previewPasswords(file);
  assert.equal(await passwords.isSet(), false);
  assert.equal(await passwords.check(one), false);
  await passwords.choose(one);
  assert.equal(await passwords.isSet(), true);
  assert.equal(await passwords.check(one), true);
  assert.equal(await passwords.check(two), false);
  assert.equal(await passwords.check(new Secret(one.reveal().trim())), false);
  assert.equal(await previewPasswords(file).check(one), true, "after a restart too");
});

test("the file is for its owner only and does not hold the password", async () => {
  await previewPasswords(file).choose(two);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.ok(!(await readFile(file, "utf8")).includes(two.reveal()));
});

test("a password is chosen once; two consoles that choose at the same time do not both succeed", async () => {
  const passwords = previewPasswords(file);
  const results = await Promise.allSettled([passwords.choose(one), passwords.choose(two)]);
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "rejected"],
  );
  await assert.rejects(passwords.choose(two), { code: "PASSWORD.ALREADY_SET" });
  assert.equal(await passwords.check(one), true);
});

test("a change needs the old password", async () => {
  const passwords = previewPasswords(file);
  await passwords.choose(one);
  await assert.rejects(passwords.change(two, new Secret("three-pass-word")), { code: "PASSWORD.WRONG_OLD" });
  await passwords.change(one, two);
  assert.equal(await passwords.check(two), true);
  assert.equal(await passwords.check(one), false);
});

test("a bad new password is refused before anything is written", async () => {
  const passwords = previewPasswords(file);
  await assert.rejects(passwords.choose(new Secret("short")), { code: "PASSWORD.TOO_SHORT" });
  assert.equal(await passwords.isSet(), false);
});

test("a damaged or absurd file means that a password has to be chosen", async () => {
  const passwords = previewPasswords(file);
  for (const text of ["", "{", '{"algorithm":"scrypt","N":1073741824,"r":8,"p":1,"salt":"AAAA","hash":"AAAA"}']) {
    await writeFile(file, text);
    assert.equal(await passwords.isSet(), false, text);
    await assert.rejects(passwords.check(one), { code: "PASSWORD.NOT_CHECKED" });
  }
  await passwords.choose(one);
  assert.equal(await passwords.check(one), true);
});

test("a folder that is gone is a clear error", async () => {
  const passwords = previewPasswords(join(root, "absent", "password.json"));
  await assert.rejects(passwords.choose(one), { code: "PASSWORD.NOT_CHANGED", message: /the folder does not exist/ });
});

test("a cost that scrypt does not take is damage like any other", async () => {
  const passwords = previewPasswords(file);
  await passwords.choose(one);
  const kept = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...kept, N: 30_000 }));
  assert.equal(await passwords.isSet(), false);
  await assert.rejects(passwords.check(one), { code: "PASSWORD.NOT_CHECKED", message: /damaged/ });
  await passwords.choose(two);
  assert.equal(await passwords.check(two), true);
});

test("a folder in the file's place is said, whatever is asked for", async () => {
  await mkdir(file);
  const passwords = previewPasswords(file);
  assert.equal(await passwords.isSet(), true);
  const refusal = { code: "PASSWORD.NOT_CHECKED", message: /can't be read \(EISDIR\)/ };
  await assert.rejects(passwords.check(one), refusal);
  await assert.rejects(passwords.choose(one), refusal);
  await assert.rejects(passwords.change(one, two), refusal);
});
