import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { beyondAscii, type ConsoleBed, type ConsoleOptions, closeConsoles, openConsole } from "../support/console.ts";
import { type RunningAgent, startAgent, stopAgents, temporaryFolder } from "../support/programs.ts";
import {
  choosePassword,
  goodPassword,
  leaveItem,
  logIn,
  openItem,
  openPrompt,
  selectLine,
  untilHome,
  untilTitle,
} from "../support/steps.ts";

/* What people do at the console, from key to screen, on the real programs. */

afterEach(async () => {
  await closeConsoles();
  await stopAgents();
});

/** An agent on a recorded machine, with a password unless told. */
async function agentWith(password: string | undefined = goodPassword): Promise<RunningAgent> {
  const agent = await startAgent({ fixture: "laptop-vm" });
  if (password !== undefined) await agent.client("setup").call("choosePassword", { body: { password } });
  return agent;
}

function consoleOf(agent: RunningAgent, name = "tty1", more: Partial<ConsoleOptions> = {}): Promise<ConsoleBed> {
  const { args = [], ...others } = more;
  return openConsole({ socketPath: agent.socketPath, args: ["--console", name, ...args], ...others });
}

/** The pause of a hand that looks for the next key. */
const handPause = () => new Promise((resolve) => setTimeout(resolve, 300));
const clearField = "\x15";

describe("the password", () => {
  it("is chosen at the first F2 of a preview: one too short and two that differ are refused with the reason", async () => {
    const agent = await startAgent({ fixture: "laptop-vm" });
    const console = await consoleOf(agent);
    await untilHome(console);
    console.press("f2");
    await untilTitle(console, "Choose a password");
    console.type("short\tshort\r");
    await console.until("At least 8 characters.");
    console.type(`${clearField}${goodPassword}\t${clearField}${goodPassword}x\r`);
    await console.until("The two entries differ.");
    assert.doesNotMatch(console.text(), /At least 8 characters/);
    console.type(`${clearField}${goodPassword}\r`);
    await untilTitle(console, "System Configuration");
    console.press("f2");
    await logIn(console);
  });

  it("is asked at F2 and F12, shows nothing while it is typed, and a wrong one goes home with a message", async () => {
    const console = await consoleOf(await agentWith());
    for (const key of ["f2", "f12"] as const) {
      await openPrompt(console, key);
      const prompt = () => ({ lines: console.screen().slice(1, 20), at: console.cursor() });
      const before = prompt();
      console.type("not-the-password");
      // What was typed has been taken in when the answer to the key behind it is there.
      console.press("f4");
      await console.until("Plain display");
      assert.deepEqual(prompt(), before);
      console.press("f4");
      await console.until("Rich display");
      console.type("\r");
      await console.until("Wrong password.");
      await untilHome(console);
      console.press("esc");
    }
  });

  it("given wrong five times makes that console wait, and no other; after the wait the right one opens", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    for (let left = 4; left >= 0; left--) {
      await openPrompt(console);
      console.type(`wrong-password-${left}\r`);
      await console.until(left > 0 ? `${left} more before` : /has to wait \d+ s now/);
    }
    await openPrompt(console);
    console.type(`${goodPassword}\r`);
    await console.until(/has to wait \d+ s more/);
    await untilHome(console);

    await logIn(await consoleOf(agent, "ttyS0"));

    for (let attempt = 0; ; attempt++) {
      await openPrompt(console);
      console.type(`${goodPassword}\r`);
      await console.until(/System Configuration|has to wait \d+ s more/);
      if (/System Configuration/.test(console.text())) break;
      assert.ok(attempt < 100, "the wait never ends");
      await handPause();
    }
  });

  it("is changed: the wrong old one and two that differ are refused, and only the new one opens then", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    const next = "Second-lighthouse-7";
    await logIn(console);
    await openItem(console, "passwords");
    console.type(`not-the-old-one\t${next}\t${next}x\r`);
    await console.until("The two entries differ.");
    console.type(`${clearField}${next}\r`);
    await console.until("Change the password of root?");
    console.type("y");
    await console.until("The old password is wrong");
    console.type(`${clearField}${goodPassword}\t\t\r`);
    await console.until("Change the password of root?");
    console.type("n");
    await console.until((text) => !text.includes("Change the password of root?"));
    console.press("enter");
    await console.until("Change the password of root?");
    console.type("y");
    await console.until("The password is changed.");
    console.press("f2");

    await openPrompt(console);
    console.type(`${goodPassword}\r`);
    await console.until("Wrong password.");
    await logIn(console, { password: next });
  });
});

describe("Esc and a character", () => {
  const twins = [
    { name: "F2", typed: "2", title: "Password" },
    { name: "F12", typed: "=", title: "Password" },
    { name: "F1", typed: "1", title: "Help" },
  ];
  for (const { name, typed, title } of twins)
    it(`are ${name}, typed slowly and as one chunk`, async () => {
      const console = await consoleOf(await agentWith());
      await untilHome(console);
      console.press("esc");
      await handPause();
      console.type(typed);
      await untilTitle(console, title);
      console.press("esc");
      await untilHome(console);
      console.type(`\x1b${typed}`);
      await untilTitle(console, title);
    });

  it("act on the screen that was there before the Esc closed it", async () => {
    const console = await consoleOf(await agentWith());
    await logIn(console);
    await openItem(console, "terminals");
    console.press("esc");
    await untilTitle(console, "System Configuration");
    console.type("1");
    await console.until("Ctrl+Alt with an F-key");
    console.press("esc");
    await untilTitle(console, "Terminal Info");
  });

  it("don't bring back the rights that going home gave up", async () => {
    const console = await consoleOf(await agentWith());
    await logIn(console);
    console.press("esc");
    await untilHome(console);
    console.type("=");
    await untilTitle(console, "Password");
  });
});

describe("System Configuration", () => {
  it("is walked with j and k, filtered with /, and left with F2", async () => {
    const console = await consoleOf(await agentWith());
    await logIn(console);
    await console.until(/> Change Passwords/);
    console.type("j");
    await console.until(/> Rename NIC/);
    console.type("k");
    await console.until(/> Change Passwords/);
    console.type("/");
    await console.until("Filter:");
    console.type("jog");
    await console.until("Nothing matches.");
    console.type("\x7f\x7fobs");
    await console.until((text) => /> Jobs/.test(text) && !text.includes("Change Passwords"));
    console.press("enter");
    await console.until("Esc clears");
    console.press("esc");
    console.press("home");
    await console.until(/> Change Passwords/);
    console.press("f2");
    await openPrompt(console);
  });
});

describe("Test Network", () => {
  it("pings live, is seen as a job on another console, and stops at Esc", async () => {
    const agent = await startAgent();
    const console = await consoleOf(agent);
    await choosePassword(console);
    await openItem(console, "ping");
    console.type(`${clearField}127.0.0.1\t\t\r`);
    await console.until(/icmp_seq=2/);

    const other = await consoleOf(agent, "ttyS0");
    await logIn(other);
    await openItem(other, "jobs");
    await other.until(/running +ping +127\.0\.0\.1 +tty1/);
    other.press("enter");
    await other.until(/icmp_seq=2/);

    console.press("esc");
    await console.until("packets transmitted");
    await other.until(/cancelled/);
    await leaveItem(console);
  });

  it("says what is wrong with an address that is none", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    await logIn(console);
    await openItem(console, "ping");
    console.type(`${clearField}300.1.1\t\t\r`);
    await console.until("neither an IP address nor a host name");
  });
});

describe("F12 in a preview", () => {
  it("refuses another word, writes down what REBOOT would have done, and the audit shows it all", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    await openPrompt(console, "f12");
    console.type("not-the-password\r");
    await console.until("Wrong password.");
    await logIn(console, { key: "f12" });
    console.press("enter");
    await console.until("This machine will be rebooted.");
    await console.until("running jobs: 0");
    console.type("reboot\r");
    await console.until("That is not REBOOT. Nothing was done.");
    const changes = join(agent.home, "preview-changes.jsonl");
    assert.ok(!existsSync(changes), "nothing has been done yet");
    console.type(`${clearField}REBOOT\r`);
    await console.until("on a node this would have begun now");
    await untilHome(console);
    assert.match(readFileSync(changes, "utf8"), /reboot/);

    await logIn(console);
    await openItem(console, "audit");
    await console.until(/power\.reboot +ok/);
    assert.match(console.text(), /session\.open +refused/);
    assert.match(console.text(), /session\.open +ok/);
    assert.match(console.text(), /password\.choose +ok/);
  });
});

describe("what a console remembers", () => {
  it("is its language", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    await logIn(console);
    await openItem(console, "language");
    console.press("down");
    console.press("enter");
    await console.until("系统配置");
    console.press("esc");
    await console.until("节点信息");
    await console.close();

    const other = await consoleOf(agent, "ttyS0");
    await other.until("NODE INFO");
    const again = await consoleOf(agent);
    await again.until("节点信息");
    again.press("f2");
    await again.until("密码：");
    again.type(`${goodPassword}\r`);
    await again.until("系统配置");
    await selectLine(again, "语言");
    again.press("enter");
    await again.until(/^ *> 中文/m);
    again.press("up");
    again.press("enter");
    await untilTitle(again, "System Configuration");
  });

  it("is whether it is plain or rich, as F4 left it", async () => {
    const agent = await agentWith();
    const colour = "38;5;";
    const console = await consoleOf(agent);
    await untilHome(console);
    assert.ok(console.raw().includes(colour));
    console.press("f4");
    await console.until("Plain display");
    await console.close();

    const again = await consoleOf(agent);
    await untilHome(again);
    // A first frame that could not wait for the agent is drawn as the terminal's name suggests.
    again.press("f1");
    await untilTitle(again, "Help");
    const before = again.written();
    again.press("esc");
    await untilHome(again);
    const since = again.raw().slice(before);
    assert.ok(!since.includes(colour));
    assert.equal(beyondAscii(since), -1);
    const other = await consoleOf(agent, "tty2");
    await untilHome(other);
    assert.ok(other.raw().includes(colour));
    again.press("f4");
    await again.until("Rich display");
    assert.ok(again.raw().slice(before).includes(colour));
  });
});

describe("Console Settings", () => {
  it("refuse a lock time out of range, and hide all figures from passers-by on every console at once", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent);
    const other = await consoleOf(agent, "ttyS0");
    await other.until("192.0.2.15/24");
    await logIn(console);
    await openItem(console, "settings");
    console.type(`${clearField}99\t\t\t\r`);
    await console.until("A whole number from 1 to 60.");
    console.type(`${clearField}25\t`);
    console.press("left");
    await console.until("name, time and load only");
    console.type("\t\t\r");
    await console.until("Saved.");
    await other.until((text) => !text.includes("192.0.2.15") && text.includes("hidden until the password is given"));

    assert.deepEqual(await agent.client("check").call("nodeSettings", {}), {
      lockMinutes: 25,
      publicView: "nothing",
      pingTarget: "114.114.114.114",
    });
    await openItem(console, "audit");
    await console.until(/settings\.node +ok/);
    console.press("enter");
    await console.until(/before +lockMinutes=10 publicView=panels\n +after +lockMinutes=25 publicView=nothing/);
  });
});

describe("leaving", () => {
  const ways = [
    { name: "q", leave: (console: ConsoleBed) => console.type("q") },
    { name: "Ctrl-C", leave: (console: ConsoleBed) => console.type("\x03") },
  ];
  for (const { name, leave } of ways)
    it(`with ${name} gives the terminal back as it was`, async () => {
      const agent = await agentWith();
      const folder = temporaryFolder();
      const script = [
        "echo before the console",
        'stty -g >"$1/before"',
        '"$2" "$3" --socket "$4"; code=$?',
        'stty -g >"$1/after"; echo "left with $code"',
        "read answer",
      ].join("\n");
      const program = join(import.meta.dirname, "../../build/tui.js");
      const console = await openConsole({
        socketPath: agent.socketPath,
        command: ["/bin/sh", "-c", script, "sh", folder.path, process.execPath, program, agent.socketPath],
      });
      await untilHome(console);
      leave(console);
      await console.until("left with 0");
      // The alternate screen is left: what was there before is there again, and nothing of the console.
      assert.match(console.text(), /^before the console\nleft with 0\n/);
      assert.equal(console.cursor().hidden, false);
      const last = console.raw().split("left with 0")[1] ?? "";
      for (const sequence of ["\x1b[?25l", "\x1b[?1049h", "\x1b[?2004h"]) assert.ok(!last.includes(sequence), sequence);
      const read = (file: string) => readFileSync(join(folder.path, file), "utf8");
      assert.equal(read("after"), read("before"));
      console.type("typed");
      await console.until("typed");
      folder.dispose();
    });

  it("is not possible on a node's own console, which says so", async () => {
    const agent = await agentWith();
    const console = await consoleOf(agent, "tty1", { args: ["--no-quit"] });
    await untilHome(console);
    assert.doesNotMatch(console.text(), /Quit/);
    console.type("q");
    console.type("\x03");
    await console.until("This console can't be left.");
    assert.equal(console.errors(), "");
  });
});
