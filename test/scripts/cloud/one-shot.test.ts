import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cloudCallNames } from "../../../core/model/cloud/calls/index.ts";
import { newHost } from "../../../core/model/cloud/host.ts";
import { newUuid } from "../../core/orchestrator/bed.ts";
import { filesBelow, findSecret } from "../../support/secret-search.ts";
import { cliBed, golden, runAlone } from "./bed.ts";

const uuidOf = (stdout: string) => /"uuid": "([\da-f]{32})"/.exec(stdout)?.[1] ?? "";

test("a log-in is kept for later calls, readable by its owner alone, until the log-out", async (t) => {
  const bed = await cliBed(t);
  const before = await bed.run("QueryZone");
  assert.deepEqual([before.code, before.stdout], [4, ""]);
  assert.match(before.stderr, /^IDENTITY\.1001: .*127\.0\.0\.1:\d+\.\n {2}Log in with: zstack-cli LogInByAccount/);
  assert.deepEqual(bed.asked, []);
  await bed.logIn();
  assert.equal(statSync(join(bed.home, ".zstack-cli/session")).mode & 0o777, 0o600);
  assert.equal(statSync(join(bed.home, ".zstack-cli")).mode & 0o777, 0o700);
  const made = await bed.run("CreateZone", "name=east", "description=two words");
  assert.deepEqual([made.code, made.stderr], [0, ""]);
  assert.equal(JSON.parse(made.stdout).inventory.description, "two words");
  assert.equal((await bed.run("LogOut")).code, 0);
  assert.equal(bed.kept("session"), "{}\n");
  assert.equal((await bed.run("QueryZone")).code, 4);
});

test("a session that the manager refuses is forgotten", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  bed.expire();
  const { code, stderr } = await bed.run("QueryZone");
  assert.equal(code, 4);
  assert.match(stderr, /^IDENTITY\.1001: The session is not valid: The session is over\. \(session\)\n {2}Log in\.\n/);
  assert.equal(bed.kept("session"), "{}\n");
});

test("a password on the command line works, and is warned of; neither it nor the token is shown or kept elsewhere", async (t) => {
  const bed = await cliBed(t);
  const { code, stdout, stderr } = await bed.run(
    "LogInByAccount",
    "accountName=admin",
    `password=${bed.account.password}`,
  );
  assert.equal(code, 0);
  assert.match(stderr, /^zstack-cli: Every user of this machine can read a password on the command line\./);
  assert.equal(findSecret(stdout + stderr, [bed.account.password]), undefined);
  assert.doesNotMatch(stdout, /token/);
  for (const { file, text } of filesBelow(bed.home))
    assert.equal(findSecret(text, [bed.account.password]), undefined, file);
});

test("passwords come from a file, one a line; without a file and a terminal nothing is asked of the manager", async (t) => {
  const bed = await cliBed(t);
  const none = await bed.run("LogInByAccount", "accountName=admin");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no terminal to ask for password= at\. Give a file of passwords: -P FILE/);
  const file = join(bed.home, "passwords");
  writeFileSync(file, `${bed.account.password}\na new long password\n`);
  bed.account.mustChange = true;
  const opened = await bed.run("LogInByAccount", "accountName=admin", "-P", file);
  assert.match(opened.stderr, /The password must be changed before anything else: UpdateAccountPassword/);
  assert.equal((await bed.run("UpdateAccountPassword", "--password-file", file)).code, 0);
  assert.equal(bed.account.password, "a new long password");
  const short = await bed.feed("only one\n", "-P", "-", "UpdateAccountPassword");
  assert.deepEqual([short.code, short.stdout], [2, ""]);
  assert.match(short.stderr, /has no line 2, for newPassword=\./);
});

test("what the manager refuses is told with its code, place and remedies, or as JSON", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const wrong = await bed.run("CreateZone", "name= x");
  assert.deepEqual([wrong.code, wrong.stdout], [1, ""]);
  assert.match(wrong.stderr, /^SYS\.1001: A field of the call is wrong: .* \(name\)\n {2}name: For people: /);
  const json = await bed.run("--json-errors", "CreateZone", "name= x");
  assert.equal(JSON.parse(json.stderr).error.where, "name");
});

test("arguments become conditions, pages and fields of a query", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  for (const name of ["web-1", "web-2", "db-1"]) await bed.run("CreateZone", `name=${name}`);
  const names = async (...args: string[]) => {
    const { stdout } = await bed.run("QueryZone", "fields=name", ...args);
    return JSON.parse(stdout).inventories.map(({ name }: { name: string }) => name);
  };
  assert.deepEqual((await names("name~=web%")).sort(), ["web-1", "web-2"]);
  assert.deepEqual((await names("name?=web-2,db-1")).sort(), ["db-1", "web-2"]);
  assert.deepEqual(await names("name~=web%", "name=web-2", "state=Enabled"), ["web-2"]);
  assert.equal((await names("limit=1")).length, 1);
  assert.deepEqual(JSON.parse((await bed.run("queryzone", "count=true")).stdout), { inventories: [], total: 3 });
});

test("a long call is followed to its end and gives what it worked on", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const uuid = uuidOf((await bed.run("CreateZone", "name=east")).stdout);
  const running = bed.start("DeleteZone", `uuid=${uuid}`);
  const task = await taskOf(bed);
  await bed.records.change((tx) => tx.update("Task", task, { state: "Succeeded", progress: 100, step: null }));
  const { code, stdout, stderr } = await running.end;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(JSON.parse(stdout).task.state, "Succeeded");
});

test("a long call that has ended well gives the resource that it worked on, or what the task tells", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const zoneUuid = uuidOf((await bed.run("CreateZone", "name=east")).stdout);
  const clusterUuid = uuidOf((await bed.run("CreateCluster", "name=c1", `zoneUuid=${zoneUuid}`)).stdout);
  const uuid = newUuid();
  await bed.records.change((tx) =>
    tx.insert("Host", {
      ...{ uuid, name: "host-1", description: null, clusterUuid, managementIp: "10.0.0.11", ...newHost },
      ...{ cpuCores: 8, cpuUsed: 0, memoryTotal: 1, memoryUsed: 0, memoryReserved: 0, tags: [] },
    }),
  );
  const answerOf = async (result: object) => {
    const running = bed.start("ReconnectHost", `uuid=${uuid}`);
    const task = await taskOf(bed);
    bed.taskMore.set(task, result);
    await bed.records.change((tx) => tx.update("Task", task, { state: "Succeeded", progress: 100 }));
    const { code, stdout } = await running.end;
    assert.equal(code, 0);
    await bed.records.change((tx) => tx.remove("Task", task));
    return JSON.parse(stdout).inventory.name;
  };
  assert.equal(await answerOf({}), "host-1");
  assert.equal(await answerOf({ result: { inventory: { name: "as the task tells" } } }), "as the task tells");
});

test("-t gives the task of a long call at once; one that fails says why; Ctrl-C leaves it running", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const uuid = uuidOf((await bed.run("CreateZone", "name=east")).stdout);
  const { code, stdout } = await bed.run("-t", "DeleteZone", `uuid=${uuid}`);
  assert.deepEqual([code, JSON.parse(stdout).task.state], [0, "Running"]);
  const [first] = [...bed.mirror.all("Task")];
  await bed.records.change((tx) => tx.remove("Task", first?.value.uuid ?? ""));

  const failing = bed.start("DeleteZone", `uuid=${uuid}`);
  const task = await taskOf(bed);
  const cause = { code: "HOST.1002", description: "The host's status", details: "is Connecting." };
  bed.taskMore.set(task, { error: { code: "SYS.1022", description: "A step failed", details: "detach.", cause } });
  await bed.records.change((tx) => tx.update("Task", task, { state: "Failed" }));
  const failed = await failing.end;
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /^SYS\.1022: A step failed: detach\.\n {2}because of HOST\.1002: The host's status: is/);
  await bed.records.change((tx) => tx.remove("Task", task));

  const left = bed.start("DeleteZone", `uuid=${uuid}`);
  const other = await taskOf(bed);
  left.kill("SIGINT");
  const end = await left.end;
  assert.equal(end.code, 1);
  assert.match(
    end.stderr,
    new RegExp(`^CLOUD\\.STOPPED: .*\\n {2}Look at the task with GetTask uuid=${other}, or take it back with`),
  );
});

/** The one task that there is, as soon as it was asked about. */
async function taskOf(bed: Awaited<ReturnType<typeof cliBed>>): Promise<string> {
  for (;;) {
    const [task] = [...bed.mirror.all("Task")];
    if (task !== undefined && bed.asked.some((line) => line.endsWith(`/tasks/${task.value.uuid}`)))
      return task.value.uuid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a change whose connection breaks is tried again, and done once", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  let left = 2;
  bed.instead.reply = (url) => (url === "/v1/zones" && left-- > 0 ? "break" : undefined);
  const { code } = await bed.run("CreateZone", "name=east");
  assert.deepEqual([code, bed.mirror.count("Zone")], [0, 1]);
  assert.equal(bed.asked.filter((line) => line === "POST /v1/zones").length, 3);
});

test("a log-in whose connection breaks is not tried again: it might count as a wrong password", async (t) => {
  const bed = await cliBed(t);
  bed.instead.reply = () => "break";
  const { code, stderr } = await bed.feed("secret", "-P", "-", "LogInByAccount", "accountName=admin");
  assert.equal(code, 3);
  assert.match(stderr, /^CLOUD\.LOST: /);
  assert.equal(bed.asked.length, 1);
});

test("a manager that is not there, not trusted or none at all is told apart, each with status 3", async (t) => {
  const bed = await cliBed(t);
  const absent = await runAlone("-H", "127.0.0.1", "-p", "1", "GetVersion");
  assert.equal(absent.code, 3);
  assert.match(absent.stderr, /^CLOUD\.ABSENT: The manager at 127\.0\.0\.1:1 is not reached: Nothing listens on that/);
  const distrusted = await runAlone("-H", "127.0.0.1", "-p", String(bed.port), "GetVersion");
  assert.equal(distrusted.code, 3);
  assert.match(distrusted.stderr, /^CLOUD\.UNTRUSTED: .*\n {2}Copy \/etc\/binnacle\/tls\/ca\.crt/);
  const misnamed = await runAlone("-H", "localhost", "-p", String(bed.port), "--ca", bed.caFile, "GetVersion");
  assert.match(misnamed.stderr, /^CLOUD\.UNTRUSTED: .*\n {2}Give the host name of that management node/);
  assert.equal((await bed.run("--tls-name", "mgmt-2", "GetVersion")).code, 3);
  assert.deepEqual(bed.asked, []);
  assert.equal((await bed.run("--tls-name", "mgmt-1", "GetVersion")).code, 0);
});

test("answers that are broken, huge or of another kind are refused, and none moves the cursor", async (t) => {
  const bed = await cliBed(t);
  const answers: [string, number, string | Buffer][] = [
    ["no JSON", 200, "{"],
    ["a list", 200, "[]"],
    ["an error without a form", 500, '{"error":7}'],
    ["an empty error", 404, ""],
    ["huge", 200, Buffer.alloc(40_000_000, 0x20)],
    ["bytes that are no text", 200, Buffer.from([0xff, 0xfe, 0x1b, 0x5b])],
  ];
  for (const [what, status, body] of answers) {
    bed.instead.reply = () => ({ status, body });
    const { code, stdout, stderr } = await bed.run("GetVersion");
    assert.deepEqual([code, stdout], [3, ""], what);
    assert.match(stderr, /^CLOUD\.NONSENSE: /, what);
  }
});

test("a manager that says nothing is left by Ctrl-C", async (t) => {
  const bed = await cliBed(t);
  bed.instead.reply = () => "silence";
  const running = bed.start("GetVersion");
  while (bed.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  running.kill("SIGINT");
  const { code, stdout, stderr } = await running.end;
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^CLOUD\.STOPPED: /);
});

test("a home that can't be written is no reason not to log in", async (t) => {
  const bed = await cliBed(t);
  writeFileSync(join(bed.home, ".zstack-cli"), "");
  const { code, stdout, stderr } = await bed.feed(
    bed.account.password,
    "-P",
    "-",
    "LogInByAccount",
    "accountName=admin",
  );
  assert.deepEqual([code, JSON.parse(stdout).session.mustChangePassword], [0, false]);
  assert.match(stderr, /^zstack-cli: The session can't be kept for later calls: /);
});

test("escape sequences of a manager reach the terminal in no form", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const bad = "\u001b]0;x\u0007\u009b2J\u202e\u2028evil\r\n";
  const hostile = { inventories: [{ name: bad, uuid: bad, [bad]: bad, state: [bad, { bad }] }], [bad]: 1 };
  bed.instead.reply = () => ({ status: 200, body: JSON.stringify(hostile) });
  const isPlain = (text: string) => assert.doesNotMatch(text, /[^\P{C}\n]|[\u2028\u2029]/u);
  const json = await bed.run("QueryZone");
  isPlain(json.stdout);
  assert.deepEqual(JSON.parse(json.stdout), hostile);
  const table = await bed.run("-s", "QueryZone");
  isPlain(table.stdout);
  assert.match(table.stdout, /\\u\{1b\}/);
  const error = { code: bad, description: bad, details: bad, where: bad, remedy: bad };
  bed.instead.reply = () => ({ status: 409, body: JSON.stringify({ error }) });
  isPlain((await bed.run("QueryZone")).stderr);
  isPlain((await bed.run("--json-errors", "QueryZone")).stderr);
});

test("wrong usage asks nothing, says what is right, and repeats no value", async () => {
  const lines = [
    ["QueryHosst"],
    ["CreateZone"],
    ["CreateZone", "name=a", "name=b"],
    ["CreateZone", "nmae=a"],
    ["CreateZone", "Name=a"],
    ["LogInByAccount", "admin", "secret-word"],
    ["LogInByAccount", "accountName=admin", "passwort=secret-word"],
    ["ChangeHostState"],
    ["QueryHost", "web"],
    ["help", "Nothing"],
    ["-p", "99999", "QueryHost"],
    ["-H", "a b", "QueryHost"],
    ["--tables=yes", "QueryHost"],
    ["--nothing"],
    ["-H"],
    ["--ca", "/nowhere/ca.crt", "GetVersion"],
    ["\u001b[2J"],
  ];
  const texts: string[] = [];
  for (const args of lines) {
    const { code, stdout, stderr } = await runAlone(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.doesNotMatch(stderr, /secret-word/);
    texts.push(`$ zstack-cli ${JSON.stringify(args).slice(1, -1)}\n${stderr}`);
  }
  const text = texts.join("\n");
  assert.equal(text, golden("wrong-usage.txt", text));
});

test("help is of the tables", async () => {
  for (const args of [["--help"], ["help", "CreateCluster"], ["queryzone", "-h"], ["help", "LogInByAccount"]]) {
    const { code, stdout, stderr } = await runAlone(...args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, golden(`${args.join("-").replace(/^-+/, "")}.txt`, stdout));
    assert.ok(stdout.split("\n").every((line) => line.length <= 90));
  }
  const { stdout } = await runAlone("help");
  for (const name of cloudCallNames) assert.match(stdout, new RegExp(` ${name}\\b`));
});

test("a table that leaves resources out says how many there are, and an empty one is a table", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  assert.match((await bed.run("-s", "QueryZone", "fields=name")).stdout, /^name\n-+\n$/);
  for (const name of ["a", "b", "c"]) await bed.run("CreateZone", `name=${name}`);
  assert.match((await bed.run("-s", "QueryZone", "fields=name", "limit=2")).stdout, /\n2 of 3\n$/);
  assert.doesNotMatch((await bed.run("-s", "QueryZone", "fields=name")).stdout, / of /);
  assert.equal((await bed.run("-s", "QueryZone", "count=true")).stdout, "3\n");
});
