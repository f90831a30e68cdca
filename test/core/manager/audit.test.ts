import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { argumentsText } from "../../../core/manager/audit-arguments.ts";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { longestArguments } from "../../../core/model/cloud/operations.ts";
import { resources } from "../../../core/model/cloud/resources.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import type { Change, Store } from "../../../core/store/store.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { adminPassword, managerOn, type TestCloud, testCloud } from "../../support/cloud/manager.ts";
import { place } from "../../support/cloud/place.ts";
import { findSecret } from "../../support/secret-search.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;
const size = { cpuNum: 2, memorySize: gigabyte, rootDiskSize: gigabyte };

/** The records of one call, as they stand in the store. */
async function recordsOf({ store }: Pick<TestCloud, "store">, call: CloudCallName) {
  const { records } = await store.list({ kind: "AuditRecord" });
  return records.flatMap(({ value }) => {
    const record = resources.AuditRecord.schema.parse(value);
    return record.call === call ? [record] : [];
  });
}

/** What each transaction writes from now on. */
function watchCommits(t: TestContext, store: Store): Change[][] {
  const commits: Change[][] = [];
  const transact = store.transact.bind(store);
  t.mock.method(store, "transact", (changes: readonly Change[]) => {
    commits.push(changes.filter((change) => change.do !== "expect"));
    return transact(changes);
  });
  return commits;
}

/** Holds up what a host is asked for. `reached`: it has been asked; `letGo`: it goes on. */
function heldAt({ hosts }: Pick<TestCloud, "hosts">, what: string) {
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hosts.hold = async (asked, signal) => {
    if (asked !== what) return;
    reached.resolve();
    const ended = new Promise<void>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    await Promise.race([held.promise, ended]);
  };
  return { reached: reached.promise, letGo: held.resolve };
}

test("a call with a task has succeeded in the audit when the task has, written by the commit that ends the task", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { reached, letGo } = heldAt(bed, "10.0.0.2 startMachine");
  const commits = watchCommits(t, bed.store);
  const making = bed.done("CreateVmInstance", { name: "web", ...size });
  await reached;
  const [open] = await recordsOf(bed, "CreateVmInstance");
  assert.deepEqual([open?.succeeded, open?.errorCode], [null, null]);
  letGo();
  const task = await making;
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  const [record, ...more] = await recordsOf(bed, "CreateVmInstance");
  assert.deepEqual(more, []);
  const { uuid: taskUuid, resourceUuid } = task;
  assert.deepEqual(record, {
    ...open,
    ...{ taskUuid, resourceUuid, accountName: "admin", succeeded: true, errorCode: null },
    lastOpDate: task.endDate,
    durationMs: Number(task.endDate) - task.createDate,
  });
  const audited = commits.filter((changes) => changes.some(({ kind }) => kind === "AuditRecord"));
  assert.equal(audited.length, 2, "one with the call, one with the end of its task");
  for (const changes of audited) assert.ok(changes.some(({ kind, key }) => kind === "Task" && key === taskUuid));
  assert.equal(bed.cloud.mirror.count("TaskAudit"), 0);
});

test("a call whose task fails later is found as failed, with who called, from where and the task's error", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  bed.hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "startMachine" }] });
  const task = await bed.done("CreateVmInstance", { name: "web", ...size });
  assert.equal(task.state, "Failed");
  const { inventories } = await bed.call("QueryAuditRecord", { q: ["succeeded=false"] });
  assert.deepEqual(
    inventories.map(({ call, accountName, clientAddress, errorCode }) => [call, accountName, clientAddress, errorCode]),
    [["CreateVmInstance", "admin", "192.0.2.1", task.error?.code]],
  );
});

test("a task that is cancelled has not done what was asked, and who cancelled it has", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { reached, letGo } = heldAt(bed, "10.0.0.2 createVolume");
  const making = bed.done("CreateVmInstance", { name: "web", ...size });
  await reached;
  const [open] = await recordsOf(bed, "CreateVmInstance");
  const uuid = open?.taskUuid ?? "";
  await bed.call("CancelTask", { uuid });
  letGo();
  assert.equal((await making).state, "Cancelled");
  const [record] = await recordsOf(bed, "CreateVmInstance");
  assert.deepEqual([record?.succeeded, record?.errorCode], [false, "SYS.1021"]);
  const [cancelling] = await recordsOf(bed, "CancelTask");
  assert.deepEqual([cancelling?.succeeded, cancelling?.resourceUuid, cancelling?.taskUuid], [true, uuid, null]);
});

test("the next manager that ends a task ends its record in the audit", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { reached } = heldAt(bed, "10.0.0.2 startMachine");
  void bed.done("CreateVmInstance", { name: "web", ...size }).catch(() => undefined);
  await reached;
  await bed.cloud.close();
  bed.hosts.hold = async () => {};
  const next = await managerOn(t, bed.store, bed.hosts);
  const [open] = await recordsOf(next, "CreateVmInstance");
  const task = await taskEnd(next.cloud.mirror, open?.taskUuid ?? "", AbortSignal.timeout(60_000));
  const [record] = await recordsOf(next, "CreateVmInstance");
  assert.deepEqual([task?.state, record?.succeeded], ["Succeeded", true]);
});

test("a call that is repeated with its key leaves its outcome to the record of the first", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { dispatcher, mirror } = bed.cloud;
  const ask = { token: bed.token, address: "192.0.2.1", requestBytes: 0, idempotencyKey: "k1" };
  const make = async () => {
    const answer = await dispatcher.run("CreateVmInstance", { name: "web", ...size }, ask);
    return (answer as { task: { uuid: string } }).task.uuid;
  };
  const taskUuid = await make();
  await taskEnd(mirror, taskUuid, AbortSignal.timeout(60_000));
  assert.equal(await make(), taskUuid);
  const records = await recordsOf(bed, "CreateVmInstance");
  assert.deepEqual(
    records.map((record) => record.taskUuid),
    [taskUuid, taskUuid],
  );
  assert.deepEqual(new Set(records.map(({ succeeded }) => succeeded)), new Set([true, null]));
});

test("a log-in, right or wrong, names the account; a text that is no account's name, as a password would be, is not kept", async (t) => {
  const bed = await testCloud(t);
  const ask = { token: undefined, address: "198.51.100.7", requestBytes: 0 };
  const logIn = (accountName: string, password: string) =>
    bed.cloud.dispatcher.run("LogInByAccount", { accountName, password }, ask);
  await refuses(logIn("admin", "not the password"), "IDENTITY.1002");
  const mistyped = "My-Dog-Is-Called-Rex-7";
  await refuses(logIn(mistyped, "x"), "IDENTITY.1002");
  const from = (await recordsOf(bed, "LogInByAccount")).filter(({ clientAddress }) => clientAddress === ask.address);
  assert.deepEqual(from.map((record) => [record.accountName, record.succeeded, record.arguments]).sort(), [
    ["admin", false, null],
    ["unknown account", false, null],
  ]);
  const [opened] = (await recordsOf(bed, "LogInByAccount")).filter(({ succeeded }) => succeeded);
  assert.equal(opened?.accountName, "admin");
  const all = JSON.stringify((await bed.store.list({ kind: "AuditRecord" })).records);
  assert.equal(findSecret(all, [mistyped, adminPassword, "not the password"]), undefined);
});

test("whoever changes a password that has to be changed is named, too", async (t) => {
  const bed = await testCloud(t);
  const { dispatcher } = bed.cloud;
  const [first, second] = ["a first long secret", "a second long secret"];
  const ask = { token: undefined, address: "192.0.2.1", requestBytes: 0 };
  await dispatcher.run("ResetAccountPassword", { newPassword: first, mustChange: true }, { ...ask, isRoot: true });
  const opened = await dispatcher.run("LogInByAccount", { accountName: "admin", password: first }, ask);
  const { token } = (opened as { session: { token: string } }).session;
  await refuses(dispatcher.run("QueryZone", {}, { ...ask, token }), "IDENTITY.1003");
  await dispatcher.run("UpdateAccountPassword", { oldPassword: first, newPassword: second }, { ...ask, token });
  const [changed, ...more] = await recordsOf(bed, "UpdateAccountPassword");
  assert.deepEqual([changed?.accountName, changed?.succeeded, changed?.arguments, more], ["admin", true, null, []]);
  const [reset] = await recordsOf(bed, "ResetAccountPassword");
  assert.deepEqual([reset?.accountName, reset?.arguments], ["root", "mustChange=true"]);
});

test("the audit has what was given, without a password, and nothing of what no schema knows", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const [added] = await recordsOf(bed, "AddKVMHost");
  assert.equal(
    added?.arguments,
    `name=10.0.0.2 clusterUuid=${bed.cluster.uuid} managementIp=10.0.0.2`,
    "as it was given, without presets",
  );
  await bed.call("UpdateZone", { uuid: bed.zone.uuid, description: 'two words and "more"\n' });
  const [updated] = await recordsOf(bed, "UpdateZone");
  assert.equal(updated?.arguments, 'description="two words and \\"more\\"\\n"');
  await refuses(bed.call("UpdateZone", { uuid: bed.zone.uuid, pasword: hostPassword } as never), "SYS.1001");
  const refused = (await recordsOf(bed, "UpdateZone")).find(({ succeeded }) => succeeded === false);
  assert.equal(refused?.arguments, null);
  const { inventories } = await bed.call("QueryAuditRecord", { q: ["arguments~=%two words%"] });
  assert.deepEqual(
    inventories.map(({ call }) => call),
    ["UpdateZone"],
  );
});

test("arguments are one line of a bounded length, whatever they are", () => {
  const long = { name: "x".repeat(1_000), tags: Array.from({ length: 1_024 }, (_, n) => `a::${n}`) };
  const text = argumentsText(long, long) ?? "";
  assert.match(text, /^name=x{127}… tags=a::0,a::1,.*,a::15,…$/);
  const hostile = {
    description: `\u001b[2J\u202e${String.fromCharCode(0xd800)} 👩\u2028`.repeat(40),
    more: { token: "secret", x: 1 },
  };
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`field${n}`, hostile.description]));
  for (const given of [hostile, many, { name: "👩".repeat(100) }]) {
    const told = argumentsText(given, given);
    assert.ok(resources.AuditRecord.schema.shape.arguments.safeParse(told).success, told ?? "");
    assert.ok((told ?? "").length <= longestArguments);
    assert.doesNotMatch(told ?? "", /secret/);
  }
  assert.equal(argumentsText({}, {}), null);
});
