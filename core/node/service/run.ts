import { backupEnding } from "../../model/backup.ts";
import { NodeError } from "../../model/error.ts";
import type { ServiceAccepts, ServiceAction, ServiceUnit } from "../../model/service.ts";
import type { JobContext } from "../jobs.ts";
import { type Machine, sleep } from "../machine.ts";
import { reinstall } from "./reinstall.ts";
import { existingUnits, isDown, isUp, managerUnit, stateWords } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

const systemctlMs = 120_000;
/** The manager opens its store and takes up its work before it answers. */
const answerMs = 60_000;
/** The time limit of the role's installation itself is 14 minutes. */
const roleMs = 15 * 60_000;
const askEveryMs = 500;
const readyMs = 5_000;

/** After so long an action is given up. */
export const limitsMs: Record<ServiceAction, number> = {
  start: systemctlMs + answerMs,
  stop: systemctlMs,
  restart: systemctlMs + answerMs,
  reset: 2 * systemctlMs + roleMs + answerMs,
  resetDrop: 2 * systemctlMs + roleMs + answerMs,
};

type StartOptions = { world: ServiceWorld; context: JobContext };
export type RunOptions = StartOptions & {
  accepts: Pick<ServiceAccepts, "noCopy">;
  /** The store has been emptied; the former one is in this folder or file, or nowhere. */
  emptied: (kept: string | null) => Promise<void>;
};

/**
 * Carries an action out.
 *
 * @throws NodeError SERVICE.NOT_STARTED, SERVICE.NOT_STOPPED, SERVICE.TIMEOUT, SERVICE.NOT_RESET, and those
 * of `Store.empty`
 */
export async function carryOut(action: ServiceAction, options: RunOptions): Promise<void> {
  if (action === "stop") await stop(options);
  else if (action === "start") await start(options, "start");
  else if (action === "restart") await restart(options);
  else await reset(options, action === "resetDrop");
}

/** @throws NodeError SERVICE.NOT_STARTED, SERVICE.TIMEOUT */
export function restart(options: StartOptions): Promise<void> {
  return start(options, "restart");
}

async function stop({ world, context }: StartOptions): Promise<void> {
  const units = await existingUnits(world.machine, context.signal);
  await systemctl("stop", units, { world, context });
  if (world.effects.mode === "preview") return;
  const left = (await existingUnits(world.machine, context.signal)).filter((unit) => !isDown(unit));
  if (left.length > 0) await fail("SERVICE.NOT_STOPPED", `These still run: ${stateWords(left)}.`, left, world, context);
  context.log("The ZStack service is stopped.");
}

async function start(options: StartOptions, verb: "start" | "restart", from = 0): Promise<void> {
  const { world, context } = options;
  const share = (part: number) => context.progress(from + part * (1 - from) * 0.99);
  const units = await existingUnits(world.machine, context.signal);
  share(0.1);
  await systemctl(verb, units, options);
  if (world.effects.mode === "preview") return;
  context.log("Waiting until the manager answers");
  share(0.4);
  const startedAt = world.machine.monotonicMs();
  for (;;) {
    const now = await existingUnits(world.machine, context.signal);
    // A unit that is `activating` may be on its way, or be started again after it failed.
    const failed = now.filter(isDown);
    if (failed.length > 0) {
      const words = `${failed[0]?.unit} did not stay up.`;
      await fail("SERVICE.NOT_STARTED", words, failed, world, context);
    }
    const hasManager = now.some(({ unit }) => unit === managerUnit);
    if (now.every(isUp) && (!hasManager || (await isReady(world)))) break;
    const elapsedMs = world.machine.monotonicMs() - startedAt;
    if (elapsedMs >= answerMs || context.signal.aborted) {
      const words = `The manager does not answer within ${answerMs / 1000} s.`;
      await fail("SERVICE.TIMEOUT", words, now.slice(0, 1), world, context);
    }
    share(0.4 + (0.6 * elapsedMs) / answerMs);
    await sleep(world.machine, askEveryMs, context.signal);
  }
  context.log("The ZStack service runs and answers.");
}

async function isReady({ manager }: ServiceWorld): Promise<boolean> {
  return manager.ask("IsReady", {}, { timeoutMs: readyMs }).then(
    ({ ready }) => ready,
    () => false,
  );
}

async function reset(options: RunOptions, drop: boolean): Promise<void> {
  const { world, context } = options;
  if ((await existingUnits(world.machine, context.signal)).length > 0) await stop(options);
  context.progress(0.1);
  if (drop) await emptyStore(options);
  context.progress(0.2);
  context.log("Installing the role anew");
  await reinstall(world, context, roleMs, (share) => context.progress(0.2 + share * 0.5));
  await start(options, "start", 0.7);
}

/** A store that could not be put aside is as it was: the service is started with it again. */
async function emptyStore(options: RunOptions): Promise<void> {
  const { world, context, accepts, emptied } = options;
  context.log("Putting the store aside");
  try {
    const kept = await world.store.empty(accepts.noCopy, context.signal);
    context.log(
      kept === null
        ? "The store is empty. Nothing of it is kept."
        : `The former store is kept in ${kept}. It is never removed.`,
    );
    if (kept?.endsWith(backupEnding) === true) context.log(`To have it back: zstack-ctl restore_mysql -f ${kept}`);
    await emptied(kept);
  } catch (error) {
    context.log("That failed: the service is started again with the store as it was.");
    await start(options, "start", 0.2).catch((why: unknown) => context.log(String(why)));
    throw error;
  }
}

async function systemctl(
  verb: "start" | "stop" | "restart",
  units: readonly ServiceUnit[],
  { world, context }: StartOptions,
): Promise<void> {
  const { signal } = context;
  const names = units.map(({ unit }) => unit);
  context.log(`systemctl ${verb} ${names.join(" ")}`);
  const options = { timeoutMs: systemctlMs, signal, reason: `${verb} zstack` };
  const words = { start: "did not start", restart: "did not start again", stop: "did not stop" }[verb];
  const code = verb === "stop" ? "SERVICE.NOT_STOPPED" : "SERVICE.NOT_STARTED";
  const result = await world.effects.change("systemctl", [verb, "--", ...names], options).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof NodeError)) throw error;
    return { code: 1, stdout: "", stderr: error.message };
  });
  if (world.effects.mode === "preview") context.log("Preview: this was only written down; nothing was done.");
  if (result.code === 0) return;
  for (const line of result.stderr.trim().split("\n").slice(0, 5)) context.log(line);
  const now = await existingUnits(world.machine, signal).catch(() => units);
  const wrong = now.filter(verb === "stop" ? (unit) => !isDown(unit) : (unit) => !isUp(unit));
  const blamed = wrong.length > 0 ? wrong : now;
  await fail(code, `${blamed[0]?.unit ?? "The service"} ${words}.`, blamed, world, context);
}

/** Tells the last lines that the units wrote, and ends the job. */
async function fail(
  code: string,
  words: string,
  units: readonly ServiceUnit[],
  { machine }: ServiceWorld,
  { log, signal }: JobContext,
): Promise<never> {
  for (const { unit, active } of units) {
    log(`${unit} is ${active}. Its last lines:`);
    const lines = await lastLines(machine, unit, signal);
    for (const line of lines.length === 0 ? ["(none)"] : lines) log(`  ${line}`);
  }
  throw new NodeError(code, words, { remedy: `See: journalctl -b -u ${units[0]?.unit ?? managerUnit}` });
}

/** Of its last start only: what it wrote before is no reason for what happens now. */
async function lastLines(machine: Machine, unit: string, signal: AbortSignal): Promise<string[]> {
  const args = [`--unit=${unit}`, "--invocation=0", "--lines=10", "--no-pager", "--output=cat"];
  const text = await machine.run("journalctl", args, { timeoutMs: 10_000, signal }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  return text.split("\n").filter((line) => line.trim() !== "");
}
