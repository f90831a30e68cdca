import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, it } from "node:test";
import { closeConsolesWithoutFault, openConsole } from "../support/console.ts";
import { startAgent, stopAgents, temporaryFolder } from "../support/programs.ts";
import { filesBelow, findSecret, watchCommandLines } from "../support/secret-search.ts";
import { choosePassword, logIn, openItem, openPrompt, untilHome, untilTitle } from "../support/steps.ts";

/** Every way in which a password gets into the console, each with one of its own. */
const planted = {
  chosen: "plAnted-chosen-1 ßé密码",
  wrongTyped: "plAnted-wrong-typed-2",
  wrongPasted: "plAnted-wrong-pasted-3",
  wrongBurst: "plAnted-wrong-burst-4",
  halfTyped: "plAnted-half-typed-5",
  wrongOld: "plAnted-wrong-old-6",
  differing: "plAnted-differing-7",
  next: `plAnted-next-8 "quoted" $HOME \\n`,
} as const;
const secrets = Object.values(planted);
const clearField = "\x15";
const pasted = (text: string) => `\x1b[200~${text}\x1b[201~`;

afterEach(async () => {
  await closeConsolesWithoutFault();
  await stopAgents();
});

it("no password that is typed or pasted is in any file, log, record, command line, or byte sent to a screen", async () => {
  const folder = temporaryFolder();
  const home = join(folder.path, "home");
  const crashFile = join(folder.path, "crash");
  const commands = watchCommandLines();
  const agent = await startAgent({ home, fixture: "laptop-vm", args: ["--log", join(folder.path, "agent.log")] });
  const open = (name: string, locale = "C.UTF-8") =>
    openConsole({
      socketPath: agent.socketPath,
      locale,
      args: ["--console", name, "--crash-file", crashFile],
    });

  const first = await open("tty1");
  await choosePassword(first, { password: planted.chosen });
  first.press("esc");
  for (const wrong of [planted.wrongTyped, pasted(planted.wrongPasted), `${planted.wrongBurst}${planted.wrongBurst}`]) {
    await openPrompt(first);
    first.type(`${wrong}\r`);
    await first.until("Wrong password.");
    await untilHome(first);
  }
  await openPrompt(first);
  for (const letter of planted.halfTyped) first.type(letter);
  first.press("f1");
  await untilTitle(first, "Help");
  first.press("esc");
  first.press("esc");
  await logIn(first, { password: pasted(planted.chosen) });

  await openItem(first, "passwords");
  first.type(`${planted.wrongOld}\t${planted.next}\t${planted.differing}\r`);
  await first.until("The two entries differ.");
  first.type(`${clearField}${planted.next}\r`);
  await first.until("Change the password of root?");
  first.type("y");
  await first.until("The old password is wrong");
  first.type(`${clearField}${planted.chosen}\t\t\r`);
  await first.until("Change the password of root?");
  first.type("y");
  await first.until("The password is changed.");
  await openItem(first, "audit");
  await first.until(/password\.root/);

  const second = await open("ttyS0", "C");
  await logIn(second, { key: "f12", password: planted.next });
  second.type("q");
  // A fault and a kill leave what they leave: the agent's memory is not written anywhere.
  first.kill("SIGTERM");
  await first.exited;
  await agent.kill("SIGKILL");

  const seen = [
    ...filesBelow(folder.path),
    ...commands.stop().map((text) => ({ file: "a command line", text })),
    { file: "the agent's output", text: agent.output() },
    // The bytes as they were sent, as the letters that they mean.
    ...[first, second].flatMap((console, nth) => [
      { file: `the screen of console ${nth}`, text: Buffer.from(console.raw(), "latin1").toString("utf8") },
      { file: `the errors of console ${nth}`, text: console.errors() },
    ]),
  ];
  const names = seen.map(({ file }) => file);
  for (const expected of ["agent.log", "audit.jsonl", "password.json"])
    assert.ok(
      names.some((name) => name.endsWith(expected)),
      `${expected} was searched`,
    );
  assert.ok(
    seen.some(({ text }) => text.includes("agent.js\0--preview")),
    "command lines were seen",
  );
  assert.ok(!existsSync(crashFile), "nothing crashed");
  for (const { file, text } of seen) assert.equal(findSecret(text, secrets), undefined, file);
  for (const { file, text } of seen) assert.ok(!/plAnted/.test(text), `a part of a password is in ${file}`);
  folder.dispose();
});
