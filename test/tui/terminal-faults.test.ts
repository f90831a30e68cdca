import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { beyondAscii, type ConsoleBed, openConsole } from "../support/console.ts";
import { consoleRoom } from "../support/console-room.ts";
import { startAgent } from "../support/programs.ts";
import {
  answersKeys,
  choosePassword,
  goodPassword,
  logIn,
  openItem,
  openPrompt,
  untilHome,
  untilTitle,
} from "../support/steps.ts";

/* The console on terminals of every size and kind, under floods of bytes, hung up and killed. */

const room = consoleRoom();

/** Waits until one line of the screen, counted from 1, is as told: the whole text of a large screen is long. */
function untilLine(console: ConsoleBed, number: number, what: RegExp): Promise<void> {
  return console.until(() => what.test(console.screen()[number - 1] ?? ""), 15_000, `line ${number}: ${what}`);
}

/** Waits until a file is there and has so much in it. */
async function fileWith(file: string, what: RegExp): Promise<string> {
  for (const end = performance.now() + 15_000; performance.now() < end; ) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (what.test(text)) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${file} never had ${what}`);
}

/** The only child of a process. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}

describe("a terminal", () => {
  it("that hangs up ends the console quietly", async () => {
    const agent = await room.agent();
    for (const how of ["SIGHUP", "end"] as const) {
      const code = join(room.path, `code-${how}`);
      const script = 'trap "" HUP; "$2" "$3" --socket "$4" 2>"$1.errors"; echo $? >"$1"';
      const program = join(import.meta.dirname, "../../build/tui.js");
      const console = await openConsole({
        socketPath: agent.socketPath,
        command: ["/bin/sh", "-c", script, "sh", code, process.execPath, program, agent.socketPath],
      });
      await untilHome(console);
      if (how === "end") console.hangUp();
      else process.kill(childOf(console.pid), "SIGHUP");
      assert.equal((await fileWith(code, /\d\n/)).trim(), "129");
      assert.equal(readFileSync(`${code}.errors`, "utf8"), "");
    }
  });

  const sizes = [
    { name: "that says 0x0 counts as 80x24", rows: 0, columns: 0, shows: /F12 Power/ },
    { name: "of 1x1 is left alone", rows: 1, columns: 1, shows: /^/ },
    { name: "of 59x19 is told what is needed", rows: 19, columns: 59, shows: /59x19 is too small/ },
    { name: "of 60x20 shows the home screen", rows: 20, columns: 60, shows: /F12 Power/ },
  ];
  for (const { name, rows, columns, shows } of sizes)
    it(`${name}, and can be resized`, async () => {
      const agent = await room.agent();
      const console = await room.open(agent.socketPath, {
        through: ["/bin/sh", "-c", `stty rows ${rows} cols ${columns}; exec "$@"`, "sh"],
      });
      await console.until(() => console.written() > 30);
      await console.until(shows);
      console.type("xyz");
      console.resize(100, 37);
      await console.until((text) => text.split("\n").length === 37 && /F12 Power/.test(text));
      await untilHome(console);
    });

  it("of 500x200 is used as far as 400x150", async () => {
    const agent = await room.agent();
    const console = await room.open(agent.socketPath, { columns: 500, rows: 200 });
    await untilLine(console, 150, /F12 Power/);
    console.press("f1");
    await untilTitle(console, "Help");
  });

  const kinds: readonly { name: string; through?: readonly string[]; term?: string }[] = [
    { name: "without TERM", through: ["env", "-u", "TERM"] },
    { name: "of a kind that nobody knows", term: "no-such-terminal" },
    { name: "that is dumb", term: "dumb" },
    { name: "with an empty TERM", through: ["env", "TERM="] },
  ];
  for (const { name, ...how } of kinds)
    it(`${name} gets a plain console that works`, async () => {
      const agent = await room.agentWithPassword();
      const console = await room.open(agent.socketPath, how);
      await untilHome(console);
      await logIn(console);
      assert.equal(beyondAscii(console.raw()), -1);
    });

  it("that is resized in a storm ends up with the screen of its last size", async () => {
    const agent = await room.agent();
    const console = await room.open(agent.socketPath);
    await untilHome(console);
    for (let i = 0; i < 200; i++) console.resize(40 + ((i * 37) % 160), 10 + ((i * 13) % 60));
    console.resize(132, 43);
    // A higher screen that the terminal has cut may show such a last line too, before the last one is drawn.
    await console.until(() => {
      const lines = console.screen();
      const titles = lines.filter((line) => line.includes("NODE INFO"));
      return titles.length === 1 && /^ F2 .*Esc = \.\.\.$/.test(lines[42] ?? "");
    });
    await answersKeys(console);
  });
});

describe("a flood", () => {
  it("of 100 kB, pasted with and without brackets, fills a field and nothing else", async () => {
    const agent = await room.agentWithPassword();
    const console = await room.open(agent.socketPath);
    await logIn(console);
    await openItem(console, "ping");
    const text = "0123456789 lorem ipsum\n".repeat(4_400);
    console.type(`\x1b[200~${text}\x1b[201~`);
    console.type(text);
    await console.until("0123456789 lorem");
    console.press("esc");
    await untilTitle(console, "System Configuration");
    console.press("esc");
    await openPrompt(console);
    console.type(`\x1b[200~${text}\x1b[201~`);
    console.press("f1");
    await untilTitle(console, "Help");
    console.press("esc");
    await untilTitle(console, "Password");
    console.type(`\x15${goodPassword}\r`);
    await untilTitle(console, "System Configuration");
  });

  it("of text with a q in it does not leave the home screen; a q that is typed does", async () => {
    const agent = await room.agent();
    const console = await room.open(agent.socketPath, { args: ["--console", "tty1"] });
    await untilHome(console);
    console.type("a text that quits: q, quite quickly q");
    await answersKeys(console);
    console.type("q");
    assert.equal((await console.exited).exitCode, 0);
  });

  it("of garbage and half sequences leaves a console that works", async () => {
    const agent = await room.agentWithPassword();
    const console = await room.open(agent.socketPath);
    await untilHome(console);
    let seed = 20261121;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed;
    };
    const halves = [
      "\x1b[",
      "\x1bO",
      "\x1b[1;",
      "\x1b]0;title",
      "\x1bP",
      "\x1b[<0;1",
      "\xe4\xb8",
      "\x1b[200~",
      "\x9b1",
    ];
    for (let i = 0; i < 400; i++) {
      const noise = Array.from({ length: 50 }, () => String.fromCharCode(random() % 256)).join("");
      console.type(noise + (halves[random() % halves.length] ?? ""));
    }
    // The end of a string and of a paste that the noise may have begun, and the time in which any sequence is given up;
    // then back to the home screen.
    console.type("\x1b\\\x1b[201~");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    for (let i = 0; i < 8; i++) {
      console.press("esc");
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await untilHome(console);
    await logIn(console);
  });
});

describe("a console that is killed", () => {
  it("leaves its job running, and another console sees it", async () => {
    const agent = await startAgent({ home: room.path });
    const console = await openConsole({ socketPath: agent.socketPath, args: ["--console", "tty1"] });
    await choosePassword(console);
    await openItem(console, "ping");
    console.type("\x15127.0.0.1\t\t\r");
    await console.until(/icmp_seq=1/);
    console.kill("SIGKILL");
    await console.exited;

    const other = await room.open(agent.socketPath, { args: ["--console", "ttyS0"] });
    await logIn(other);
    await openItem(other, "jobs");
    await other.until(/running +ping +127\.0\.0\.1 +tty1/);
    other.press("enter");
    const lines = () => Number(/icmp_seq=(\d+)(?![\s\S]*icmp_seq)/.exec(other.text())?.[1] ?? 0);
    await other.until(/icmp_seq/);
    const seen = lines();
    await other.until(() => lines() > seen);
    other.type("c");
    await other.until("cancelled");
  });
});
