import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import type { Machine, RunOptions, RunResult } from "../../../core/node/machine.ts";
import { systemPasswords } from "../../../core/node/system-passwords.ts";

const old = "old-root-pw";
const next = "  new: $root 'pw' 密码 ";

/** A machine whose root password lives in a variable, with the tools' exit codes as measured on Debian 12 and 13. */
function fakeMachine(change: Partial<Record<"unix_chkpwd" | "chkexpiry" | "chpasswd" | "passwd", Run>> = {}) {
  const fake = { password: old, asked: [] as string[], inputs: [] as string[] };
  const nothing = () => {
    throw new Error("not part of this machine");
  };
  const run = async (command: string, args: readonly string[], options: RunOptions): Promise<RunResult> => {
    fake.asked.push([command, ...args].join(" "));
    fake.inputs.push(options.input ?? "");
    const input = options.input ?? "";
    if (command === "passwd") return (change.passwd ?? (() => ok("root P 2026-11-21 0 99999 7 -1\n")))(input, fake);
    if (command === "chpasswd") return (change.chpasswd ?? setIt)(input, fake);
    assert.equal(command, "/sbin/unix_chkpwd");
    if (args[1] === "chkexpiry") return (change.chkexpiry ?? (() => ok("-1\n")))(input, fake);
    return (change.unix_chkpwd ?? checkIt)(input, fake);
  };
  const machine: Machine = {
    run,
    readFile: nothing,
    readDir: nothing,
    readLink: nothing,
    stream: nothing,
    after: nothing,
    now: nothing,
    monotonicMs: nothing,
  };
  return { fake, passwords: systemPasswords(machine) };
}
type Run = (input: string, fake: { password: string }) => RunResult;

function ok(stdout = ""): RunResult {
  return { code: 0, stdout, stderr: "" };
}
function exit(code: number, stderr = ""): RunResult {
  return { code, stdout: "", stderr };
}
function checkIt(input: string, fake: { password: string }): RunResult {
  return input === `${fake.password}\0` ? ok() : exit(7);
}
function setIt(input: string, fake: { password: string }): RunResult {
  fake.password = input.replace(/^root:/, "").replace(/\n$/, "");
  return ok();
}
const secret = (text: string) => new Secret(text);

test("the right password is right and another is wrong", async () => {
  const { passwords } = fakeMachine();
  assert.equal(await passwords.check(secret(old)), true);
  assert.equal(await passwords.check(secret("another")), false);
});

test("passwords go over standard input and never into an argument", async () => {
  const { fake, passwords } = fakeMachine();
  await passwords.check(secret(old));
  await passwords.change(secret(old), secret(next));
  for (const line of fake.asked) assert.ok(!line.includes(old) && !line.includes(next.trim()), line);
  assert.ok(fake.inputs.includes(`root:${next}\n`));
});

test("what can't be a password is wrong without asking the helper", async () => {
  const { fake, passwords } = fakeMachine();
  for (const text of ["", "\0", `${old}\0junk`, "x".repeat(512)])
    assert.equal(await passwords.check(secret(text)), false);
  assert.ok(!fake.asked.some((line) => line.includes("nonull")));
});

for (const [state, code] of [
  ["L", "PASSWORD.LOCKED"],
  ["NP", "PASSWORD.NONE"],
] as const) {
  test(`an account of status ${state} says so instead of calling every password wrong`, async () => {
    const { passwords } = fakeMachine({
      passwd: () => ok(`root ${state} 2026-11-21 0 99999 7 -1\n`),
      unix_chkpwd: () => exit(7),
    });
    await assert.rejects(passwords.check(secret(old)), { code });
  });
}

test("a wrong password is wrong even when the account's status can't be had", async () => {
  const { passwords } = fakeMachine({
    passwd: () => {
      throw new NodeError("RUN.NOT_FOUND", "The command passwd is not installed.");
    },
  });
  assert.equal(await passwords.check(secret("another")), false);
});

for (const code of [13, 27]) {
  test(`an expired account or password (${code}) is said so, and only to who knows the password`, async () => {
    const { passwords } = fakeMachine({ chkexpiry: () => exit(code) });
    await assert.rejects(passwords.check(secret(old)), { code: "PASSWORD.EXPIRED" });
    assert.equal(await passwords.check(secret("another")), false);
  });
}

for (const code of [12, 20]) {
  test(`a password that is due for a change or too young for one (${code}) still opens the console`, async () => {
    const { passwords } = fakeMachine({ chkexpiry: () => exit(code) });
    assert.equal(await passwords.check(secret(old)), true);
  });
}

test("a helper that is absent, hangs or ends oddly is no wrong password", async () => {
  const absent = fakeMachine({
    unix_chkpwd: () => {
      throw new NodeError("RUN.NOT_FOUND", "The command /sbin/unix_chkpwd is not installed.");
    },
  });
  await assert.rejects(absent.passwords.check(secret(old)), { code: "PASSWORD.NOT_CHECKED", message: /not installed/ });
  const odd = fakeMachine({ unix_chkpwd: () => exit(4) });
  await assert.rejects(odd.passwords.check(secret(old)), { code: "PASSWORD.NOT_CHECKED", message: /code 4/ });
});

test("a change sets the new password", async () => {
  const { fake, passwords } = fakeMachine();
  await passwords.change(secret(old), secret(next));
  assert.equal(fake.password, next);
});

test("a wrong old password changes nothing", async () => {
  const { fake, passwords } = fakeMachine();
  await assert.rejects(passwords.change(secret("another"), secret(next)), { code: "PASSWORD.WRONG_OLD" });
  assert.equal(fake.password, old);
});

for (const [bad, code] of [
  ["short", "PASSWORD.TOO_SHORT"],
  ["first\nroot2:second", "PASSWORD.CONTROL_CHARACTER"],
  ["xY".repeat(500), "PASSWORD.TOO_LONG"],
  ["password1", "PASSWORD.COMMON"],
  [old, "PASSWORD.SAME"],
] as const) {
  test(`a new password that is refused with ${code} never reaches chpasswd`, async () => {
    const { fake, passwords } = fakeMachine();
    await assert.rejects(passwords.change(secret(old), secret(bad)), { code });
    assert.deepEqual(fake.asked, []);
  });
}

test("what PAM says against the new password is passed on, without the password", async () => {
  const stderr = `BAD PASSWORD: ${next} is too simple.\nchpasswd: (user root) pam_chauthtok() failed, error:\nAuthentication token manipulation error\n`;
  const { passwords } = fakeMachine({ chpasswd: () => exit(1, stderr) });
  await assert.rejects(passwords.change(secret(old), secret(next)), (error: unknown) => {
    assert.ok(error instanceof NodeError);
    assert.equal(error.code, "PASSWORD.NOT_CHANGED");
    assert.match(error.message, /BAD PASSWORD: \[secret\] is too simple/);
    assert.ok(!JSON.stringify(error.toBody()).includes(next.trim()));
    return true;
  });
});

test("a chpasswd that reports success without effect is found out", async () => {
  const { passwords } = fakeMachine({ chpasswd: () => ok() });
  await assert.rejects(passwords.change(secret(old), secret(next)), { code: "PASSWORD.NOT_CHANGED" });
});

test("a chpasswd that reports a failure after it has changed the password counts as changed", async () => {
  const { fake, passwords } = fakeMachine({
    chpasswd: (input, fake) => {
      setIt(input, fake);
      return exit(1, "chpasswd: failed to restart nscd\n");
    },
  });
  await passwords.change(secret(old), secret(next));
  assert.equal(fake.password, next);
});

test("password files that another program holds are said so", async () => {
  const { passwords } = fakeMachine({
    chpasswd: () => {
      throw new NodeError("RUN.TIMEOUT", "chpasswd did not end within 20 s.");
    },
  });
  await assert.rejects(passwords.change(secret(old), secret(next)), {
    code: "PASSWORD.NOT_CHANGED",
    message: /in use by another program/,
  });
});

test("of two changes at the same time with the same old password one wins and the other is told", async () => {
  const { fake, passwords } = fakeMachine();
  const results = await Promise.allSettled([
    passwords.change(secret(old), secret("first-new-pw")),
    passwords.change(secret(old), secret("other-new-pw")),
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "rejected"],
  );
  assert.equal(fake.password, "first-new-pw");
});

test("the system's password can't be chosen without the old one", async () => {
  const { passwords } = fakeMachine();
  assert.equal(await passwords.isSet(), true);
  await assert.rejects(passwords.choose(secret(next)), { code: "PASSWORD.ALREADY_SET" });
});
