import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { admin, initialPassword } from "../../../../core/orchestrator/identity/index.ts";
import { Sessions } from "../../../../core/orchestrator/identity/sessions.ts";
import { addUser, another, Bed, code, home, logIn, refusal, right, wrong } from "./bed.ts";

/** How much longer than its time-out a session may live at the most, in seconds. */
const grace = 70;

test("what is no token of a live session is refused, in any form", async (t) => {
  const manager = await (await Bed.open(t)).ready();
  const { token, sessionUuid } = await logIn(manager);
  const text = token.reveal();
  assert.equal(Buffer.from(text, "base64url").length, 32);
  const other = text.startsWith("A") ? `B${text.slice(1)}` : `A${text.slice(1)}`;
  for (const bad of ["", sessionUuid, other, `${text} `, text.slice(1), "x".repeat(1_000_000), "__proto__"])
    assert.equal(await code(() => manager.identity.authenticate(new Secret(bad))), "IDENTITY.1001", bad.slice(0, 50));
  assert.equal(manager.identity.authenticate(token).session.uuid, sessionUuid);
});

test("a token that was stolen is worth nothing after log-out, on any manager", async (t) => {
  const bed = await Bed.open(t);
  const [one, two] = [await bed.ready(), await bed.manager()];
  const { token } = await logIn(one);
  await two.mirror.reached(await bed.revision());
  assert.equal(two.identity.authenticate(token).user.name, "admin");
  await one.identity.logOut(token);
  await two.mirror.reached(await bed.revision());
  for (const { identity } of [one, two]) {
    assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
    assert.equal(await code(() => identity.logOut(token)), "IDENTITY.1001");
    const change = { token, old: right, next: another, clientAddress: home };
    assert.equal(await code(() => identity.changePassword(change)), "IDENTITY.1001");
  }
  assert.equal(await bed.count("Session"), 0);
  assert.equal(await bed.count("SessionToken"), 0);
});

test("whoever only looks whether a session lives does not keep it alive", async (t) => {
  const bed = await Bed.open(t);
  const { identity } = await bed.ready();
  const { token } = await identity.logIn("admin", right, home);
  for (let passed = 0; passed < 7200; passed += 600) {
    assert.equal(identity.authenticate(token, false).user.name, "admin");
    bed.pass(600);
  }
  bed.pass(grace);
  assert.equal(await code(() => identity.authenticate(token, false)), "IDENTITY.1001");
});

test("a session lives for its time-out after the last use, and 70 s longer at the most", async (t) => {
  const bed = await Bed.open(t);
  const { identity } = await bed.ready();
  const used = (await identity.logIn("admin", right, home)).token;
  const unused = (await identity.logIn("admin", right, home)).token;
  bed.pass(59);
  identity.authenticate(used);
  bed.pass(7200 - 59 + grace - 0.001);
  assert.equal(await identity.endExpired(), 0);
  bed.pass(0.001);
  assert.match((await refusal(() => identity.authenticate(unused))).message, /not used for more than 7200 s/);
  assert.equal(await identity.endExpired(), 2);
  assert.equal(await bed.count("SessionToken"), 0);

  const busy = (await identity.logIn("admin", right, home)).token;
  for (let nth = 0; nth < 5; nth++) {
    bed.pass(7200);
    identity.authenticate(busy);
    await identity.settled();
  }
  bed.pass(7200 + grace);
  assert.equal(await code(() => identity.authenticate(busy)), "IDENTITY.1001");
});

test("a use that was never written counts in full, wherever it is asked next", async (t) => {
  const bed = await Bed.open(t);
  const [one, two] = [await bed.ready(), await bed.manager()];
  const { token } = await logIn(one);
  bed.pass(59.999);
  const before = await bed.revision();
  one.identity.authenticate(token);
  await one.identity.settled();
  assert.equal(await bed.revision(), before);
  bed.pass(7199);
  await two.mirror.reached(before);
  assert.equal(await two.identity.endExpired(), 0);
  two.identity.authenticate(token);
});

test("a changed time-out holds at once, and a short one has a short grace", async (t) => {
  const bed = await Bed.open(t);
  const { identity } = await bed.ready();
  const { token } = await identity.logIn("admin", right, home);
  bed.settings["identity.session.timeout"] = 60;
  bed.pass(60 + 15 + 10 - 1);
  assert.equal(await identity.endExpired(), 0);
  bed.pass(1);
  assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
});

test("calls write nothing, but for the last use once a minute", async (t) => {
  const bed = await Bed.open(t);
  const { identity, mirror } = await bed.ready();
  const { token, sessionUuid } = await identity.logIn("admin", right, home);
  const before = await bed.revision();
  for (let nth = 0; nth < 10_000; nth++) identity.authenticate(token);
  bed.pass(60);
  for (let nth = 0; nth < 10_000; nth++) identity.authenticate(token);
  await identity.settled();
  assert.equal(await bed.revision(), before + 1);
  assert.equal(mirror.get("Session", sessionUuid)?.value.lastUseDate, bed.wall);
});

test("uses that could not be written keep the session alive, and are written later", async (t) => {
  const bed = await Bed.open(t);
  const { identity, mirror } = await bed.ready();
  const { token, sessionUuid } = await identity.logIn("admin", right, home);
  bed.failure = new NodeError("STORE.UNREACHABLE", "etcd is away.");
  for (let nth = 0; nth < 4; nth++) {
    bed.pass(3000);
    for (let call = 0; call < 100; call++) identity.authenticate(token);
    await identity.settled();
    for (let call = 0; call < 100; call++) identity.authenticate(token);
    await identity.settled();
  }
  assert.deepEqual(bed.background, Array(4).fill(bed.failure));
  bed.failure = undefined;
  bed.pass(5);
  identity.authenticate(token);
  await identity.settled();
  assert.equal(mirror.get("Session", sessionUuid)?.value.lastUseDate, bed.wall);
});

test("a clock that is set back ends no session, and makes none live for longer than it should", async (t) => {
  for (const isUsed of [true, false]) {
    const bed = await Bed.open(t);
    const { identity } = await bed.ready();
    const { token } = await identity.logIn("admin", right, home);
    bed.wall -= 365 * 86_400_000;
    if (isUsed) identity.authenticate(token);
    else assert.equal(await identity.endExpired(), 0);
    await identity.settled();
    bed.pass(7200 + grace - 1);
    assert.equal(await identity.endExpired(), 0);
    bed.pass(1);
    assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
  }
});

test("a clock that is set forward by more than the time-out ends sessions", async (t) => {
  const bed = await Bed.open(t);
  const { identity } = await bed.ready();
  const { token } = await identity.logIn("admin", right, home);
  bed.wall += 3 * 3_600_000;
  assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
});

test("at the maximum a log-in is refused, but only to one who knows the password", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  bed.settings["identity.session.maxConcurrent"] = 3;
  const first = await logIn(manager);
  bed.pass(1800);
  const others = [await logIn(manager), await logIn(manager)];
  const full = await refusal(() => logIn(manager));
  assert.equal(full.code, "IDENTITY.1008");
  assert.deepEqual(full.values, { sessions: 3, maximum: 3, retryAfterMs: (7200 + grace - 1800) * 1000 });
  assert.match(full.remedy ?? "", /session\.maxConcurrent.*zstack-ctl reset_password/);
  assert.equal(await code(() => logIn(manager, wrong)), "IDENTITY.1002");
  for (const { token } of [first, ...others]) manager.identity.authenticate(token);

  await manager.identity.logOut(first.token);
  await logIn(manager);
  assert.equal(await code(() => logIn(manager)), "IDENTITY.1008");
  bed.settings["identity.session.maxConcurrent"] = 4;
  await logIn(manager);
  // What has expired does not count, whether or not somebody has removed it.
  bed.pass(7200 + grace);
  await logIn(manager);
  assert.equal(await bed.count("Session"), 5);
});

test("two managers together never open more than the maximum", async (t) => {
  const bed = await Bed.open(t);
  const managers = [await bed.ready(), await bed.manager(), await bed.manager()];
  bed.settings["identity.session.maxConcurrent"] = 7;
  const results = await Promise.all(
    Array.from({ length: 30 }, async (_, nth) => {
      const manager = managers[nth % 3];
      if (manager === undefined) throw new Error("no manager");
      return logIn(manager).then(
        () => "opened",
        (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
      );
    }),
  );
  assert.equal(results.filter((each) => each === "opened").length, 7);
  assert.equal(results.filter((each) => each === "IDENTITY.1008").length, 23);
  assert.equal(await bed.count("Session"), 7);
});

test("a changed password ends all other sessions of the user, on all managers, and nobody else's", async (t) => {
  const bed = await Bed.open(t);
  const [one, two] = [await bed.ready(), await bed.manager()];
  await addUser(one, "worker", another);
  await two.mirror.reached(await bed.revision());
  const mine = await logIn(one);
  const elsewhere = await logIn(two);
  const stranger = await two.identity.logIn("worker", another, home);
  await one.mirror.reached(await bed.revision());
  await one.identity.changePassword({ token: mine.token, old: right, next: wrong, clientAddress: home });
  await two.mirror.reached(await bed.revision());
  for (const { identity } of [one, two]) {
    identity.authenticate(mine.token);
    identity.authenticate(stranger.token);
    assert.equal(await code(() => identity.authenticate(elsewhere.token)), "IDENTITY.1001");
  }
  assert.equal(await bed.count("Session"), 2);
  assert.equal(await code(() => logIn(two, right)), "IDENTITY.1002");
  await logIn(two, wrong);
});

test("one user's session changes no other user's password, and guessing the old one is slowed", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  await addUser(manager, "worker", another);
  const { token } = await manager.identity.logIn("worker", another, home);
  const change = { token, next: new Secret("something else again"), clientAddress: home };
  const guess = () => manager.identity.changePassword({ ...change, old: right });
  for (let nth = 0; nth < 5; nth++) assert.equal(await code(guess), "IDENTITY.1002");
  assert.equal(await code(guess), "IDENTITY.1005");
  await logIn(manager, right);
  bed.pass(5);
  await manager.identity.changePassword({ ...change, old: another });
  await logIn(manager, right);
});

test("the old password is refused as the new one", async (t) => {
  const { identity } = await (await Bed.open(t)).ready();
  const { token } = await identity.logIn("admin", right, home);
  const same = await refusal(() => identity.changePassword({ token, old: right, next: right, clientAddress: home }));
  assert.equal(same.values["problem"], "PASSWORD.SAME");
});

test("of two changes of the password at the same moment one holds, and the other's session is over", async (t) => {
  const bed = await Bed.open(t);
  const [one, two] = [await bed.ready(), await bed.manager()];
  const sessions = [await logIn(one), await logIn(two)];
  await one.mirror.reached(await bed.revision());
  const nexts = [another, wrong];
  const codes = await Promise.all(
    [one, two].map(async ({ identity }, nth) => {
      const [token, next] = [sessions[nth]?.token, nexts[nth]];
      if (token === undefined || next === undefined) throw new Error("no session");
      return identity.changePassword({ token, old: right, next, clientAddress: home }).then(
        () => "changed",
        (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
      );
    }),
  );
  assert.deepEqual(codes.toSorted(), ["IDENTITY.1001", "changed"]);
  assert.equal(await bed.count("Session"), 1);
});

test("a reset ends every session of admin, and its password is the initial one, to be changed", async (t) => {
  const bed = await Bed.open(t);
  const [one, two] = [await bed.ready(), await bed.manager()];
  await addUser(one, "worker", another);
  const { token } = await logIn(one);
  const worker = await one.identity.logIn("worker", another, home);
  await two.mirror.reached(await bed.revision());
  await two.records.change((tx) => tx.update("User", admin.uuid, { state: "Disabled" }));
  assert.equal(await code(() => two.identity.authenticate(token)), "IDENTITY.1001");
  await two.identity.resetPassword();
  await one.mirror.reached(await bed.revision());
  assert.equal(await code(() => one.identity.authenticate(token)), "IDENTITY.1001");
  one.identity.authenticate(worker.token);
  assert.equal(await code(() => logIn(one, right)), "IDENTITY.1002");
  const reset = await logIn(one, new Secret(initialPassword));
  assert.equal(reset.mustChangePassword, true);
  assert.equal(await code(() => one.identity.authenticate(reset.token)), "IDENTITY.1003");
});

test("a password that was changed after it was checked opens no session", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  const sessions = new Sessions(bed.sessionsOptions(manager.records));
  assert.equal(await code(() => sessions.open(admin.uuid, "of the former one", home)), "IDENTITY.1002");
  assert.equal(await bed.count("Session"), 0);
});

test("no session of the old password outlives its change, however close the log-in was", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  const { token } = await logIn(manager);
  const change = manager.identity.changePassword({ token, old: right, next: another, clientAddress: home });
  const late = Array.from({ length: 20 }, () =>
    logIn(manager, right).then(
      (opened) => [opened.token],
      () => [],
    ),
  );
  await change;
  for (const old of (await Promise.all(late)).flat())
    assert.equal(await code(() => manager.identity.authenticate(old)), "IDENTITY.1001");
  manager.identity.authenticate(token);
});

test("a thousand expired sessions are removed by two managers at once, each once", async (t) => {
  const bed = await Bed.open(t);
  bed.settings["identity.session.maxConcurrent"] = 2000;
  const [one, two] = [await bed.ready(), await bed.manager()];
  for (let nth = 0; nth < 1000; nth += 100) await Promise.all(Array.from({ length: 100 }, () => logIn(one)));
  bed.pass(7200 + grace);
  const { token } = await logIn(one);
  await two.mirror.reached(await bed.revision());
  const removed = await Promise.all([one.identity.endExpired(), two.identity.endExpired()]);
  assert.equal(removed[0] + removed[1], 1000);
  assert.equal(await bed.count("Session"), 1);
  assert.equal(await bed.count("SessionToken"), 1);
  one.identity.authenticate(token);
});

test("the token of a session whose record somebody else removed is refused, and swept", async (t) => {
  const bed = await Bed.open(t);
  const { identity, records } = await bed.ready();
  const { token, sessionUuid } = await identity.logIn("admin", right, home);
  await records.change((tx) => tx.remove("Session", sessionUuid));
  assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
  await identity.endExpired();
  assert.equal(await bed.count("SessionToken"), 0);
});
