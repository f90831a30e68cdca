import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { App, type Display } from "../../tui/app.ts";
import { asciiGlyphs, Canvas, Cells } from "../../tui/terminal/canvas.ts";
import type { Key, NamedKey } from "../../tui/terminal/key.ts";
import { type RunningAgent, startAgent, stopAgents } from "../support/programs.ts";
import { goodPassword } from "../support/steps.ts";

/* The app in this process, on the real agent: its clock is the test's, so that minutes pass at once. */

const minute = 60_000;
const size = { width: 80, height: 24 };

type Desk = {
  app: App;
  text(): string;
  until(what: string | RegExp): Promise<void>;
  press(...keys: NamedKey[]): void;
  type(text: string): void;
  /** Lets so much time pass on the app's monotonic clock. */
  pass(ms: number): void;
  /** The app's look at the clock, which it takes once a second. */
  lookedAtClock(): Promise<void>;
};

const apps: App[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) app.close();
  await stopAgents();
});

function deskOn(agent: RunningAgent, name = "tty1"): Desk {
  let clock = 0;
  let looks = 0;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of waiting) check();
  };
  const app = new App({
    client: agent.client(name),
    console: name,
    canQuit: true,
    now: () => Date.now(),
    monotonic: () => {
      looks += 1;
      setImmediate(wake);
      return clock;
    },
    quit: () => {},
  });
  apps.push(app);
  const display: Display = {
    canShowChinese: true,
    canChart: false,
    redraw: () => setImmediate(wake),
    setProfile: () => {},
    toggleProfile: () => "basic",
  };
  app.attach(display);
  app.connect();
  app.show(display);

  const text = () => {
    const cells = new Cells(size.width, size.height);
    app.draw(Canvas.on(cells, asciiGlyphs));
    return cells.toLines().join("\n");
  };
  const waitFor = (holds: () => boolean, name: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`never: ${name}\n${text()}`));
      }, 15_000);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  const send = (key: Key) => app.key(key, size);
  return {
    app,
    text,
    until: (what) =>
      waitFor(() => (typeof what === "string" ? text().includes(what) : what.test(text())), String(what)),
    press: (...keys) => {
      for (const name of keys) send({ name });
    },
    type: (typed) => {
      for (const char of typed) send({ name: "char", text: char });
    },
    pass: (ms) => {
      clock += ms;
    },
    lookedAtClock() {
      const before = looks;
      return waitFor(() => looks > before, "a look at the clock");
    },
  };
}

async function agentWithPassword(): Promise<RunningAgent> {
  const agent = await startAgent({ fixture: "storage-failing" });
  await agent.client("setup").call("choosePassword", { body: { password: goodPassword } });
  return agent;
}

async function logIn(desk: Desk): Promise<void> {
  await desk.until("stor02");
  desk.press("f2");
  await desk.until("Password:");
  desk.type(goodPassword);
  desk.press("enter");
  await desk.until("System Configuration");
}

describe("an idle console", () => {
  it("locks itself after the minutes that are set, wherever it is, and its session ends", async () => {
    const agent = await agentWithPassword();
    const desk = deskOn(agent);
    await logIn(desk);
    desk.press("down", "down");
    desk.press("enter");
    await desk.until("Address or name");
    desk.pass(10 * minute);
    await desk.until("Locked: nobody pressed a key.");
    assert.match(desk.text(), /NODE INFO/);
    desk.press("f2");
    await desk.until("Password:");
    const watcher = agent.client("tty2");
    const { token } = await watcher.call("openSession", { body: { password: goodPassword } });
    watcher.token = token;
    const { entries } = await watcher.call("audit", { query: {} });
    assert.ok(entries.some(({ console, action }) => console === "tty1" && action.startsWith("session.close")));
  });

  it("is not locked while somebody presses keys, and a password half typed is forgotten", async () => {
    const desk = deskOn(await agentWithPassword());
    await logIn(desk);
    for (let passed = 0; passed < 3; passed++) {
      desk.pass(9 * minute);
      desk.press("down");
      await desk.lookedAtClock();
    }
    assert.match(desk.text(), /System Configuration/);
    desk.press("esc");
    await desk.until("F12");
    desk.press("f2");
    await desk.until("Password:");
    desk.type(goodPassword);
    desk.pass(10 * minute);
    await desk.until("Locked: nobody pressed a key.");
    desk.press("f2");
    await desk.until("Password:");
    // Behind what was typed before, the password would be wrong.
    desk.type(goodPassword);
    desk.press("enter");
    await desk.until("System Configuration");
  });

  it("that only shows the home screen has nothing to lock and says nothing", async () => {
    const desk = deskOn(await agentWithPassword());
    await desk.until("stor02");
    desk.pass(100 * minute);
    await desk.lookedAtClock();
    await desk.lookedAtClock();
    assert.doesNotMatch(desk.text(), /Locked/);
  });

  it("follows the lock time that another console sets", async () => {
    const agent = await agentWithPassword();
    const desk = deskOn(agent);
    await logIn(desk);
    const other = agent.client("tty2");
    const { token } = await other.call("openSession", { body: { password: goodPassword } });
    other.token = token;
    await other.call("setNodeSettings", { body: { lockMinutes: 1 } });
    desk.press("down");
    desk.pass(1 * minute);
    await desk.until("Locked: nobody pressed a key.");
  });
});

describe("a filter that was typed in one language", () => {
  it("is gone when the list is shown in another one, and the selection stays", async () => {
    const desk = deskOn(await agentWithPassword());
    await logIn(desk);
    desk.type("/Language");
    desk.press("enter", "enter");
    await desk.until("中文");
    desk.press("down", "enter");
    await desk.until("系统配置");
    await desk.until(/> 语言/);
    assert.match(desk.text(), /终端信息/);
  });
});
