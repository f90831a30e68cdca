import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import xterm from "@xterm/headless";
import { ensureBuilt, nodeFlags } from "../../scripts/dev/build.ts";
import { spawnPty } from "./node-pty.ts";
import { root, temporaryFolder } from "./programs.ts";

export type ConsoleOptions = {
  socketPath: string;
  columns?: number;
  rows?: number;
  term?: string;
  /** Locale; UTF-8 unless told. */
  locale?: string;
  args?: readonly string[];
  env?: Record<string, string>;
  /** Program and arguments instead of the console's own. */
  command?: readonly [string, ...string[]];
  /** Starts this program with the console's own command behind its arguments: `setpriv …`. */
  through?: readonly string[];
};

/** The console's real program on a real pseudo terminal, its screen read as a person would. */
export type ConsoleBed = {
  readonly pid: number;
  /** The lines of the screen, without blanks at their ends. */
  screen(): string[];
  text(): string;
  /** True when the cell is drawn inverse, bold or coloured in some way. */
  isStyled(column: number, row: number): boolean;
  cursor(): { x: number; y: number; hidden: boolean };
  /** Types bytes as they are. */
  type(bytes: string): void;
  press(key: keyof typeof keyBytes): void;
  /** Waits until the screen satisfies `what`; fails with `name` and the screen in the message after `timeoutMs`. */
  until(what: string | RegExp | ((text: string) => boolean), timeoutMs?: number, name?: string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Bytes that the program has written so far, and the bytes themselves. */
  written(): number;
  raw(): string;
  /** What the console wrote to standard error, which is kept off the terminal here; not so for another `command`. */
  errors(): string;
  kill(signal: string): void;
  /** Pulls the plug: the program's terminal is gone. */
  hangUp(): void;
  /** Exit code, or the signal's number. */
  readonly exited: Promise<{ exitCode: number; signal?: number | undefined }>;
  close(): Promise<void>;
};

export const keyBytes = {
  enter: "\r",
  esc: "\x1b",
  tab: "\t",
  up: "\x1b[A",
  down: "\x1b[B",
  right: "\x1b[C",
  left: "\x1b[D",
  home: "\x1b[H",
  end: "\x1b[F",
  pageup: "\x1b[5~",
  pagedown: "\x1b[6~",
  delete: "\x1b[3~",
  backspace: "\x7f",
  f1: "\x1bOP",
  f2: "\x1bOQ",
  f4: "\x1bOS",
  f12: "\x1b[24~",
} as const;

const openConsoles = new Set<ConsoleBed>();

/** Closes every console that a test has left open: for `afterEach`, so that a failed test ends too. */
export async function closeConsoles(): Promise<void> {
  await Promise.all([...openConsoles].map((console) => console.close()));
}

/** As `closeConsoles`; fails when one of them showed a trace of a fault. */
export async function closeConsolesWithoutFault(): Promise<void> {
  const consoles = [...openConsoles];
  try {
    consoles.forEach(assertNoFault);
  } finally {
    await closeConsoles();
  }
}

export async function openConsole(options: ConsoleOptions): Promise<ConsoleBed> {
  await ensureBuilt();
  const columns = options.columns ?? 80;
  const rows = options.rows ?? 24;
  const own = [
    process.execPath,
    ...nodeFlags.tui,
    join(root, "build/tui.js"),
    "--socket",
    options.socketPath,
    ...(options.args ?? []),
  ];
  const folder = temporaryFolder();
  const errorFile = join(folder.path, "stderr");
  // The shell becomes the program; only where its standard error goes is different.
  const apart = ["/bin/sh", "-c", 'exec "$@" 2>"$BINNACLE_TEST_STDERR"', "sh"] as const;
  const [program, ...args] = options.command ?? ([...apart, ...(options.through ?? []), ...own] as const);
  const pty = spawnPty(program, args, {
    name: options.term ?? "xterm-256color",
    cols: columns,
    rows,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "/",
      TZ: "UTC",
      TERM: options.term ?? "xterm-256color",
      LANG: options.locale ?? "C.UTF-8",
      BINNACLE_TEST_STDERR: errorFile,
      ...options.env,
    },
  });
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const chunks: Buffer[] = [];
  const bytes = () => Buffer.concat(chunks);
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const check of waiting) check();
  };
  pty.onData((data) => {
    chunks.push(data);
    record(data);
    terminal.write(data, changed);
  });
  let ended: { exitCode: number; signal?: number | undefined } | undefined;
  const exited = new Promise<{ exitCode: number; signal?: number | undefined }>((resolve) => {
    pty.onExit((how) => {
      // The terminal draws what it was given a moment later: the last words of a program count.
      terminal.write("", () => {
        ended = how;
        resolve(how);
        changed();
      });
    });
  });

  const screen = () => {
    const buffer = terminal.buffer.active;
    return Array.from(
      { length: terminal.rows },
      (_, y) =>
        buffer
          .getLine(buffer.viewportY + y)
          ?.translateToString(true)
          .trimEnd() ?? "",
    );
  };
  const text = () => screen().join("\n");

  const bed: ConsoleBed = {
    pid: pty.pid,
    screen,
    text,
    isStyled(column, row) {
      const cell = terminal.buffer.active.getLine(row)?.getCell(column);
      return cell !== undefined && !cell.isAttributeDefault();
    },
    cursor: () => ({
      x: terminal.buffer.active.cursorX,
      y: terminal.buffer.active.cursorY,
      hidden: isCursorHidden(bytes()),
    }),
    type: (bytes) => pty.write(bytes),
    press: (key) => pty.write(keyBytes[key]),
    until(what, timeoutMs = 15_000, name = String(what)) {
      const holds = () =>
        typeof what === "function"
          ? what(text())
          : typeof what === "string"
            ? text().includes(what)
            : what.test(text());
      return new Promise((resolve, reject) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(check);
        };
        const fail = (why: string) => {
          done();
          reject(new Error(`the screen never showed ${name}${why}:\n${text()}`));
        };
        const check = () => {
          if (holds()) {
            done();
            resolve();
          } else if (ended !== undefined) fail(` before the program ended (${JSON.stringify(ended)})`);
        };
        const timer = setTimeout(() => fail(""), timeoutMs);
        waiting.add(check);
        check();
      });
    },
    resize(newColumns, newRows) {
      terminal.resize(newColumns, newRows);
      pty.resize(newColumns, newRows);
    },
    written: () => bytes().length,
    raw: () => bytes().toString("latin1"),
    errors: () => readFileSync(errorFile, { encoding: "utf8", flag: "a+" }),
    kill: (signal) => process.kill(pty.pid, signal),
    hangUp: () => pty.destroy(),
    exited,
    async close() {
      openConsoles.delete(bed);
      try {
        process.kill(pty.pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
      await exited;
      terminal.dispose();
      folder.dispose();
    },
  };
  openConsoles.add(bed);
  return bed;
}

/** Fails when a trace of a fault was ever on the screen, or anything on standard error. */
export function assertNoFault(console: ConsoleBed): void {
  assert.doesNotMatch(console.raw(), /\n\s*at .+:\d+:\d+|node:internal|Error: |undefined|NaN/);
  assert.equal(console.errors(), "");
}

/** Where the first byte beyond ASCII is in a recording; -1 when there is none. */
export function beyondAscii(raw: string): number {
  return Array.from(raw).findIndex((char) => char.charCodeAt(0) > 0x7f);
}

function isCursorHidden(raw: Buffer): boolean {
  const text = raw.toString("latin1");
  return (
    text.lastIndexOf("\x1b[?25l") > Math.max(text.lastIndexOf("\x1b[?25h"), text.lastIndexOf("\x1b[?12l\x1b[?25h"))
  );
}

/** Every recording of a test run ends up in one file, in which the secrets test looks for planted passwords. */
function record(bytes: Buffer): void {
  const folder = process.env["BINNACLE_TEST_RECORDINGS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `screen-${process.pid}.bin`), bytes);
}
