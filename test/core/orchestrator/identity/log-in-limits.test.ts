import assert from "node:assert/strict";
import { test } from "node:test";
import { LogInLimits } from "../../../../core/orchestrator/identity/log-in-limits.ts";
import { code, refusal } from "./bed.ts";

function makeBed() {
  const bed = { clock: 0, checked: 0 };
  const limits = new LogInLimits(() => bed.clock);
  const attempt = (isRight: boolean, name = "admin", clientAddress = "10.0.0.7", isKnown = false) =>
    limits.run({ name, clientAddress, isKnown }, async () => {
      bed.checked += 1;
      return isRight;
    });
  const fail = async (times: number, name?: string, address?: (nth: number) => string) => {
    for (let nth = 0; nth < times; nth++) await refusal(() => attempt(false, name, address?.(nth)));
  };
  return { bed, limits, attempt, fail };
}

test("the delays of one name from one address are those of the table", async () => {
  const { bed, attempt } = makeBed();
  const table = [
    [4, undefined],
    [3, undefined],
    [2, undefined],
    [1, undefined],
    [0, 5],
    [0, 10],
    [0, 20],
    [0, 40],
    [0, 80],
    [0, 160],
    [0, 300],
    [0, 300],
  ] as const;
  for (const [attemptsLeft, delay] of table) {
    const { code: which, values } = await refusal(() => attempt(false));
    assert.equal(which, "IDENTITY.1002");
    const retryAfterMs = (delay ?? 0) * 1000;
    assert.deepEqual(values, { attemptsLeft, ...(delay === undefined ? {} : { retryAfterMs }) });
    if (delay === undefined) continue;
    bed.clock += retryAfterMs - 1;
    const before = bed.checked;
    const early = await refusal(() => attempt(true));
    assert.equal(early.code, "IDENTITY.1005");
    assert.deepEqual(early.values, { retryAfterMs: 1 });
    assert.equal(bed.checked, before);
    bed.clock += 1;
  }
  await attempt(true);
  assert.deepEqual((await refusal(() => attempt(false))).values, { attemptsLeft: 4 });
});

test("an hour without a failure forgets those before", async () => {
  const { bed, attempt, fail } = makeBed();
  await fail(4);
  bed.clock += 3_600_001;
  assert.deepEqual((await refusal(() => attempt(false))).values, { attemptsLeft: 4 });
});

test("an address that tries many names is slowed after 20 failures, whichever name comes next", async () => {
  const { attempt } = makeBed();
  for (let nth = 0; nth < 20; nth++) assert.equal(await code(() => attempt(false, `user-${nth}`)), "IDENTITY.1002");
  assert.equal(await code(() => attempt(true, "admin")), "IDENTITY.1005");
  await attempt(true, "admin", "10.0.0.8");
});

test("logging in with a password of one's own does not clear the address for guessing others'", async () => {
  const { attempt } = makeBed();
  for (let nth = 0; nth < 20; nth++) {
    await attempt(true, "guest");
    await refusal(() => attempt(false, `user-${nth}`));
  }
  assert.equal(await code(() => attempt(false, "user-20")), "IDENTITY.1005");
});

test("a whole IPv6 network of 64 bits is one address, and a mapped IPv4 address is that address", async () => {
  const { attempt, fail } = makeBed();
  await fail(5, "admin", (nth) => `2001:db8:1:2::${nth + 1}`);
  assert.equal(await code(() => attempt(true, "admin", "2001:db8:1:2:ffff::1")), "IDENTITY.1005");
  await attempt(true, "admin", "2001:db8:1:3::1");
  await fail(5, "root", () => "10.9.9.9");
  assert.equal(await code(() => attempt(true, "root", "::ffff:10.9.9.9")), "IDENTITY.1005");
});

test("guesses from many addresses slow the name for new addresses, by 60 s at most", async () => {
  const { bed, attempt, fail } = makeBed();
  await fail(20, "admin", (nth) => `10.1.0.${nth}`);
  assert.equal(await code(() => attempt(true, "admin", "10.2.0.1")), "IDENTITY.1005");
  await attempt(true, "operator", "10.2.0.1");
  for (let nth = 0; nth < 8; nth++) {
    bed.clock += 60_000;
    const { values } = await refusal(() => attempt(false, "admin", `10.3.0.${nth}`));
    assert.ok(Number(values["retryAfterMs"]) <= 60_000);
  }
  bed.clock += 60_000;
  await attempt(true, "admin", "10.2.0.1");
});

test("nobody's guesses elsewhere slow an address that was logged in from, one with a session, or the node itself", async () => {
  const { attempt, fail } = makeBed();
  await attempt(true, "admin", "10.0.0.7");
  await fail(20, "admin", (nth) => `10.1.0.${nth}`);
  assert.equal(await code(() => attempt(true, "admin", "10.0.0.9")), "IDENTITY.1005");
  await attempt(true, "admin", "10.0.0.7");
  await attempt(true, "admin", "10.0.0.8", true);
  await attempt(true, "admin", "127.0.0.1");
  await attempt(true, "admin", "::1");
});

test("many guesses at the same moment are no more than one after the other", async () => {
  const { bed, attempt } = makeBed();
  const codes = await Promise.all(Array.from({ length: 100 }, () => code(() => attempt(false))));
  assert.equal(bed.checked, 5);
  assert.equal(codes.filter((each) => each === "IDENTITY.1002").length, 5);
  assert.equal(codes.filter((each) => each === "IDENTITY.1005").length, 95);
  bed.clock += 5000;
  await Promise.all(Array.from({ length: 10 }, () => refusal(() => attempt(false))));
  assert.equal(bed.checked, 6);
});

test("of one address 200 wait at most, and what could not be checked does not count", async () => {
  const bed = makeBed();
  const ends: (() => void)[] = [];
  const hanging = () =>
    bed.limits.run({ name: "admin", clientAddress: "10.0.0.7", isKnown: false }, async () => {
      await new Promise<void>((resolve) => ends.push(resolve));
      throw new Error("no memory");
    });
  const all = Array.from({ length: 205 }, hanging);
  assert.equal(await code(hanging), "IDENTITY.1006");
  let done = false;
  const settled = Promise.allSettled(all).then((results) => {
    done = true;
    return results;
  });
  while (!done) {
    for (const end of ends.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok((await settled).every((each) => each.status === "rejected" && String(each.reason).includes("no memory")));
  assert.deepEqual((await refusal(() => bed.attempt(false))).values, { attemptsLeft: 4 });
});

test("a name whose password was reset starts afresh, and no other", async () => {
  const { attempt, limits, fail } = makeBed();
  await fail(5, "admin", () => "10.0.0.1");
  await fail(5, "an admin", () => "10.0.0.2");
  limits.forgive("admin");
  await attempt(true, "admin", "10.0.0.1");
  assert.equal(await code(() => attempt(true, "an admin", "10.0.0.2")), "IDENTITY.1005");
});

test("inventing addresses does not push out the counter of one that is slowed", async () => {
  const { attempt, fail } = makeBed();
  await fail(5, "admin", () => "10.0.0.1");
  for (let nth = 0; nth < 10_500; nth++)
    await refusal(() => attempt(false, `user-${nth}`, `11.0.${nth >> 8}.${nth & 255}`));
  assert.equal(await code(() => attempt(true, "admin", "10.0.0.1")), "IDENTITY.1005");
});
