import { setTimeout as pause } from "node:timers/promises";
import { isAbsent } from "../../core/api/manager-door.ts";
import { NodeError } from "../../core/model/error.ts";
import type { CtlWorld } from "./world.ts";

/* The units of a management node, through systemctl. */

export const managerUnit = "binnacle-manager.service";
export const proxyUnit = "binnacle-console-proxy.service";
export const uiUnit = "binnacle-ui.service";

export type UnitState = { isThere: boolean; active: string; pid: number | null };

const lookMs = 10_000;
/** Above what the units themselves give. */
const changeMs = 6 * 60_000;
const answerMs = 5_000;
const pollMs = 200;

/** @throws CTL.NO_SYSTEMD */
export async function unitState({ run }: CtlWorld, unit: string): Promise<UnitState> {
  const args = ["show", "--property=LoadState,ActiveState,MainPID", "--", unit];
  const { code, stdout, stderr } = await run("systemctl", args, { timeoutMs: lookMs });
  if (code !== 0) throw noSystemd(stderr);
  const told = new Map(stdout.split("\n").map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]));
  const pid = Number(told.get("MainPID"));
  return {
    isThere: told.get("LoadState") === "loaded",
    active: told.get("ActiveState") ?? "unknown",
    pid: pid > 0 ? pid : null,
  };
}

/** @throws CTL.NO_SYSTEMD, CTL.NO_UNIT, CTL.UNIT_FAILED */
export async function changeUnits(
  world: CtlWorld,
  verb: "start" | "stop" | "restart",
  units: readonly string[],
): Promise<void> {
  const present: string[] = [];
  for (const unit of units) if ((await unitState(world, unit)).isThere) present.push(unit);
  if (present.length === 0)
    throw new NodeError("CTL.NO_UNIT", `This node has no ${units[0] ?? "unit"}.`, {
      remedy:
        units[0] === uiUnit
          ? "This version has no web UI; use zstack-cli, and the console."
          : "Run this on a management node. Where it is one: binnacle-role --help",
    });
  const { code, stderr } = await world.run("systemctl", [verb, "--", ...present], { timeoutMs: changeMs });
  if (code === 0) return;
  const words = { start: "did not start", stop: "did not stop", restart: "did not start again" }[verb];
  const [why = ""] = stderr.trim().split("\n");
  throw new NodeError("CTL.UNIT_FAILED", `${present.join(", ")} ${words}: ${why.replace(/\.$/, "")}.`, {
    remedy: `See: journalctl -b -u ${present[0] ?? ""}`,
  });
}

/** Whether the manager answers now. */
export async function managerAnswers({ door }: CtlWorld): Promise<boolean> {
  try {
    return (await door.ask("IsReady", {}, { timeoutMs: answerMs })).ready;
  } catch {
    return false;
  }
}

/** Waits until the manager answers. @throws CTL.NO_ANSWER when its unit has ended, or after its time */
export async function requireAnswer(world: CtlWorld): Promise<void> {
  const deadline = performance.now() + world.patienceMs;
  for (;;) {
    if (await managerAnswers(world)) return;
    const { active } = await unitState(world, managerUnit);
    const isOver = active === "failed" || active === "inactive";
    if (isOver || performance.now() > deadline)
      throw new NodeError("CTL.NO_ANSWER", `The manager is not ready; its unit is ${active}.${await whyNot(world)}`, {
        remedy: `See: journalctl -b -u ${managerUnit}`,
      });
    await pause(pollMs);
  }
}

/** What it says itself, such as that it waits for etcd. */
async function whyNot({ door }: CtlWorld): Promise<string> {
  const said = (error: unknown) => (isAbsent(error) || !(error instanceof Error) ? "" : ` It says: ${error.message}`);
  return door.ask("GetManagementSummary", {}, { timeoutMs: answerMs }).then(() => "", said);
}

/** Starts the manager with what belongs to it, and waits until it answers. */
export async function startManager(world: CtlWorld): Promise<void> {
  await changeUnits(world, "start", [managerUnit, proxyUnit]);
  await requireAnswer(world);
}

export async function stopManager(world: CtlWorld): Promise<void> {
  await changeUnits(world, "stop", [proxyUnit, managerUnit]);
}

function noSystemd(stderr: string): NodeError {
  const [why = ""] = stderr.trim().split("\n");
  return new NodeError("CTL.NO_SYSTEMD", `systemd can't be asked: ${why}`, { remedy: "See: systemctl status" });
}
