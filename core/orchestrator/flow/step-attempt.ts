import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import type { JsonObject } from "../../store/record.ts";
import type { FlowEnv, Step, StepResult } from "./flow.ts";
import type { FlowRecord } from "./flow-record.ts";

/** What came of a step: `isAbandoned` when it did not end even after it was told to. */
export type Attempt = { result: StepResult<JsonObject> } | { error: unknown; isAbandoned?: boolean };

export type AttemptOptions = {
  task: string;
  record: FlowRecord;
  /** Aborted when the manager stops. */
  controller: AbortController;
  /** Milliseconds that a step may take which does not say it itself. */
  timeoutMs: number;
  /** Milliseconds that it has to come to an end, once it was told to. */
  graceMs: number;
};

/**
 * Runs a step, or its undo, within its time. One that does not end is left behind: whatever it still asks for has an
 * epoch that is over, as a failure raises the flow's.
 */
export async function attemptStep(step: Step<JsonObject>, options: AttemptOptions): Promise<Attempt> {
  const { controller, graceMs } = options;
  const env = envOf(step, options);
  const { promise: abandoned, resolve: abandon } = Promise.withResolvers<Attempt>();
  const timeoutMs = step.timeoutMs ?? options.timeoutMs;
  const tooLong = new CloudError(
    refusalOf("SYS.1024", {
      where: `step ${step.name}`,
      details: `"${step.title}" did not end within ${Math.round(timeoutMs / 1000)} s.`,
      remedy: "See whether the host and the storage that it works on answer, then try again.",
    }),
  );
  let isLate = false;
  let timer = setTimeout(() => {
    isLate = true;
    controller.abort(tooLong);
    timer = setTimeout(() => abandon({ error: tooLong, isAbandoned: true }), graceMs);
  }, timeoutMs);
  // Whoever stops has a limit of its own, and what comes of the step counts no more.
  const stopped = () => isLate || clearTimeout(timer);
  controller.signal.addEventListener("abort", stopped, { once: true });
  try {
    const attempt = await Promise.race([carriedOut(step, options.record, env), abandoned]);
    return "error" in attempt && isLate ? { ...attempt, error: tooLong } : attempt;
  } finally {
    clearTimeout(timer);
  }
}

async function carriedOut(step: Step<JsonObject>, { phase, data }: FlowRecord, env: FlowEnv): Promise<Attempt> {
  try {
    return { result: await (phase === "undoing" ? step.undo?.(data, env) : step.run(data, env)) };
  } catch (error) {
    return { error };
  }
}

function envOf(step: Step<JsonObject>, { task, record, controller }: AttemptOptions): FlowEnv {
  const isUndoing = record.phase === "undoing";
  return {
    task,
    epoch: record.epoch,
    commandId: isUndoing ? `${task}.${step.name}.undo.${record.attempt}` : `${task}.${step.name}`,
    signal: controller.signal,
    isHalfDone: isUndoing && record.failedStep === step.name,
  };
}
