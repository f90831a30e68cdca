import { NodeError } from "../../model/error.ts";
import type { InstallRole } from "../../model/installation/draft.ts";
import type { Document } from "../document.ts";
import { rolePlans } from "./plan.ts";
import type { RecordedStep, RoleRecord } from "./record.ts";
import type { RoleGroup, RoleStep, StepResult } from "./step.ts";
import type { RoleWorld } from "./world.ts";

/** What becomes known while a role is installed, for whoever shows it. */
export type RoleEvents = {
  group(number: number, title: string): void;
  begin(title: string): void;
  end(result: StepEnd): void;
};

export type StepEnd =
  | { state: "pass"; note: string | null }
  | { state: "skip"; why: string }
  | { state: "fail"; code: string; reason: string; remedy: string };

type Options = {
  world: RoleWorld;
  role: InstallRole;
  version: string;
  record: Document<RoleRecord>;
  events: RoleEvents;
  signal: AbortSignal;
  plan?: readonly RoleGroup[];
};

const defaultStepMs = 120_000;

/**
 * Installs a role, or goes on with an installation that was cut off: every step runs, and one that is done finds
 * nothing to do. Ends at the first failure. The record on the disk says `installing` from the first step on, names the
 * step that runs, and says `ready` only after the last. Gives whether the role is ready.
 *
 * @throws NodeError ROLE.NOT_SAVED when the record can't be written
 */
export async function installRole(options: Options): Promise<boolean> {
  const { role, version, record, events } = options;
  const plan = options.plan ?? rolePlans[role];
  const before = record.value;
  const isSame = before.role === role && before.version === version;
  await record.update(() => ({
    role,
    version,
    state: "installing",
    attempts: isSame ? before.attempts + 1 : 1,
    steps: plan.flatMap((group) => group.steps.map((step) => waiting(group, step))),
  }));
  for (const [index, group] of plan.entries()) {
    events.group(index + 1, group.title);
    for (const step of group.steps) {
      events.begin(step.title);
      await keep(record, { ...waiting(group, step), state: "running" });
      const end = await runStep(options, step);
      const failed = end.state === "fail" ? "failed" : undefined;
      await keep(record, recorded(group, step, end, options.world.machine.now()), failed);
      events.end(end);
      if (failed !== undefined) return false;
    }
  }
  await record.update((draft) => ({ ...draft, state: "ready" }));
  return true;
}

/**
 * Looks whether an installed role still works: its last group, all of it. The record changes only where the result is
 * another than before. Gives the failure, undefined when all is well.
 */
export async function checkRole(options: Omit<Options, "events">): Promise<(StepEnd & { state: "fail" }) | undefined> {
  const group = (options.plan ?? rolePlans[options.role]).at(-1);
  let failure: (StepEnd & { state: "fail" }) | undefined;
  for (const step of group?.steps ?? []) {
    const end = await runStep(options, step);
    if (end.state === "fail") failure ??= end;
    if (group === undefined) continue;
    const now = recorded(group, step, end, options.world.machine.now());
    const old = options.record.value.steps.find(({ id }) => id === step.id);
    if (old?.state !== now.state || old.why !== now.why) await keep(options.record, now);
  }
  const state = failure === undefined ? "ready" : "failed";
  await options.record.update((draft) => ({ ...draft, state }));
  return failure;
}

async function runStep({ world, role, signal }: Omit<Options, "events">, step: RoleStep): Promise<StepEnd> {
  const limit = step.timeoutMs ?? defaultStepMs;
  const timer = new AbortController();
  const ending = AbortSignal.any([signal, timer.signal]);
  const cancel = world.machine.after(limit, () => timer.abort());
  try {
    const work = step.run({ world, role, signal: ending });
    // A step that is cut off may still fail later; that is no longer of interest.
    work.catch(() => undefined);
    return passed(await Promise.race([work, cutOff(ending, limit)]));
  } catch (error) {
    return failed(error);
  } finally {
    cancel();
  }
}

function cutOff(signal: AbortSignal, limitMs: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = () =>
      reject(
        new NodeError("ROLE.TIMEOUT", `It did not end within ${Math.round(limitMs / 1000)} s.`, {
          remedy: "See: journalctl -b -u binnacle-role",
        }),
      );
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

function passed(result: StepResult): StepEnd {
  if (result === undefined) return { state: "pass", note: null };
  return "skip" in result ? { state: "skip", why: result.skip } : { state: "pass", note: result.note };
}

function failed(error: unknown): StepEnd {
  const isOurs = error instanceof NodeError;
  return {
    state: "fail",
    code: isOurs ? error.code : "ROLE.FAILED",
    reason: error instanceof Error ? error.message : String(error),
    remedy: (isOurs ? error.remedy : undefined) ?? "See: journalctl -b -u binnacle-role",
  };
}

function waiting(group: RoleGroup, step: RoleStep): RecordedStep {
  const { id, title } = step;
  return { id, group: group.title, title, state: "waiting", at: null, why: null, code: null, remedy: null };
}

function recorded(group: RoleGroup, step: RoleStep, end: StepEnd, at: number): RecordedStep {
  const base = { ...waiting(group, step), state: end.state, at };
  if (end.state === "pass") return { ...base, why: end.note };
  if (end.state === "skip") return { ...base, why: end.why };
  return { ...base, why: end.reason, code: end.code, remedy: end.remedy };
}

async function keep(record: Document<RoleRecord>, step: RecordedStep, state?: RoleRecord["state"]): Promise<void> {
  await record.update((draft) => {
    const index = draft.steps.findIndex(({ id }) => id === step.id);
    if (index < 0) draft.steps.push(step);
    else draft.steps[index] = step;
    draft.state = state ?? draft.state;
  });
}
