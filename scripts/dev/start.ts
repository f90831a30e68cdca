import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as tty from "node:tty";
import { bundle, describeBuildFailure, ensureBuilt, nodeFlags } from "./build.ts";
import { makePlace, type Place, PlaceError, privatePlace } from "./place.ts";
import { startPreviewAgent } from "./preview-agent.ts";
import { projectRoot } from "./source.ts";

/*
 * npm start: builds when a source has changed, starts a preview agent when none answers, and becomes the console's
 * launcher. `start.ts agent` and `start.ts tui` become one of the two programs, in the same private place. Whatever
 * follows goes to the program.
 */

const noTerminal =
  "The console needs a terminal: standard input and output must be one.\n" +
  "Start it in a terminal window, on a console, or with 'ssh -t'. 'npm run -s agent' runs the agent alone.";

async function main(args: string[]): Promise<void> {
  const [first, ...rest] = args;
  const what = first === "agent" || first === "tui" ? first : "console";
  const more = what === "console" ? args : rest;
  if (what !== "agent" && !(tty.isatty(0) && tty.isatty(1))) fail(noTerminal);
  const place = privatePlace(process.env, os.homedir());
  makePlace(place);
  await ensureBuilt();
  if (what === "agent") return become([process.execPath, ...agentCommand(place), ...more]);
  if (what === "tui") return become([process.execPath, ...tuiCommand(place), ...more]);
  await startPreviewAgent(place, [...agentCommand(place), "--exit-when-idle", "30"]);
  const menu = fs.existsSync(bundle("menu")) ? ["--", process.execPath, bundle("menu"), "--socket", place.socket] : [];
  const launcher = path.join(projectRoot, "scripts/console");
  become(["/bin/sh", launcher, process.execPath, ...tuiCommand(place), ...more, ...menu]);
}

function agentCommand(place: Place): string[] {
  return [...nodeFlags.agent, bundle("agent"), "--preview", "--home", place.home, "--socket", place.socket];
}

function tuiCommand(place: Place): string[] {
  return [...nodeFlags.tui, bundle("tui"), "--socket", place.socket, "--console", consoleName()];
}

/** `pts/3` or `tty1`: the terminal on standard input, without `/dev/`. */
function consoleName(): string {
  const file = fs.readlinkSync("/proc/self/fd/0");
  return file.startsWith("/dev/") ? file.slice("/dev/".length) : "console";
}

/** Goes on as another program: nothing of this one stays in memory, and signals reach that one. */
function become(command: string[]): void {
  const [program = "", ...args] = command;
  if (process.execve === undefined) throw new Error("This Node can't replace its process: Node 24 is needed.");
  // npm's variables mean nothing to the programs, and fill the environment that crash files may show.
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  process.execve(program, [path.basename(program), ...args], Object.fromEntries(environment));
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof PlaceError) fail(error.message);
  process.stderr.write(`${describeBuildFailure(error)}\n`);
  process.exitCode = 1;
}
