import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { NodeError } from "../../core/model/error.ts";
import { installerSocket } from "../../core/model/installation/protocol.ts";
import { createLog } from "../../core/node/log.ts";
import { type Machine, readOrNothing, realMachine } from "../../core/node/machine.ts";
import { powerOf } from "../../core/node/power.ts";
import { version } from "../../core/version.ts";
import { findAnswers } from "./answers-source.ts";
import { Engine } from "./engine.ts";
import { sha256Of } from "./hash.ts";
import { peek, peekFile } from "./peek.ts";
import { probe } from "./probe/probe.ts";
import { InstallerServer } from "./server.ts";
import { carryOutAnswers } from "./unattended.ts";
import { watchVnc } from "./vnc.ts";

/*
 * The installer's engine: a root daemon of the live system. It holds the answers and installs; consoles come and go.
 * Some of its work runs in processes of their own, which are this program with another argument.
 */

const exitCodes = { asked: 0, failed: 1, usage: 2 } as const;
/** A printed progress for so many bytes. */
const progressBytes = 16 * 1024 * 1024;

async function main(): Promise<void> {
  const { values, positionals } = readFlags();
  const [device = "", type = "", name = ""] = positionals;
  if (values.peek) return print(await peek(device, type));
  if (values["peek-file"]) return void process.stdout.write(await peekFile(device, type, name));
  if (values.hash) return hash(device);
  await serve(values);
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function hash(file: string): Promise<void> {
  let told = 0;
  const sha256 = await sha256Of(file, (bytes) => {
    if (bytes - told < progressBytes) return;
    told = bytes;
    print({ bytes });
  });
  print({ sha256 });
}

async function serve(flags: ReturnType<typeof readFlags>["values"]): Promise<void> {
  mkdirSync(flags.work, { recursive: true, mode: 0o700 });
  // What is written on the target is read by its own users; the engine's folder is closed as a whole.
  process.umask(0o022);
  const machine = realMachine();
  const log = createLog({ level: "info" });
  const stop = new AbortController();
  const { signal } = stop;
  const inNamespace = ["unshare", "--mount", "--propagation", "private", "--", ...ourselves()];
  const engine = new Engine({
    machine,
    version,
    places: { medium: flags.medium, work: flags.work },
    probe: (say, limit) =>
      probe({
        machine,
        medium: flags.medium,
        work: flags.work,
        peek: [...inNamespace, "--peek"],
        signal: limit,
        log: say,
      }),
    hasher: [...ourselves(), "--hash"],
    power: powerOf(machine.run),
    onLog: (line) => log.info(line),
    onChange: () => server.changed(),
  });
  const server = new InstallerServer(engine, machine);
  const release = await server.listen(flags.socket, await groupId(machine, flags.group));
  log.info({ socket: flags.socket, medium: flags.medium, version }, "installer engine started");
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(name, () => {
      stop.abort();
      engine.close();
      release();
      process.exit(exitCodes.asked);
    });

  void watchVnc({ machine, signal, onChange: (vnc) => engine.showVnc(vnc) });
  const found = await findAnswers({
    machine,
    medium: flags.medium,
    given: flags.answers,
    peekFile: [...inNamespace, "--peek-file"],
    signal,
    log: (line) => engine.log(line),
  });
  await engine.start();
  if (found !== undefined) await carryOutAnswers(found, engine);
}

/** This program, as a bundle or as its source. */
function ourselves(): string[] {
  return [process.execPath, process.argv[1] ?? ""];
}

/** A group's number; undefined: none was given. */
async function groupId(machine: Machine, name: string | undefined): Promise<number | undefined> {
  if (name === undefined) return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const groups = (await readOrNothing(machine, "/etc/group")) ?? "";
  const id = groups
    .split("\n")
    .map((line) => line.split(":"))
    .find(([found]) => found === name)?.[2];
  if (id !== undefined && /^\d+$/.test(id)) return Number(id);
  throw new NodeError("ENGINE.USAGE", `There is no group ${name}.`);
}

/** The arguments; what is wrong with them ends the program here. */
function readFlags() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        socket: { type: "string", default: installerSocket },
        /** Where the medium is mounted: `binnacle/manifest.json` is in it. */
        medium: { type: "string", default: "/run/binnacle-image/medium" },
        /** An answer file or its URL, in place of those that are looked for. */
        answers: { type: "string" },
        /** Who may open the socket; the group of its folder unless told. */
        group: { type: "string" },
        /** Folder for mounts and scratch files. */
        work: { type: "string", default: "/run/binnacle-installer/work" },
        /** For the engine's own processes: DEVICE TYPE; DEVICE TYPE NAME; FILE. */
        peek: { type: "boolean", default: false },
        "peek-file": { type: "boolean", default: false },
        hash: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split("\n");
    process.stderr.write(`binnacle-installer-engine: ${sentence}\n`);
    process.exit(exitCodes.usage);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`binnacle-installer-engine: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodes.failed);
}
