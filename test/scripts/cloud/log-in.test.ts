import assert from "node:assert/strict";
import { test } from "node:test";
import { cliBed } from "./bed.ts";

/* Whom the command trusts, and what it leaves behind. */

test("a second log-in ends the session of the first, at the prompt as well", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  await bed.logIn();
  assert.equal(bed.sessions.size, 1);
  const typed = await bed.type();
  await typed.until(/^admin@.*>$/m);
  typed.type("LogInByAccount accountName=admin\r");
  await typed.until("Password:");
  typed.type(`${bed.account.password}\r`);
  await typed.until('"mustChangePassword": false');
  typed.type("\x04");
  assert.equal((await typed.exited).exitCode, 0);
  assert.equal(bed.sessions.size, 1);
  assert.equal((await bed.run("QueryZone")).code, 0);
});

test("a log-in with a wrong password leaves the session that there is", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  assert.equal((await bed.feed("wrong", "-P", "-", "LogInByAccount", "accountName=admin")).code, 1);
  assert.equal((await bed.run("QueryZone")).code, 0);
});

test("where a user has all sessions that are allowed, the one that is kept here makes room; without one it is refused", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  bed.account.mostSessions = 1;
  await bed.logIn();
  assert.deepEqual([bed.sessions.size, (await bed.run("QueryZone")).code], [1, 0]);
  const other = await cliBed(t);
  other.account.mostSessions = 0;
  const { code, stderr } = await other.feed(other.account.password, "-P", "-", "LogInByAccount", "accountName=admin");
  assert.equal(code, 1);
  assert.match(stderr, /^IDENTITY\.1008: /);
});

test("the end of the former session is no condition of the new one", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  bed.instead.reply = (url) => (url === "/v1/accounts/session" ? "break" : undefined);
  await bed.logIn();
  assert.ok(bed.asked.includes("DELETE /v1/accounts/session"));
  bed.instead.reply = undefined;
  assert.equal((await bed.run("QueryZone")).code, 0);
});

test("without a terminal a host whose certificate nobody has compared is not added: nothing is sent", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  bed.asked.length = 0;
  const words = ["AddKVMHost", "name=n", "clusterUuid=5f4f5bd1e0b24e9b8b4f5f5e6c3a2d10", "managementIp=10.0.0.11"];
  const { code, stdout, stderr } = await bed.feed("a password\n", "-P", "-", ...words);
  assert.deepEqual([code, stdout, bed.asked], [1, "", []]);
  assert.match(
    stderr,
    /^CLOUD\.UNKNOWN_HOST: Nobody has compared the certificate of 10\.0\.0\.11, .*nothing was sent\.\n/,
  );
  assert.match(stderr, /zstack-cli GetHostFingerprint managementIp=10\.0\.0\.11\. .* fingerprint=40:9A:\.\.\.\n/);
  const json = await bed.feed("a password\n", "-P", "-", "--json-errors", ...words);
  assert.equal(JSON.parse(json.stderr).error.code, "CLOUD.UNKNOWN_HOST");
  await bed.feed("a password\n", "-P", "-", ...words, `fingerprint=${Array(32).fill("40").join(":")}`);
  assert.deepEqual(bed.asked, ["POST /v1/hosts"]);
});
