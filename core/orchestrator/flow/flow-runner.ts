import { CloudError, type CloudErrorContent, contentOf, type Refusal, refusalOf } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import { shown } from "../../model/quote.ts";
import type { JsonObject } from "../../store/record.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import type { Flow, FlowTable, Step } from "./flow.ts";
import { type FlowRecord, readFlow, readFlowIfGood } from "./flow-record.ts";
import { HookError, writeGivenUp, writeNext, writeUnknown } from "./flow-writes.ts";
import type { ManagerPlace } from "./manager-place.ts";
import {
  afterFailure,
  afterRun,
  afterUndo,
  afterUndoFailure,
  begin,
  type Next,
  stepOf,
  undoPauseMs,
} from "./progress.ts";
import { type Attempt, attemptStep } from "./step-attempt.ts";

export type FlowLimits = {
  /** Attempts to take a step back. */
  undoAttempts: number;
  /** How often managers may end during one step before it counts as failed. */
  interruptions: number;
  /** Milliseconds that a step may take which does not say it itself. */
  stepTimeoutMs: number;
  /** Milliseconds that a step has to come to an end once it was told to. */
  stepGraceMs: number;
};

export type RunnerOptions = {
  place: ManagerPlace;
  mirror: Mirror;
  flows: FlowTable;
  limits: FlowLimits;
  /** From 0 to 1. */
  random: () => number;
  /** Errors that no step should throw, for the manager's log: the task does not tell them. */
  onUnexpected: (error: unknown, where: { task: string; step: string }) => void;
};

/**
 * Carries flows out, one step after the other. What is to be done next is read from the mirror each time and never
 * from memory; a single write notes that a step is done and the next one begins.
 */
export class FlowRunner {
  readonly #options: RunnerOptions;
  /** One for each step that runs now. */
  readonly #steps = new Set<AbortController>();
  #isStopping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    options.place.lost.addEventListener("abort", () => this.stop(options.place.lost.reason), { once: true });
  }

  /** Tells all steps to come to an end. What becomes of them is noted when they succeeded, and left to others if not. */
  stop(reason: unknown): void {
    this.#isStopping = true;
    for (const controller of this.#steps) controller.abort(reason);
  }

  /** Until the flow has ended or is no longer ours; or gives the milliseconds after which to go on with it. */
  async carryOut(task: string): Promise<number | undefined> {
    while (!this.#isStopping) {
      const record = this.#recordOf(task);
      if (record === undefined) return;
      const flow = this.#options.flows.get(record.flow);
      const step = flow === undefined ? undefined : stepOf(flow, record);
      if (flow === undefined || step === undefined)
        await this.#withHook(task, record, (tx, now, isWithHook) => writeUnknown(tx, flow, record, now, isWithHook));
      else if (record.phase === "waiting") await this.#write(task, flow, record, () => begin(record));
      else if (!(await this.#carryOutStep(task, flow, record, step)) && record.phase === "undoing") {
        const attempt = this.#recordOf(task)?.attempt ?? 1;
        if (attempt > 1) return undoPauseMs(attempt, this.#options.random());
      }
    }
    return;
  }

  /**
   * Ends a flow for which what comes next could not be written, time and again: its task fails, and nothing of it is
   * taken back. `reason`: the last error. @throws as `ManagerPlace.change`
   */
  async giveUp(task: string, reason: unknown): Promise<void> {
    const { place, flows, onUnexpected } = this.#options;
    const write = (isWithHook: boolean) =>
      place.change((tx) => {
        const stored = tx.get("Flow", task);
        const now = tx.get("Task", task);
        if (stored === undefined || !this.#isForUs(tx, stored)) return;
        if (now === undefined) {
          tx.delete("Flow", task);
          return;
        }
        const record = readFlowIfGood(stored);
        const flow = record === undefined ? undefined : flows.get(record.flow);
        writeGivenUp(tx, flow, record, now, givenUp(now.name, reason), { isWithHook });
      });
    try {
      await write(true);
    } catch (error) {
      if (place.lost.aborted) throw error;
      onUnexpected(error instanceof HookError ? error.cause : error, { task, step: "" });
      await write(false);
    }
  }

  /** It is ours, or nobody's. */
  #isForUs(tx: Tx, { managerUuid }: JsonObject): boolean {
    if (typeof managerUuid !== "string" || managerUuid === this.#options.place.uuid) return true;
    return tx.get("ManagementNode", managerUuid) === undefined;
  }

  /** Runs or undoes one step and notes what came of it; false when it failed. */
  async #carryOutStep(task: string, flow: Flow, record: FlowRecord, step: Step<JsonObject>): Promise<boolean> {
    const isUndoing = record.phase === "undoing";
    const isInterrupted = record.interruptions > this.#options.limits.interruptions;
    const attempt = isInterrupted ? { error: interruptedTooOften(step) } : await this.#attempt(task, record, step);
    let failure: unknown;
    if ("error" in attempt) {
      // It was told to stop: the next manager carries it out again.
      if (this.#isStopping) return true;
      failure = attempt.error;
    } else
      try {
        const { data = {}, change, isTooLateToCancel = false } = attempt.result ?? {};
        await this.#write(task, flow, record, (tx, { state }) => {
          change?.(tx);
          return isUndoing
            ? afterUndo(flow, record, data)
            : afterRun(flow, record, data, state === "Cancelling" && !isTooLateToCancel);
        });
        return true;
      } catch (error) {
        if (this.#options.place.lost.aborted) throw error;
        failure = error;
      }
    const told = this.#told(failure, task, step);
    const undoAttempts = isInterrupted ? 0 : this.#options.limits.undoAttempts;
    await this.#write(task, flow, record, () =>
      isUndoing ? afterUndoFailure(flow, record, told, undoAttempts) : afterFailure(flow, record, told),
    );
    return false;
  }

  async #attempt(task: string, record: FlowRecord, step: Step<JsonObject>): Promise<Attempt> {
    const controller = new AbortController();
    this.#steps.add(controller);
    try {
      const { stepTimeoutMs: timeoutMs, stepGraceMs: graceMs } = this.#options.limits;
      return await attemptStep(step, { task, record, controller, timeoutMs, graceMs });
    } finally {
      this.#steps.delete(controller);
    }
  }

  /** Writes what `decide` says follows. */
  async #write(task: string, flow: Flow, before: FlowRecord, decide: (tx: Tx, now: Task) => Next): Promise<void> {
    await this.#withHook(task, before, (tx, now, isWithHook) => writeNext(tx, flow, now, decide(tx, now), isWithHook));
  }

  /** A hook that throws is left out: the task must end. */
  async #withHook(
    task: string,
    before: FlowRecord,
    write: (tx: Tx, now: Task, isWithHook: boolean) => void,
  ): Promise<void> {
    try {
      await this.#change(task, before, (tx, now) => write(tx, now, true));
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      this.#options.onUnexpected(error.cause, { task, step: before.step });
      await this.#change(task, before, (tx, now) => write(tx, now, false));
    }
  }

  /** Does nothing when the flow is no longer as it was: then the same was written by an attempt whose answer got lost. */
  async #change(task: string, before: FlowRecord, write: (tx: Tx, now: Task) => void): Promise<void> {
    await this.#options.place.change((tx) => {
      const record = readFlow(tx.get("Flow", task));
      const now = tx.get("Task", task);
      if (record?.serial !== before.serial || record.managerUuid !== this.#options.place.uuid) return;
      if (now !== undefined) write(tx, now);
      // Nobody can be told of a task whose record was removed.
      else tx.delete("Flow", task);
    });
  }

  #recordOf(task: string): FlowRecord | undefined {
    const record = readFlow(this.#options.mirror.get("Flow", task)?.value);
    return record?.managerUuid === this.#options.place.uuid ? record : undefined;
  }

  /** A failure as the task's error. */
  #told(error: unknown, task: string, step: Step<JsonObject>): CloudErrorContent {
    if (error instanceof CloudError) return contentOf(error);
    if (!(error instanceof NodeError)) this.#options.onUnexpected(error, { task, step: step.name });
    const { details, remedy } = { remedy: "See the cause, then try again.", ...contentOf(error) };
    const where = `step ${step.name}`;
    return contentOf(
      new CloudError(refusalOf("SYS.1022", { where, details: `${step.title}: ${details}`, remedy }), error),
    );
  }
}

type Task = RecordOf<"Task">;

function givenUp(name: string, reason: unknown): Refusal {
  const why = reason instanceof NodeError ? ` (${reason.code})` : "";
  return refusalOf("SYS.1080", {
    where: `Task ${shown(name)}`,
    details: `What follows could not be written${why}; what was done is not taken back.`,
    remedy: "Look at what it worked on, and into the manager's log.",
  });
}

function interruptedTooOften(step: Step<JsonObject>): CloudError {
  const details = `"${step.title}" may be what ends it.`;
  const remedy = "Look into the manager's log, and report it.";
  return new CloudError(refusalOf("SYS.1025", { where: `step ${step.name}`, details, remedy }));
}
