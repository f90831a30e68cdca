import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { filesBelow, findSecret } from "../../support/secret-search.ts";
import { cliBed } from "./bed.ts";

test("at the prompt somebody logs in with a password that is never shown, and leaves with Ctrl-D", async (t) => {
  const bed = await cliBed(t);
  const typed = await bed.type();
  await typed.until(/^- >$/m);
  typed.type("LogInByAccount accountName=admin\r");
  await typed.until("Password:");
  typed.type(`wrong\x15${bed.account.password}x\x7f\r`);
  await typed.until(/^admin@127\.0\.0\.1:\d+>$/m);
  typed.type("CreateZone name=east\r");
  await typed.until('"name": "east"');
  await typed.until((text) => text.trimEnd().endsWith(">"));
  typed.type("\x04");
  assert.equal((await typed.exited).exitCode, 0);
  assert.equal(findSecret(typed.raw(), [bed.account.password]), undefined);
});

test("Tab completes calls, keys and values, and shows names beside uuids", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const uuids: Record<string, string> = {};
  for (const name of ["east 1", "east 2", "west"]) {
    const { stdout } = await bed.run("CreateZone", `name=${name}`);
    uuids[name] = JSON.parse(stdout).inventory.uuid;
  }
  const typed = await bed.type();
  await typed.until(/^admin@.*>$/m);
  typed.type("createcl\t");
  await typed.until(/> CreateCluster$/m);
  typed.type("\t");
  await typed.until(/^zoneUuid= +uuid of a Zone, required$/m);
  typed.type("name=c1 zo\t");
  await typed.until(/name=c1 zoneUuid=$/m);
  typed.type("east\t");
  for (const name of ["east 1", "east 2"]) await typed.until(new RegExp(`^${uuids[name]} +${name}$`, "m"));
  typed.type("\b\b\b\bwe\t");
  await typed.until(`zoneUuid=${uuids["west"]}`);
  typed.type(" hypervisorType=\t");
  await typed.until(/hypervisorType=KVM$/m);
  typed.type("\r");
  await typed.until(`"zoneUuid": "${uuids["west"]}"`);
  typed.type("ChangeZoneState stateEvent=d\t");
  await typed.until(/stateEvent=disable$/m);
  typed.type("\x15QueryZone stat\t");
  await typed.until(/QueryZone state$/m);
  typed.type("\t");
  await typed.until(/^state= +state!\?= +state!~= +state\?= +state~= +state!=$/m);
  typed.type("\x15QueryHost cluster.na\t");
  await typed.until(/cluster\.name$/m);
  typed.type("=");
  typed.type("\t");
  await typed.until(/cluster\.name=c1$/m);
});

test("Ctrl-C leaves a task that is waited for, and throws a half typed line away", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const { stdout } = await bed.run("CreateZone", "name=east");
  const typed = await bed.type();
  await typed.until(/^admin@.*>$/m);
  typed.type(`DeleteZone uuid=${JSON.parse(stdout).inventory.uuid}\r`);
  await typed.until("DeleteZone: 40 % stop machines");
  typed.type("\x03");
  await typed.until("CLOUD.STOPPED: The task goes on;");
  await typed.until(/^admin@.*>$/m);
  typed.type("LogInByAcc\x03");
  await typed.until(/LogInByAcc\^C\n+admin@.*>$/m);
  typed.type("help LogOut\r");
  await typed.until("Ends this session.");
  typed.type("quit\r");
  assert.equal((await typed.exited).exitCode, 1);
});

test("the history is kept for the next time, for its owner alone, and no line with a password goes into it", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const first = await bed.type();
  await first.until(/^admin@.*>$/m);
  const secret = "p4ss-w0rd-of-x";
  const lines = [
    "QueryZone name=remembered",
    `LogInByAccount accountName=admin password=${secret}`,
    `LogInByAccount accountName=admin password="${secret}`,
    `LogInByAccount accountName=admin ${secret}`,
    `LogInByAccount accountName=admin pass=${secret}`,
    `AddKVMHost name=h pwd=${secret}`,
    `loginbyacount admin ${secret}`,
    secret,
    "QueryZone name=second",
  ];
  for (const [i, line] of lines.entries()) {
    first.type(`${line}\r`);
    await first.until(
      (text) => (text.match(/^admin@.*>/gm) ?? []).length > Math.min(i, 3) && text.trimEnd().endsWith(">"),
    );
  }
  first.type("\x04");
  await first.exited;
  assert.equal(bed.kept("history"), "QueryZone name=remembered\nQueryZone name=second\n");
  for (const { file, text } of filesBelow(bed.home)) assert.equal(findSecret(text, [secret]), undefined, file);
  assert.equal(statSync(join(bed.home, ".zstack-cli/history")).mode & 0o777, 0o600);
  const second = await bed.type();
  await second.until(/^admin@.*>$/m);
  second.type("\x1b[A\x1b[A");
  await second.until(/> QueryZone name=remembered$/m);
});

test("a history file that is damaged, foreign or too open does not get in the way", async (t) => {
  const bed = await cliBed(t);
  mkdirSync(join(bed.home, ".zstack-cli"));
  const file = join(bed.home, ".zstack-cli/history");
  writeFileSync(file, "password=x\n\u001b[2Jevil\nhelp LogOut\n", { mode: 0o666 });
  writeFileSync(join(bed.home, ".zstack-cli/session"), "{nonsense");
  const typed = await bed.type();
  await typed.until(/^- >$/m);
  typed.type("\x1b[A");
  await typed.until(/- > help LogOut$/m);
  typed.type("\r");
  await typed.until("Ends this session.");
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("lines of a file are carried out one after the other, and the status is that of the last failure", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const { code, stdout, stderr } = await bed.feed("CreateZone name='a b'\nGetZone uuid=x\n\nQueryZone fields=name\n");
  assert.equal(code, 1);
  assert.match(stdout, /"name": "a b"[\s\S]*"inventories": \[\n {4}\{\n {6}"name": "a b"/);
  assert.match(stderr, /^SYS\.1001: /);
});
