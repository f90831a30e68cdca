import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Sessions } from "../../../core/api/sessions.ts";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";

const right = new Secret("right");
const wrong = new Secret("wrong");

function makeBed(checkPassword?: (password: Secret) => Promise<boolean>) {
  const bed = {
    clock: 1_000_000,
    wall: Date.UTC(2026, 10, 21),
    idleMs: 600_000,
    asked: 0,
    password: "right",
    ended: [] as string[],
  };
  const sessions = new Sessions({
    checkPassword:
      checkPassword ??
      (async (password) => {
        bed.asked += 1;
        return password.reveal() === bed.password;
      }),
    monotonicMs: () => bed.clock,
    now: () => bed.wall,
    idleMs: () => bed.idleMs,
  });
  sessions.onEnd((session, why) => bed.ended.push(`${session.console} ${why}`));
  return { bed, sessions };
}

async function refusal(attempt: Promise<unknown>): Promise<NodeError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const noSession = { code: "AUTH.NO_SESSION" };

test("the right password opens a session that names its console and idle time", async () => {
  const { bed, sessions } = makeBed();
  const session = await sessions.open("tty1", right);
  assert.equal(session.console, "tty1");
  assert.equal(session.idleMs, 600_000);
  assert.equal(session.openedAt, bed.wall);
  assert.equal(Buffer.from(session.token, "base64url").length, 32);
  assert.equal(sessions.require(session).console, "tty1");
  assert.deepEqual(
    sessions.list().map((live) => live.console),
    ["tty1"],
  );
});

test("neither the token nor a way to it is kept", async () => {
  const { sessions } = makeBed();
  const { token } = await sessions.open("tty1", right);
  assert.ok(!inspect(sessions, { showHidden: true, depth: null }).includes(token));
  assert.ok(!JSON.stringify(sessions.list()).includes(token));
});

test("a token is worth nothing on another console", async () => {
  const { sessions } = makeBed();
  const one = await sessions.open("tty1", right);
  const two = await sessions.open("ttyS0", right);
  assert.notEqual(one.token, two.token);
  assert.throws(() => sessions.require({ console: "ttyS0", token: one.token }), noSession);
  assert.throws(() => sessions.require({ console: "tty2", token: one.token }), noSession);
  assert.throws(() => sessions.require({ console: "tty1", token: undefined }), noSession);
  assert.throws(() => sessions.require({ console: "tty1", token: "" }), noSession);
  assert.throws(() => sessions.require({ console: "tty1", token: `${one.token}x` }), noSession);
  assert.equal(sessions.find({ console: "ttyS0", token: one.token }), undefined);
});

test("a second session of a console replaces the first", async () => {
  const { bed, sessions } = makeBed();
  const first = await sessions.open("tty1", right);
  const second = await sessions.open("tty1", right);
  assert.throws(() => sessions.require(first), noSession);
  sessions.require(second);
  assert.deepEqual(bed.ended, ["tty1 revoked"]);
});

test("a wrong password says how many attempts are left, and the fifth how long to wait", async () => {
  const { sessions } = makeBed();
  const seen = [];
  for (let i = 0; i < 5; i++) {
    const error = await refusal(sessions.open("tty1", wrong));
    assert.equal(error.code, "AUTH.WRONG_PASSWORD");
    seen.push(error.values);
  }
  assert.deepEqual(seen, [
    { attemptsLeft: 4 },
    { attemptsLeft: 3 },
    { attemptsLeft: 2 },
    { attemptsLeft: 1 },
    { attemptsLeft: 0, retryAfterMs: 5_000 },
  ]);
});

test("after five failures the delays double up to five minutes", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 4; i++) await refusal(sessions.open("tty1", wrong));
  const delays = [];
  for (let i = 0; i < 9; i++) {
    const error = await refusal(sessions.open("tty1", wrong));
    assert.equal(error.code, "AUTH.WRONG_PASSWORD");
    const retryAfterMs = Number(error.values["retryAfterMs"]);
    delays.push(retryAfterMs / 1000);
    bed.clock += retryAfterMs;
  }
  assert.deepEqual(delays, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test("a slowed console is refused before the password is looked at, even the right one", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 5; i++) await refusal(sessions.open("tty1", wrong));
  bed.clock += 2_000;
  const error = await refusal(sessions.open("tty1", right));
  assert.equal(error.code, "AUTH.SLOWED");
  assert.deepEqual(error.values, { retryAfterMs: 3_000 });
  assert.equal(bed.asked, 5);
  bed.clock += 3_000;
  await sessions.open("tty1", right);
});

test("one console's failures do not slow another", async () => {
  const { sessions } = makeBed();
  for (let i = 0; i < 6; i++) await refusal(sessions.open("tty1", wrong));
  await sessions.open("ttyS0", right);
});

test("the right password clears the count", async () => {
  const { sessions } = makeBed();
  for (let i = 0; i < 4; i++) await refusal(sessions.open("tty1", wrong));
  await sessions.open("tty1", right);
  assert.deepEqual((await refusal(sessions.open("tty1", wrong))).values, { attemptsLeft: 4 });
});

test("a hundred attempts at once are not more than five in a row", async () => {
  const { bed, sessions } = makeBed();
  const codes: string[] = [];
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      codes.push((await refusal(sessions.open("tty1", wrong))).code);
    }),
  );
  assert.equal(bed.asked, 5);
  assert.equal(codes.filter((code) => code === "AUTH.WRONG_PASSWORD").length, 5);
  assert.ok(codes.includes("AUTH.SLOWED") && codes.includes("AUTH.BUSY"));
});

test("however many console names are invented, 32 of them together are counted", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 2_000; i++) {
    bed.clock += 1;
    await refusal(sessions.open(`made-up/${i}`, wrong));
  }
  assert.equal(bed.asked, 32 * 5, "five for each counter, and then the first delay");
});

test("a name beyond goes on counting where the name quiet for longest stopped", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 3; i++) await refusal(sessions.open("made-up/0", wrong));
  for (let i = 1; i < 32; i++) {
    bed.clock += 1;
    await refusal(sessions.open(`made-up/${i}`, wrong));
  }
  assert.deepEqual((await refusal(sessions.open("made-up/32", wrong))).values, { attemptsLeft: 1 });
  assert.deepEqual((await refusal(sessions.open("made-up/0", wrong))).values, { attemptsLeft: 3 });
});

test("a console that is being slowed keeps its delay whatever names come", async () => {
  const { bed, sessions } = makeBed();
  for (const name of ["tty1", ...Array.from({ length: 31 }, (_, i) => `made-up/${i}`)]) {
    for (let nth = 0; nth < 5; nth++) await refusal(sessions.open(name, wrong));
    bed.clock += 10;
  }
  const others = Array.from({ length: 20 }, (_, i) => refusal(sessions.open(`made-up/${100 + i}`, wrong)));
  const error = await refusal(sessions.open("tty1", right));
  for (const other of await Promise.all(others)) assert.equal(other.code, "AUTH.SLOWED");
  assert.equal(error.code, "AUTH.SLOWED");
  assert.deepEqual(error.values, { retryAfterMs: 5_000 - 32 * 10 });
});

test("while every counter is slowed a new name waits for the shortest delay, and a right password then opens", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 32; i++)
    for (let nth = 0; nth < 5; nth++) {
      await refusal(sessions.open(`made-up/${i}`, wrong));
      if (i > 0) bed.clock += 10;
    }
  const asked = bed.asked;
  const error = await refusal(sessions.open("tty1", right));
  assert.equal(error.code, "AUTH.SLOWED");
  assert.deepEqual(error.values, { retryAfterMs: 5_000 - 31 * 5 * 10 });
  assert.equal(bed.asked, asked);
  bed.clock += Number(error.values["retryAfterMs"]);
  await sessions.open("tty1", right);
});

test("a console that gave the right password once is not slowed by invented names", async () => {
  const { sessions } = makeBed();
  await sessions.open("tty1", right);
  for (let i = 0; i < 500; i++) await refusal(sessions.open(`made-up/${i}`, wrong));
  assert.deepEqual((await refusal(sessions.open("tty1", wrong))).values, { attemptsLeft: 4 });
  await sessions.open("tty1", right);
});

test("a name whose password is being checked is not displaced", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const { sessions } = makeBed(async () => {
    asked += 1;
    await gate.promise;
    return false;
  });
  const attempts = Array.from({ length: 32 }, (_, i) => refusal(sessions.open(`made-up/${i}`, wrong)));
  const beyond = refusal(sessions.open("tty1", wrong));
  gate.resolve();
  assert.equal((await beyond).code, "AUTH.SLOWED");
  for (const error of await Promise.all(attempts)) assert.deepEqual(error.values, { attemptsLeft: 4 });
  assert.equal(asked, 32);
});

test("a password check that fails for another reason is passed on and not counted", async () => {
  let broken = true;
  const { sessions } = makeBed(async () => {
    if (broken) throw new NodeError("PASSWORD.NOT_CHECKED", "The helper is not there.");
    return false;
  });
  for (let i = 0; i < 10; i++) assert.equal((await refusal(sessions.open("tty1", right))).code, "PASSWORD.NOT_CHECKED");
  broken = false;
  assert.deepEqual((await refusal(sessions.open("tty1", wrong))).values, { attemptsLeft: 4 });
});

test("failures are forgotten after an hour without one", async () => {
  const { bed, sessions } = makeBed();
  for (let i = 0; i < 6; i++) await refusal(sessions.open("tty1", wrong));
  bed.clock += 2 * 3_600_000;
  assert.deepEqual((await refusal(sessions.open("tty1", wrong))).values, { attemptsLeft: 4 });
});

test("confirming a password counts with the console's attempts to log in", async () => {
  const { sessions } = makeBed();
  for (let i = 0; i < 3; i++) await refusal(sessions.confirm("tty1", wrong));
  assert.deepEqual((await refusal(sessions.open("tty1", wrong))).values, { attemptsLeft: 1 });
  await sessions.confirm("tty1", right);
});

test("an idle session ends; only a key press keeps it", async () => {
  const { bed, sessions } = makeBed();
  const session = await sessions.open("tty1", right);
  bed.clock += 599_999;
  sessions.touch(session);
  bed.clock += 599_999;
  sessions.require(session);
  bed.clock += 1;
  assert.throws(() => sessions.require(session), noSession);
  assert.throws(() => sessions.touch(session), noSession);
  assert.deepEqual(bed.ended, ["tty1 idle"]);
});

test("a sweep ends idle sessions by itself and says when to come again", async () => {
  const { bed, sessions } = makeBed();
  assert.equal(sessions.sweep(), undefined);
  await sessions.open("tty1", right);
  bed.clock += 100_000;
  await sessions.open("ttyS0", right);
  assert.equal(sessions.sweep(), 500_000);
  bed.clock += 500_000;
  assert.equal(sessions.sweep(), 100_000);
  assert.deepEqual(bed.ended, ["tty1 idle"]);
});

test("a changed idle time holds for sessions that are open already", async () => {
  const { bed, sessions } = makeBed();
  const session = await sessions.open("tty1", right);
  bed.clock += 61_000;
  bed.idleMs = 60_000;
  assert.throws(() => sessions.require(session), noSession);
});

test("a step of the wall clock ends no session and no delay", async () => {
  const { bed, sessions } = makeBed();
  const session = await sessions.open("tty1", right);
  for (let i = 0; i < 5; i++) await refusal(sessions.open("ttyS0", wrong));
  bed.wall += 365 * 86_400_000;
  sessions.require(session);
  assert.equal((await refusal(sessions.open("ttyS0", right))).code, "AUTH.SLOWED");
  bed.wall -= 2 * 365 * 86_400_000;
  sessions.require(session);
});

test("closing ends the session, once", async () => {
  const { bed, sessions } = makeBed();
  const session = await sessions.open("tty1", right);
  sessions.close(session);
  assert.throws(() => sessions.close(session), noSession);
  assert.deepEqual(bed.ended, ["tty1 closed"]);
});

test("revoking ends every session but the one that is excepted", async () => {
  const { bed, sessions } = makeBed();
  const kept = await sessions.open("tty1", right);
  await sessions.open("ttyS0", right);
  await sessions.open("pts/3", right);
  sessions.revokeAll("tty1");
  sessions.require(kept);
  assert.deepEqual(bed.ended, ["ttyS0 revoked", "pts/3 revoked"]);
  sessions.revokeAll();
  assert.deepEqual(sessions.list(), []);
});

test("the old password does not open a session when it was changed while being checked", async () => {
  let password = "right";
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const { sessions } = makeBed(async (given) => {
    const matches = given.reveal() === password;
    asked += 1;
    if (asked === 1) await gate.promise;
    return matches;
  });
  const attempt = refusal(sessions.open("tty1", right));
  await new Promise((resolve) => setImmediate(resolve));
  password = "new";
  sessions.revokeAll();
  gate.resolve();
  assert.equal((await attempt).code, "AUTH.WRONG_PASSWORD");
  assert.deepEqual(sessions.list(), []);
});

test("a listener that was taken off is not called", async () => {
  const { sessions } = makeBed();
  let calls = 0;
  const off = sessions.onEnd(() => {
    calls += 1;
  });
  off();
  sessions.close(await sessions.open("tty1", right));
  assert.equal(calls, 0);
});
