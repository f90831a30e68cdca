import { readlinkSync } from "node:fs";
import { uptime } from "node:os";
import { parseArgs } from "node:util";
import { InstallerClient } from "../../core/api/installer.ts";
import { installerSocket } from "../../core/model/installation/protocol.ts";
import { recordCrash } from "../crash.ts";
import { decideProfile, type ProfileChoice } from "../terminal/profile.ts";
import { Terminal } from "../terminal/terminal.ts";
import { type Display, InstallerApp } from "./app.ts";

/**
 * How the installer's console ends: 0 it was told to, 2 wrong usage, 3 standard input or output is no terminal, 70 a
 * fault of its own, 129 the terminal has gone. Nobody can leave it from its keys.
 */
const exitCodes = { told: 0, usage: 2, noTerminal: 3, fault: 70, gone: 129 } as const;

/** A first frame is shown when the engine takes longer than this. */
const firstFrameWaitMs = 150;

type Options = { socket: string; console: string; baud: number | undefined; crashFile: string | undefined };

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      socket: { type: "string", default: installerSocket },
      console: { type: "string" },
      baud: { type: "string" },
      "crash-file": { type: "string" },
    },
  });
  const baud = Number(values.baud);
  return {
    socket: values.socket,
    console: values.console ?? ttyName() ?? "unknown",
    baud: Number.isFinite(baud) && baud > 0 ? baud : undefined,
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
  const profileFor = (choice: ProfileChoice) => decideProfile({ env, tty: options.console }, choice);
  const app = new InstallerApp({
    client: new InstallerClient({ socketPath: options.socket, console: options.console }),
    console: options.console,
    monotonic: () => Math.round(uptime() * 1000),
  });
  const terminal = new Terminal({
    profile: profileFor("auto"),
    term: env["TERM"],
    baud: options.baud,
    canSuspend: false,
    onKey: (key) => app.key(key, terminal.size),
    onResize: () => {},
    onGone: () => void leave(exitCodes.gone),
  });

  let shown = false;
  const display: Display = {
    get canShowChinese() {
      return terminal.profile.canShowChinese;
    },
    redraw: () => {
      if (shown) terminal.draw((canvas) => app.draw(canvas));
    },
    toggleProfile() {
      const next = terminal.profile.kind === "rich" ? "basic" : "rich";
      terminal.setProfile(profileFor(next));
      return next;
    },
  };
  const show = () => {
    shown = true;
    display.redraw();
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
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) process.on(signal, () => void leave(exitCodes.told));

  terminal.open();
  app.attach(display);
  app.connect();
  void app.ready.then(show);
  setTimeout(show, firstFrameWaitMs);
}

try {
  const options = readOptions();
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    process.stderr.write("binnacle: the installer needs a terminal on standard input and output.\n");
    process.exit(exitCodes.noTerminal);
  }
  run(options);
} catch (error) {
  process.stderr.write(`binnacle: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodes.usage);
}
