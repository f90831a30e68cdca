import assert from "node:assert/strict";
import * as path from "node:path";
import { afterEach, describe, it } from "node:test";
import { type ConsoleBed, openConsole } from "../support/console.ts";
import { type RunningAgent, root, startAgent, temporaryFolder } from "../support/programs.ts";

const password = "quiet river 42";

describe("the text menu", () => {
  let agent: RunningAgent | undefined;
  let bed: ConsoleBed | undefined;

  afterEach(async () => {
    await bed?.close();
    await agent?.stop();
    bed = undefined;
    agent = undefined;
  });

  const open = async (options: { socketPath?: string; term?: string; args?: string[]; error?: string } = {}) => {
    const socketPath = options.socketPath ?? agent?.socketPath ?? "";
    const name = ["--console", "ttyS0", "--socket", socketPath];
    bed = await openConsole({
      socketPath,
      term: options.term ?? "dumb",
      rows: 50,
      command: [process.execPath, path.join(root, "build/menu.js"), ...name, ...(options.args ?? [])],
      env: options.error === undefined ? {} : { BINNACLE_LAST_ERROR: options.error },
    });
    return bed;
  };
  const openWithPassword = async () => {
    agent = await startAgent({ fixture: "bonded-server" });
    await agent.client().call("choosePassword", { body: { password } });
    const menu = await open();
    await menu.until("Number, then Enter:");
    return menu;
  };

  it("shows why the console stopped, the node's state and its addresses, without a single control sequence", async () => {
    agent = await startAgent({ fixture: "bonded-server" });
    const menu = await open({ error: "TypeError: x is \x1b[2Jnot a function" });
    await menu.until("Number, then Enter:");
    assert.match(menu.text(), /TypeError: x is {2}\[2Jnot a function/);
    assert.match(menu.text(), /Compute Node|Management Node/);
    assert.match(menu.text(), /bond0 +UP +\d+\.\d+\.\d+\.\d+\/\d+ .*MN/);
    assert.ok(!menu.raw().includes("\x1b"));
  });

  it("shows the addresses that it sees itself when the agent is away, says so, and offers nothing that would change", async () => {
    const folder = temporaryFolder();
    const menu = await open({ socketPath: path.join(folder.path, "agent.sock") });
    await menu.until("Number, then Enter:");
    assert.match(menu.text(), /The agent is not running/);
    assert.match(menu.text(), /as this menu itself sees them/);
    assert.doesNotMatch(menu.text(), /Reboot|Power off/);
    folder.dispose();
  });

  it("finds the agent again when it is asked to show the node once more", async () => {
    agent = await startAgent({ fixture: "bonded-server" });
    await agent.kill();
    const menu = await open();
    await menu.until("The agent is not running");
    const again = await startAgent({ fixture: "bonded-server", home: agent.home });
    menu.type("\r");
    await menu.until("3  Reboot");
    await again.stop();
  });

  it("reboots after the password and the typed word, and shows nothing of the password", async () => {
    const menu = await openWithPassword();
    menu.type("3\r");
    await menu.until("Password:");
    menu.type(`x\x7f${password}\r`);
    await menu.until("type REBOOT and press Enter");
    assert.match(menu.text(), /running virtual machines: /);
    menu.type("REBOOT\r");
    await menu.until("Preview: on a node this would have begun now");
    assert.ok(!menu.raw().includes("quiet"));
    const { entries } = await openSessionAndReadAudit();
    assert.ok(entries.some(({ action, result }) => action === "power.reboot" && result === "ok"));
    assert.ok(entries.some(({ action, console }) => action === "session.close" && console === "ttyS0"));
  });

  for (const [what, typed] of [
    ["another word", "reboot\r"],
    ["nothing", "\r"],
    ["Ctrl-C", "\x03"],
  ] as const) {
    it(`does nothing when ${what} is given instead of POWEROFF`, async () => {
      const menu = await openWithPassword();
      menu.type("4\r");
      await menu.until("Password:");
      menu.type(`${password}\r`);
      await menu.until("type POWEROFF");
      menu.type(typed);
      await menu.until(/Nothing was done[\s\S]*Number, then Enter:/);
      const { entries } = await openSessionAndReadAudit();
      assert.ok(!entries.some(({ action }) => action.startsWith("power.")));
    });
  }

  it("tells a wrong password and goes back to its choices", async () => {
    const menu = await openWithPassword();
    menu.type("3\r");
    await menu.until("Password:");
    menu.type("wrong\r");
    await menu.until(/Wrong password[\s\S]*Number, then Enter:/);
  });

  it("asks the launcher for the console with status 75", async () => {
    const menu = await openWithPassword();
    menu.type("2\r");
    assert.equal((await menu.exited).exitCode, 75);
  });

  it("is left where that is allowed, with status 0", async () => {
    const menu = await openWithPassword();
    menu.type("6\r");
    assert.equal((await menu.exited).exitCode, 0);
  });

  it("stays on a console that can't be left, whatever Ctrl-C, Ctrl-D, arrows and wrong numbers say", async () => {
    agent = await startAgent({ fixture: "bonded-server" });
    const menu = await open({ args: ["--no-quit"] });
    await menu.until("Number, then Enter:");
    assert.doesNotMatch(menu.text(), /Leave/);
    menu.type("\x03");
    await menu.until(/Number, then Enter: *\nNumber, then Enter:/);
    menu.type("\x04");
    await menu.until(/(Number, then Enter: *\n){2}Number, then Enter:/);
    menu.type("\x1b[A\x1b\x1b[200~6\x1b[201~\r");
    await menu.until("Give a number from 1 to 5.");
  });

  it("ends with status 129 when its terminal hangs up", async () => {
    const menu = await openWithPassword();
    menu.kill("SIGHUP");
    assert.equal((await menu.exited).exitCode, 129);
  });

  it("speaks Chinese where the console is set to it and can show it, and says so where it can't", async () => {
    agent = await startAgent({ fixture: "bonded-server" });
    await agent.client("ttyS0").call("setConsoleSettings", { body: { language: "zh" } });
    const able = await open({ term: "xterm" });
    await able.until("关机");
    await able.close();
    const unable = await open({ term: "linux" });
    await unable.until("Power off");
    assert.match(unable.text(), /can't show Chinese/);
  });

  async function openSessionAndReadAudit() {
    const client = agent?.client("test");
    assert.ok(client);
    client.token = (await client.call("openSession", { body: { password } })).token;
    return client.call("audit", { query: {} });
  }
});
