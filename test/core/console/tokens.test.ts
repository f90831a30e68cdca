import assert from "node:assert/strict";
import { test } from "node:test";
import { againMs, firstUseMs } from "../../../core/console/tokens.ts";
import { Secret } from "../../../core/model/secret.ts";
import { seen } from "../../support/cloud/place.ts";
import { consoleCloud } from "./bed.ts";

const anotherUuid = "0f8fad5bd9cb469fa16570867728950e";

test("a token opens a console once: of two who show it at once, one gets in", async (t) => {
  const { token, cloud, uuid } = await consoleCloud(t);
  const secret = new Secret(await token());
  const both = await Promise.all([cloud.consoleTokens.take(secret), cloud.consoleTokens.take(secret)]);
  assert.deepEqual(
    both.flatMap((grant) => grant?.vmUuid ?? []),
    [uuid],
  );
  assert.equal(await cloud.consoleTokens.take(secret), undefined);
});

test("a token that nobody has used within its time opens nothing, and is swept away", async (t) => {
  const { token, cloud, clock, records } = await consoleCloud(t);
  const [early, late] = [new Secret(await token()), new Secret(await token())];
  clock.aheadMs = firstUseMs - 5_000;
  assert.ok((await cloud.consoleTokens.take(early)) !== undefined);
  clock.aheadMs = firstUseMs + 1;
  assert.equal(await cloud.consoleTokens.take(late), undefined);
  const third = await token();
  clock.aheadMs += firstUseMs + 1;
  assert.equal(records().length, 1);
  await cloud.consoleTokens.sweep();
  assert.deepEqual(records(), []);
  assert.equal(await cloud.consoleTokens.take(new Secret(third)), undefined);
});

test("after its session's log-out a token opens nothing", async (t) => {
  const { token, cloud, call } = await consoleCloud(t);
  const secret = new Secret(await token());
  await call("LogOut", {});
  assert.equal(await cloud.consoleTokens.take(secret), undefined);
});

test("a machine that was stopped takes its tokens along, also when it runs again on the same host", async (t) => {
  const { token, cloud, done, uuid, newMachine, records } = await consoleCloud(t);
  const other = await newMachine("db");
  const [own, others] = [new Secret(await token()), new Secret(await token(other))];
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  await seen(cloud.mirror, () => records().length === 1);
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal(await cloud.consoleTokens.take(own), undefined);
  assert.equal((await cloud.consoleTokens.take(others))?.vmUuid, other);
});

test("a machine that is on another host than when the token was made opens nothing", async (t) => {
  const { token, cloud, uuid } = await consoleCloud(t);
  const secret = new Secret(await token());
  await cloud.records.change((tx) => tx.update("VmInstance", uuid, { hostUuid: anotherUuid }));
  assert.equal(await cloud.consoleTokens.take(secret), undefined);
});

test("the store, the audit and the kept answers of calls have no token in them", async (t) => {
  const { token, cloud, store, uuid } = await consoleCloud(t);
  const secret = await token();
  await cloud.dispatching.audit.flush();
  const kinds = ["ConsoleToken", "AuditRecord", "IdempotencyKey"] as const;
  const all = await Promise.all(kinds.map(async (kind) => (await store.list({ kind })).records));
  const text = JSON.stringify(all);
  assert.ok(text.includes(uuid));
  assert.ok(text.includes("RequestConsoleAccess"));
  assert.ok(!text.includes(secret));
});

test("guesses are refused without a look at the store's records, whatever they are", async (t) => {
  const { cloud, token, records } = await consoleCloud(t);
  const secret = await token();
  const key = records()[0]?.[0] ?? "";
  for (const guess of ["", "x", secret.slice(0, 42), `${secret}x`, key, "__proto__", "a".repeat(43), `${secret}\n`])
    assert.equal(await cloud.consoleTokens.take(new Secret(guess)), undefined, guess);
  assert.ok((await cloud.consoleTokens.take(new Secret(secret))) !== undefined);
});

test("a page that has lost its connection comes back with its other token, for some minutes", async (t) => {
  const { token, cloud, clock, uuid } = await consoleCloud(t);
  const take = async (text: string) => {
    const grant = await cloud.consoleTokens.take(new Secret(text));
    assert.ok(grant !== undefined);
    return grant;
  };
  const grant = await take(await token());
  const [first, second] = [await cloud.consoleTokens.again(grant), await cloud.consoleTokens.again(grant)];
  await cloud.consoleTokens.released(first);
  await cloud.consoleTokens.released(second);
  clock.aheadMs = againMs - 5_000;
  assert.equal((await take(first.reveal())).vmUuid, uuid);
  clock.aheadMs = againMs + 1;
  assert.equal(await cloud.consoleTokens.take(second), undefined);
});

test("only a machine that has a console gives a way to it, and the refusal names its state", async (t) => {
  const { call, done, uuid } = await consoleCloud(t);
  const ask = () => call("RequestConsoleAccess", { vmInstanceUuid: uuid, kind: "vnc" });
  assert.equal((await done("PauseVmInstance", { uuid })).state, "Succeeded");
  const { inventory } = await ask();
  assert.equal(inventory.url, `https://127.0.0.1:${inventory.port}/vnc#${inventory.token}`);
  assert.equal((await done("ResumeVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  await assert.rejects(ask(), { code: "VM.1001", message: /Stopped/ });
  const missing = { vmInstanceUuid: anotherUuid, kind: "vnc" } as const;
  await assert.rejects(call("RequestConsoleAccess", missing), { code: "SYS.1005" });
});

test("a session that asks and asks keeps its newest tokens", async (t) => {
  const { token, cloud, records } = await consoleCloud(t);
  const all: string[] = [];
  for (let n = 0; n < 70; n++) all.push(await token());
  assert.equal(records().length, 64);
  assert.ok((await cloud.consoleTokens.take(new Secret(all.at(-1) ?? ""))) !== undefined);
});
