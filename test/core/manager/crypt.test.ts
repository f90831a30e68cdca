import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrypt } from "../../../core/manager/crypt.ts";
import { Secret } from "../../../core/model/secret.ts";

/* The first two hashes are of `openssl passwd -6` and `-5`, the third is of crypt(3) itself. */

const word = "Hello world!";
const hashes = {
  "SHA-512": "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  "SHA-256": "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
  yescrypt: "$y$j9T$/.saltsaltsalt0$BNiZ7M8PIImsnK84J8NGL5M2fdhVBBT0w6idT/em2U3",
};

test("a password fits its hash of each method that an installation may have left, and no other does", async () => {
  for (const [method, hash] of Object.entries(hashes)) {
    assert.equal(await checkCrypt(new Secret(word), new Secret(hash)), true, method);
    for (const other of ["Hello world", "hello world!", "", `${word} `, hash])
      assert.equal(await checkCrypt(new Secret(other), new Secret(hash)), false, `${method} ${other}`);
  }
});

test("a hash that is none, or of a locked account, fits no password", async () => {
  for (const hash of ["", "*", "!", "!!", "x", "$6$", "$9$salt$abc", `!${hashes["SHA-512"]}`, "$6$saltstring$"])
    for (const password of [word, "", hash])
      assert.equal(await checkCrypt(new Secret(password), new Secret(hash)), false, `${hash} ${password}`);
});

test("what would be read as another line, or ends early, fits nothing", async () => {
  const hash = hashes["SHA-512"];
  for (const password of [`${word}\n`, `${word}\0`, `\n${word}`, `${hash}\n${word}`])
    assert.equal(await checkCrypt(new Secret(password), new Secret(hash)), false);
  assert.equal(await checkCrypt(new Secret(word), new Secret(`${hash}\n${word}`)), false);
});

test("without the program that checks it the error says what to do, and tells neither hash nor password", async (t) => {
  const path = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = path;
  });
  process.env["PATH"] = "/nonexistent";
  await assert.rejects(
    checkCrypt(new Secret(word), new Secret(hashes["SHA-256"])),
    (error: Error & { code: string }) => {
      assert.equal(error.code, "MANAGER.CRYPT");
      assert.doesNotMatch(JSON.stringify(error) + error.message + String(error.cause), /Hello|saltstring/);
      return true;
    },
  );
});
