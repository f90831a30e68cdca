import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../../../core/model/secret.ts";
import { Passwords } from "../../../../core/orchestrator/identity/passwords.ts";
import { type Derive, deriveKey, presentCost } from "../../../../core/orchestrator/identity/scrypt.ts";
import { cheap, code, right, wrong } from "./bed.ts";

/** What a password of another program looks like: `openssl passwd -6 -salt abcdefgh example`, shortened to its form. */
const crypt = `$6$abcdefgh$${"x".repeat(86)}`;

test("a hash of today's cost says what it cost, and only its password leads to it", async () => {
  const passwords = new Passwords();
  const stored = await passwords.hash(right);
  assert.match(stored, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z\d+/]{22}\$[A-Za-z\d+/]{43}$/);
  assert.equal(await passwords.isRight(right, stored), true);
  assert.equal(await passwords.isRight(wrong, stored), false);
  assert.equal(passwords.isOutdated(stored), false);
  assert.notEqual(await passwords.hash(right), stored);
});

test("the key is that of RFC 7914", async () => {
  const derived = await deriveKey("pleaseletmein", Buffer.from("SodiumChloride"), { log2N: 14, r: 8, p: 1 });
  assert.equal(derived.toString("hex"), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
});

test("a hash of another cost still opens, and is known to be outdated", async () => {
  const stored = await new Passwords({ cost: cheap }).hash(right);
  const dearer = new Passwords({ cost: { ...cheap, log2N: 5 } });
  assert.equal(await dearer.isRight(right, stored), true);
  assert.equal(dearer.isOutdated(stored), true);
});

test("letters with accents are the same however they were typed", async () => {
  const passwords = new Passwords({ cost: cheap });
  const stored = await passwords.hash(new Secret("caf\u00e9 au lait"));
  assert.equal(await passwords.isRight(new Secret("cafe\u0301 au lait"), stored), true);
});

test("without a stored hash one of the same cost is computed, and no password is right", async () => {
  const costs: unknown[] = [];
  const derive: Derive = async (_, salt, cost) => {
    costs.push([salt.length, cost]);
    return Buffer.alloc(32);
  };
  const passwords = new Passwords({ derive });
  assert.equal(await passwords.isRight(right, undefined), false);
  assert.deepEqual(costs, [[16, presentCost]]);
});

test("two hashes are computed at once, 256 wait, and more are turned away", async () => {
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const derive: Derive = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
    return Buffer.alloc(32);
  };
  const passwords = new Passwords({ derive });
  const all = Array.from({ length: 258 }, () => passwords.hash(right));
  assert.equal(await code(() => passwords.hash(right)), "IDENTITY.1006");
  let done = false;
  const allDone = Promise.all(all).then(() => {
    done = true;
  });
  while (!done) {
    for (const end of ends.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await allDone;
  assert.equal(most, 2);
});

test("a computation that fails leaves its place to the next", async () => {
  let fails = true;
  const derive: Derive = async () => {
    if (fails) throw new Error("no memory");
    return Buffer.alloc(32);
  };
  const passwords = new Passwords({ derive });
  const failed = await Promise.allSettled([1, 2, 3, 4].map(() => passwords.hash(right)));
  assert.ok(failed.every(({ status }) => status === "rejected"));
  fails = false;
  await Promise.all([1, 2, 3].map(() => passwords.hash(right)));
});

test("a damaged hash is told, and none takes more memory than ours ever did", async () => {
  const passwords = new Passwords({ cost: cheap });
  const good = await passwords.hash(right);
  const damaged = ["", "x", good.slice(0, -1), good.replace("ln=4", "ln=0"), good.replace("ln=4", "ln=30")];
  for (const stored of damaged)
    assert.equal(await code(() => passwords.isRight(right, stored)), "IDENTITY.1009", stored);
});

test("a crypt hash is checked by whom that was given to, and is outdated", async () => {
  const given: unknown[] = [];
  const checkCrypt = async (password: Secret, hash: Secret) => {
    given.push([password.reveal(), hash.reveal()]);
    return true;
  };
  const passwords = new Passwords({ cost: cheap, checkCrypt });
  assert.equal(await passwords.isRight(right, crypt), true);
  assert.deepEqual(given, [[right.reveal(), crypt]]);
  assert.equal(passwords.isOutdated(crypt), true);
  assert.equal(await code(() => new Passwords({ cost: cheap }).isRight(right, crypt)), "IDENTITY.1009");
});
