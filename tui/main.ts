import { readlinkSync } from "node:fs";
import { uptime } from "node:os";
import { parseArgs } from "node:util";
import { Client } from "../core/api/client.ts";
import { App, type Display } from "./app.ts";
import { recordCrash } from "./crash.ts";
import { decideProfile, type ProfileChoice } from "./terminal/profile.ts";
import { Terminal } from "./terminal/terminal.ts";

/**
 * How the console ends: 0 somebody left it, 2 wrong usage, 3 standard input or output is no terminal, 70 a fault of its
 * own, 129 the terminal has gone. The launcher starts it again after anything but 0, 2, 3 and 129.
 */
const exitCodes = { left: 0, usage: 2, noTerminal: 3, fault: 70, gone: 129 } as const;

/** A first frame without figures is shown when the agent takes longer than this. */
const firstFrameWaitMs = 150;

type Options = {
  socket: string;
  console: string;
  canQuit: boolean;
  baud: number | undefined;
  frozenClock: number | undefined;
  crashFile: string | undefined;
};

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      socket: { type: "string", default: "/run/binnacle/agent.sock" },
      console: { type: "string" },
      "no-quit": { type: "boolean", default: false },
      baud: { type: "string" },
      "frozen-clock": { type: "string" },
      "crash-file": { type: "string" },
    },
  });
  const baud = Number(values.baud);
  const frozen = values["frozen-clock"] === undefined ? Number.NaN : Date.parse(values["frozen-clock"]);
  return {
    socket: values.socket,
    console: values.console ?? ttyName() ?? "unknown",
    canQuit: !values["no-quit"],
    baud: Number.isFinite(baud) && baud > 0 ? baud : undefined,
    frozenClock: Number.isNaN(frozen) ? undefined : frozen,
    crashFile: values["crash-file"],
  };
}

/** `tty1`, `ttyS0`, `pts/3`: the terminal on standard input, without /dev/. */
function ttyName(): string | undefined {
  try {
    const device = readlinkSync("/proc/self/fd/0");
    return device.startsWith("/dev/") ? device.slice("/dev/".length) : undefined;
  } catch {
    return undefined;
  }
}

function run(options: Options): void {
  const { env } = process;
  const tty = options.console;
  const profileFor = (choice: ProfileChoice) => decideProfile({ env, tty }, choice);

  const client = new Client({ socketPath: options.socket, console: options.console });
  const app = new App({
    client,
    console: options.console,
    canQuit: options.canQuit,
    now: () => options.frozenClock ?? Date.now(),
    // Goes on while the node sleeps, so that a console comes back locked.
    monotonic: () => Math.round(uptime() * 1000),
    quit: () => void leave(exitCodes.left),
  });
  const terminal = new Terminal({
    profile: profileFor("auto"),
    term: env["TERM"],
    baud: options.baud,
    canSuspend: false,
    onKey: (key) => app.key(key, terminal.size),
    onBytes: (bytes) => app.bytes(bytes, terminal.size),
    onResize: () => {},
    onGone: () => void leave(exitCodes.gone),
  });

  let shown = false;
  const display: Display = {
    get canShowChinese() {
      return terminal.profile.canShowChinese;
    },
    get canChart() {
      return terminal.profile.wideGraph;
    },
    redraw: () => {
      if (shown) terminal.draw((canvas) => app.draw(canvas));
    },
    setProfile: (choice) => terminal.setProfile(profileFor(choice)),
    toggleProfile() {
      const next = terminal.profile.kind === "rich" ? "basic" : "rich";
      terminal.setProfile(profileFor(next));
      return next;
    },
  };
  const show = () => {
    if (shown) return;
    shown = true;
    app.show(display);
  };

  let leaving = false;
  async function leave(code: number): Promise<void> {
    if (leaving) return;
    leaving = true;
    app.close();
    await terminal.close();
    process.exit(code);
  }

  const crash = (error: unknown) => {
    terminal.closeNow();
    recordCrash(options.crashFile, error);
    process.exit(exitCodes.fault);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) process.on(signal, () => void leave(exitCodes.left));

  terminal.open();
  app.attach(display);
  app.connect();
  void app.ready.then(show);
  setTimeout(show, firstFrameWaitMs);
}

try {
  const options = readOptions();
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    process.stderr.write("binnacle: the console needs a terminal on standard input and output.\n");
    process.exit(exitCodes.noTerminal);
  }
  run(options);
} catch (error) {
  process.stderr.write(`binnacle: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodes.usage);
}
