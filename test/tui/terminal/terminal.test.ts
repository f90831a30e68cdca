import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Pty, spawnPty } from "../../support/node-pty.ts";
import { undoAfter } from "../../support/undo.ts";
import { Emulator } from "./screen.ts";

const program = fileURLToPath(new URL("program.ts", import.meta.url));

type Bed = {
  pty: Pty;
  emulator: Emulator;
  exited: Promise<{ exitCode: number; signal?: number | undefined }>;
  raw(): string;
  until(what: RegExp): Promise<void>;
};

/** The program on a pseudo terminal, its screen read by an emulator. */
function open(
  context: TestContext,
  { columns = 80, rows = 24, term = "xterm-256color", args = [] as string[], shell = "" } = {},
): Bed {
  const command =
    shell === "" ? [process.execPath, program, ...args] : ["/bin/sh", "-c", shell, process.execPath, program];
  const pty = spawnPty(command[0] ?? "", command.slice(1), {
    name: term,
    cols: Math.max(columns, 1),
    rows: Math.max(rows, 1),
    env: { ...process.env, TERM: term, LANG: "C.UTF-8", LC_ALL: "C.UTF-8" },
  });
  const emulator = new Emulator(columns, rows);
  let raw = "";
  let changed = () => {};
  pty.onData((data) => {
    raw += data.toString("latin1");
    void emulator.write(data).then(() => changed());
  });
  const exited = new Promise<{ exitCode: number; signal?: number | undefined }>((resolve) => pty.onExit(resolve));
  undoAfter(context, () => {
    try {
      process.kill(pty.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  });
  const text = () => emulator.lines().join("\n");
  return {
    pty,
    emulator,
    exited,
    raw: () => raw,
    until: (what) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${what} never came:\n${text()}`)), 15_000);
        changed = () => {
          if (!what.test(text())) return;
          clearTimeout(timer);
          resolve();
        };
        changed();
      }),
  };
}

/** The line's settings as stty shows them; the pseudo terminal's other end is ours. */
async function settings(pty: Pty): Promise<string> {
  const path = readPtyPath(pty);
  const { stdout } = await promisify(execFile)("stty", ["-F", path, "-a"], { timeout: 5000 });
  return stdout;
}

function readPtyPath(pty: Pty): string {
  const stat = readFileSync(`/proc/${pty.pid}/stat`, "utf8");
  const device = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[4]);
  // Major 136 and up: /dev/pts; the minor number's upper bits come last.
  return `/dev/pts/${(device & 0xff) | ((device >> 12) & 0xfff00)}`;
}

test("opening takes the terminal over, closing gives it back as it was, and the program ends by itself", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  assert.match(await settings(bed.pty), /-icanon/);
  assert.ok(bed.raw().includes("\x1b[?1049h"));
  bed.pty.write("\x11");
  assert.equal((await bed.exited).exitCode, 0);
  const end = bed.raw();
  assert.ok(end.lastIndexOf("\x1b[?1049l") > end.lastIndexOf("\x1b[?1049h"));
  assert.ok(end.lastIndexOf("\x1b[?25h") > end.lastIndexOf("\x1b[?25l"));
  assert.ok(end.endsWith("closed\r\n"));
  await bed.until(/^closed$/m);
});

test("keys come decoded, a sequence in two writes as one, a lone ESC after its time", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  bed.pty.write("j\x1b[");
  await bed.until(/char:j/);
  bed.pty.write("A");
  await bed.until(/keys char:j up$/m);
  bed.pty.write("\x1b");
  await bed.until(/up esc$/m);
  bed.pty.write("\x1b2\x1bOP密");
  await bed.until(/esc f2 f1 char:\?\?$/m);
});

test("100 kB pasted at once are one key", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  bed.pty.write(`\x1b[200~${"line\r".repeat(20_480)}\x1b[201~`);
  await bed.until(/keys paste:102400$/m);
});

test("what a key changes is shown at once, whatever was drawn in between is left out", async (context) => {
  const bed = open(context);
  await bed.until(/drawn 1$/m);
  bed.pty.write("\x13");
  await bed.until(/keys ctrl$/m);
  assert.match(bed.emulator.lines()[2] ?? "", /drawn 2$/);
});

test("keys that come together are answered by one frame", async (context) => {
  const bed = open(context);
  await bed.until(/drawn 1$/m);
  bed.pty.write("abcdef");
  await bed.until(/char:f$/m);
  assert.match(bed.emulator.lines()[2] ?? "", /drawn 2$/);
});

test("nothing is written when nothing changed", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  bed.pty.write("a");
  await bed.until(/char:a$/m);
  const before = bed.raw().length;
  // Its screen counts each drawing: the count, one more key, and no more than the moves between them.
  bed.pty.write("b");
  await bed.until(/char:b$/m);
  const bytes = bed.raw().length - before;
  assert.ok(bytes < 40, `${bytes} bytes for a key`);
});

test("a resize is drawn anew in full at the new size", async (context) => {
  const bed = open(context);
  await bed.until(/size 80x24/);
  bed.emulator.resize(132, 43);
  bed.pty.resize(132, 43);
  await bed.until(/size 132x43/);
  assert.match(bed.emulator.lines()[42] ?? "", /ready/);
});

test("a storm of resizes ends in the last size", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  for (let count = 0; count < 100; count++) bed.pty.resize(40 + (count % 50), 10 + (count % 20));
  bed.emulator.resize(100, 37);
  bed.pty.resize(100, 37);
  await bed.until(/size 100x37/);
  assert.match(bed.emulator.lines()[36] ?? "", /ready/);
});

test("a line without a size is taken for 80x24, a huge one is cut, a single cell does no harm", async (context) => {
  const serial = open(context, { shell: 'stty rows 0 cols 0; exec "$0" "$1"' });
  await serial.until(/size 80x24/);
  const huge = open(context, { columns: 500, rows: 200 });
  await huge.until(/size 400x150/);
  const tiny = open(context, { columns: 1, rows: 1 });
  await tiny.until(/-/);
  tiny.pty.write("\x11");
  assert.equal((await tiny.exited).exitCode, 0);
});

test("Ctrl-L draws everything anew over what something else has written", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  await bed.emulator.write("\x1b[10;1Hkernel: something happened\x1b[1;1Hgarbage");
  bed.pty.write("\x0c");
  await bed.until(/^(?!.*(kernel|garbage)).*ready/s);
});

test("the profile can change while the console is open", async (context) => {
  const bed = open(context);
  await bed.until(/^-{80}/);
  bed.pty.write("\x10");
  await bed.until(/^─{80}/);
  bed.pty.write("\x10");
  await bed.until(/^-{80}/);
});

test("a crash leaves the terminal usable", async (context) => {
  const bed = open(context, { shell: '"$0" "$1"; stty -a; echo end' });
  await bed.until(/ready/);
  bed.pty.write("\x18");
  await bed.until(/^end$/m);
  assert.match(bed.raw(), /[^-]icanon/);
  assert.match(bed.raw(), /[^-]echo /);
  assert.ok(bed.raw().lastIndexOf("\x1b[?1049l") > bed.raw().lastIndexOf("\x1b[?1049h"));
  assert.ok(bed.raw().lastIndexOf("\x1b[?25h") > bed.raw().lastIndexOf("\x1b[?25l"));
});

test("SIGTERM ends the program by that signal and leaves the terminal usable", async (context) => {
  const bed = open(context, { term: "vt220" });
  await bed.until(/ready/);
  process.kill(bed.pty.pid, "SIGTERM");
  assert.equal((await bed.exited).signal, 15);
  await bed.until(/^\s*$/);
  assert.ok(bed.raw().lastIndexOf("\x1b[?25h") > bed.raw().lastIndexOf("\x1b[?25l"));
});

/** A file whose reading waits until somebody has written. */
async function makeFifo(context: TestContext): Promise<string> {
  const folder = await mkdtemp("/tmp/terminal-");
  undoAfter(context, () => rm(folder, { recursive: true, maxRetries: 5 }));
  const path = join(folder, "fifo");
  await promisify(execFile)("mkfifo", [path], { timeout: 5000 });
  return path;
}

test("a line that takes nothing any more keeps the program from nothing, ending included", async (context) => {
  const [report, status] = await Promise.all([makeFifo(context), makeFifo(context)]);
  // The shell itself must not want to say "Terminated" on that line.
  const shell = `exec 2>/dev/null; "$0" "$1" ${report}; echo $? >${status}`;
  const bed = open(context, { columns: 400, rows: 150, shell });
  await bed.until(/ready/);
  bed.pty.pause();
  bed.pty.write("\x06");
  const pid = Number(await readFile(report, "utf8"));
  process.kill(pid, "SIGTERM");
  assert.equal((await readFile(status, "utf8")).trim(), "143");
});

test("SIGHUP, and the far end going away, are told as nobody being there", async (context) => {
  const fifo = await makeFifo(context);
  const signalled = open(context, { args: [fifo] });
  await signalled.until(/ready/);
  process.kill(signalled.pty.pid, "SIGHUP");
  assert.equal(await readFile(fifo, "utf8"), "SIGHUP");
  assert.equal((await signalled.exited).exitCode, 3);
  const lost = open(context, { args: [fifo] });
  await lost.until(/ready/);
  // Closes our end of the pseudo terminal: the kernel hangs up.
  lost.pty.destroy();
  assert.match(await readFile(fifo, "utf8"), /^(SIGHUP|EIO|end of input|output: EIO)$/);
});

test("SIGTSTP stops where a shell waits, and the screen is drawn anew when it goes on", async (context) => {
  const bed = open(context, { args: ["--can-suspend"] });
  await bed.until(/ready/);
  process.kill(bed.pty.pid, "SIGTSTP");
  await bed.until(/^\s*$/);
  // The kernel tells only its parent of a stop.
  while (!/\) T /.test(await readFile(`/proc/${bed.pty.pid}/stat`, "utf8"))) await setImmediate();
  await bed.emulator.write("shell$ something else");
  process.kill(bed.pty.pid, "SIGCONT");
  await bed.until(/^(?!.*shell).*ready/s);
  assert.match(await settings(bed.pty), /-icanon/);
  bed.pty.write("x");
  await bed.until(/char:x/);
});

test("SIGTSTP does nothing where no shell waits", async (context) => {
  const bed = open(context);
  await bed.until(/ready/);
  process.kill(bed.pty.pid, "SIGTSTP");
  bed.pty.write("x");
  await bed.until(/char:x/);
});
