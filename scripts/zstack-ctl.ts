import { NodeError } from "../core/model/error.ts";
import { readArguments, UsageError } from "./ctl/arguments.ts";
import { type CtlCommandName, type CtlExit, ctlExit, ctlName } from "./ctl/command.ts";
import { Voice } from "./network/say.ts";

/* Looks after the manager of this node. What is not needed for a command is not loaded for it. */

async function main(argv: readonly string[]): Promise<CtlExit> {
  const voice = new Voice(ctlName, false);
  const stopped = new AbortController();
  try {
    const request = readArguments(argv);
    if (request.isHelp) {
      const { ctlHelp } = await import("./ctl/help.ts");
      process.stdout.write(ctlHelp(request.command));
      return ctlExit.done;
    }
    if (request.isVersion) {
      const { version } = await import("../core/version.ts");
      process.stdout.write(`${ctlName} ${version}\n`);
      return ctlExit.done;
    }
    if (request.command !== null && orderly.includes(request.command.name)) endInOrder(stopped);
    // What is written is root's alone, whatever the caller's shell says.
    process.umask(0o077);
    const [{ carryOut }, { realWorld }] = await Promise.all([import("./ctl/carry-out.ts"), import("./ctl/world.ts")]);
    return await carryOut(realWorld(request.places), request, stopped.signal);
  } catch (error) {
    if (error instanceof UsageError) {
      voice.warn(error.message);
      process.stderr.write(`See: ${ctlName} --help\n`);
      return ctlExit.usage;
    }
    if (!(error instanceof NodeError)) throw error;
    voice.warn(`${error.code}: ${error.message}`);
    if (error.remedy !== undefined && error.remedy !== "") process.stderr.write(`  ${error.remedy}\n`);
    return error.code === "BACKUP.NO_STORE" ? ctlExit.noStore : ctlExit.failed;
  }
}

/** What must not end in the middle: a backup cleans up, a restore goes on to its end. */
const orderly: readonly CtlCommandName[] = ["dump_mysql", "restore_mysql"];

function endInOrder(stopped: AbortController): void {
  const why = new NodeError("CTL.STOPPED", "Stopped.", {
    remedy: "Nothing half-made is kept; a backup that the manager is making already comes to its end.",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped.abort(why));
}

// Whoever reads the output may have gone (`| head -1`): what was asked is still carried out.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));
