import { NodeError } from "../../model/error.ts";
import type { InstallRole } from "../../model/installation/draft.ts";
import { sleep } from "../machine.ts";
import type { RoleWorld } from "./world.ts";

/** What a step works with. */
export type StepContext = { world: RoleWorld; role: InstallRole; signal: AbortSignal };

/**
 * What came of a step that did not fail. `skip`: what it is for can't be had here, for this reason, and the role does
 * without; it is never counted as passed. `note` is for the log: something that a person may want to know.
 */
export type StepResult = { skip: string } | { note: string } | undefined;

/**
 * One line of a role's installation. `run` finds that all is in place or puts it there; what it throws is a failure,
 * with its reason and remedy when it is a NodeError. It may run again at any time, also after it was cut off.
 */
export type RoleStep = {
  id: string;
  /** As the console shows it. */
  title: string;
  /** How long it may take; two minutes unless told. */
  timeoutMs?: number;
  run(context: StepContext): Promise<StepResult>;
};

export type RoleGroup = { title: string; steps: readonly RoleStep[] };

/** Runs a command that must succeed, and gives what it printed. @throws NodeError with this code and remedy */
export async function must(
  { world, signal }: StepContext,
  [command, ...args]: readonly [string, ...string[]],
  failure: { code: string; what: string; remedy: string; timeoutMs?: number },
): Promise<string> {
  const { code: name, what, remedy, timeoutMs = 60_000 } = failure;
  const fail = (why: string, cause?: unknown) =>
    new NodeError(name, `${what}: ${why}`, { remedy, ...(cause === undefined ? {} : { cause }) });
  const result = await world.machine
    .run(command, args, { timeoutMs, signal, reason: what })
    .catch((error: unknown) => Promise.reject(fail(error instanceof Error ? error.message : String(error), error)));
  if (result.code === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split("\n").at(-1) ?? "";
  throw fail(said === "" ? `${command} ended with ${result.code}.` : said.slice(0, 200));
}

/** Starts a unit, now and at every boot. */
export async function enable(context: StepContext, unit: string): Promise<void> {
  await must(context, ["systemctl", "enable", "--now", unit], unitFailure(unit));
}

/** Starts a unit now; what starts it at a boot is decided elsewhere. */
export async function start(context: StepContext, unit: string): Promise<void> {
  await must(context, ["systemctl", "start", unit], unitFailure(unit));
}

function unitFailure(unit: string) {
  return {
    code: "ROLE.UNIT",
    what: `${unit} does not start`,
    remedy: `See: journalctl -b -u ${unit}`,
    timeoutMs: 90_000,
  };
}

const askEveryMs = 500;

/** Asks again and again until the answer is yes, or `withinMs` are over: gives whether it ever was. */
export async function answersWithin(
  { world, signal }: StepContext,
  withinMs: number,
  ask: (signal: AbortSignal) => Promise<boolean>,
): Promise<boolean> {
  const { machine } = world;
  const end = machine.monotonicMs() + withinMs;
  for (;;) {
    if (await ask(signal)) return true;
    if (machine.monotonicMs() >= end || signal.aborted) return false;
    await sleep(machine, askEveryMs, signal);
  }
}

/** Whether a program is in this image. */
export async function imageHas({ world }: StepContext, program: string): Promise<boolean> {
  const names = await world.machine.readDir(world.paths.library).catch((): string[] => []);
  return names.includes(program);
}
