import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { NodeError } from "./model/error.ts";
import type { InstallRole } from "./model/installation/draft.ts";
import { readNodeFile } from "./node/facts/node-file.ts";
import { realMachine } from "./node/machine.ts";
import { changeableRoles, checkChange, planned, writeRole } from "./node/role/change.ts";
import { Consoles } from "./node/role/consoles.ts";
import { checkRole, installRole, type RoleEvents } from "./node/role/install.ts";
import { failureLines, roleLines } from "./node/role/lines.ts";
import { isReady, openRoleRecord } from "./node/role/record.ts";
import { settleBoot } from "./node/role/settle-boot.ts";
import { realWorld } from "./node/role/world.ts";
import { version } from "./version.ts";

/*
 * The role of this node, as root:
 *
 *   role.js identity   makes what this machine has for itself (binnacle-identity.service)
 *   role.js boot       installs the role, unless it is installed (binnacle-role.service)
 *   role.js check      looks whether it still works (binnacle-role-check.service)
 *   role.js change     what a person types as `binnacle-role`
 *
 * Ends with 0 when all is well, 1 when the role is not ready, 2 for wrong usage, 3 when a change was refused.
 */
const exitCodes = { ready: 0, failed: 1, usage: 2, refused: 3 } as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const keyWithinSeconds = 10;
/** A serial line that nobody is at may send noise: it must not keep the console away. */
const mostTries = 5;
/** Below the time limit of the unit, so that the reason is told. */
const bootLimitMs = 14 * 60_000;

const machine = realMachine();
const world = realWorld(machine);
const never = new AbortController().signal;

const modes = { identity, boot, check, change };
type Mode = keyof typeof modes;

async function identity(): Promise<ExitCode> {
  const role = planned((await readNodeFile(machine)).role);
  if (role === undefined) return exitCodes.ready;
  const made = await world.ensureIdentity(role);
  if (role !== "expert") await world.ensureCertificates(role);
  if (made.length > 0) process.stdout.write(`Made: ${made.join(", ")}\n`);
  return exitCodes.ready;
}

async function boot(): Promise<ExitCode> {
  const role = planned((await readNodeFile(machine)).role);
  if (role === undefined) return exitCodes.ready;
  const record = await openRoleRecord(world.paths.record, { onDamage: tellDamage });
  if (isReady(record.value, role, version)) return exitCodes.ready;
  const consoles = await Consoles.of(machine);
  const write = (text: string) => {
    process.stdout.write(text);
    consoles.write(text);
  };
  const signal = AbortSignal.timeout(bootLimitMs);
  write("\n");
  for (let tries = 1; ; tries++) {
    const isDone = await attempt(role, record, roleLines(write), signal, write);
    if (isDone) {
      await settle(true, write);
      return exitCodes.ready;
    }
    if (await settle(false, write)) return exitCodes.failed;
    if (tries >= mostTries || signal.aborted) break;
    write(`\nPress a key within ${keyWithinSeconds} s to try again.\n`);
    if (!(await consoles.keyWithin(keyWithinSeconds * 1000))) break;
    write("\n");
  }
  write("This node's role is not ready. It is tried again at the next boot.\n");
  return exitCodes.failed;
}

/** Says nothing while all is well. What was never installed is not checked: it is no role. */
async function check(): Promise<ExitCode> {
  const role = planned((await readNodeFile(machine)).role);
  if (role === undefined) return exitCodes.ready;
  const record = await openRoleRecord(world.paths.record, { onDamage: tellDamage });
  if (!isReady(record.value, role, version)) return exitCodes.ready;
  const failure = await checkRole({ world, role, version, record, signal: never });
  if (failure !== undefined) process.stdout.write(`Check Role: FAIL\n${failureLines(failure)}`);
  const consoles = await Consoles.of(machine);
  await settle(failure === undefined, (text) => {
    process.stdout.write(text);
    if (failure !== undefined) consoles.write(`\nCheck Role: FAIL\n${failureLines(failure)}${text}`);
  });
  return failure === undefined ? exitCodes.ready : exitCodes.failed;
}

type Record = Awaited<ReturnType<typeof openRoleRecord>>;

async function attempt(
  role: InstallRole,
  record: Record,
  events: RoleEvents,
  signal: AbortSignal,
  write: (text: string) => void,
): Promise<boolean> {
  try {
    return await installRole({ world, role, version, record, events, signal });
  } catch (error) {
    // The record could not be written: without it the role can't be said to be ready.
    write(`FAIL\n${failureLines(sayable(error))}`);
    return false;
  }
}

/** Ends the trial of a new version, when this boot was one; gives whether the machine is about to start again. */
async function settle(passed: boolean, write: (text: string) => void): Promise<boolean> {
  try {
    const action = await settleBoot(world, passed);
    if (action === "confirm") process.stdout.write("The new version is the default from now on.\n");
    if (action !== "fallBack") return false;
    write("This version was on trial, and its role check failed: the former version is started.\n");
    await machine.run("systemctl", ["reboot", "--no-block"], { timeoutMs: 20_000, reason: "The trial boot failed" });
    return true;
  } catch (error) {
    process.stderr.write(`binnacle-role: the trial of this version could not be ended: ${sayable(error).reason}\n`);
    return false;
  }
}

const usage = `usage: binnacle-role [--json]                shows this node's role, and how far it is
       binnacle-role NAME [--yes] [--json]   turns this node into NAME: ${changeableRoles.join(", ")}
`;

async function change(args: string[]): Promise<ExitCode> {
  const { values, positionals } = readChange(args);
  const [wanted] = positionals;
  if (values.help === true || positionals.length > 1) {
    process.stdout.write(usage);
    return values.help === true ? exitCodes.ready : exitCodes.usage;
  }
  const isJson = values.json === true;
  const from = (await readNodeFile(machine)).role;
  if (process.getuid?.() !== 0)
    throw new NodeError("ROLE.NOT_ROOT", "Only root may see to a node's role.", { remedy: "Run it with sudo." });
  const record = await openRoleRecord(world.paths.record, { onDamage: tellDamage });
  const present = planned(from);
  const ready = present !== undefined && isReady(record.value, present, version);
  if (wanted === undefined) {
    const { state, steps, attempts } = record.value;
    const failed = steps.find((step) => step.state === "fail");
    const shown = present === undefined ? "none" : ready ? "ready" : state === "failed" ? "failed" : "installing";
    if (isJson) print({ role: from, state: shown, version, attempts, steps });
    else {
      process.stdout.write(`${from}: ${shown}\n`);
      if (failed !== undefined && !ready)
        process.stdout.write(
          `  ${failed.title}: ... FAIL\n${failureLines({ reason: failed.why ?? "", remedy: failed.remedy ?? "" })}`,
        );
    }
    return exitCodes.ready;
  }
  const role = checkChange(from, wanted, ready);
  if (!(values.yes === true || (await confirmed(from, role)))) {
    process.stderr.write("Nothing was changed.\n");
    return exitCodes.refused;
  }
  await writeRole(world, role);
  // The generator decides again what a boot starts.
  await machine.run("systemctl", ["daemon-reload"], { timeoutMs: 60_000, reason: "The role changes" });
  const events = roleLines(isJson ? () => undefined : (text) => void process.stdout.write(text));
  const isDone = await installRole({ world, role, version, record, events, signal: never });
  if (isJson) print({ role, state: record.value.state, version, steps: record.value.steps });
  else if (isDone)
    process.stdout.write(
      from === "expert"
        ? `This node is ready as ${role}. Its console comes up at the next boot.\n`
        : `This node is ready as ${role}.\n`,
    );
  else
    process.stdout.write(
      `This node is not ready as ${role}. It is tried again at the next boot, and by: binnacle-role ${role}\n`,
    );
  return isDone ? exitCodes.ready : exitCodes.failed;
}

function readChange(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { yes: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new NodeError("ROLE.USAGE", sentence ?? "", { remedy: "See: binnacle-role --help" });
  }
}

async function confirmed(from: string, role: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new NodeError("ROLE.USAGE", "There is no terminal to confirm it on.", { remedy: "Add --yes." });
  process.stderr.write(
    `This turns this ${from} node into a ${role} node, for good: services are started, ports opened.\n`,
  );
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await questions.question(`Type ${role} to go on: `)).trim() === role;
  } finally {
    questions.close();
  }
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function tellDamage(damage: { file: string; why: string; keptAs: string | null }): void {
  process.stderr.write(
    `binnacle-role: ${damage.file} was damaged (${damage.why}); kept as ${damage.keptAs ?? "nothing"}\n`,
  );
}

function sayable(error: unknown): { reason: string; remedy: string } {
  const remedy = error instanceof NodeError ? error.remedy : undefined;
  return { reason: error instanceof Error ? error.message : String(error), remedy: remedy ?? "See: journalctl -b" };
}

function codeOf(error: unknown): ExitCode {
  if (!(error instanceof NodeError)) return exitCodes.failed;
  const refusals = ["ROLE.EXPERT", "ROLE.MANAGEMENT", "ROLE.STORAGE", "ROLE.NOT_A_NODE", "ROLE.NOT_ROOT"];
  if (refusals.includes(error.code)) return exitCodes.refused;
  return error.code === "ROLE.USAGE" || error.code === "ROLE.UNKNOWN" ? exitCodes.usage : exitCodes.failed;
}

const [name = "", ...args] = process.argv.slice(2);
const mode = Object.keys(modes).find((one): one is Mode => one === name);
try {
  if (mode === undefined)
    throw new NodeError("ROLE.USAGE", `"${name}" is not one of ${Object.keys(modes).join(", ")}.`);
  // What is left of a step that did not end in time must not keep the program.
  process.exit(await modes[mode](args));
} catch (error) {
  if (args.includes("--json") && error instanceof NodeError) print(error.toBody());
  const { reason, remedy } = sayable(error);
  process.stderr.write(`binnacle-role: ${reason} ${error instanceof NodeError ? remedy : ""}`.trimEnd().concat("\n"));
  process.exit(codeOf(error));
}
