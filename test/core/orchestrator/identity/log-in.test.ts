import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { admin, initialPassword } from "../../../../core/orchestrator/identity/index.ts";
import { type Derive, deriveKey } from "../../../../core/orchestrator/identity/scrypt.ts";
import { addUser, another, Bed, code, home, logIn, refusal, right, wrong } from "./bed.ts";

const initial = new Secret(initialPassword);

function counted(): { derive: Derive; calls: string[] } {
  const calls: string[] = [];
  const derive: Derive = (password, salt, cost) => {
    calls.push(JSON.stringify(cost));
    return deriveKey(password, salt, cost);
  };
  return { derive, calls };
}

test("a new store gets one admin, with the password of the installation", async (t) => {
  const bed = await Bed.open(t);
  const { identity } = await bed.manager();
  assert.equal(await identity.bootstrap(right), true);
  assert.equal(await identity.bootstrap(another), false);
  const { user, mustChangePassword, token, expiresAt } = await identity.logIn("admin", right, home);
  assert.equal(user.uuid, admin.uuid);
  assert.equal(mustChangePassword, false);
  assert.equal(expiresAt, bed.wall + 7_200_000);
  assert.equal(identity.authenticate(token).user.name, "admin");
  assert.equal(await code(() => identity.logIn("admin", another, home)), "IDENTITY.1002");
});

test("of two managers that start at the same moment one makes admin, and both know it", async (t) => {
  const bed = await Bed.open(t);
  const managers = [await bed.manager(), await bed.manager()];
  const made = await Promise.all(managers.map(({ identity }, nth) => identity.bootstrap(nth === 0 ? right : another)));
  assert.deepEqual(made.toSorted(), [false, true]);
  assert.equal(await bed.count("User"), 1);
  const [password, other] = made[0] === true ? [right, another] : [another, right];
  for (const manager of managers) {
    await logIn(manager, password);
    assert.equal(await code(() => logIn(manager, other)), "IDENTITY.1002");
  }
});

test("a password of the installation that can't be used makes no admin", async (t) => {
  const { identity, mirror } = await (await Bed.open(t)).manager();
  const weak = await refusal(() => identity.bootstrap(new Secret("short")));
  assert.equal(weak.code, "IDENTITY.1007");
  assert.equal(weak.values["problem"], "PASSWORD.TOO_SHORT");
  assert.equal(await code(() => identity.bootstrap({ cryptHash: new Secret("$1$old$hash") })), "IDENTITY.1009");
  assert.equal(mirror.count("User"), 0);
});

test("the crypt hash of the installer opens once, and is then one of ours", async (t) => {
  const bed = await Bed.open(t);
  const asked: string[] = [];
  const { identity } = await bed.manager({
    checkCrypt: async (password, hash) => {
      asked.push(hash.reveal().slice(0, 3));
      return password.reveal() === right.reveal();
    },
  });
  await identity.bootstrap({ cryptHash: new Secret(`$6$abcdefgh$${"x".repeat(86)}`) });
  assert.equal(await code(() => identity.logIn("admin", wrong, home)), "IDENTITY.1002");
  const first = await identity.logIn("admin", right, home);
  assert.equal(first.mustChangePassword, false);
  await identity.logIn("admin", right, home);
  assert.deepEqual(asked, ["$6$", "$6$"]);
  assert.equal(identity.authenticate(first.token).user.name, "admin");
});

test("without a password admin has the initial one, and may only change it or log out until that is done", async (t) => {
  const { identity } = await (await Bed.open(t)).manager();
  await identity.bootstrap();
  const one = await identity.logIn("admin", initial, home);
  assert.equal(one.mustChangePassword, true);
  const refused = await refusal(() => identity.authenticate(one.token));
  assert.equal(refused.code, "IDENTITY.1003");
  assert.match(refused.remedy ?? "", /^Change the password/);
  await identity.logOut(one.token);

  const two = await identity.logIn("admin", initial, home);
  const change = { token: two.token, old: initial, clientAddress: home };
  for (const next of ["", "short", "password1", initialPassword, "x".repeat(512)])
    assert.equal(await code(() => identity.changePassword({ ...change, next: new Secret(next) })), "IDENTITY.1007");
  assert.equal(await code(() => identity.authenticate(two.token)), "IDENTITY.1003");
  await identity.changePassword({ ...change, next: another });
  assert.equal(identity.authenticate(two.token).user.mustChangePassword, false);
  assert.equal((await identity.logIn("admin", another, home)).mustChangePassword, false);
});

test("a wrong name costs and says the same as a wrong password", async (t) => {
  const { derive, calls } = counted();
  const manager = await (await Bed.open(t)).ready({ derive });
  calls.length = 0;
  const known = await refusal(() => manager.identity.logIn("admin", wrong, "10.0.0.1"));
  const unknown = await refusal(() => manager.identity.logIn("nobody", wrong, "10.0.0.2"));
  const long = await refusal(() => manager.identity.logIn("n".repeat(100_000), wrong, "10.0.0.3"));
  assert.equal(calls.length, 3);
  assert.equal(new Set(calls).size, 1);
  for (const error of [unknown, long]) assert.deepEqual(error.toBody(), known.toBody());
});

test("a password that could never have been set is wrong, and costs nothing", async (t) => {
  const { derive, calls } = counted();
  const manager = await (await Bed.open(t)).ready({ derive });
  calls.length = 0;
  for (const text of ["", "x\0y", "\ud800", "x".repeat(1_000_000)])
    assert.equal(await code(() => logIn(manager, new Secret(text))), "IDENTITY.1002");
  assert.equal(calls.length, 0);
});

test("a hash of an older cost is replaced at the next log-in, and sessions go on", async (t) => {
  const bed = await Bed.open(t);
  const older = await bed.ready();
  const { token } = await logIn(older);
  const { derive, calls } = counted();
  const newer = await bed.manager({ derive, cost: { log2N: 5, r: 8, p: 1 } });
  await logIn(newer);
  assert.equal(calls.length, 2);
  await logIn(newer);
  assert.equal(calls.length, 3);
  await older.mirror.reached(await bed.revision());
  assert.equal(older.identity.authenticate(token).user.name, "admin");
});

test("renewing a hash does not bring back a password that was reset meanwhile", async (t) => {
  const bed = await Bed.open(t);
  const older = await bed.ready();
  const renewing = Promise.withResolvers<void>();
  const reset = Promise.withResolvers<void>();
  const derive: Derive = async (password, salt, cost) => {
    if (cost.log2N === 5) {
      renewing.resolve();
      await reset.promise;
    }
    return deriveKey(password, salt, cost);
  };
  const newer = await bed.manager({ derive, cost: { log2N: 5, r: 8, p: 1 } });
  const late = code(() => logIn(newer));
  await renewing.promise;
  await older.identity.resetPassword();
  reset.resolve();
  assert.equal(await late, "IDENTITY.1002");
  assert.equal(await code(() => logIn(older)), "IDENTITY.1002");
  await logIn(older, initial);
});

test("a hundred log-ins at once all get a session of their own", async (t) => {
  const bed = await Bed.open(t);
  const managers = [await bed.ready(), await bed.manager()];
  const opened = await Promise.all(
    Array.from({ length: 100 }, async (_, nth) => {
      const manager = managers[nth % 2];
      if (manager === undefined) throw new Error("no manager");
      return logIn(manager);
    }),
  );
  assert.equal(new Set(opened.map(({ token }) => token.reveal())).size, 100);
  assert.equal(await bed.count("Session"), 100);
  const revision = await bed.revision();
  for (const { mirror, identity } of managers) {
    await mirror.reached(revision);
    for (const { token, sessionUuid } of opened) assert.equal(identity.authenticate(token).session.uuid, sessionUuid);
  }
});

test("wrong passwords slow the log-in, and a reset on the node ends that", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  for (let nth = 0; nth < 5; nth++) assert.equal(await code(() => logIn(manager, wrong)), "IDENTITY.1002");
  const slowed = await refusal(() => logIn(manager));
  assert.equal(slowed.code, "IDENTITY.1005");
  assert.equal(slowed.remedy, "Try again in 5 s.");
  await manager.identity.resetPassword();
  assert.equal((await logIn(manager, initial)).mustChangePassword, true);
});

test("an address with a live session of the user is known, also to a manager that was started later", async (t) => {
  const bed = await Bed.open(t);
  await logIn(await bed.ready());
  const later = await bed.manager();
  for (let nth = 0; nth < 20; nth++) await refusal(() => logIn(later, wrong, `10.1.0.${nth}`));
  assert.equal(await code(() => logIn(later, right, "10.0.0.8")), "IDENTITY.1005");
  await logIn(later);
});

test("a disabled user is told so only with the right password", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  const { identity } = manager;
  const uuid = await addUser(manager, "worker", another);
  const { token } = await identity.logIn("worker", another, home);
  await identity.changeUserState(uuid, "disable");
  assert.equal(await bed.count("Session"), 0);
  assert.equal(await code(() => identity.logIn("worker", wrong, home)), "IDENTITY.1002");
  assert.equal(await code(() => identity.logIn("worker", another, home)), "IDENTITY.1004");
  assert.equal(await code(() => identity.changeUserState(uuid, "disable")), "IDENTITY.1010");
  await identity.changeUserState(uuid, "enable");
  assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
  await identity.logIn("worker", another, home);
  assert.equal(await code(() => identity.changeUserState(admin.uuid, "disable")), "IDENTITY.1010");
});

test("enabling a user brings no session back, though the store failed before their records were removed", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  const { identity } = manager;
  const uuid = await addUser(manager, "worker", another);
  const { token } = await identity.logIn("worker", another, home);
  bed.failure = new NodeError("STORE.UNREACHABLE", "etcd is away.");
  for (const event of ["disable", "enable"] as const) {
    bed.passing = 1;
    assert.equal((await identity.changeUserState(uuid, event)).state, event === "disable" ? "Disabled" : "Enabled");
  }
  assert.deepEqual(bed.background, [bed.failure, bed.failure]);
  assert.equal(await bed.count("Session"), 1);
  assert.equal(await code(() => identity.authenticate(token)), "IDENTITY.1001");
});

test("a second user of the same name does not take the log-in over", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  bed.pass(1);
  await addUser(manager, "admin", another);
  assert.equal(await code(() => logIn(manager, another)), "IDENTITY.1002");
  assert.equal((await logIn(manager)).user.uuid, admin.uuid);
});
